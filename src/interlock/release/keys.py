"""Ed25519 keys: the private one in a file of its owner's alone, public ones by their identity.

Rules: the private key is made on first use, outside the project, mode 0600 in a directory of mode
0700; a file that others can read, or that lies inside the project, is refused. A key's id is the
SHA-256 of its 32 raw public bytes.

>>> key = SigningKey.generate()
>>> key.public.verify(key.sign(b"bytes"), b"bytes")
True
>>> PublicKey.from_pem(key.public.pem()) == key.public
True
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from interlock.digest import digest_bytes
from interlock.errors import OperatorError
from interlock.store.atomic import partial_path, storage, sync_directory, write_new
from interlock.wording import as_typed

_LIMIT = 1 << 16  # bytes


@dataclass(frozen=True)
class PublicKey:
    """A public key by its 32 raw bytes."""

    raw: bytes

    @property
    def keyid(self) -> str:
        """The SHA-256 of the raw bytes."""
        return digest_bytes(self.raw)

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Whether this key signed exactly these bytes."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def pem(self) -> bytes:
        """SubjectPublicKeyInfo, to hand to whoever verifies."""
        return Ed25519PublicKey.from_public_bytes(self.raw).public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @classmethod
    def from_pem(cls, data: bytes, *, where: str = "") -> PublicKey:
        """The inverse of :meth:`pem`. Raises OperatorError R132."""
        try:
            key = serialization.load_pem_public_key(data)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise _not_a_key("public", where, str(error)) from None
        if not isinstance(key, Ed25519PublicKey):
            raise _not_a_key("public", where, type(key).__name__)
        return cls(key.public_bytes_raw())


@dataclass(frozen=True)
class SigningKey:
    """A private key; it never shows in a repr."""

    _private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key."""
        return cls(Ed25519PrivateKey.generate())

    @property
    def public(self) -> PublicKey:
        """Its public half."""
        return PublicKey(self._private.public_key().public_bytes_raw())

    def sign(self, data: bytes) -> bytes:
        """64 bytes."""
        return self._private.sign(data)

    def _pem(self) -> bytes:
        return self._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def key_file(environ: Mapping[str, str]) -> Path:
    """$INTERLOCK_KEY_FILE, else interlock/signing-key.pem under the user's configuration.

    >>> key_file({"XDG_CONFIG_HOME": "/home/ada/.config"}).as_posix()
    '/home/ada/.config/interlock/signing-key.pem'
    """
    if environ.get("INTERLOCK_KEY_FILE"):
        return Path(environ["INTERLOCK_KEY_FILE"]).expanduser()
    home = environ.get("XDG_CONFIG_HOME")
    config = Path(home) if home else Path(environ.get("HOME") or "~").expanduser() / ".config"
    return config / "interlock" / "signing-key.pem"


def load_or_create(path: Path, *, project: Path) -> SigningKey:
    """The key in the file, made if there is none yet.

    Raises OperatorError R130 (others can read it), R131 (inside the project), R132 (not a key).
    """
    _refuse_inside(path, project)
    if not path.exists():
        _create(path)
    return load(path)


def load(path: Path) -> SigningKey:
    """The key in the file. Raises OperatorError R130 or R132, StoreError L102."""
    with storage(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            _refuse_open(path, os.fstat(descriptor))
            data = stream.read(_LIMIT)
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _not_a_key("private", str(path), str(error)) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _not_a_key("private", str(path), type(key).__name__)
    return SigningKey(key)


def _create(path: Path) -> None:
    with storage(path):
        path.parent.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        partial = partial_path(path.parent)
        try:
            write_new(partial, SigningKey.generate()._pem(), mode=0o600)
            with suppress(FileExistsError):  # another process was first: its key is the key
                os.link(partial, path)
            sync_directory(path.parent)
        finally:
            partial.unlink(missing_ok=True)


def _refuse_inside(path: Path, project: Path) -> None:
    if path.resolve().is_relative_to(project.resolve()):
        raise OperatorError(
            "R131",
            "the signing key lies inside the project",
            where=str(path),
            expected="a file outside the project, so that it is never committed or shipped",
            got=f"a file under {project}",
            fix="set INTERLOCK_KEY_FILE to a file elsewhere, or leave it unset",
        )


def _refuse_open(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _not_a_key("private", str(path), "not a regular file")
    if status.st_mode & 0o077:
        raise OperatorError(
            "R130",
            "others can read the signing key",
            where=str(path),
            expected="mode 0600",
            got=f"mode {stat.S_IMODE(status.st_mode):04o}",
            fix=f"{as_typed('chmod', 600, path)}; if others may have read it, delete it and make "
            "a new one",
        )


def _not_a_key(half: str, where: str, got: str) -> OperatorError:
    return OperatorError(
        "R132",
        f"this is not an Ed25519 {half} key",
        where=where,
        expected=f"an unencrypted Ed25519 {half} key in PEM",
        got=got[:200],
        fix="name another file; a private key that is missing is made on first use",
    )
