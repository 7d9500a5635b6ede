"""``python -m interlock.serve PLAN.json``: a worker of the service, or the parent of several."""

import sys

from interlock.serve.workers.supervisor import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
