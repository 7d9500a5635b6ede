"""Which version of the project a delivery runs: the git commit, or a digest of its files.

A project of which no file is tracked counts as outside git, also inside somebody else's checkout.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from interlock.digest import digest_file, digest_json

_SKIPPED = frozenset(
    [".git", ".interlock", ".venv", "__pycache__", "node_modules", "build", "dist"]
)
_OWN = (".py", ".toml", ".sql", ".json", ".yaml", ".yml", ".txt", ".cfg")
_GIT_SECONDS = 20
_MADE_BY_RUNNING = (":(exclude,glob)**/__pycache__/**", ":(exclude,glob)**/.interlock/**")


@dataclass(frozen=True, kw_only=True)
class Revision:
    """``commit`` is empty outside git; then ``files`` is the digest of the project's files.

    ``changed`` names what makes the tree dirty, as git does, for people; it may be empty.
    """

    commit: str = ""
    dirty: bool = False
    files: str = ""
    changed: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        """A short name for people."""
        if self.commit:
            return self.commit[:12] + (" (dirty)" if self.dirty else "")
        return f"files {self.files[:12]}"


def revision_of(project_dir: Path) -> Revision:
    """The project's revision now.

    Dirty when tracked files changed, untracked ones lie there, or git cannot say.
    """
    commit = _git(project_dir, "rev-parse", "HEAD")
    tracked = _git(project_dir, "ls-files", "--", ".")
    if not commit or tracked == "":
        return Revision(files=_digest_of_files(project_dir))
    asked = ("status", "--porcelain", "--untracked-files=all", "--", ".", *_MADE_BY_RUNNING)
    changed = None if tracked is None else _git(project_dir, *asked)
    names = tuple(line[3:] for line in (changed or "").splitlines())
    return Revision(commit=commit.strip(), dirty=changed != "", changed=names)


def _git(project_dir: Path, *arguments: str) -> str | None:
    """What git prints; None where there is no git or no repository, or it fails."""
    try:
        done = subprocess.run(
            ["git", "-C", str(project_dir), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=_GIT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _digest_of_files(project_dir: Path) -> str:
    """Over the names and bytes of the project's own files; not of its data folders' contents."""
    found = {}
    for folder, folders, files in os.walk(project_dir):
        folders[:] = sorted(f for f in folders if _is_own(Path(folder) / f))
        for name in sorted(files):
            path = Path(folder) / name
            if path.suffix in _OWN and path.is_file():
                found[str(path.relative_to(project_dir))] = digest_file(path)
    return digest_json(found)


def _is_own(folder: Path) -> bool:
    """Whether a folder is the project's: not hidden, not made by a tool, not ignoring itself."""
    if folder.name in _SKIPPED or folder.name.startswith("."):
        return False
    try:
        return "*" not in (folder / ".gitignore").read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return True
