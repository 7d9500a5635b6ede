"""The online store as files: the contract, and what only files can suffer."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from online_contract import DIGEST, KEY, ROWS, VALUES, OnlineContract, unavailable

from interlock.store.online import Unavailable
from interlock.store.online_sqlite import SqliteReader, SqliteWriter


class TestSqlite(OnlineContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.root = tmp_path

    def open_writer(self) -> SqliteWriter:
        return SqliteWriter(self.root)

    def open_reader(self) -> SqliteReader:
        return SqliteReader(self.root)

    def lose(self, view: str, grid: int) -> None:
        (self.root / view / f"{grid}.sqlite").unlink()

    def test_unavailable_says_what_to_do(self) -> None:
        self.write(10)
        assert str(unavailable(lambda: self.look(self.reader(), ("a", 1), 11))) == (
            "error[F120]: the online store is unavailable\n"
            f"  where: {self.root}/market/11.sqlite\n"
            "  expected: a table that 'interlock refresh' wrote\n"
            "  got: no such file\n"
            "  fix: run 'interlock refresh', and check the store's folder"
        )

    def test_a_damaged_file_or_pointer_is_unavailable(self) -> None:
        writer = self.write(10)
        writer.publish("market", 10)
        file = self.root / "market" / "10.sqlite"
        file.write_bytes(b"SQLite format 3\x00" + b"\xff" * 8_000)
        unavailable(lambda: self.look(self.reader(), ("a", 1), 10))
        unavailable(lambda: self.look(self.reader(), ("a", 1)))
        assert writer.table("market", 10) is None
        file.write_bytes(b"")
        unavailable(lambda: self.look(self.reader(), ("a", 1), 10))
        (self.root / "market" / "current").write_text("../../etc")
        unavailable(lambda: self.look(self.reader(), ("a", 1)))
        unavailable(lambda: self.reader().current("market"))

    def test_a_failed_write_leaves_no_file_behind(self) -> None:
        def rows() -> Any:
            yield ROWS[0]
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            self.open_writer().write(
                "market", 10, key=KEY, values=VALUES, rows=rows(), digest=DIGEST
            )
        assert list((self.root / "market").iterdir()) == []

    def test_pruning_removes_what_a_killed_writer_left_an_hour_ago(self) -> None:
        writer = self.write(10)
        old, new = (self.root / "market" / f".partial-{name}" for name in ("old", "new"))
        old.touch()
        new.touch()
        os.utime(old, (1, 1))
        writer.prune("market", keep=1)
        assert (old.exists(), new.exists()) == (False, True)

    def test_nothing_of_an_erased_row_stays_in_the_folder(self) -> None:
        rows = [(f"unit-{i}", i, i, None, None, None) for i in range(500)]
        writer = self.write(10, rows)
        writer.publish("market", 10)
        (self.root / "market" / ".partial-killed").write_bytes(b"unit-123")
        (self.root / ".lost").mkdir()
        writer.sweep()
        assert writer.erase("market", 10, lambda key: key[0] == "unit-123", source="") == 1
        kept = [path for path in self.root.rglob("*") if path.is_file()]
        assert sorted(path.name for path in kept) == ["10.sqlite", "current"]
        assert not any(b"unit-123" in path.read_bytes() for path in kept)
        assert writer.table("market", 10).rows == 499, "the checksum of the whole file holds"
        assert writer.views() == ("market",)

    def test_an_erasure_that_dies_leaves_the_old_table(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        writer = self.write(10)
        writer.publish("market", 10)
        monkeypatch.setattr(Path, "replace", lambda self, target: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            writer.erase("market", 10, lambda key: True, source="")
        monkeypatch.undo()
        assert self.look(self.reader(), ("a", 1))[0] == 3
        assert writer.erase("market", 10, lambda key: True, source="") == 3

    def test_a_reader_keeps_a_bounded_number_of_files_open(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("interlock.store.online_sqlite.OPEN_TABLES", 2)
        for grid in range(4):
            self.write(grid)
        reader = self.open_reader()
        tables = [reader.table("market", grid) for grid in range(4)]
        assert reader.table("market", 3) is tables[3]
        assert reader.table("market", 0) is not tables[0]
        with pytest.raises(Unavailable):
            tables[1].get(("a", 1))

    def test_a_reader_may_believe_for_a_while_what_is_current(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = [100.0]
        monkeypatch.setattr("interlock.store.online_sqlite.monotonic", lambda: clock[0])
        reader = SqliteReader(self.root, look_seconds=0.5)
        for grid in (1, 2):
            self.write(grid)
            self.open_writer().publish("market", grid)
            assert reader.table("market").about.grid == 1
        clock[0] += 0.5
        assert reader.table("market").about.grid == 2

    def test_a_table_is_asked_once_for_a_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.write(1)
        table = self.open_reader().table("market", 1)
        first, none = table.get(("a", 1)), table.get(("nowhere", 1))
        monkeypatch.setattr(table, "_read", None)
        assert table.get(("a", 1)) is first
        assert table.get(("nowhere", 1)) is none
        assert none.values is None

    def test_a_table_remembers_a_bounded_number_of_keys(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("interlock.store.sqlite_file._REMEMBERED", 2)
        self.write(1)
        table = self.open_reader().table("market", 1)
        for _ in range(2):
            for number in range(5):
                table.get(("nowhere", number))
        assert len(table._remembered) <= 2
        assert (
            table.get(("a", 1)).values == self.open_reader().table("market", 1).get(("a", 1)).values
        )

    def test_one_read_of_more_files_than_are_kept_open(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("interlock.store.online_sqlite.OPEN_TABLES", 2)
        for grid in range(4):
            self.write(grid)
        asked = [("market", grid, ("a", 1)) for grid in (*range(4), *range(4))]
        found = self.open_reader().read(asked)
        assert [one.grid for one in found] == [0, 1, 2, 3, 0, 1, 2, 3]

    def test_rows_read_together_come_from_one_table(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.write(1)
        self.open_writer().publish("market", 1)
        reader = self.open_reader()
        looked = []
        stat = os.stat
        monkeypatch.setattr(os, "stat", lambda path: looked.append(path) or stat(path))
        reader.read([("market", None, ("a", 1))] * 16)
        assert len(looked) == 1

    def test_the_file_is_opened_read_only(self) -> None:
        self.write(1)
        table = self.open_reader().table("market", 1)
        with pytest.raises(sqlite3.OperationalError):
            table._connection.execute("DELETE FROM entries")
