"""What this very code is: two sources of one version of Interlock have different digests.

An installed package lists its files with their digests, and the list stands for them. A source tree
that is used as it lies (an editable install) has no list of them: there the files are read. Of
either only what a stage can reach counts, by the law of imports: a command's rendering may change
and no stage runs again.

>>> own_source() == own_source()
True
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from interlock.digest import digest_bytes

_PACKAGE = Path(__file__).resolve().parents[1]
_UNREACHED = frozenset({"cli", "use_cases", "workspace.py", "__main__.py", "explain", "templates"})


@cache
def own_source() -> str:
    """The digest of the code that computes stages, as this process has it."""
    try:
        found = distribution(_PACKAGE.name)
        here = Path(str(found.locate_file(_PACKAGE.name))).resolve() == _PACKAGE
        record = found.read_text("RECORD") if here else None
    except PackageNotFoundError:
        record = None
    return of_record(record or "") or of_folder(_PACKAGE)


def of_record(record: str) -> str:
    """By the list of an installed package's files; "" where it does not list them.

    >>> of_record("../../bin/interlock,sha256=ab,9\\ninterlock/cli/main.py,sha256=cd,7\\n")
    ''
    """
    named = (line for line in record.splitlines() if line.startswith(f"{_PACKAGE.name}/"))
    counted = sorted(line for line in named if _counts(line.partition(",")[0].split("/")[1:]))
    return digest_bytes("\n".join(counted).encode()) if counted else ""


def of_folder(package: Path) -> str:
    """By the files of a source tree."""
    files = sorted(_files(str(package), ()))
    lines = [f"{name},{digest_bytes(Path(path).read_bytes())}" for name, path in files]
    return digest_bytes("\n".join(lines).encode())


def _files(folder: str, above: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(name below the package, path) of every file that counts."""
    with os.scandir(folder) as entries:
        for entry in entries:
            parts = (*above, entry.name)
            if parts[0] in _UNREACHED or entry.name == "__pycache__":
                continue
            if entry.is_dir():
                yield from _files(entry.path, parts)
            elif _counts(parts):
                yield "/".join(parts), entry.path


def _counts(parts: tuple[str, ...] | list[str]) -> bool:
    return parts[0] not in _UNREACHED and parts[-1].endswith(".py")
