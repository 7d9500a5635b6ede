"""The ledger's database: opened, migrated where that is needed, read and written in whole acts.

Invariants: an act is one transaction that appends its event and writes its projection, or neither;
two acts at once queue, and each sees the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Select, inspect, text

from interlock.store import schema
from interlock.store.chain import Turn
from interlock.store.connect import WRITES, engine_for, explained, make_place
from interlock.store.rows import from_row

_R = TypeVar("_R")


@dataclass(frozen=True)
class Database:
    """A relational database; safe to share between threads and processes."""

    engine: Engine

    @classmethod
    def open(cls, place: str | Path, *, busy_seconds: float) -> Database:
        """The database at a path or SQLAlchemy URL, made or migrated where that is needed.

        Raises StoreError L110 (locked), L111 (damaged), L112 (newer than this version), L113.
        """
        database = cls(engine_for(place, busy_seconds=busy_seconds))
        make_place(database.engine)
        if database._revision() != schema.REVISION:
            database._migrate()
        return database

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read by."""
        with explained(self.engine), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that takes the write lock, where there is one."""
        with explained(self.engine), self.engine.connect() as connection:
            yield connection.execution_options(**{WRITES: True})
            connection.commit()

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """A transaction in which nobody else appends."""
        with self.writing() as connection:
            yield Turn.take(connection)

    def rows(self, record: type[_R], query: Select[Any]) -> list[_R]:
        """The records of what the query finds."""
        with self.reading() as connection:
            return [from_row(record, row) for row in connection.execute(query).mappings()]

    def first(self, record: type[_R], query: Select[Any]) -> _R | None:
        """The record of the first that the query finds."""
        return next(iter(self.rows(record, query)), None)

    def _migrate(self) -> None:
        # Function-level because Alembic takes longer to import than a whole command may take.
        from interlock.store.migrate import upgrade  # noqa: PLC0415

        with self.writing() as connection:
            upgrade(connection)

    def _revision(self) -> str | None:
        """The stored revision, read without Alembic; None for an empty database."""
        with self.reading() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return None if found is None else str(found)
