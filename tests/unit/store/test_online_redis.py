"""The online store on a real redis-server: the contract, and what only a server can suffer."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from online_contract import DIGEST, KEY, VALUES, OnlineContract, unavailable
from redis_server import RedisServer

from interlock.errors import OperatorError, StoreError
from interlock.pipeline.probes.proxy import Proxy
from interlock.store.online import Unavailable
from interlock.store.online_place import OnlineAccess, open_reader, open_writer
from interlock.store.online_redis import RedisReader
from interlock.store.redis_layout import entity_field
from interlock.store.redis_link import PAUSE_SECONDS, RedisAddress, RedisLink

TABLE = "{interlock:dev:valuation}:market:10"
PATIENT = 60.0  # seconds: a busy machine is no server that hangs
ACCESS = OnlineAccess(namespace="dev:valuation", timeout_seconds=PATIENT)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that a test may stop, fill or reconfigure."""
    with RedisServer(tmp_path / "redis") as server:
        yield server


def writer(server: RedisServer, access: OnlineAccess = ACCESS) -> Any:
    return open_writer(server.url, access, {})


def filled(server: RedisServer, n: int = 3, grid: int = 10) -> Any:
    filling = writer(server)
    rows = [(f"a{i}", i, i, None, None, None) for i in range(n)]
    filling.write("market", grid, key=KEY, values=VALUES, rows=rows, digest=DIGEST)
    filling.publish("market", grid)
    return filling


def look(reader: Any, key: Any = ("a1", 1), grid: int | None = None) -> Any:
    return reader.read([("market", grid, key)])[0].values


class TestRedis(OnlineContract):
    @pytest.fixture(autouse=True)
    def _server(self, server: RedisServer) -> Iterator[None]:
        self.server = server
        yield
        server.client().flushall()

    def open_writer(self) -> Any:
        return writer(self.server)

    def open_reader(self) -> Any:
        return open_reader(self.server.url, ACCESS, {})

    def lose(self, view: str, grid: int) -> None:
        assert self.server.client().unlink(f"{{interlock:dev:valuation}}:{view}:{grid}") == 1

    def test_nothing_of_an_erased_row_stays_on_the_server(self) -> None:
        filling = filled(self.server, n=2_500)  # more than the server lists at once
        client = self.server.client()
        client.hset(f"{TABLE}:partial:0123", "a7", "left by a writer that was killed")
        client.set("{interlock:dev:valuation2}:market:10:partial:1", "of another store")
        filling.sweep()
        assert filling.erase("market", 10, lambda key: key[0] in ("a7", "a2400"), source="") == 2
        assert client.hlen(TABLE) == 2_499
        for key in (("a7", 7), ("a2400", 2_400)):
            assert not client.hexists(TABLE, entity_field(key))
        assert client.keys(f"{TABLE}:partial:*") == []
        assert client.exists("{interlock:dev:valuation2}:market:10:partial:1")
        assert filling.views() == ("market",)

    def test_a_table_replaced_meanwhile_is_erased_from_anew(self) -> None:
        filling, seen = filled(self.server), []

        def gone(key: Any) -> bool:
            if not seen:
                filled(self.server, n=5)
            seen.append(key)
            return bool(key[0] == "a1")

        assert filling.erase("market", 10, gone, source="") == 1
        assert filling.table("market", 10).rows == 4
        assert look(open_reader(self.server.url, ACCESS, {})) is None

    def test_an_erasure_that_loses_its_connection_leaves_the_old_table(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        filling = filled(self.server)
        monkeypatch.setattr(filling, "_at_once", lambda *commands: filling._link.close() or 1 / 0)
        with pytest.raises(ZeroDivisionError):
            filling.erase("market", 10, lambda key: True, source="")
        monkeypatch.undo()
        assert look(open_reader(self.server.url, ACCESS, {}))
        assert filling.erase("market", 10, lambda key: True, source="") == 3

    def test_a_request_is_one_round_trip(self) -> None:
        filled(self.server)
        self.write(20, view="weather").publish("weather", 20)
        reader = self.reader()
        asked = [("market", None, ("a1", 1)), ("weather", None, ("a", 1)), ("market", 10, ("x", 1))]
        reader.read(asked)
        trips: list[int] = []
        ask = reader._link.ask
        reader._link.ask = lambda commands, **options: (
            trips.append(len(commands)),
            ask(commands, **options),
        )[1]
        for _ in range(5):
            reader.read(asked)
        assert len(trips) == 5

    def test_nothing_is_left_that_does_not_expire_but_what_is_used(self) -> None:
        self.write(10).publish("market", 10)
        client = self.server.client()
        names = sorted(name.decode() for name in client.keys("*"))
        root = "{interlock:dev:valuation}:market"
        assert names == [f"{root}:10", f"{root}:current", f"{root}:grids"]
        assert {client.ttl(name) for name in names} == {-1}

    def test_what_is_lent_goes_by_itself_and_what_is_written_after_it_stays(self) -> None:
        for expires_seconds, due in ((500, {500, 499, 498}), (None, {-1})):
            writer = open_writer(self.server.url, ACCESS, {}, expires_seconds=expires_seconds)
            writer.write("market", 10, key=KEY, values=VALUES, rows=[], digest=DIGEST)
            writer.publish("market", 10)
            client = self.server.client()
            left = {name: client.ttl(name) for name in client.keys("*")}
            assert len(left) == 3
            assert set(left.values()) <= due

    def test_a_table_that_the_server_did_not_take_is_not_written(self) -> None:
        """Of several commands at once the server refuses one, and does the others."""
        self.server.client().set("{interlock:dev:valuation}:market:grids", "no set")
        error = unavailable(lambda: self.write(10))
        assert "WRONGTYPE" in str(error)

    def test_a_table_that_another_prunes_meanwhile_is_not_published(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        filling = self.write(10)
        self.write(20).publish("market", 20)
        look_at = filling.table

        def pruned_after(view: str, grid: int) -> Any:
            found = look_at(view, grid)
            self.writer().prune("market", keep=1)
            return found

        monkeypatch.setattr(filling, "table", pruned_after)
        unavailable(lambda: filling.publish("market", 10))
        assert self.writer().current("market") == 20

    def test_a_table_that_another_publishes_meanwhile_is_not_pruned(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.write(10)
        pruning = self.write(20)
        pruning.publish("market", 20)
        listed = pruning.grids

        def published_after(view: str) -> Any:
            found = listed(view)
            monkeypatch.undo()  # it comes between once
            self.writer().publish("market", 10)
            return found

        monkeypatch.setattr(pruning, "grids", published_after)
        assert pruning.prune("market", keep=1) == ()
        assert self.writer().grids("market") == (10, 20)

    def test_stores_on_one_server_do_not_meet(self) -> None:
        filled(self.server)
        other = OnlineAccess(namespace="prod:valuation", timeout_seconds=PATIENT)
        unavailable(lambda: look(open_reader(self.server.url, other, {})))

    def test_an_entity_that_was_taken_out_is_unavailable_for_all(self) -> None:
        filled(self.server)
        reader = self.reader()
        assert look(reader) == (1, None, None, None)
        client = self.server.client()
        entities = [field for field in client.hkeys(TABLE) if field != b"about"]
        client.hdel(TABLE, entities[0])
        assert "2 of 3 rows are there" in str(unavailable(lambda: look(reader)))
        assert self.writer().table("market", 10) is None

    def test_an_entry_that_was_overwritten_with_other_bytes_is_unavailable(self) -> None:
        filled(self.server)
        client = self.server.client()
        field = next(f for f in client.hkeys(TABLE) if b"a1" in f)
        for bad in (b"", b"\x91\x01", b"text", b"\x94\x01\xc0\xc0\x05"):
            client.hset(TABLE, field, bad)
            reader = self.reader()
            unavailable(lambda reader=reader: look(reader))

    @pytest.mark.parametrize("about", [b"{}", b"no", b'{"view":"other"}'])
    def test_a_marker_that_is_damaged_is_unavailable(self, about: bytes) -> None:
        filled(self.server)
        self.server.client().hset(TABLE, "about", about)
        unavailable(lambda: look(self.reader()))
        assert self.writer().table("market", 10) is None

    def test_a_key_of_another_kind_in_its_place_is_unavailable(self) -> None:
        filled(self.server)
        client = self.server.client()
        client.delete(TABLE)
        client.set(TABLE, "text")
        unavailable(lambda: look(self.reader()))
        client.set("{interlock:dev:valuation}:market:current", "soon")
        unavailable(lambda: self.reader().current("market"))

    def test_a_table_that_was_copied_to_another_grid_point_is_unavailable(self) -> None:
        filled(self.server)
        self.server.client().copy(TABLE, TABLE[:-2] + "20")
        unavailable(lambda: look(self.reader(), grid=20))


def test_a_policy_that_evicts_is_refused(own_server: RedisServer) -> None:
    filled(own_server)
    own_server.client().config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(OperatorError) as caught:
        filled(own_server, grid=20)
    assert str(caught.value) == (
        "error[L131]: the Redis server may evict what is stored\n"
        f"  where: {own_server.url}\n"
        "  expected: maxmemory-policy noeviction\n"
        "  got: maxmemory-policy allkeys-lru\n"
        "  fix: set 'maxmemory-policy noeviction', or use a server of its own\n"
        "  untouched: the tables that are there"
    )
    assert look(open_reader(own_server.url, ACCESS, {})) == (1, None, None, None)


def test_what_is_evicted_behind_our_back_is_unavailable_and_never_missing(
    own_server: RedisServer,
) -> None:
    """The policy is changed after the refresh, and memory runs short."""
    filled(own_server, 2_000)
    reader = open_reader(own_server.url, ACCESS, {})
    assert look(reader) == (1, None, None, None)
    client = own_server.client()
    client.config_set("maxmemory-policy", "allkeys-random")
    client.config_set("maxmemory", client.info("memory")["used_memory"] + 2_000_000)
    seen = set()
    for i in range(20_000):
        client.set(f"other{i}", b"x" * 1_000)
        if i % 50 == 0:
            try:
                assert look(reader) == (1, None, None, None)
            except StoreError as error:
                seen.add(error.code)
    assert client.info("stats")["evicted_keys"] > 0
    assert client.exists(TABLE) == 0 or client.exists(TABLE[:-2] + "current") == 0
    assert seen == {"F120"}


def test_a_full_server_fails_the_refresh_and_the_old_table_answers(
    own_server: RedisServer,
) -> None:
    filling = filled(own_server)
    client = own_server.client()
    client.config_set("maxmemory", client.info("memory")["used_memory"] + 200_000)
    with pytest.raises(StoreError) as caught:
        filled(own_server, 100_000, grid=20)
    assert caught.value.code == "L132"
    client.config_set("maxmemory", 0)
    assert filling.grids("market") == (10,)
    assert look(open_reader(own_server.url, ACCESS, {})) == (1, None, None, None)


def test_a_wrong_password_is_unavailable_and_is_not_told(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis", password="right-secret") as server:
        access = structs.replace(ACCESS, password_env="SECRET")
        opened = open_writer(server.url, access, {"SECRET": "right-secret"})
        opened.write("market", 10, key=KEY, values=VALUES, rows=[], digest=DIGEST)
        opened.publish("market", 10)
        for environ in ({"SECRET": "wrong-secret"}, {}):
            if not environ:
                with pytest.raises(OperatorError) as refused:
                    open_reader(server.url, access, environ)
                assert refused.value.code == "L134"
                continue
            reader = open_reader(server.url, access, environ)
            error = unavailable(lambda reader=reader: look(reader))
            assert "WRONGPASS" in str(error) or "password" in str(error)
            assert "secret" not in str(error)
        assert "uthentication" in str(
            unavailable(lambda: look(open_reader(server.url, ACCESS, {})))
        )
        file = tmp_path / "password"
        file.write_text("right-secret\n")
        named = structs.replace(ACCESS, password_file=str(file))
        assert look(open_reader(server.url, named, {})) is None


class Hand:
    """The clock by which a reader pauses, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Hand:
    made = Hand()
    monkeypatch.setattr("interlock.store.redis_link.monotonic", made)
    return made


def test_a_server_that_stops_is_unavailable_and_comes_back_without_a_new_reader(
    own_server: RedisServer, hand: Hand
) -> None:
    filled(own_server)
    reader = open_reader(own_server.url, ACCESS, {})
    assert look(reader) == (1, None, None, None)
    own_server.stop()
    unavailable(lambda: look(reader))
    own_server.start()
    hand.now += PAUSE_SECONDS
    unavailable(lambda: look(reader))  # it is there, and empty
    own_server.stop()
    unavailable(lambda: look(reader))
    own_server.start()
    filled(own_server)
    hand.now += PAUSE_SECONDS * 0.9
    for _ in range(50):  # within the pause the server is not even asked
        unavailable(lambda: look(reader))
    hand.now += PAUSE_SECONDS * 0.2
    assert look(reader) == (1, None, None, None)


def test_a_server_restarted_between_two_requests_is_not_noticed(tmp_path: Path) -> None:
    keeps = ("--appendonly", "yes", "--appendfsync", "always")
    with RedisServer(tmp_path / "redis", *keeps) as server:
        filled(server)
        reader = open_reader(server.url, ACCESS, {})
        assert look(reader) == (1, None, None, None)
        server.stop()
        server.start()
        assert look(reader) == (1, None, None, None)


@contextmanager
def waiting(reader: Any, seconds: float) -> Iterator[None]:
    """Meanwhile the reader waits no longer than that, also on the connection that it has."""
    link = reader._link
    before, link._address = link._address, replace(link._address, timeout_seconds=seconds)
    if hasattr(link._connection, "timed"):
        link._connection.timed._seconds = seconds
    else:
        link.close()
    try:
        yield
    finally:
        link._address = before
        link.close()


def test_a_server_that_hangs_costs_the_timeout_once(own_server: RedisServer, hand: Hand) -> None:
    filled(own_server)
    reader = open_reader(own_server.url, ACCESS, {})
    assert look(reader) == (1, None, None, None)
    own_server.freeze()
    begun = time.perf_counter()
    with waiting(reader, 0.05):
        unavailable(lambda: look(reader))
    assert 0.04 < time.perf_counter() - begun < 50
    own_server.thaw()
    for _ in range(20):  # it is not asked: it would answer
        unavailable(lambda: look(reader))
    hand.now += PAUSE_SECONDS
    assert look(reader) == (1, None, None, None)


@contextmanager
def saying(*said: bytes, pause_seconds: float = 0.0) -> Iterator[RedisLink]:
    """A link to a server that answers every question so, a piece at a time."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    connection.recv(1_000)
                    for piece in said:
                        connection.sendall(piece)
                        time.sleep(pause_seconds)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        port = listener.getsockname()[1]
        link = RedisLink(RedisAddress(host="127.0.0.1", port=port, timeout_seconds=PATIENT))
        yield link
        link.close()
        listener.shutdown(socket.SHUT_RDWR)


def test_a_server_that_sends_a_byte_now_and_then_is_not_waited_for(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look at the clock is ten seconds later, and each byte comes in time."""

    def later() -> float:
        hand.now += 10.0
        return hand.now

    monkeypatch.setattr("interlock.store.redis_link.monotonic", later)
    whole = b"$100\r\n" + b"x" * 100 + b"\r\n"
    with saying(*(whole[i : i + 1] for i in range(len(whole))), pause_seconds=0.002) as link:
        error = unavailable(lambda: link.ask([("GET", "a")]))
    assert "Timeout reading from socket" in str(error)
    with saying(whole) as link:
        assert link.ask([("GET", "a")]) == [b"x" * 100]


def test_a_name_that_is_not_found_in_time_is_not_waited_for(
    hand: Hand, monkeypatch: pytest.MonkeyPatch, server: RedisServer
) -> None:
    """As where the network's own directory of names hangs."""
    found, look_ups = threading.Event(), []
    look_up = socket.getaddrinfo

    def slow(*given: Any, **options: Any) -> Any:
        if given[:2] != ("localhost", server.port):  # another thread's, of an earlier test
            return look_up(*given, **options)
        look_ups.append(given)
        found.wait(60)
        return look_up(*given, **options)

    monkeypatch.setattr("interlock.store.redis_link.socket.getaddrinfo", slow)
    address = RedisAddress(host="localhost", port=server.port, timeout_seconds=0.05)
    link = RedisLink(address)
    for _ in range(3):
        error = unavailable(lambda: link.ask([("PING",)]))
        assert "Timeout looking up the host's name" in str(error)
        hand.now += PAUSE_SECONDS
    assert len(look_ups) == 1, "one at a time"
    found.set()
    for thread in threading.enumerate():
        if thread.name.endswith("(_look_up)"):
            thread.join(60)
    patient = RedisLink(replace(address, timeout_seconds=PATIENT))
    assert patient.ask([("ECHO", "here")]) == [b"here"]
    patient.close()


@pytest.mark.parametrize(
    "said",
    [
        b"*1\r\n" * 5_000 + b":1\r\n",
        b"$99999999999999999999\r\nabc\r\n",
        b"*99999999999999999999\r\n",
        b":" + b"9" * 5_000 + b"\r\n",
        b"-\xff\xfe\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
def test_whatever_else_a_server_says_is_unavailable(said: bytes) -> None:
    with saying(said) as link:
        unavailable(lambda: link.ask([("GET", "a")]))


_FILL = """
import sys
from interlock.store.online_place import OnlineAccess, open_writer
def rows():
    for i in range(10**9):
        if i == 5_000:
            print("filling", flush=True)
        yield (f"a{i}", i, 99, None, None, None)
key = (("area", "str"), ("size", "int"))
values = (("sales", "int"), ("median", "float"), ("busy", "bool"), ("last", "date"))
access = OnlineAccess(namespace="dev:valuation", timeout_seconds=60.0)
writer = open_writer(sys.argv[1], access, {})
for grid in (10, 20):
    writer.write("market", grid, key=key, values=values, rows=rows(), digest="d" * 64)
"""


def test_a_writer_that_is_killed_leaves_nothing_that_is_read_and_all_of_it_expires(
    own_server: RedisServer,
) -> None:
    filling = filled(own_server)
    process = subprocess.Popen(
        [sys.executable, "-c", _FILL, own_server.url], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"filling\n"
    process.kill()
    process.wait()
    process.stdout.close()
    reader = open_reader(own_server.url, ACCESS, {})
    assert look(reader) == (1, None, None, None)
    assert filling.grids("market") == (10,)
    client = own_server.client()
    left = [name for name in client.keys("*") if b":partial:" in name]
    assert len(left) == 1
    assert 0 < client.ttl(left[0]) <= 3_600


def test_the_reader_says_nothing_of_its_password() -> None:
    access = OnlineAccess(namespace="dev:v", password_env="P")
    reader = open_reader("redis://127.0.0.1:1/0", access, {"P": "hunter2"})
    assert isinstance(reader, RedisReader)
    error = unavailable(lambda: look(reader))
    assert "hunter2" not in str(error) + repr(reader._link._address)
    assert error.mistakes[0].where == "redis://127.0.0.1:1/0"
    assert error.mistakes[0].fix == (
        "check that the server runs and its password, then run 'interlock refresh'"
    )


def test_whatever_bit_of_an_answer_flips_no_other_value_comes_of_it(server: RedisServer) -> None:
    filled(server, n=20)
    found = {"right": 0, "unavailable": 0}
    with Proxy("127.0.0.1", server.port, seed="bits") as proxy:
        for number in range(150):
            reader = open_reader(f"redis://127.0.0.1:{proxy.port}/0", ACCESS, {})
            proxy.well()
            if number % 3 == 0:
                assert look(reader) == (1, None, None, None)
            proxy.spoil()
            try:
                with waiting(reader, 0.2):
                    known, unknown = reader.read(
                        [("market", 10, ("a1", 1)), ("market", 10, ("z", 1))]
                    )
            except Unavailable:
                found["unavailable"] += 1
            else:
                assert (known.values, unknown.values) == ((1, None, None, None), None)
                found["right"] += 1
            reader.close()
    assert found["unavailable"] > 100
    server.client().flushall()
