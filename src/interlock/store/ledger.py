"""The ledger: what happened, in an order that cannot be changed unseen, and what follows from it.

Invariants: an act is one transaction that appends its event and writes its projection, or neither;
two acts at once queue, and each sees the other; a deployment is compare-and-set on its generation.
The ledger knows no domain: it keeps rows and says where two of them collide.

>>> ledger = Ledger.open(getfixture("tmp_path") / "ledger.db")
>>> ledger.append("noted", subject="s", product="p", body={"words": "all clear"}, at=5).sequence
1
>>> ledger.verify_chain() is None
True
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Select, create_engine, func, inspect, select, text

from interlock.errors import OperatorError, StoreError
from interlock.store import projections as kinds
from interlock.store import schema
from interlock.store.chain import Turn, first_broken, read_head, stored_events
from interlock.store.connect import WRITES, engine_for, explained, make_place
from interlock.store.race import conflict, live_generation, require_revision
from interlock.store.rows import (
    AttestationRow,
    DeliveryRow,
    DeploymentRow,
    Event,
    Head,
    ReleaseRow,
    RolloutRow,
    StageRow,
    from_row,
)

_R = TypeVar("_R")


@dataclass(frozen=True)
class Ledger:
    """A ledger in a relational database; safe to share between threads and processes."""

    engine: Engine

    @classmethod
    def open(cls, place: str | Path, *, busy_seconds: float = 10.0) -> Ledger:
        """The ledger at a path or SQLAlchemy URL, made or migrated where that is needed.

        Raises StoreError L110 (locked), L111 (damaged), L112 (newer than this version), L113.
        """
        ledger = cls(engine_for(place, busy_seconds=busy_seconds))
        make_place(ledger.engine)
        if ledger._revision() != schema.REVISION:
            ledger._migrate()
        return ledger

    # -- the chain ---------------------------------------------------------------------------

    def append(
        self, kind: str, *, subject: str, product: str, body: Mapping[str, Any], at: int
    ) -> Event:
        """Record that something happened. Raises ValueError for a body that is not JSON."""
        with self._turn() as turn:
            return turn.record(kind, subject=subject, product=product, at=at, body=body)

    def events(
        self,
        *,
        product: str | None = None,
        kind: str | None = None,
        subject: str | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> list[Event]:
        """Events in order, after that sequence; filters left out match everything."""
        wanted = {"product": product, "kind": kind, "subject": subject}
        query = select(schema.events).where(schema.events.c.sequence > after)
        for name, value in wanted.items():
            query = query if value is None else query.where(schema.events.c[name] == value)
        return self._read(Event, query.order_by(schema.events.c.sequence).limit(limit))

    def head(self) -> Head:
        """The end of the chain: keep it elsewhere (sign it, print it) to anchor the past."""
        with self._reading() as connection:
            return read_head(connection)

    def verify_chain(self, anchor: Head | None = None) -> int | None:
        """The first sequence at which the chain is broken, or None.

        Finds edited, deleted, reordered and inserted events, and a cut end. Who can write every
        table could make the chain anew: against that, give an ``anchor`` kept elsewhere.
        """
        with self._reading() as connection:
            return first_broken(stored_events(connection), read_head(connection), anchor)

    def rebuild(self) -> None:
        """Make every projection again from the events."""
        with self._writing() as connection:
            kinds.replay(connection, stored_events(connection))
            connection.commit()

    def altered_projections(self) -> tuple[str, ...]:
        """Tables that differ from what the events say: someone wrote to them directly.

        The events are replayed in memory: nothing is written, so a full disk is no hindrance.
        """
        with self._reading() as connection:
            before, events = kinds.contents(connection), list(stored_events(connection))
        with create_engine("sqlite://").connect() as apart:
            schema.metadata.create_all(apart, tables=list(schema.PROJECTIONS))
            kinds.replay(apart, events)
            after = kinds.contents(apart)
        return tuple(name for name in before if before[name] != after[name])

    # -- deliveries --------------------------------------------------------------------------

    def start_delivery(self, delivery: DeliveryRow) -> DeliveryRow:
        """Record a new delivery; its ``number`` is replaced by the product's next one."""
        table = schema.deliveries
        last = select(func.max(table.c.number)).where(table.c.product == delivery.product)
        with self._turn() as turn:
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

    def move_delivery(
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
        known = self.delivery(identity)
        if known is None:
            raise _unknown_delivery(identity)
        with self._turn() as turn:
            turn.record(
                kinds.DELIVERY_MOVED, subject=identity, product=known.product, at=at, body=changes
            )
        return replace(known, **changes)

    def delivery(self, identity: str) -> DeliveryRow | None:
        """The delivery of that id."""
        table = schema.deliveries
        return self._first(DeliveryRow, select(table).where(table.c.id == identity))

    def deliveries(
        self, *, product: str | None = None, status: str | None = None, limit: int | None = None
    ) -> list[DeliveryRow]:
        """Deliveries, newest first."""
        table = schema.deliveries
        query = select(table)
        query = query if product is None else query.where(table.c.product == product)
        query = query if status is None else query.where(table.c.status == status)
        newest = query.order_by(table.c.started.desc(), table.c.number.desc())
        return self._read(DeliveryRow, newest.limit(limit))

    def products(self) -> list[str]:
        """The products that were ever delivered, by name."""
        table = schema.deliveries
        with self._reading() as connection:
            query = select(table.c.product).distinct().order_by(table.c.product)
            return [str(name) for name in connection.execute(query).scalars()]

    # -- stages ------------------------------------------------------------------------------

    def put_stage(self, stage: StageRow, *, product: str) -> None:
        """Record what a stage put out; for the same key the last result counts."""
        with self._turn() as turn:
            turn.record(
                kinds.STAGE_FINISHED,
                subject=stage.key,
                product=product,
                at=stage.at,
                body=asdict(stage),
            )

    def stage(self, key: str) -> StageRow | None:
        """What the stage with inputs of that key put out, if it has run."""
        table = schema.stage_results
        return self._first(StageRow, select(table).where(table.c.key == key))

    def forget_stages(self, keys: Sequence[str], *, product: str, at: int) -> None:
        """Record that these outputs count no more: the stages run again where they are asked for.

        The events that they were recorded by stay.
        """
        if not keys:
            return
        with self._turn() as turn:
            turn.record(
                kinds.STAGES_FORGOTTEN,
                subject=product,
                product=product,
                at=at,
                body={"keys": list(keys)},
            )

    # -- releases and what is said about them ------------------------------------------------

    def add_release(self, release: ReleaseRow) -> ReleaseRow:
        """Record a release; for a bundle that has a label already, the release it has.

        Raises OperatorError E111 when another bundle of the product has that label.
        """
        table = schema.releases
        same = select(table).where(table.c.bundle == release.bundle)
        twin = select(table).where(
            table.c.product == release.product, table.c.label == release.label
        )
        with self._turn() as turn:
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

    def release(self, bundle: str) -> ReleaseRow | None:
        """The release of that bundle digest."""
        table = schema.releases
        return self._first(ReleaseRow, select(table).where(table.c.bundle == bundle))

    def release_labelled(self, product: str, label: str) -> ReleaseRow | None:
        """The product's release of that label."""
        table = schema.releases
        query = select(table).where(table.c.product == product, table.c.label == label)
        return self._first(ReleaseRow, query)

    def releases(self, product: str, *, limit: int | None = None) -> list[ReleaseRow]:
        """The product's releases, newest first."""
        table = schema.releases
        query = select(table).where(table.c.product == product)
        return self._read(ReleaseRow, query.order_by(table.c.event.desc()).limit(limit))

    def add_attestation(self, attestation: AttestationRow, *, product: str) -> None:
        """Record where an attestation is kept; recording it twice is recording it once."""
        table = schema.attestations
        same = select(table).where(
            table.c.subject == attestation.subject,
            table.c.predicate_type == attestation.predicate_type,
            table.c.blob == attestation.blob,
        )
        with self._turn() as turn:
            if turn.connection.execute(same).first() is None:
                turn.record(
                    kinds.ATTESTED,
                    subject=attestation.subject,
                    product=product,
                    at=attestation.at,
                    body=asdict(attestation),
                )

    def attestations(
        self, subject: str, *, predicate_type: str | None = None
    ) -> list[AttestationRow]:
        """What is said about a bundle, oldest first."""
        table = schema.attestations
        query = select(table).where(table.c.subject == subject)
        if predicate_type is not None:
            query = query.where(table.c.predicate_type == predicate_type)
        return self._read(AttestationRow, query.order_by(table.c.event))

    # -- deployments -------------------------------------------------------------------------

    def deploy(
        self, deployment: DeploymentRow, *, promotes: RolloutRow | None = None
    ) -> DeploymentRow:
        """Record what answers from now on, if nothing was deployed since it was decided.

        Raises OperatorError E101 unless its generation is the present one plus one: of two acts
        that were decided on the same generation, one wins. So with the rollout that it promotes:
        nobody may have changed it meanwhile.
        """
        with self._turn() as turn:
            present = live_generation(turn.connection, deployment)
            if deployment.generation != present + 1:
                raise conflict(deployment, deployment.generation - 1, present)
            if promotes is not None:
                require_revision(turn.connection, promotes, promotes.revision)
            turn.record(
                kinds.DEPLOYED,
                subject=deployment.bundle,
                product=deployment.product,
                at=deployment.since,
                body=asdict(deployment),
            )
        return deployment

    def deployment(self, product: str, environment: str) -> DeploymentRow | None:
        """What answers there now."""
        return next(iter(self.deployments(product, environment, limit=1)), None)

    def deployments(
        self, product: str, environment: str, *, limit: int | None = None
    ) -> list[DeploymentRow]:
        """What answered there, newest first."""
        table = schema.deployments
        query = select(table).where(table.c.product == product, table.c.environment == environment)
        return self._read(DeploymentRow, query.order_by(table.c.generation.desc()).limit(limit))

    # -- rollouts ----------------------------------------------------------------------------

    def roll_out(self, rollout: RolloutRow) -> RolloutRow:
        """Record an act on a rollout, if nothing changed since it was decided.

        Raises OperatorError E101 unless its generation is the one that is live and its revision
        the present one plus one.
        """
        with self._turn() as turn:
            present = live_generation(turn.connection, rollout)
            if rollout.generation != present:
                raise conflict(rollout, rollout.generation, present)
            require_revision(turn.connection, rollout, rollout.revision - 1)
            turn.record(
                kinds.ROLLED_OUT,
                subject=rollout.bundle,
                product=rollout.product,
                at=rollout.at,
                body=asdict(rollout),
            )
        return rollout

    def rollout(self, product: str, environment: str) -> RolloutRow | None:
        """The last act on a rollout there, whether it still runs or not."""
        return next(iter(self.rollouts(product, environment, limit=1)), None)

    def rollouts(
        self, product: str, environment: str, *, limit: int | None = None
    ) -> list[RolloutRow]:
        """The acts on rollouts there, newest first."""
        table = schema.rollouts
        query = select(table).where(table.c.product == product, table.c.environment == environment)
        newest = query.order_by(table.c.generation.desc(), table.c.revision.desc())
        return self._read(RolloutRow, newest.limit(limit))

    # -- how ---------------------------------------------------------------------------------

    def _migrate(self) -> None:
        # Function-level because Alembic takes longer to import than a whole command may take.
        from interlock.store.migrate import upgrade  # noqa: PLC0415

        with self._writing() as connection:
            upgrade(connection)
            connection.commit()

    def _revision(self) -> str | None:
        """The stored revision, read without Alembic; None for an empty database."""
        with self._reading() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return None if found is None else str(found)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with explained(self.engine), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A connection that takes the write lock, where there is one; committed by its user."""
        with explained(self.engine), self.engine.connect() as connection:
            yield connection.execution_options(**{WRITES: True})

    @contextmanager
    def _turn(self) -> Iterator[Turn]:
        """A transaction in which nobody else appends."""
        with self._writing() as connection:
            yield Turn.take(connection)
            connection.commit()

    def _read(self, record: type[_R], query: Select[Any]) -> list[_R]:
        with self._reading() as connection:
            return [from_row(record, row) for row in connection.execute(query).mappings()]

    def _first(self, record: type[_R], query: Select[Any]) -> _R | None:
        return next(iter(self._read(record, query)), None)


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


def _unknown_delivery(identity: str) -> StoreError:
    return StoreError(
        "L115",
        "the ledger knows no such delivery",
        got=repr(identity),
        fix="take the id from `interlock history`",
    )
