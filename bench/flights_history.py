"""One side of the history bench in a process of its own: seconds, processor seconds, memory.

Twenty features of every flight: by carrier, origin, destination, aircraft and route, over 7 and 30
days, the share of late flights and the mean delay, as known on the midnight (UTC) before.

Three sides do it: Interlock; one hand-written DuckDB query; pandas with rolling sums and
``merge_asof``. The query says what a careful author would: flights gathered by entity, day of the
event and first midnight at which they are known, then joined by range of days. pandas answers an
easier question, which is what is usually written: a row counts for a window from when it is known.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from interlock.clock import DAY
from interlock.data import engine
from interlock.features.definition import Aggregate, HistoryDefinition
from interlock.features.history import compute

ENTITIES = (("carrier",), ("origin",), ("dest",), ("tail_number",), ("origin", "dest"))
DAYS = (7, 30)
LATE = '"arr_delay" > 15'


def definitions() -> list[HistoryDefinition]:
    """The five histories."""
    return [
        HistoryDefinition(
            name="_".join(entity),
            source="flights",
            entity=tuple((name, "str") for name in entity),
            refresh=DAY,
            landing=0,
            aggregates=tuple(a for days in DAYS for a in _aggregates("_".join(entity), days)),
            digest="",
        )
        for entity in ENTITIES
    ]


def _aggregates(name: str, days: int) -> list[Aggregate]:
    fields: dict[str, Any] = {"window": days * DAY, "ttl": None, "default": None, "kind": "float"}
    return [
        Aggregate(name=f"{name}_late_{days}", function="share", column=None, where=LATE, **fields),
        Aggregate(name=f"{name}_delay_{days}", function="mean", column="arr_delay", **fields),
    ]


def replicated(rows: pa.Table, times: int) -> pa.Table:
    """The rows so many times, every copy with keys of its own and events some minutes apart."""
    copies = []
    rng = np.random.default_rng(0)
    for copy in range(times):
        table = rows
        if copy:
            for name in sorted({name for entity in ENTITIES for name in entity}):
                renamed = pc.binary_join_element_wise(table[name], f"#{copy}", "")
                table = table.set_column(table.column_names.index(name), name, renamed)
            moved = rng.integers(-30, 30, table.num_rows) * 60_000_000
            for name in ("__event_time", "__available_at"):
                later = pa.array(table[name].to_numpy() + moved)
                table = table.set_column(table.column_names.index(name), name, later)
        copies.append(table)
    whole = pa.concat_tables(copies).combine_chunks()
    key = pa.array(np.arange(whole.num_rows))
    return whole.set_column(whole.column_names.index("__key"), "__key", key)


def asked(rows: pa.Table) -> pa.Table:
    """Every flight asks for the midnight before it."""
    grid = rows["__event_time"].to_numpy() // DAY * DAY
    columns = {name: rows[name] for entity in ENTITIES for name in entity}
    return pa.table({"__ordinal": np.arange(rows.num_rows), **columns, "__grid": grid})


def by_interlock(rows: pa.Table, at: pa.Table) -> pa.Table:
    """The twenty columns as training computes them."""
    found = {"__ordinal": at["__ordinal"]}
    for definition in definitions():
        made = compute(definition, rows, at)
        found |= {name: made[name] for name in made.column_names[1:]}
    return pa.table(found)


def query() -> str:
    """The hand-written query."""
    parts, columns, joins = [], [], []
    for number, entity in enumerate(ENTITIES):
        keys, name = ", ".join(entity), "_".join(entity)
        same = " AND ".join(f"p.{key} = d.{key}" for key in entity)
        week = "FILTER (WHERE event_day >= day - 7)"
        parts.append(f"""
        by_day_{number} AS (
            SELECT {keys}, __event_time // {DAY} AS event_day,
                   greatest((__available_at + {DAY} - 1) // {DAY}, event_day + 1) AS known_day,
                   count(*) AS n, count(arr_delay) AS known, sum(arr_delay) AS delay,
                   count(*) FILTER (WHERE arr_delay > 15) AS late
            FROM flights GROUP BY ALL),
        values_{number} AS (
            SELECT {", ".join(f"p.{key}" for key in entity)}, day,
                   sum(late) {week} / sum(n) {week} AS {name}_late_7,
                   sum(delay) {week} / sum(known) {week} AS {name}_delay_7,
                   sum(late) / sum(n) AS {name}_late_30,
                   sum(delay) / sum(known) AS {name}_delay_30
            FROM (SELECT DISTINCT {keys}, __grid // {DAY} AS day FROM asked) p
            JOIN by_day_{number} d
              ON {same} AND known_day <= day AND event_day >= day - 30 AND event_day < day
            GROUP BY ALL)""")
        columns += [f"{name}_{what}_{days}" for days in DAYS for what in ("late", "delay")]
        on = " AND ".join(f"a.{key} = v{number}.{key}" for key in entity)
        joins.append(
            f"LEFT JOIN values_{number} v{number} ON {on} AND a.__grid // {DAY} = v{number}.day"
        )
    return (
        f"WITH {','.join(parts)} SELECT __ordinal, {', '.join(columns)} "
        f"FROM asked a {' '.join(joins)} ORDER BY __ordinal"
    )


def by_duckdb(rows: pa.Table, at: pa.Table) -> pa.Table:
    """The twenty columns by the hand-written query."""
    connection = engine.connect()
    try:
        return engine.run(connection, query(), flights=rows, asked=at)
    finally:
        connection.close()


def by_pandas(rows: pa.Table, at: pa.Table) -> pd.DataFrame:
    """Twenty columns of nearly the same meaning."""
    past = rows.to_pandas()
    past["known"] = pd.to_datetime(past["__available_at"], unit="us")
    past["late"] = (past["arr_delay"] > 15).astype(float)
    questions = at.to_pandas()
    questions["known"] = pd.to_datetime(questions["__grid"], unit="us")
    questions = questions.sort_values("known")
    for entity in ENTITIES:
        keys = list(entity)
        # midnights stand among the rows, so that what has left the window by then is gone
        midnights = questions[[*keys, "known"]].drop_duplicates()
        frame = pd.concat([past[[*keys, "known", "late", "arr_delay"]], midnights])
        frame = frame.sort_values("known", kind="stable").set_index("known")
        groups = frame.groupby(keys)[["late", "arr_delay"]]
        made = [
            groups.rolling(f"{days}D", min_periods=1)
            .mean()
            .add_prefix(f"{'_'.join(entity)}_{days}_")
            for days in DAYS
        ]
        values = pd.concat(made, axis=1).reset_index().sort_values("known", kind="stable")
        questions = pd.merge_asof(questions, values, on="known", by=keys)
    return questions.sort_values("__ordinal")


SIDES: dict[str, Callable[[pa.Table, pa.Table], Any]] = {
    "interlock": by_interlock,
    "duckdb": by_duckdb,
    "pandas": by_pandas,
}


def differences(rows: pa.Table, at: pa.Table) -> int:
    """Values in which Interlock and the hand-written query differ by more than rounding."""
    one, two = by_interlock(rows, at), by_duckdb(rows, at)
    found = 0
    for name in one.column_names[1:]:
        a, b = (t[name].to_numpy(zero_copy_only=False) for t in (one, two))
        found += int((~np.isclose(a, b, rtol=1e-12, atol=0, equal_nan=True)).sum())
    return found


def peak_megabytes() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """``flights_history.py ROWS.parquet SIDE TIMES REPEATS``: one line of JSON."""
    path, side, times, repeats = sys.argv[1:]
    rows = replicated(pq.read_table(Path(path)), int(times))
    at = asked(rows)
    duckdb.connect().close()
    before = peak_megabytes()
    measured = []
    for _ in range(int(repeats)):
        clock, processor = time.perf_counter(), time.process_time()
        SIDES[side](rows, at)
        measured.append((time.perf_counter() - clock, time.process_time() - processor))
    found = {
        "rows": rows.num_rows,
        "seconds": min(seconds for seconds, _ in measured),
        "processor_seconds": min(seconds for _, seconds in measured),
        "megabytes": peak_megabytes() - before,
    }
    if side == "interlock" and times == "1":
        found["differences"] = differences(rows, at)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
