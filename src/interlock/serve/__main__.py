"""``python -m interlock.serve PLAN.json``: a worker process of the service."""

import sys

from interlock.serve.worker import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
