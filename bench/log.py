"""What it costs to look at a prediction log that is not shipped yet, beside what none does without.

Two workers' segments hold answers of one release, in turns, as a service writes them. Measured are
the newest 20 with the count of all (``interlock log``), the count of those that are not covered,
every row with every column, newest first (as an export reads it), and shipping to Parquet. Beside
them stand, in the same process and in turns, two ways to do less, reading the files with one
checksum of each and decoding every record with msgspec from memory, and what a script would do:
decode every record and hand all of them to Arrow, unsorted, unchecked. Each is processor time of
its quickest round, so it holds on a busy machine too.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time

import pyarrow as pa
from figures import Figure, parser, show
from msgspec import msgpack

from interlock.serve.log.archive import archive_for
from interlock.serve.log.prediction_log import PredictionLog
from interlock.serve.log.read import read_log
from interlock.serve.log.record import Phases, Record, read_record
from interlock.serve.log.row_records import RowRecord, RowRecords
from interlock.serve.log.segment import list_segments
from interlock.serve.log.shipping import locked, ship
from interlock.serve.log.view import Asked, viewed

ROWS = 100_000
ROUNDS = 3
TICK = 50  # rows that a worker writes at once
NEWEST_GOAL = 0.3  # of the script
EVERY_GOAL = 1.0


def main() -> int:
    """Print the figures; 1 when a goal does not hold."""
    options = parser("Measure looking at a log that is not shipped.")
    options.add_argument("--rows", type=int, default=ROWS, help="rows of the log")
    options.add_argument("--rounds", type=int, default=ROUNDS, help="turns of each way")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="interlock-bench-log-") as place:
        log = Path(place) / "log"
        write(log, asked.rows)
        return show(figures(log, asked.rows, asked.rounds), as_json=asked.json)


def write(log: Path, n_rows: int) -> None:
    """The log: valuations of houses, one in ten not covered."""
    shared = Record(id="", time=0, product="valuation", status=200, digest="5d" * 32, label="1.0.0")
    fields = ("living_area_sqft", "lot_sqft", "stories", "exterior_wall", "rooms", "easting_m")
    names = ("age_years", "neighbourhood", "area_per_room", "sales_180d", "median_price_180d")
    records, chance = RowRecords(shared, fields, names), random.Random(0)

    def record(n: int) -> bytes:
        area, rooms, east = chance.randrange(600, 4_000), chance.randrange(1, 12), n * 0.37 + 5e5
        covered = n % 10 > 0
        return records.encoded(
            RowRecord(
                f"{n:032x}",
                1_750_000_000_000_000 + 60 * n,
                1_749_945_600_000_000,
                (east, 2e5 + n % 977 / 8),
                records.request((area, 4 * area, "one", "wood", rooms, east)),
                records.features((n % 150, f"{n % 99}:10", area / rooms, n % 40, area * 31.5)),
                {"sales_by_neighbourhood": 1_749_859_200_000_000},
                area * 31.25 if covered else None,
                Phases(decode=2.5, features=3.75, history=8.1, encode=2.2, score=11.4, answer=1.9),
                interval=(area * 25.0, area * 40.0) if covered else None,
                not_covered="" if covered else "neighbourhood 9:10: 3 rows of training, 30 needed",
            )
        )

    with PredictionLog.open(log, "w0") as first, PredictionLog.open(log, "w1") as second:
        for start in range(0, n_rows, TICK):
            worker = second if start // TICK % 2 else first
            worker.append([record(n) for n in range(start, min(start + TICK, n_rows))])


def figures(log: Path, n_rows: int, rounds: int) -> list[Figure]:
    """Microseconds a row of each way, and what ours are beside the script."""
    payloads = [entry.payload for entry in read_log(log)]
    ways: dict[str, Callable[[], object]] = {
        "bare reading": lambda: [zlib.crc32(one.path.read_bytes()) for one in list_segments(log)],
        "bare decoding": lambda: deque(map(read_record, payloads), maxlen=0),
        "script": lambda: pa.Table.from_pylist([msgpack.decode(one) for one in payloads]),
        "newest 20, and the count": lambda: newest(log, n_rows),
        "count of a filter": lambda: filtered(log),
        "every row and column": lambda: every(log, n_rows),
    }
    spent: dict[str, float] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            spent[name] = min(spent.get(name, float("inf")), seconds(way))
    spent["shipping"] = min(shipping(log) for _ in range(rounds))
    goals = {"newest 20, and the count": NEWEST_GOAL, "every row and column": EVERY_GOAL}
    ratios = [
        Figure(name=f"{name} ÷ script", value=spent[name] / spent["script"], goal=goals.get(name))
        for name in spent
        if name != "script" and not name.startswith("bare")
    ]
    told = [
        Figure(name=f"{n}, processor µs a row", value=s / n_rows * 1e6) for n, s in spent.items()
    ]
    return [*ratios, *told]


def seconds(way: Callable[[], object]) -> float:
    """Of all the process's threads."""
    begun = process_time()
    way()
    return process_time() - begun


def newest(log: Path, n_rows: int) -> None:
    with viewed(log) as view:
        found, rows = view.count(Asked()), view.rows(Asked(), limit=20).read_all()
    if (found, rows.num_rows) != (n_rows, 20):
        raise SystemExit(f"{found} of {n_rows} records were found")


def filtered(log: Path) -> None:
    with viewed(log) as view:
        view.count(Asked(covered=False))


def every(log: Path, n_rows: int) -> None:
    with viewed(log) as view:
        found = sum(batch.num_rows for batch in view.rows(Asked()))
    if found != n_rows:
        raise SystemExit(f"{found} of {n_rows} rows were read")


def shipping(log: Path) -> float:
    """All of a copy: one more segment of each worker makes the others finished ones."""
    with copied(log) as copy:
        for worker in ("w0", "w1"):
            PredictionLog.open(copy, worker).close()
        with locked(copy, alone=True):
            target = archive_for(copy, "parquet", copy.parent / "parquet")
            return seconds(lambda: ship(copy, target))


@contextmanager
def copied(log: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="interlock-bench-log-") as place:
        yield Path(shutil.copytree(log, Path(place) / "log"))


if __name__ == "__main__":
    sys.exit(main())
