"""Other processes of this machine: who started whom, and the memory they hold.

Read from /proc where there is one; else ``ps`` is asked, which knows the present size and no peak.
"""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

_PROC = Path("/proc")
_PS = ("ps", "-axo", "pid=,ppid=,rss=")
_KILOBYTE = 1_024
_SECONDS = 5.0


def children_of(pid: int) -> tuple[int, ...]:
    """The processes that this one started and that live, ascending."""
    return tuple(sorted(child for child, parent in _parents().items() if parent == pid))


def tree_of(pid: int) -> tuple[int, ...]:
    """A process and all that came of it."""
    found, parents = [pid], _parents()
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return tuple(found)


def peak_bytes(pid: int) -> int:
    """The highest resident size of a process and all that came of it, summed; 0 where unknown."""
    return sum(map(_peak, tree_of(pid)))


def _parents() -> dict[int, int]:
    if not _PROC.is_dir():
        return {pid: parent for pid, parent, _ in _listed()}
    found = {}
    for place in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            text = (place / "stat").read_text(errors="replace")
            found[int(place.name)] = int(text.rpartition(")")[2].split()[1])
    return found


def _peak(pid: int) -> int:
    if not _PROC.is_dir():
        return next((size for one, _, size in _listed() if one == pid), 0)
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in (_PROC / str(pid) / "status").read_text(errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * _KILOBYTE
    return 0


def _listed() -> list[tuple[int, int, int]]:
    """(process, parent, resident bytes) of all there are."""
    try:
        said = subprocess.run(_PS, capture_output=True, text=True, check=True, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return []
    rows = (line.split() for line in said.stdout.splitlines())
    return [(int(r[0]), int(r[1]), int(r[2]) * _KILOBYTE) for r in rows if len(r) == 3]
