"""Files that were written out of the project on record: exports of the log, exported releases.

Rules:

- the ledger knows where an export was written, not where it was copied to since;
- they are read and named, never deleted: they are whoever's asked for them;
- what cannot be read any more may hold the unit.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from interlock.data.naming import names
from interlock.pipeline.erasing.stores import Stores
from interlock.pipeline.exports import LOG_EXPORTED, RELEASE_EXPORTED
from interlock.store.ledger import Ledger

_BATCH = 4_096


@dataclass(frozen=True, kw_only=True)
class Exports:
    """What became of them: so many were ``searched``, of which these ``hold`` the unit, or may.

    ``gone`` are no more where they were written.
    """

    searched: int = 0
    gone: int = 0
    hold: tuple[Path, ...] = ()


def search_exports(stores: Stores, key: tuple[str, ...], *, held: Collection[str]) -> Exports:
    """Look through all that were recorded; ``held`` are bundles that hold the unit."""
    found: dict[Path, bool] = {}
    gone = set()
    for kind in (LOG_EXPORTED, RELEASE_EXPORTED):
        for event in stores.ledger.events(product=stores.product, kind=kind):
            path = Path(event.body["where"])
            if not path.exists():
                gone.add(path)
            elif kind == RELEASE_EXPORTED:
                # its online store has values of histories, as they were then
                found[path] = event.subject in held or (path / "online").is_dir()
            elif path not in found:
                found[path] = _holds(path, key)
    return Exports(
        searched=len(found),
        gone=len(gone),
        hold=tuple(path for path, holds in found.items() if holds),
    )


def logs_beside(ledger: Ledger, product: str) -> Iterator[Path]:
    """Logs where services of exported releases keep them unless they are told otherwise."""
    for event in ledger.events(product=product, kind=RELEASE_EXPORTED):
        log = Path(event.body["where"]).resolve() / "log"
        if log.is_dir() and any(log.glob("*.tally")):
            yield log


def _holds(path: Path, key: tuple[str, ...]) -> bool:
    """Whether some row of the file names the unit; so does one that cannot be read."""
    try:
        return any(names(row, key) for row in _rows(path))
    except (OSError, pa.ArrowException):
        return True


def _rows(path: Path) -> Iterator[str]:
    if path.suffix != ".parquet":
        with path.open(encoding="utf-8", errors="replace") as lines:
            yield from lines
        return
    for batch in pq.ParquetFile(path).iter_batches(batch_size=_BATCH):
        for row in batch.to_pylist():
            yield json.dumps(row, default=str)
