"""What the workers of one service and their parent tell each other, through small files.

A folder of the service's own, for as long as it runs: ``agreed.json`` is the release that all
answer with, written by the parent alone; ``w0.json`` what that worker has ready; ``open`` is there
once all workers have been ready.

Invariants: a file is replaced whole, so that nobody reads half of one; what cannot be read counts
as not said.

>>> import tempfile
>>> group = Group(Path(tempfile.mkdtemp()), "w0")
>>> group.agreed() is None, group.is_open(), group.said()
(True, False, {})
>>> wanted = Target(digest="d", directory=Path("/bundles/d"), label="1.0.0", generation=2)
>>> group.say(Said(ready=wanted))
>>> group.said()["w0"].ready == wanted
True
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from interlock.serve.metrics import Snapshot
from interlock.serve.rollout.target import Target

_AGREED = "agreed.json"
_OPEN = "open"
_T = TypeVar("_T")


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker says: the wanted release that it has ready, or why it has not."""

    ready: Target | None = None
    wanted: Target | None = None
    problem: str = ""


class Group:
    """One worker's place among the others; the parent's is called ``parent``."""

    def __init__(self, directory: Path, worker: str) -> None:
        self.directory = directory
        self.worker = worker
        self._last: Said | None = None
        self._was_open = False

    def agreed(self) -> Target | None:
        """The release that all answer with; None where that is not settled or not readable."""
        return _read(self.directory / _AGREED, Target)

    def agree(self, target: Target) -> None:
        """Let all workers answer with this release from now on. Raises OSError."""
        _write(self.directory / _AGREED, target)

    def say(self, said: Said) -> None:
        """Tell the others; nothing is written where nothing has changed. Raises OSError."""
        if said != self._last:
            _write(self.directory / f"{self.worker}.json", said)
            self._last = said

    def said(self) -> dict[str, Said]:
        """What each worker said last, by its name."""
        found = {}
        for path in sorted(self.directory.glob("w*.json")):
            said = _read(path, Said)
            if said is not None:
                found[path.stem] = said
        return found

    def publish(self, snapshot: Snapshot) -> None:
        """Leave this worker's counts for whichever worker is asked for all. Raises OSError."""
        _write(self.directory / f"{self.worker}.metrics", snapshot)

    def published(self) -> list[Snapshot]:
        """The counts that the other workers left last, in the order of their names."""
        paths = sorted(self.directory.glob("w*.metrics"), key=lambda path: (len(path.stem), path))
        found = [_read(path, Snapshot) for path in paths if path.stem != self.worker]
        return [snapshot for snapshot in found if snapshot is not None]

    def forget(self, worker: str) -> None:
        """A worker has ended: what it said counts no more."""
        for ending in ("json", "metrics"):
            (self.directory / f"{worker}.{ending}").unlink(missing_ok=True)

    def open(self) -> None:
        """All workers are ready. Raises OSError."""
        (self.directory / _OPEN).touch()

    def is_open(self) -> bool:
        """Whether all workers have been ready."""
        if not self._was_open:
            self._was_open = (self.directory / _OPEN).exists()
        return self._was_open


def _read(path: Path, kind: type[_T]) -> _T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind, dec_hook=_place)
    except (OSError, msgspec.MsgspecError):
        return None


def _place(kind: type, value: object) -> object:
    return kind(value)


def _write(path: Path, value: object) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(msgspec.json.encode(value, enc_hook=str))
    new.replace(path)
