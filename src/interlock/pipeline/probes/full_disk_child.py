"""A service on a disk that fills up and is freed again: ``python -m … PLAN.json``, and two signals.

SIGUSR2 lets no file grow beyond a few bytes (RLIMIT_FSIZE, so that write(2) fails as it does where
no space is left); SIGUSR1 takes that back. Python ignores the signal that goes with the limit.
"""

from __future__ import annotations

import resource
import signal
import sys

from interlock.serve.log.segment import HEADER_SIZE
from interlock.serve.workers.supervisor import main

FULL, FREED = signal.SIGUSR2, signal.SIGUSR1
_MOST_BYTES = HEADER_SIZE + 40  # a segment may begin and counts may change; no record fits


def _limit(soft: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


if __name__ == "__main__":
    before = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    signal.signal(FULL, lambda *_: _limit(_MOST_BYTES))
    signal.signal(FREED, lambda *_: _limit(before))
    sys.exit(main(sys.argv[1:]))
