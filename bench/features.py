"""Features at both ends: the training set of all flights, and one row live.

- *history part*: twenty history features of 336,776 flights beside one hand-written DuckDB query
  that computes the same (compared value by value), and beside pandas; each side in a process of its
  own, best of its repeats; with the memory it takes beyond its input, at 1, 3, 10 times the rows.
- *request features* of the flights, column by column: rows a second on one core.
- *one row live*: all request features of the valuation product and its two histories looked up in
  SQLite, beside an empty call and as many bare look-ups by key; p50.
- *refresh*: all entities at one grid point, beside the bare aggregate query on the same rows.

The sides alternate, and each has the best of its repeats, for a shared machine is noisy. Interlock
and the query use threads alike, so their processor seconds are compared; pandas has one thread, so
there it is the seconds that one waits.
"""

from __future__ import annotations

import json
import math
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from figures import Figure, parser, show
from flights_history import DAYS, ENTITIES, definitions

from interlock.clock import DAY, parse_instant
from interlock.data import engine
from interlock.data.conform import python_values
from interlock.data.taking import take
from interlock.features.assemble import history_rows
from interlock.features.definition import HistoryDefinition
from interlock.features.grid import grid_point
from interlock.features.history import refresh_table
from interlock.features.lookup import HistoryLookup, view_name
from interlock.features.refresh import refresh
from interlock.product.binding import Bound, bind
from interlock.product.loading import choose, load_products
from interlock.product.training_set import packed_features
from interlock.store.online_place import OnlineAccess, open_reader, open_writer

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "examples"
SIDE = HERE / "flights_history.py"
ACCESS = OnlineAccess(namespace="bench", timeout_seconds=1.0)
AS_OF = {"flights": "2014-01-05T00:00:00Z", "valuation": "1996-12-31T00:00:00Z"}
COLUMNS = ("carrier", "origin", "dest", "tail_number", "arr_delay")
ROUNDS, CALLS = 25, 400
LIVE_GOAL = 25.0  # µs


def main() -> int:
    """Print the figures; 1 when a goal does not hold."""
    options = parser("Measure features, in training and live.")
    options.add_argument("--times", type=int, nargs="*", default=[1, 3, 10], help="times the rows")
    options.add_argument("--repeats", type=int, default=3)
    given = options.parse_args()
    flights = bound("flights")
    with tempfile.TemporaryDirectory(prefix="interlock-bench-") as place:
        rows = flight_rows(flights, Path(place) / "flights.parquet")
        figures = [
            *history_figures(Path(place) / "flights.parquet", given.times, given.repeats),
            *request_figures(flights),
            *refresh_figures(rows),
            *live_figures(Path(place)),
        ]
    return show(figures, as_json=given.json)


def bound(example: str) -> Bound:
    """An example's product."""
    folder = EXAMPLES / example
    return bind(choose(load_products(folder, ("product.py",)), None), folder)


def snapshot(product: Bound, source: str, example: str) -> pa.Table:
    """A source's usable rows."""
    moment, folder = parse_instant(AS_OF[example]), product.project_dir
    given = product.sources[source]
    return take(given, as_of=moment, zone=product.zone, project_dir=folder).revisions


def flight_rows(flights: Bound, path: Path) -> pa.Table:
    """The flights as histories read them, written to the path too."""
    table = snapshot(flights, "flights", "flights")
    rows = table.select([*COLUMNS, "__event_time", "__available_at", "__superseded_at"])
    rows = rows.append_column("__key", pa.array(np.arange(rows.num_rows)))
    pq.write_table(rows, path)
    return table


def history_figures(path: Path, times: Sequence[int], repeats: int) -> list[Figure]:
    """Each side at each size, in a process of its own."""
    found: dict[tuple[str, int], dict[str, float]] = {}
    for size in times:
        sides = ("interlock", "duckdb", "pandas") if size == 1 else ("interlock", "duckdb")
        for _ in range(repeats if size == 1 else 1):
            for side in sides:
                row = measured(path, side, size, 2)
                known = found.get((side, size), row)
                found[side, size] = {key: min(known[key], row[key]) for key in row}
    figures = []
    for (side, _), row in found.items():
        head = f"history part, {row['rows']:,.0f} rows, {side}"
        figures += [
            Figure(name=f"{head}, s", value=row["seconds"]),
            Figure(name=f"{head}, processor s", value=row["processor_seconds"]),
            Figure(name=f"{head}, MB beyond its input", value=row["megabytes"]),
        ]
    own = {size: found["interlock", size] for size in times}
    for size, row in own.items():
        for kind, measure in (("processor_seconds", "processor s"), ("seconds", "s")):
            figures.append(
                Figure(
                    name=f"interlock ÷ hand-written query, {size}× rows, {measure}",
                    value=row[kind] / found["duckdb", size][kind],
                    goal=2.0 if kind == "processor_seconds" else None,
                )
            )
    if 1 in own:
        figures += [
            Figure(
                name="interlock ÷ pandas, s",
                value=own[1]["seconds"] / found["pandas", 1]["seconds"],
                goal=1.0,
            ),
            Figure(name="values that differ", value=own[1]["differences"], goal=0),
        ]
        figures += [growth(own[1], row, size) for size, row in own.items() if size > 1]
    return figures


def growth(one: dict[str, float], many: dict[str, float], size: int) -> Figure:
    """How much more it costs than n log n would; a quarter more is the processor's caches."""
    expected = size * math.log(many["rows"]) / math.log(one["rows"])
    ratio = many["processor_seconds"] / one["processor_seconds"] / expected
    return Figure(name=f"growth to {size}× rows ÷ that of n log n", value=ratio, goal=1.25)


def measured(path: Path, side: str, times: int, repeats: int) -> dict[str, float]:
    """One side's figures."""
    command = [sys.executable, str(SIDE), str(path), side, str(times), str(repeats)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    row: dict[str, float] = json.loads(done.stdout)
    return row


def request_figures(flights: Bound) -> list[Figure]:
    """The flights' request features over all rows, on one core."""
    packed = packed_features(flights)
    table = snapshot(flights, "flights", "flights")
    names = [flights.mapping[field] for field in packed.fields]
    given = [python_values(table.column(name).combine_chunks()) for name in names]
    columns = dict(zip(packed.fields, given, strict=True))
    instants = table["__event_time"].to_pylist()
    seconds = min(timed(lambda: packed.columns(columns, instants)) for _ in range(3))
    n_features = len(flights.features.request)
    return [
        Figure(name=f"{n_features} request features, rows/s a core", value=len(instants) / seconds),
        Figure(name=f"{n_features} request features, all flights, s", value=seconds),
    ]


def refresh_figures(table: pa.Table) -> list[Figure]:
    """All entities at one grid point, beside the bare aggregates of the same rows."""
    grid = parse_instant("2013-12-31T00:00:00Z")
    table = table.append_column("__key", pa.array(np.arange(table.num_rows)))

    def refreshed() -> None:
        for definition in definitions():
            refresh_table(definition, table, [grid])

    def bare() -> None:
        connection = engine.connect()
        for entity in ENTITIES:
            connection.register("flights", table)
            connection.sql(bare_aggregates(entity, grid)).to_arrow_table()
        connection.close()

    own, beside = (min(timed(act) for _ in range(5)) for act in (refreshed, bare))
    return [
        Figure(name="refresh of all entities at one grid point, s", value=own),
        Figure(name="the bare aggregate queries, s", value=beside),
        Figure(name="refresh ÷ bare aggregate queries", value=own / beside),
    ]


def bare_aggregates(entity: Sequence[str], grid: int) -> str:
    """The aggregates of every entity at a grid point, as one would write them."""
    values = ", ".join(
        f"avg((arr_delay > 15)::int) FILTER ({since}), avg(arr_delay) FILTER ({since})"
        for since in (f"WHERE __event_time >= {grid - days * DAY}" for days in DAYS)
    )
    return (
        f"SELECT {', '.join(entity)}, {values} FROM flights WHERE __event_time < {grid} "
        f"AND __available_at <= {grid} AND __event_time >= {grid - max(DAYS) * DAY} GROUP BY ALL"
    )


def live_figures(place: Path) -> list[Figure]:
    """The valuation product's request features and SQLite look-up of one row."""
    valuation = bound("valuation")
    packed = packed_features(valuation)
    rows = snapshot(valuation, "sales", "valuation")
    as_of = parse_instant(AS_OF["valuation"])
    histories = valuation.features.histories
    writer = open_writer(str(place / "online"), ACCESS, {})
    for definition in histories:
        past = history_rows(definition, packed, rows)
        refresh(writer, definition, past, [grid_point(as_of, definition)])
    writer.close()
    lookup = HistoryLookup(open_reader(str(place / "online"), ACCESS, {}), histories, replay=False)
    names = [valuation.mapping[field] for field in packed.fields]
    some = rows.slice(0, CALLS)
    given = list(zip(*(python_values(some.column(n).combine_chunks()) for n in names), strict=True))
    places = [[packed.names.index(name) for name, _ in d.entity] for d in histories]

    def whole(values: Sequence[Any]) -> Any:
        made = packed.row(values, as_of)
        return lookup.row([tuple(made[i] for i in where) for where in places], as_of)

    made = [packed.row(values, as_of) for values in given]
    keys = [[tuple(row[i] for i in where) for where in places] for row in made]
    bare = [bare_select(place / "online", d, as_of) for d in histories]
    cases: dict[str, tuple[Callable[[Any], Any], Sequence[Any]]] = {
        "one row live: request features and look-ups, µs p50": (whole, given),
        "  of these, request features": (lambda values: packed.row(values, as_of), given),
        "  of these, look-ups in SQLite": (lambda key: lookup.row(key, as_of), keys),
        f"  beside {len(histories)} bare SQLite look-ups by key": (
            lambda key: [select(part) for select, part in zip(bare, key, strict=True)],
            keys,
        ),
        "  beside an empty call": (lambda _: None, given),
    }
    found = {name: microseconds(call, rows_) for name, (call, rows_) in cases.items()}
    lookup.close()
    return [
        Figure(name=name, value=value, goal=None if name.startswith(" ") else LIVE_GOAL)
        for name, value in found.items()
    ]


def bare_select(
    folder: Path, definition: HistoryDefinition, as_of: int
) -> Callable[[Sequence[Any]], Any]:
    """A look-up by key in the very file, with the database's own means."""
    path = folder / view_name(definition) / f"{grid_point(as_of, definition)}.sqlite"
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
    values = ", ".join(f"v{i}" for i in range(len(definition.aggregates)))
    query = f"SELECT {values} FROM entries WHERE k0 = ?"
    return lambda key: connection.execute(query, key).fetchone()


def microseconds(call: Callable[[Any], Any], rows: Sequence[Any]) -> float:
    """The median call, of many rounds over the rows."""
    clock = time.perf_counter_ns
    found = []
    for _ in range(ROUNDS):
        for row in rows:
            started = clock()
            call(row)
            found.append(clock() - started)
    return median(found) / 1e3


def timed(act: Callable[[], Any]) -> float:
    """Seconds."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
