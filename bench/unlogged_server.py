"""The service without its log, to see what the log costs: no product can be served like this.

Neither are records made nor written; all else is the worker's. Arguments as those of
``python -m interlock.serve``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from interlock.serve import predictor, replies, worker
from interlock.serve.log import PredictionLog


class Unlogged(PredictionLog):
    def append(self, payloads: Sequence[bytes]) -> int:
        return 0

    def submit(self, payloads: Sequence[bytes]) -> Future[int]:
        raise NotImplementedError


class Unrecorded(replies.Replies):
    def _record(self, *given: Any) -> Any:
        return None


if __name__ == "__main__":
    worker.PredictionLog = Unlogged  # type: ignore[misc]
    predictor.Replies = Unrecorded  # type: ignore[misc]
    replies.record_bytes = lambda record: b""
    sys.exit(worker.main(sys.argv[1:]))
