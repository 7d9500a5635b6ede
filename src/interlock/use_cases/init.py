"""interlock init: a small, complete project that delivers as it stands."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from interlock.errors import OperatorError

TEMPLATE = Path(__file__).parent.parent / "templates" / "project"
FILES = MappingProxyType(
    {
        "README.md": "README.md",
        "product.py": "product.py",
        "pyproject.toml": "pyproject.toml",
        "data/rentals.csv": "data/rentals.csv",
        "tests/test_features.py": "tests/test_features.py",
        "post_deploy/test_service.py": "post_deploy/test_service.py",
        "gitignore": ".gitignore",
        "github/workflows/interlock.yml": ".github/workflows/interlock.yml",
        "gitlab-ci.yml": ".gitlab-ci.yml",
    }
)
"""The template's files, and what they are called in a project."""


def init(folder: Path) -> tuple[str, ...]:
    """Make the project's files in a new or empty folder; their names.

    Raises OperatorError C162 when the folder holds anything, C163 when it cannot be written.
    """
    try:
        _refuse_what_is_there(folder)
        for name, made in FILES.items():
            path = folder / made
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((TEMPLATE / name).read_bytes())
    except OSError as error:
        raise OperatorError(
            "C163",
            "the project's folder cannot be written",
            where=str(error.filename or folder),
            expected="a folder that this user may write, on a disk with room",
            got=error.strerror or str(error),
            fix="name another folder, or mend this one",
        ) from error
    return tuple(FILES.values())


def _refuse_what_is_there(folder: Path) -> None:
    if folder.is_dir():
        there = sorted(path.name for path in folder.iterdir())
        got = ", ".join(there[:3]) + (", …" if len(there) > 3 else "")
    else:
        got = "a file" if folder.exists() or folder.is_symlink() else ""
    if got:
        raise OperatorError(
            "C162",
            "the folder is not empty",
            where=str(folder),
            expected="a new or empty folder",
            got=got,
            fix="name another folder",
            untouched="what lies there",
        )
