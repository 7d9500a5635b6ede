"""The deliveries that the ledger knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import func, select

from interlock.errors import StoreError
from interlock.store import projections as kinds
from interlock.store import schema
from interlock.store.database import Database
from interlock.store.rows import DeliveryRow

_TABLE = schema.deliveries


@dataclass(frozen=True)
class Deliveries:
    """Every run of the whole path."""

    database: Database

    def start(self, delivery: DeliveryRow) -> DeliveryRow:
        """Record a new delivery; its ``number`` is replaced by the product's next one."""
        last = select(func.max(_TABLE.c.number)).where(_TABLE.c.product == delivery.product)
        with self.database.turn() as turn:
            number = (turn.connection.execute(last).scalar() or 0) + 1
            started = replace(delivery, number=number)
            turn.record(
                kinds.DELIVERY_STARTED,
                subject=started.id,
                product=started.product,
                at=started.started,
                body=asdict(started),
            )
        return started

    def move(
        self,
        identity: str,
        *,
        status: str,
        at: int,
        finished: bool = False,
        bundle: str | None = None,
        summary: Mapping[str, Any] | None = None,
    ) -> DeliveryRow:
        """Record a delivery's new status, and what else is now known of it.

        Raises StoreError L115 when there is no such delivery.
        """
        changes: dict[str, Any] = {"status": status, "finished": at if finished else None}
        changes |= {} if bundle is None else {"bundle": bundle}
        changes |= {} if summary is None else {"summary": dict(summary)}
        known = self.get(identity)
        if known is None:
            raise _unknown(identity)
        with self.database.turn() as turn:
            turn.record(
                kinds.DELIVERY_MOVED, subject=identity, product=known.product, at=at, body=changes
            )
        return replace(known, **changes)

    def get(self, identity: str) -> DeliveryRow | None:
        """The delivery of that id."""
        return self.database.first(DeliveryRow, select(_TABLE).where(_TABLE.c.id == identity))

    def newest(
        self, *, product: str | None = None, status: str | None = None, limit: int | None = None
    ) -> list[DeliveryRow]:
        """Deliveries, newest first."""
        query = select(_TABLE)
        query = query if product is None else query.where(_TABLE.c.product == product)
        query = query if status is None else query.where(_TABLE.c.status == status)
        newest = query.order_by(_TABLE.c.started.desc(), _TABLE.c.number.desc())
        return self.database.rows(DeliveryRow, newest.limit(limit))

    def products(self) -> list[str]:
        """The products that were ever delivered, by name."""
        query = select(_TABLE.c.product).distinct().order_by(_TABLE.c.product)
        with self.database.reading() as connection:
            return [str(name) for name in connection.execute(query).scalars()]


def _unknown(identity: str) -> StoreError:
    return StoreError(
        "L115",
        "the ledger knows no such delivery",
        got=repr(identity),
        fix="take the id from `interlock history`",
    )
