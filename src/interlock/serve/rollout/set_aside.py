"""What a worker leaves beside its log when it has set a challenger aside, for whoever can end it.

One small file a worker, replaced whole: ``<log>/<worker>.set-aside.json``. It counts for the very
act on the rollout that it names, so an old one says nothing of a later rollout. A worker holds no
ledger and no key: it cannot end a rollout, only stop asking.

>>> import tempfile
>>> place = Path(tempfile.mkdtemp())
>>> found = SetAside(generation=3, revision=1, digest="d", release="1.1.0", why="4 of 4 failed")
>>> leave(place, "w0", found)
>>> left(place) == [found]
True
"""

from __future__ import annotations

from pathlib import Path

import msgspec

_ENDING = "set-aside.json"


class SetAside(msgspec.Struct, frozen=True, kw_only=True):
    """Which challenger, in which act on its rollout, and why."""

    generation: int
    revision: int
    digest: str
    release: str
    why: str


def leave(log: Path, worker: str, found: SetAside) -> None:
    """Say so. Raises OSError."""
    path = log / f"{worker}.{_ENDING}"
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(msgspec.json.encode(found))
    new.replace(path)


def left(log: Path) -> list[SetAside]:
    """What the workers said last; what cannot be read counts as not said."""
    found = []
    for path in sorted(log.glob(f"*.{_ENDING}")):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=SetAside))
        except (OSError, msgspec.MsgspecError):
            continue
    return found
