"""Bytes by their digest: blobs, and trees of files that appear at once.

Invariants: what ``get`` returns has the digest that was asked for; nothing is ever half-visible;
a name is checked before it becomes a path. A blob or tree found damaged on writing is set aside
under ``refused/`` (it is evidence) and written anew.

>>> store = ArtifactStore.open("memory://doctest-artifacts")
>>> digest = store.put(b"rows")
>>> store.get(digest)
b'rows'
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from interlock.digest import digest_bytes, digest_file, is_digest
from interlock.errors import IntegrityError, OperatorError, StoreError
from interlock.store.atomic import (
    PARTIAL,
    partial_path,
    storage,
    sync_directory,
    write_file,
    write_new,
)
from interlock.store.names import check_digest


@dataclass(frozen=True)
class ArtifactStore:
    """A folder, or anything else fsspec reaches; trees need a local folder."""

    filesystem: Any
    root: str

    @classmethod
    def open(cls, root: str | Path) -> ArtifactStore:
        """The store at a path or fsspec URL. Nothing is read or written yet."""
        filesystem, path = url_to_fs(str(root))
        return cls(filesystem, path.rstrip("/"))

    @property
    def local(self) -> bool:
        """Whether the store is a folder on this machine."""
        return isinstance(self.filesystem, LocalFileSystem)

    def path(self, digest: str) -> str:
        """Where the blob of that digest is, or would be."""
        check_digest(digest)
        return f"{self.root}/blobs/{digest[:2]}/{digest}"

    def has(self, digest: str) -> bool:
        """Whether a blob of that name is there; ``get`` says whether it is whole."""
        return bool(self.filesystem.exists(self.path(digest)))

    def put(self, data: bytes) -> str:
        """Store bytes; storing them twice is storing them once. Returns their digest."""
        digest = digest_bytes(data)
        path = self.path(digest)
        if not self._holds(path, digest):
            self._publish(path, data)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes. Raises StoreError L103 (none), IntegrityError R101 (not what was stored)."""
        path = self.path(digest)
        try:
            with storage(path):
                data: bytes = self._read(path)
        except StoreError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise _absent(path) from None
            raise
        found = digest_bytes(data)
        if found != digest:
            raise IntegrityError(
                "R101",
                "a stored artifact is not what was stored",
                where=path,
                expected=digest,
                got=found,
                fix="restore the file from a backup, or run the delivery that made it again",
            )
        return data

    def delete(self, digest: str) -> None:
        """Delete a blob for good, and what was set aside in its name; twice is once."""
        path = self.path(digest)
        with storage(path):
            if not self.local:
                if self.filesystem.exists(path):
                    self.filesystem.rm_file(path)
                return
            for file in (Path(path), *Path(self.root, "refused").glob(f"{digest}*")):
                if file.is_file():
                    file.unlink()
                    sync_directory(file.parent)

    def tree(self, digest: str) -> Path:
        """Where the tree of that digest is, or would be. Raises OperatorError L106 if remote."""
        check_digest(digest)
        if not self.local:
            raise OperatorError(
                "L106",
                "bundles need a local folder",
                where=self.root,
                expected="a path on this machine",
                got=str(self.filesystem.protocol),
                fix="give a local folder as the place of artifacts",
            )
        return Path(self.root) / "bundles" / digest

    def has_tree(self, digest: str) -> bool:
        """Whether a tree of that name is there."""
        return self.tree(digest).is_dir()

    def put_tree(self, digest: str, files: Mapping[str, bytes]) -> Path:
        """Make the directory ``bundles/<digest>`` with exactly these files, all at once.

        Names are relative paths that the caller has checked. Raises StoreError L101 or L102.
        """
        target = self.tree(digest)
        with storage(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            if _same_tree(target, files):
                return target
            partial = partial_path(target.parent)
            try:
                _write_tree(partial, files)
                if os.path.lexists(target):
                    self._set_aside(target)
                _rename_tree(partial, target, files)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        return target

    def trees(self) -> tuple[str, ...]:
        """The digests of the trees that are there, in their order."""
        place = Path(self.root) / "bundles"
        if not self.local or not place.is_dir():
            return ()
        with storage(place):
            return tuple(sorted(path.name for path in place.iterdir() if is_digest(path.name)))

    def delete_tree(self, digest: str) -> None:
        """Delete a tree for good, and what was set aside in its name; twice is once.

        It is gone at once under its own name, so that nobody reads half of it.
        """
        target = self.tree(digest)
        with storage(target):
            if target.is_dir():
                target.rename(partial_path(target.parent))
                sync_directory(target.parent)
            for folder in (
                *target.parent.glob(f"{PARTIAL}*"),
                *Path(self.root, "refused").glob(f"{digest}*"),
            ):
                shutil.rmtree(folder)

    def sweep(self, before_seconds: float) -> int:
        """Remove what killed writers left before that moment (Unix seconds); returns how many."""
        if not self.local or not Path(self.root).is_dir():
            return 0
        stale = [
            path
            for path in Path(self.root).rglob(f"{PARTIAL}*")
            if path.lstat().st_mtime < before_seconds
        ]
        for path in stale:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        return len(stale)

    def _read(self, path: str) -> bytes:
        data: bytes = Path(path).read_bytes() if self.local else self.filesystem.cat_file(path)
        return data

    def _holds(self, path: str, digest: str) -> bool:
        if not self.local:
            return bool(self.filesystem.exists(path))
        with storage(path):
            if not Path(path).is_file():
                return False
            if digest_file(Path(path)) == digest:
                return True
            self._set_aside(Path(path))
        return False

    def _publish(self, path: str, data: bytes) -> None:
        if self.local:
            write_file(Path(path), data)
        else:
            with storage(path):  # an object store shows an object whole or not at all
                self.filesystem.makedirs(self.filesystem._parent(path), exist_ok=True)
                self.filesystem.pipe_file(path, data)

    def _set_aside(self, path: Path) -> None:
        refused = Path(self.root) / "refused"
        refused.mkdir(exist_ok=True)
        path.rename(refused / f"{path.name}{partial_path(path).name}")


def _absent(path: str) -> StoreError:
    return StoreError(
        "L103",
        "an artifact is not in the store",
        where=path,
        fix="restore the file from a backup, or run the delivery that made it again",
    )


def _write_tree(directory: Path, files: Mapping[str, bytes]) -> None:
    directory.mkdir()
    for folder in sorted({(directory / name).parent for name in files}):
        folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        write_new(directory / name, data)
    for folder in sorted({(directory / name).parent for name in files}):
        sync_directory(folder)


def _rename_tree(partial: Path, target: Path, files: Mapping[str, bytes]) -> None:
    try:
        partial.rename(target)
    except OSError:
        if not _same_tree(target, files):  # not just a second writer of the same bytes
            raise
    sync_directory(target.parent)


def _same_tree(directory: Path, files: Mapping[str, bytes]) -> bool:
    if directory.is_symlink() or not directory.is_dir():
        return False
    found = {str(p.relative_to(directory)) for p in directory.rglob("*") if not _is_folder(p)}
    if found != set(files):
        return False
    with suppress(FileNotFoundError):
        return all(_same_file(directory / name, data) for name, data in files.items())
    return False


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _same_file(path: Path, data: bytes) -> bool:
    return not path.is_symlink() and path.is_file() and path.read_bytes() == data
