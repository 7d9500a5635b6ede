"""The releases that the ledger knows: a bundle has one label, and a product's label one bundle."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import select

from interlock.errors import OperatorError
from interlock.store import projections as kinds
from interlock.store import schema
from interlock.store.database import Database
from interlock.store.rows import ReleaseRow, from_row

_TABLE = schema.releases


@dataclass(frozen=True)
class Releases:
    """Every release."""

    database: Database

    def add(self, release: ReleaseRow) -> ReleaseRow:
        """Record a release; for a bundle that has a label already, the release it has.

        Raises OperatorError E111 when another bundle of the product has that label.
        """
        same = select(_TABLE).where(_TABLE.c.bundle == release.bundle)
        twin = select(_TABLE).where(
            _TABLE.c.product == release.product, _TABLE.c.label == release.label
        )
        with self.database.turn() as turn:
            known = turn.connection.execute(same).mappings().first()
            if known is not None:
                return from_row(ReleaseRow, known)
            if turn.connection.execute(twin).first() is not None:
                raise _label_taken(release)
            turn.record(
                kinds.RELEASED,
                subject=release.bundle,
                product=release.product,
                at=release.created,
                body=asdict(release),
            )
        return release

    def get(self, bundle: str) -> ReleaseRow | None:
        """The release of that bundle digest."""
        return self.database.first(ReleaseRow, select(_TABLE).where(_TABLE.c.bundle == bundle))

    def labelled(self, product: str, label: str) -> ReleaseRow | None:
        """The product's release of that label."""
        query = select(_TABLE).where(_TABLE.c.product == product, _TABLE.c.label == label)
        return self.database.first(ReleaseRow, query)

    def newest(self, product: str, *, limit: int | None = None) -> list[ReleaseRow]:
        """The product's releases, newest first."""
        query = select(_TABLE).where(_TABLE.c.product == product)
        return self.database.rows(ReleaseRow, query.order_by(_TABLE.c.event.desc()).limit(limit))


def _label_taken(release: ReleaseRow) -> OperatorError:
    return OperatorError(
        "E111",
        f"another release of {release.product} has the label {release.label}",
        where=release.product,
        expected="a label of its own",
        got=release.label,
        fix="run the same command again: the label is derived from the newest release",
        untouched="the other release",
    )
