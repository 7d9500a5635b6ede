"""Verify one Pact file against a running service, in a process of its own.

``python -m interlock.pipeline.probes.pact_child HOST URL PRODUCT FILE RESULT`` writes the
verifier's results to RESULT as JSON. The verifier is a native library that prints as it likes.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

from pact import Verifier


def main(host: str, url: str, product: str, file: str, result: str) -> None:
    """Verify, and write what was found, kept or not."""
    verifier = Verifier(product, host=host).add_transport(url=url).add_source(file)
    with contextlib.suppress(RuntimeError):  # what is broken stands in the results
        verifier.verify()
    Path(result).write_text(json.dumps(verifier.results))


if __name__ == "__main__":
    main(*sys.argv[1:])
