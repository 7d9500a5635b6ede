"""The bundle: a directory whose identity is the digest of its manifest.

Rules, all enforced on opening, before any byte is used:

* ``manifest.json`` is canonical JSON, so no two files say the same thing;
* its SHA-256 is the digest that was asked for (by default the directory's name);
* every file it names is there, a regular file, of that size and digest; nothing else is there;
* names come from a closed list; links are refused;
* the bytes are read once: what was verified is what is used.

No time, host or path is inside, so the same inputs give the same digest.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from interlock.digest import digest_bytes, is_digest
from interlock.errors import IntegrityError
from interlock.release.manifest import (
    MANIFEST,
    MODEL_FORMATS,
    MODELS,
    ModelFormat,
    checked_manifest,
    refused,
    seal,
)
from interlock.wording import counted

if TYPE_CHECKING:
    from interlock.store.artifacts import ArtifactStore

_MANIFEST_LIMIT = 4 << 20  # bytes


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A verified bundle: its digest, manifest and the bytes of every file but the manifest."""

    digest: str
    directory: Path
    manifest: Mapping[str, Any]
    files: Mapping[str, bytes]

    @property
    def product(self) -> str:
        """The product it was built for."""
        return str(self.manifest["product"])

    @property
    def inputs(self) -> Mapping[str, str]:
        """The digests of what it was built from."""
        inputs: Mapping[str, str] = self.manifest["inputs"]
        return inputs

    @property
    def candidate(self) -> str:
        """The name of the candidate inside."""
        return str(self.manifest["candidate"])

    @property
    def model_name(self) -> str:
        """The file that holds the model."""
        return next(name for name in MODELS if name in self.files)

    @property
    def model_format(self) -> ModelFormat:
        """What that file is."""
        return MODEL_FORMATS[self.model_name]

    @property
    def packed(self) -> dict[str, str]:
        """Source by module: the request features, as training imported them."""
        return {
            name.removeprefix("packed/").removesuffix(".py"): data.decode()
            for name, data in self.files.items()
            if name.startswith("packed/")
        }

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises IntegrityError R105 when the bundle has no such file."""
        if name not in self.files:
            raise IntegrityError(
                "R105",
                f"the bundle has no file {name!r}",
                where=str(self.directory),
                expected=f"one of {', '.join(sorted(self.files))}",
                fix="build the bundle again with this version of Interlock",
            )
        return self.files[name]

    def json(self, name: str) -> Any:
        """A JSON file's value."""
        return json.loads(self.read(name))


def build(
    artifacts: ArtifactStore,
    files: Mapping[str, bytes],
    *,
    product: str,
    inputs: Mapping[str, str],
    candidate: str,
    schema: str,
) -> Bundle:
    """Seal the files, put them into the store at once, and open what stands there."""
    digest, sealed = seal(files, product=product, inputs=inputs, candidate=candidate, schema=schema)
    return open_bundle(artifacts.put_tree(digest, sealed))


def open_bundle(directory: Path, *, expected_digest: str | None = None) -> Bundle:
    """The bundle, after every rule of this module held; else IntegrityError R102 to R111.

    Without ``expected_digest`` the directory's name must be the digest.
    """
    directory = Path(directory)
    expected = directory.name if expected_digest is None else expected_digest
    if not is_digest(expected):
        raise IntegrityError(
            "R110",
            "nothing says which bundle this should be",
            where=str(directory),
            expected="a directory named by the bundle's digest, or the digest beside it",
            got=repr(expected),
            fix="give the digest that the release was made with",
        )
    found = _entries(directory)
    data = _read(directory, MANIFEST, None)
    if digest_bytes(data) != expected:
        raise refused(
            "R104",
            f"{MANIFEST} is not the one that was asked for",
            directory / MANIFEST,
            expected,
            digest_bytes(data),
        )
    manifest = checked_manifest(data, where=str(directory / MANIFEST))
    listed = manifest["files"]
    _compare_sets(directory, {MANIFEST, *listed}, found)
    files = {name: _read(directory, name, listed[name]) for name in sorted(listed)}
    return Bundle(
        digest=expected,
        directory=directory,
        manifest=MappingProxyType(manifest),
        files=MappingProxyType(files),
    )


def _entries(directory: Path) -> set[str]:
    """Every name in the directory, folders with a slash at the end; links are refused."""
    if directory.is_symlink() or not directory.is_dir():
        raise IntegrityError(
            "R102",
            "there is no bundle",
            where=str(directory),
            expected="a directory",
            got="a link" if directory.is_symlink() else "none",
            fix="name the directory of a bundle, or build one with `interlock deliver`",
        )
    try:
        return set(_walk(directory, ""))
    except OSError as error:
        raise _unreadable(directory, error) from error


def _walk(directory: Path, prefix: str) -> list[str]:
    names: list[str] = []
    for entry in sorted(os.scandir(directory / prefix), key=lambda e: e.name):
        name = prefix + entry.name
        if entry.is_symlink() or not (entry.is_file() or entry.is_dir()):
            raise refused(
                "R108",
                f"{name!r} is not a plain file",
                directory / name,
                "a regular file",
                "a link" if entry.is_symlink() else "a special file",
            )
        if entry.is_dir():
            names.append(name + "/")
            names += _walk(directory, name + "/") if name == "packed" else []
        else:
            names.append(name)
    return names


def _compare_sets(directory: Path, listed: set[str], found: set[str]) -> None:
    folders = {"packed/"} if any(name.startswith("packed/") for name in listed) else set()
    for name in sorted(listed - found):
        raise refused(
            "R105",
            f"{name!r} is missing from the bundle",
            directory / name,
            "the file that the manifest names",
            "none",
        )
    for name in sorted(found - listed - folders):
        raise refused(
            "R106",
            f"{name!r} does not belong to the bundle",
            directory / name,
            "only the files that the manifest names",
            repr(name),
        )


def _read(directory: Path, name: str, entry: Mapping[str, Any] | None) -> bytes:
    """The file's bytes, of the size and digest of its manifest entry; None for the manifest."""
    path = directory / name
    limit = _MANIFEST_LIMIT if entry is None else int(entry["size"])
    try:
        data = _read_plain(path, limit + 1)
    except FileNotFoundError:
        raise refused(
            "R105", f"{name!r} is missing from the bundle", path, "a file", "none"
        ) from None
    except OSError as error:
        raise _unreadable(path, error) from error
    if entry is None:
        return data
    if len(data) != entry["size"]:
        raise refused(
            "R107",
            f"{name!r} is not the file that was released",
            path,
            counted(entry["size"], "byte"),
            f"{counted(len(data), 'byte')} or more",
        )
    if digest_bytes(data) != entry["sha256"]:
        raise refused(
            "R107",
            f"{name!r} is not the file that was released",
            path,
            entry["sha256"],
            digest_bytes(data),
        )
    return data


def _read_plain(path: Path, limit: int) -> bytes:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise refused(
                "R108",
                f"{path.name!r} is not a plain file",
                path,
                "a regular file",
                "a special file",
            )
        return stream.read(limit)


def _unreadable(path: Path, error: OSError) -> IntegrityError:
    return IntegrityError(
        "R102",
        "the bundle cannot be read",
        where=str(path),
        expected="a file that this user may read",
        got=error.strerror or type(error).__name__,
        fix="check the directory's owner and mode, then try again",
    )
