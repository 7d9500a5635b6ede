"""Compaction: the many small files of what was shipped become few, and every row stays.

Readers wait for one file at a time. It may die at any moment: what it had done is done, and the
rest is done by the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from interlock.serve.log.archive import archives
from interlock.serve.log.logged import TABLES
from interlock.serve.log.shipping import locked


@dataclass(frozen=True, kw_only=True)
class Compacted:
    """How many ``files`` became how many, and the ``rows`` in them."""

    files: int = 0
    made: int = 0
    rows: int = 0


def compact(log: Path, *, before: int) -> Compacted:
    """Compact all that was shipped of days that were over at an instant (µs UTC).

    Raises StoreError L101, L102; IntegrityError S181, S189.
    """
    files = made = rows = 0
    if not log.is_dir():
        return Compacted()
    for number in range(len(archives(log))):
        for table in TABLES:
            while True:
                with locked(log, alone=True):
                    done = archives(log)[number].compact(table, before=before)
                if done is None:
                    break
                files, made, rows = files + done.files, made + done.made, rows + done.rows
    return Compacted(files=files, made=made, rows=rows)
