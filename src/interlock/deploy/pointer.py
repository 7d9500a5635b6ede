"""The pointer: a small file by which services learn which release is live, and which on trial.

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

from interlock.deploy.challenger import running
from interlock.digest import canonical_json, digest_json, is_digest, parse_canonical
from interlock.errors import StoreError
from interlock.store.atomic import storage, write_file
from interlock.store.names import check_name
from interlock.store.rows import DeploymentRow, RolloutRow

FORMAT = 2
_LIMIT = 1 << 16  # bytes


@dataclass(frozen=True, kw_only=True)
class Challenger:
    """The release on trial: as a shadow, or for so many of 10,000 buckets of that salt.

    ``began`` is when its rollout did (UTC microseconds).
    """

    bundle: str
    label: str
    mode: str
    buckets: int
    salt: str
    began: int


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """What answers for a product in an environment since that instant (UTC microseconds).

    ``revision`` counts the acts on rollouts beside that generation.
    """

    product: str
    environment: str
    generation: int
    bundle: str
    label: str
    previous_bundle: str | None
    previous_label: str | None
    since: int
    revision: int = 0
    challenger: Challenger | None = None

    @classmethod
    def of(cls, deployment: DeploymentRow, rollout: RolloutRow | None = None) -> Pointer:
        """The pointer that a deployment and the last act on a rollout call for."""
        own = rollout is not None and rollout.generation == deployment.generation
        trial = running(deployment, rollout)
        return cls(
            **_picked(cls, deployment.to_row()),
            revision=rollout.revision if own and rollout is not None else 0,
            challenger=None if trial is None else Challenger(**_picked(Challenger, trial.to_row())),
        )

    @property
    def order(self) -> tuple[int, int]:
        """Which of two pointers is the newer one."""
        return self.generation, self.revision


def _picked(kind: type[Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the record's fields that the row has."""
    return {field.name: row[field.name] for field in fields(kind) if field.name in row}


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


def publish(root: Path, deployment: DeploymentRow, rollout: RolloutRow | None = None) -> Pointer:
    """Make the file say what the ledger's rows say, unless it says something newer already.

    Returns what stands in the file afterwards. Safe to repeat, and from several processes at once.
    Raises StoreError L101 or L102.
    """
    pointer = Pointer.of(deployment, rollout)
    path = pointer_path(root, pointer.environment, pointer.product)
    with _alone(path):
        said = standing(path)
        if said is not None and (said == pointer or _is_newer(said, pointer)):
            return said
        write_file(path, _encoded(pointer))
    return pointer


def _is_newer(standing: Pointer, pointer: Pointer) -> bool:
    """Whether it says what came later in the same place."""
    same = (standing.product, standing.environment) == (pointer.product, pointer.environment)
    return same and standing.order > pointer.order


def standing(path: Path) -> Pointer | None:
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
    if type(row["generation"]) is not int or type(row["revision"]) is not int:
        raise ValueError("not a generation and a revision")
    return Pointer(**{**row, "challenger": _challenger(row["challenger"])})


def _challenger(value: Any) -> Challenger | None:
    """Raises ValueError unless the value is null or a challenger."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or set(value) != {f.name for f in fields(Challenger)}:
        raise ValueError("not a challenger's keys")
    found = Challenger(**value)
    if not isinstance(found.bundle, str) or not is_digest(found.bundle):
        raise ValueError("not a challenger's digest")
    return found
