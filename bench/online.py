"""What a look-up in the online store costs, beside what it cannot do without.

In one process, p50 of interleaved rounds, over a table of 50,000 entities with six values each:

- SQLite: the look-up of a release (pointer, table, typed key, definition, defaults) beside a bare
  ``SELECT`` by primary key on the same file, and beside an empty function call.
- Redis, on a server of its own on this machine: the look-up of one request, which is one round
  trip for one history as for three, beside a bare ``GET`` of as many bytes with the client library,
  and over a connection of that library without its conveniences.

Entities are drawn at random; one in ten was never seen.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

import redis

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "contracts"))

from figures import Figure, parser, show  # noqa: E402
from redis_server import RedisServer  # noqa: E402

from interlock.clock import DAY  # noqa: E402
from interlock.features.definition import Aggregate, HistoryDefinition  # noqa: E402
from interlock.features.lookup import HistoryLookup, view_name  # noqa: E402
from interlock.store.online_place import OnlineAccess, open_reader, open_writer  # noqa: E402

ENTITIES = 50_000
VALUES = 6
HISTORIES = 3
ACCESS = OnlineAccess(namespace="bench:flights", timeout_seconds=1.0)
LIVE = 50 * DAY
GOAL = 2.0  # a Redis look-up, beside a bare GET with the client library


def definition(number: int) -> HistoryDefinition:
    aggregates = tuple(
        Aggregate(
            name=f"h{number}_v{i}",
            function="mean",
            column="x",
            window=DAY,
            ttl=None,
            default=None,
            kind="float",
        )
        for i in range(VALUES)
    )
    return HistoryDefinition(
        name=f"h{number}",
        source="s",
        entity=(("tail", "str"),),
        refresh=DAY,
        landing=0,
        aggregates=aggregates,
        digest=str(number) * 64,
    )


def fill(url: str, definitions: Sequence[HistoryDefinition]) -> None:
    writer = open_writer(url, ACCESS, {})
    for one in definitions:
        writer.write(
            view_name(one),
            LIVE,
            key=one.entity,
            values=[(a.name, a.kind) for a in one.aggregates],
            rows=((f"N{i}", *(i + v / 7 for v in range(VALUES))) for i in range(ENTITIES)),
            digest=one.digest,
        )
        writer.publish(view_name(one), LIVE)
    writer.close()


def look_up(url: str, definitions: Sequence[HistoryDefinition]) -> Callable[[str], Any]:
    lookup = HistoryLookup(open_reader(url, ACCESS, {}), definitions, replay=False)
    n = len(definitions)
    return lambda key: lookup.row([(key,)] * n, LIVE)


def bare_select(folder: Path, one: HistoryDefinition) -> Callable[[str], Any]:
    path = folder / view_name(one) / f"{LIVE}.sqlite"
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
    connection.execute(f"PRAGMA mmap_size = {1 << 28}")
    chosen = ", ".join(f"v{i}" for i in range(VALUES))
    query = f"SELECT {chosen} FROM entries WHERE k0 = ?"
    return lambda key: connection.execute(query, (key,)).fetchone()


def bare_get(client: redis.Redis) -> Callable[[str], Any]:
    pipeline = client.pipeline(transaction=False)
    for i in range(ENTITIES):
        pipeline.set(f"N{i}", b"x" * (9 * VALUES + 1))
        if i % 5_000 == 0:
            pipeline.execute()
    pipeline.execute()
    return client.get


def bare_connection(server: RedisServer) -> Callable[[str], Any]:
    connection: Any = redis.Connection(host="127.0.0.1", port=server.port, protocol=2)
    connection.connect()

    def get(key: str) -> Any:
        connection.send_packed_command(connection.pack_command("GET", key))
        return connection.read_response()

    return get


def measure(acts: dict[str, Callable[[str], Any]], *, rounds: int, calls: int) -> dict[str, float]:
    """The p50 of each act in microseconds; the acts take turns."""
    chance = random.Random(0)
    keys = [f"N{chance.randrange(ENTITIES * 10 // 9)}" for _ in range(calls)]
    spent: dict[str, list[int]] = {name: [] for name in acts}
    for act in acts.values():
        for key in keys[:50]:
            act(key)
    for _ in range(rounds):
        for name, act in acts.items():
            times = spent[name]
            for key in keys:
                begun = perf_counter_ns()
                act(key)
                times.append(perf_counter_ns() - begun)
    return {name: median(times) / 1_000 for name, times in spent.items()}


def main() -> int:
    """Print the figures; 1 when a goal does not hold."""
    options = parser((__doc__ or "").split("\n")[0])
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--calls", type=int, default=500)
    asked = options.parse_args()
    definitions = [definition(i) for i in range(HISTORIES)]
    with tempfile.TemporaryDirectory() as place:
        files = Path(place) / "files"
        with RedisServer(Path(place) / "redis") as server:
            for url in (str(files), server.url):
                fill(url, definitions)
            acts = {
                "empty call": lambda key: None,
                "SQLite: bare SELECT": bare_select(files, definitions[0]),
                "SQLite: one history": look_up(str(files), definitions[:1]),
                "SQLite: three histories": look_up(str(files), definitions),
                "Redis: bare GET, client": bare_get(server.client()),
                "Redis: bare GET, connection": bare_connection(server),
                "Redis: one history": look_up(server.url, definitions[:1]),
                "Redis: three histories": look_up(server.url, definitions),
            }
            found = measure(acts, rounds=asked.rounds, calls=asked.calls)
    figures = [Figure(name=f"{name}, p50, µs", value=value) for name, value in found.items()]
    return show([*ratios(found), *figures], as_json=asked.json)


def ratios(found: dict[str, float]) -> list[Figure]:
    """Each look-up beside the least that it does."""
    pairs = (
        ("SQLite: one history", "SQLite: bare SELECT", None),
        ("Redis: one history", "Redis: bare GET, client", GOAL),
        ("Redis: one history", "Redis: bare GET, connection", None),
        ("Redis: three histories", "Redis: one history", None),
    )
    return [
        Figure(name=f"{own} ÷ {beside}", value=found[own] / found[beside], goal=goal)
        for own, beside, goal in pairs
    ]


if __name__ == "__main__":
    sys.exit(main())
