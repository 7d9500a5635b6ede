"""DuckDB connections as Interlock uses them: in memory, in UTC, never on the network.

Invariants: no extension is installed or loaded on its own; memory is bounded, and what does not
fit spills to the system's temporary folder, never to the project.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import pyarrow as pa

MEMORY_LIMIT = "4GB"


def connect(*, threads: int | None = None, folder: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A new connection; relative paths in queries are looked up in ``folder``."""
    config: dict[str, str | bool | int] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(Path(tempfile.gettempdir()) / "interlock-duckdb"),
    }
    if threads is not None:
        config["threads"] = threads
    if folder is not None:
        config["file_search_path"] = _quoted(folder)
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def run(connection: duckdb.DuckDBPyConnection, statement: str, **tables: pa.Table) -> pa.Table:
    """The statement's result, with Arrow tables registered under the names given."""
    for name, table in tables.items():
        connection.register(name, table)
    return connection.sql(statement).to_arrow_table()


def _quoted(folder: Path) -> str:
    """A search path with commas, which separate folders there, kept whole."""
    text = str(folder)
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text
