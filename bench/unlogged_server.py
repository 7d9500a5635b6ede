"""The service without its log, to see what the log costs: no product can be served like this.

Neither are records made nor written; all else is the worker's. Arguments as those of
``python -m interlock.serve``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from interlock.serve import replies
from interlock.serve.log import row_records
from interlock.serve.log.prediction_log import PredictionLog
from interlock.serve.workers import opened, worker


class Unlogged(PredictionLog):
    def append(self, payloads: Sequence[bytes]) -> int:
        return 0

    def submit(self, payloads: Sequence[bytes]) -> Future[int]:
        raise NotImplementedError


class Unrecorded(row_records.RowRecords):
    def request(self, values: tuple[Any, ...]) -> bytes:
        return b""

    def features(self, values: tuple[Any, ...]) -> Any:
        return None

    def encoded(self, row: row_records.RowRecord) -> bytes:
        return b""


if __name__ == "__main__":
    opened.PredictionLog = Unlogged  # type: ignore[misc]
    replies.RowRecords = Unrecorded  # type: ignore[misc]
    sys.exit(worker.main(sys.argv[1:]))
