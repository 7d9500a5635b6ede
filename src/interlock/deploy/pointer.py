"""The pointer: a small file by which services learn which release is live.

The ledger is the truth; this file is written from it and can always be written again. It is
replaced at once, never goes back to an older generation, and carries a digest of itself, so that a
service which finds it damaged keeps the last good release. Reading it needs no database.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from interlock.digest import canonical_json, digest_json, is_digest, parse_canonical
from interlock.errors import StoreError
from interlock.store.atomic import storage, write_file
from interlock.store.names import check_name
from interlock.store.rows import DeploymentRow

FORMAT = 1
_LIMIT = 1 << 16  # bytes


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """What answers for a product in an environment since that instant (UTC microseconds)."""

    product: str
    environment: str
    generation: int
    bundle: str
    label: str
    previous_bundle: str | None
    previous_label: str | None
    since: int

    @classmethod
    def of(cls, deployment: DeploymentRow) -> Pointer:
        """The pointer that a deployment calls for."""
        row = deployment.to_row()
        return cls(**{field.name: row[field.name] for field in fields(cls)})


def pointer_path(root: Path, environment: str, product: str) -> Path:
    """``<root>/<environment>/<product>.json``. Raises StoreError L104 for names that climb."""
    return root / check_name(environment, "environment") / f"{check_name(product, 'product')}.json"


def read_pointer(path: Path) -> Pointer | None:
    """What the file says, None if there is none yet. Raises StoreError L102, L120 (damaged)."""
    try:
        with storage(path), path.open("rb") as stream:
            data = stream.read(_LIMIT)
    except StoreError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    try:
        return _decoded(parse_canonical(data))
    except ValueError as error:
        raise StoreError(
            "L120",
            "the pointer to the live release cannot be read",
            where=str(path),
            expected="a pointer as it was written",
            got=str(error),
            fix="run `interlock status`: it writes the file anew from the ledger",
            untouched="services go on with the last good release",
        ) from None


def publish(root: Path, deployment: DeploymentRow) -> Pointer:
    """Make the file say what the deployment says, unless it says something newer already.

    Returns what stands in the file afterwards. Safe to repeat, and from several processes at once.
    Raises StoreError L101 or L102.
    """
    pointer = Pointer.of(deployment)
    path = pointer_path(root, pointer.environment, pointer.product)
    with _alone(path):
        standing = _standing(path)
        if standing is not None and standing.generation >= pointer.generation:
            return standing
        write_file(path, _encoded(pointer))
    return pointer


def _standing(path: Path) -> Pointer | None:
    """What the file says; nothing, if it is damaged: then it is to be written anew."""
    try:
        return read_pointer(path)
    except StoreError as error:
        if error.code != "L120":
            raise
        return None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with storage(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(
            path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _encoded(pointer: Pointer) -> bytes:
    row = {"format": FORMAT, **asdict(pointer)}
    return canonical_json({**row, "digest": digest_json(row)})


def _decoded(value: Any) -> Pointer:
    """Raises ValueError unless the value is a pointer that fits its own digest."""
    names = {field.name for field in fields(Pointer)}
    if not isinstance(value, Mapping) or set(value) != {"format", "digest", *names}:
        raise ValueError("not a pointer's keys")
    row = {key: item for key, item in value.items() if key != "digest"}
    if digest_json(row) != value["digest"]:
        raise ValueError("it does not fit its own digest")
    if row.pop("format") != FORMAT:
        raise ValueError("a format that this version does not know")
    if not isinstance(row["bundle"], str) or not is_digest(row["bundle"]):
        raise ValueError("not a bundle's digest")
    if type(row["generation"]) is not int:
        raise ValueError("not a generation")
    return Pointer(**row)
