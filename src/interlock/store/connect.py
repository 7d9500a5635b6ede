"""How the ledger reaches its database, and what a database's failure means.

SQLite keeps a rollback journal (its write-ahead log can corrupt a database before 3.51.3), waits
for a lock instead of failing, enforces foreign keys, and takes the write lock when a writing
transaction begins, so that two writers queue instead of failing half-way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from interlock.errors import StoreError
from interlock.store.atomic import storage

WRITES = "interlock_writes"  # execution option: this transaction will write


def engine_for(place: str | Path, *, busy_seconds: float) -> Engine:
    """An engine for a file or an SQLAlchemy URL. Nothing is opened yet. Raises StoreError L113."""
    try:
        url = _url(place)
        if url.get_backend_name() != "sqlite":
            return create_engine(url)
    except (SQLAlchemyError, ValueError, ImportError) as error:
        raise _unusable(error) from None
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": busy_seconds})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def make_place(engine: Engine) -> None:
    """Make the directory of an SQLite file. Raises StoreError L101 or L102."""
    if engine.url.get_backend_name() == "sqlite" and engine.url.database:
        with storage(engine.url.database):
            Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)


@contextmanager
def explained(engine: Engine) -> Iterator[None]:
    """Turn a database error inside the block into StoreError L101, L110, L111 or L113."""
    try:
        yield
    except SQLAlchemyError as error:
        raise _store_error(error, engine.url.render_as_string(hide_password=True)) from error


def _url(place: str | Path) -> URL:
    if isinstance(place, Path) or "://" not in place:
        return URL.create("sqlite", database=str(place))
    return make_url(place)


def _unusable(error: Exception) -> StoreError:
    return StoreError(
        "L113",
        "the ledger's URL cannot be used",
        expected="a path, or a URL such as postgresql+psycopg://host/database",
        got=type(error).__name__,  # never the text: it may hold a password
        fix="correct the ledger's URL in the settings, and install its database's driver",
    )


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where SQLAlchemy says, see below
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=DELETE")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _store_error(error: SQLAlchemyError, where: str) -> StoreError:
    cause = error.orig if isinstance(error, DatabaseError) else error
    text = str(cause).strip() or type(error).__name__
    named = str(getattr(cause, "sqlite_errorname", ""))
    code, what, fix = _meaning(named)
    return StoreError(
        code, what, where=where, got=text, fix=fix, untouched="what was recorded before"
    )


def _meaning(named: str) -> tuple[str, str, str]:
    if named.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return (
            "L110",
            "the ledger is locked by another process",
            "wait for the other command to end, then run this one again",
        )
    if named.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return (
            "L111",
            "the ledger is damaged",
            "set the file aside and restore it from a backup",
        )
    if named.startswith("SQLITE_FULL"):
        return "L101", "the disk is full", "free some space, then run the same command again"
    return (
        "L113",
        "the ledger cannot be read or written",
        "check that the database is there, reachable and writable by this user",
    )
