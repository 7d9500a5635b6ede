"""Bring a database to the newest revision. Imported only when there is something to do.

Every migration runs in the one transaction it is given, so a crash leaves the old schema.
"""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection, text

from interlock.errors import StoreError

_LOCK = 7_041_776_031  # any number that is ours, for PostgreSQL's advisory lock


def scripts() -> ScriptDirectory:
    """The migrations that came with this version."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def upgrade(connection: Connection) -> None:
    """Run what is missing, one process at a time. Raises StoreError L112 for a newer database."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    directory = scripts()
    context = MigrationContext.configure(connection)
    stored = context.get_current_revision()
    try:
        missing = (
            []
            if stored == directory.get_current_head()
            else list(directory.iterate_revisions("head", stored or "base"))
        )
    except (CommandError, RevisionError):
        raise StoreError(
            "L112",
            "the ledger was made by a newer version of Interlock",
            where=connection.engine.url.render_as_string(hide_password=True),
            expected=f"revision {directory.get_current_head()} or older",
            got=f"revision {stored}",
            fix="install the version of Interlock that the project was last used with, or newer",
            untouched="the ledger",
        ) from None
    with Operations.context(context):
        for script in reversed(missing):
            script.module.upgrade()
            context.stamp(directory, script.revision)
