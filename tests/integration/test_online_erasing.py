"""A process that erases from an online store is killed at every step: old or new, never else."""

import subprocess
import sys

from redis_server import RedisServer

ERASES = """
import os, signal, sys
from interlock.store.online_place import OnlineAccess, open_reader, open_writer

URL, KILLS = sys.argv[1], 40
ACCESS = OnlineAccess(namespace="prod:houses", timeout_seconds=20.0)
COLUMNS = {"key": [("unit", "str")], "values": [("sales", "int")]}
ROWS = [("u0", 1), ("u1", 2), ("u2", 3)]
ASKED = [("market", None, (unit,)) for unit, _ in ROWS]


def fill():
    writer = open_writer(URL, ACCESS, {})
    writer.write("market", 10, rows=ROWS, digest="d" * 64, source="s1", **COLUMNS)
    writer.publish("market", 10)
    writer.close()


def erase():
    writer = open_writer(URL, ACCESS, {})
    writer.sweep()
    writer.erase("market", 10, lambda key: key == ("u1",), source="s2")
    writer.publish("market", 10)


def looked(reader):
    return [found.values for found in reader.read(ASKED)]


def run(dies_at):
    # How many calls were made, of Python and of C; or the process is killed in one of them.
    sent, told = os.pipe()
    child = os.fork()
    if not child:
        calls = 0

        def count(frame, event, _):
            nonlocal calls
            calls += event.endswith("call")
            if calls == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        erase()
        sys.setprofile(None)
        os.write(told, str(calls).encode())
        os._exit(0)
    os.close(told)
    _, status = os.waitpid(child, 0)
    said = os.read(sent, 100)
    os.close(sent)
    assert os.WIFSIGNALED(status) or said, status
    return int(said or 0)


OLD, NEW = [(1,), (2,), (3,)], [(1,), None, (3,)]
fill()
calls = run(0)
seen = set()
for kill in range(KILLS):
    fill()
    reader = open_reader(URL, ACCESS, {})
    assert looked(reader) == OLD
    run(1 + kill * calls // KILLS)
    found = looked(open_reader(URL, ACCESS, {}))
    assert found in (OLD, NEW), found
    seen.add(str(found))
    assert run(0)
    assert looked(reader) == looked(open_reader(URL, ACCESS, {})) == NEW
    reader.close()
assert len(seen) == 2, seen
print("killed", KILLS, "times in", calls, "calls")
"""


def ran(url):
    done = subprocess.run(
        [sys.executable, "-c", ERASES, url],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("killed 40 times")


def test_files(tmp_path):
    ran(str(tmp_path / "online"))
    kept = sorted(path.name for path in (tmp_path / "online" / "market").iterdir())
    assert kept == ["10.sqlite", "current"], "nothing is left of those that died"


def test_a_server_and_what_its_append_only_file_keeps(tmp_path):
    folder = tmp_path / "redis"

    def kept():
        return b"\xa2u1" in b"".join(path.read_bytes() for path in folder.rglob("*.aof"))

    with RedisServer(folder, "--appendonly", "yes") as server:
        ran(server.url)
        assert kept(), "as the docs say"
        client = server.client()
        client.bgrewriteaof()
        while any(
            client.info("persistence")[f"aof_rewrite_{k}"] for k in ("in_progress", "scheduled")
        ):
            pass
        assert not kept()
