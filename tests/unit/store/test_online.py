"""The online store: typed keys, whole files, and unavailable told apart from missing."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from interlock.errors import StoreError
from interlock.store.online import OnlineReader, OnlineWriter, Unavailable

KEY = (("area", "str"), ("size", "int"))
VALUES = (("sales", "int"), ("median", "float"), ("busy", "bool"), ("last", "date"))
ROWS = [
    ("a", 1, 3, 1.5, True, date(1997, 1, 2)),
    ("a", 11, 4, None, None, None),
    ("1", 11, 5, 2.5, False, date(1998, 1, 2)),
]


def write(
    root: Path, grid: int, rows: Sequence[Sequence[Any]] = ROWS, *, view: str = "market"
) -> OnlineWriter:
    writer = OnlineWriter(root)
    writer.write(view, grid, key=KEY, values=VALUES, rows=rows, digest="d" * 64)
    return writer


def test_values_come_back_with_their_types(tmp_path: Path) -> None:
    write(tmp_path, 10).publish("market", 10)
    reader = OnlineReader(tmp_path)
    assert reader.get("market", ("a", 1)) == (3, 1.5, True, date(1997, 1, 2))
    assert reader.get("market", ("a", 11)) == (4, None, None, None)
    assert reader.get("market", ("1", 11)) == (5, 2.5, False, date(1998, 1, 2))
    table = reader.table("market")
    assert (table.view, table.grid, table.digest, table.rows) == ("market", 10, "d" * 64, 3)
    assert (table.key, table.columns) == (KEY, VALUES)


@pytest.mark.parametrize(
    "key", [("b", 1), ("a", 2), ("a", None), (None, None), ("a", 2**70), ("\ud800", 1), ("", 0)]
)
def test_a_key_that_is_not_there_is_none(tmp_path: Path, key: tuple[Any, ...]) -> None:
    write(tmp_path, 10)
    assert OnlineReader(tmp_path).get("market", key, 10) is None


@pytest.mark.parametrize("key", [(1, 11), ("a", "1"), ("a", True), ("a", 1.0)])
def test_a_key_of_other_types_is_an_error_and_never_a_match(
    tmp_path: Path, key: tuple[Any, ...]
) -> None:
    write(tmp_path, 10)
    with pytest.raises(StoreError) as caught:
        OnlineReader(tmp_path).get("market", key, 10)
    assert caught.value.code == "F121"
    assert not isinstance(caught.value, Unavailable)


def test_dates_and_booleans_can_be_keys(tmp_path: Path) -> None:
    OnlineWriter(tmp_path).write(
        "days",
        0,
        key=(("day", "date"), ("open", "bool")),
        values=(("n", "int"),),
        rows=[(date(2020, 1, 1), True, 7)],
        digest="d",
    )
    reader = OnlineReader(tmp_path)
    assert reader.get("days", (date(2020, 1, 1), True), 0) == (7,)
    assert reader.get("days", (date(2020, 1, 1), False), 0) is None


def unavailable(reader: OnlineReader, view: str, grid: int | None = None) -> str:
    with pytest.raises(Unavailable) as caught:
        reader.get(view, ("a", 1), grid)
    assert caught.value.code == "F120"
    return str(caught.value)


def test_no_table_is_unavailable_and_says_what_to_do(tmp_path: Path) -> None:
    write(tmp_path, 10)
    reader = OnlineReader(tmp_path)
    unavailable(reader, "market")  # nothing published
    unavailable(reader, "other")
    assert unavailable(reader, "market", 11) == (
        "error[F120]: the online store is unavailable\n"
        f"  where: {tmp_path}/market/11.sqlite\n"
        "  expected: a table that 'interlock refresh' wrote\n"
        "  got: no such file\n"
        "  fix: run 'interlock refresh', and check the store's folder"
    )


def test_a_damaged_file_or_pointer_is_unavailable(tmp_path: Path) -> None:
    write(tmp_path, 10).publish("market", 10)
    file = tmp_path / "market" / "10.sqlite"
    file.write_bytes(b"SQLite format 3\x00" + b"\xff" * 8_000)
    unavailable(OnlineReader(tmp_path), "market", 10)
    unavailable(OnlineReader(tmp_path), "market")
    file.write_bytes(b"")
    unavailable(OnlineReader(tmp_path), "market", 10)
    (tmp_path / "market" / "current").write_text("../../etc")
    unavailable(OnlineReader(tmp_path), "market")


def test_the_pointer_switches_at_once_and_only_to_a_table_that_is_there(tmp_path: Path) -> None:
    writer = write(tmp_path, 10)
    writer.publish("market", 10)
    reader = OnlineReader(tmp_path)
    assert reader.table("market").grid == 10
    write(tmp_path, 20, [("a", 1, 99, None, None, None)])
    assert reader.get("market", ("a", 1)) == (3, 1.5, True, date(1997, 1, 2))
    writer.publish("market", 20)
    assert reader.get("market", ("a", 1)) == (99, None, None, None)
    with pytest.raises(Unavailable):
        writer.publish("market", 30)
    assert reader.table("market").grid == 20


def test_a_reader_never_sees_a_half_written_table(tmp_path: Path) -> None:
    writer = write(tmp_path, 0)
    writer.publish("market", 0)
    seen: list[Any] = []
    done = threading.Event()

    def look() -> None:
        reader = OnlineReader(tmp_path)
        while not done.is_set():
            table = reader.table("market")
            found = table.get(("a", 1))
            seen.append(found is not None and (found[0] == table.grid or table.grid == 0))

    thread = threading.Thread(target=look)
    thread.start()
    for grid in range(1, 30):
        write(tmp_path, grid, [("a", 1, grid, None, None, None)]).publish("market", grid)
    done.set()
    thread.join()
    assert seen
    assert all(seen)


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    write(tmp_path, 10)

    def rows() -> Any:
        yield ROWS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        OnlineWriter(tmp_path).write("market", 10, key=KEY, values=VALUES, rows=rows(), digest="d")
    assert [path.name for path in (tmp_path / "market").iterdir()] == ["10.sqlite"]
    assert OnlineReader(tmp_path).table("market", 10).rows == 3


@pytest.mark.parametrize(
    "rows",
    [
        [ROWS[0], ROWS[0]],
        [("a", None, 1, None, None, None)],
        [("a", "x", 1, None, None, None)],
        [("a", 1, "three", None, None, None)],
        [("a", 2**64, 1, None, None, None)],
    ],
)
def test_rows_that_do_not_fit_are_refused(tmp_path: Path, rows: list[Any]) -> None:
    with pytest.raises(StoreError) as caught:
        write(tmp_path, 10, rows)
    assert caught.value.code == "F121"
    assert list((tmp_path / "market").iterdir()) == []


@pytest.mark.parametrize("view", ["../x", "", "a/b", ".hidden", "x" * 65])
def test_a_views_name_is_one_plain_path_component(tmp_path: Path, view: str) -> None:
    for act in (
        lambda: write(tmp_path, 10, view=view),
        lambda: OnlineWriter(tmp_path).publish(view, 10),
        lambda: OnlineReader(tmp_path).get(view, ("a", 1), 10),
    ):
        with pytest.raises(StoreError) as caught:
            act()
        assert caught.value.code == "L104"


def test_pruning_keeps_the_newest_and_the_current(tmp_path: Path) -> None:
    for grid in (-5, 1, 2, 10):
        writer = write(tmp_path, grid)
    writer.publish("market", 1)
    assert writer.prune("market", keep=1) == (-5, 2)
    assert writer.grids("market") == (1, 10)
    assert OnlineReader(tmp_path).table("market").grid == 1


def test_a_reader_keeps_a_bounded_number_of_files_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interlock.store.online.OPEN_TABLES", 2)
    for grid in range(4):
        write(tmp_path, grid)
    reader = OnlineReader(tmp_path)
    tables = [reader.table("market", grid) for grid in range(4)]
    assert reader.table("market", 3) is tables[3]
    assert reader.table("market", 0) is not tables[0]
    with pytest.raises(Unavailable):
        tables[1].get(("a", 1))


def test_the_file_is_opened_read_only(tmp_path: Path) -> None:
    path = OnlineWriter(tmp_path).write("market", 1, key=KEY, values=VALUES, rows=ROWS, digest="d")
    table = OnlineReader(tmp_path).table("market", 1)
    with pytest.raises(sqlite3.OperationalError):
        table._connection.execute("DELETE FROM entries")
    assert path.is_file()
