"""Which version of the project a delivery runs: the git commit, or a digest of its files.

A project of which no file is tracked counts as outside git, also inside somebody else's checkout.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from interlock.digest import digest_file, digest_json

_SKIPPED = frozenset(
    [".git", ".interlock", ".venv", "__pycache__", "node_modules", "build", "dist"]
)
_GIT_SECONDS = 20
_MADE_BY_RUNNING = (":(exclude,glob)**/__pycache__/**", ":(exclude,glob)**/.interlock/**")


@dataclass(frozen=True, kw_only=True)
class Revision:
    """``commit`` is empty outside git; then ``files`` is the digest of the project's files."""

    commit: str = ""
    dirty: bool = False
    files: str = ""

    def __str__(self) -> str:
        """A short name for people."""
        if self.commit:
            return self.commit[:12] + (" (dirty)" if self.dirty else "")
        return f"files {self.files[:12]}"


def revision_of(project_dir: Path) -> Revision:
    """The project's revision now; dirty when tracked files changed or untracked ones lie there."""
    commit = _git(project_dir, "rev-parse", "HEAD")
    if commit and _git(project_dir, "ls-files", "--", "."):
        asked = ("status", "--porcelain", "--untracked-files=all", "--", ".", *_MADE_BY_RUNNING)
        changed = _git(project_dir, *asked)
        return Revision(commit=commit.strip(), dirty=bool(changed))
    return Revision(files=_digest_of_files(project_dir))


def _git(project_dir: Path, *arguments: str) -> str:
    """What git prints; empty where there is no git or no repository."""
    try:
        done = subprocess.run(
            ["git", "-C", str(project_dir), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=_GIT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _digest_of_files(project_dir: Path) -> str:
    """Over the names and bytes of the project's own files; not of its data folders' contents."""
    found = {}
    for folder, folders, files in os.walk(project_dir):
        folders[:] = sorted(f for f in folders if f not in _SKIPPED and not f.startswith("."))
        for name in sorted(files):
            path = Path(folder) / name
            if path.suffix in (".py", ".toml", ".sql", ".json", ".yaml", ".yml", ".txt", ".cfg"):
                found[str(path.relative_to(project_dir))] = digest_file(path)
    return digest_json(found)
