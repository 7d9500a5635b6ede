"""What every online store must do; each implementation's tests inherit it.

A subclass gives ``open_writer`` and ``open_reader`` (each call another process might make) and
``forge``, which destroys a table as that store's accidents do.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock.errors import StoreError
from interlock.store.online import Unavailable

KEY = (("area", "str"), ("size", "int"))
VALUES = (("sales", "int"), ("median", "float"), ("busy", "bool"), ("last", "date"))
ROWS = [
    ("a", 1, 3, 1.5, True, date(1997, 1, 2)),
    ("a", 11, 4, None, None, None),
    ("1", 11, 5, 2.5, False, date(1998, 1, 2)),
]
DIGEST = "d" * 64
_PARTS = st.one_of(
    st.tuples(st.just("str"), st.text(max_size=8)),
    st.tuples(st.just("int"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("bool"), st.booleans()),
    st.tuples(st.just("date"), st.dates()),
    st.tuples(st.just("float"), st.floats(allow_nan=False)),
)


def unavailable(act: Any) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        act()
    assert caught.value.code == "F120"
    return caught.value


class OnlineContract:
    """Inherit, and give the three methods below."""

    def open_writer(self) -> Any:
        raise AssertionError("a subclass opens its store")

    def open_reader(self) -> Any:
        raise AssertionError("a subclass opens its store")

    def lose(self, view: str, grid: int) -> None:
        raise AssertionError("a subclass loses a table")

    @pytest.fixture(autouse=True)
    def _closing(self) -> Any:
        self.opened: list[Any] = []
        yield
        for one in self.opened:
            one.close()

    def writer(self) -> Any:
        self.opened.append(self.open_writer())
        return self.opened[-1]

    def reader(self) -> Any:
        self.opened.append(self.open_reader())
        return self.opened[-1]

    def write(self, grid: int, rows: Sequence[Any] = ROWS, *, view: str = "market") -> Any:
        writer = self.writer()
        writer.write(view, grid, key=KEY, values=VALUES, rows=rows, digest=DIGEST, source="s1")
        return writer

    def look(self, reader: Any, key: Any, grid: int | None = None, view: str = "market") -> Any:
        [found] = reader.read([(view, grid, key)])
        assert found.digest == DIGEST
        return found.values

    def test_values_come_back_with_their_types(self) -> None:
        self.write(10).publish("market", 10)
        reader = self.reader()
        for row in ROWS:
            found = self.look(reader, row[:2])
            assert found == row[2:]
            assert [type(v) for v in found] == [type(v) for v in row[2:]]

    def test_a_table_says_what_it_is(self) -> None:
        table = self.write(10).table("market", 10)
        assert (table.view, table.grid, table.digest, table.source) == ("market", 10, DIGEST, "s1")
        assert (table.rows, table.key, table.values) == (3, KEY, VALUES)
        assert self.writer().table("market", 11) is None

    @pytest.mark.parametrize(
        "key",
        [("b", 1), ("a", 2), ("a", None), (None, None), ("a", 2**70), ("\ud800", 1), ("a\0", 1)],
    )
    def test_a_key_that_is_not_there_is_none(self, key: tuple[Any, ...]) -> None:
        self.write(10)
        assert self.look(self.reader(), key, 10) is None

    @pytest.mark.parametrize("key", [(1, 11), ("a", "1"), ("a", True), ("a", 1.0)])
    def test_a_key_of_other_types_is_an_error_and_never_a_match(self, key: tuple[Any, ...]) -> None:
        self.write(10)
        with pytest.raises(StoreError) as caught:
            self.look(self.reader(), key, 10)
        assert caught.value.code == "F121"
        assert not isinstance(caught.value, Unavailable)
        assert caught.value.mistakes[0].expected == "area: str, size: int"

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(_PARTS, min_size=1, max_size=3), st.data())
    def test_every_key_finds_its_own_row_and_no_other(self, parts: Any, data: Any) -> None:
        kinds = [kind for kind, _ in parts]
        own = [value for _, value in parts]
        column = {kind: st.sampled_from(values) for kind, values in _SAMPLES.items()}
        others = data.draw(st.lists(st.tuples(*(column[kind] for kind in kinds)), max_size=5))
        rows = {tuple(map(_plain, key)): key for key in [*others, tuple(own)]}
        writer = self.writer()
        writer.write(
            "keys",
            0,
            key=[(f"k{i}", kind) for i, kind in enumerate(kinds)],
            values=[("n", "int")],
            rows=[(*key, i) for i, key in enumerate(rows.values())],
            digest=DIGEST,
        )
        reader = self.open_reader()
        found = reader.read([("keys", 0, key) for key in rows.values()])
        assert [one.values for one in found] == [(i,) for i in range(len(rows))]
        reader.close()

    def test_keys_that_run_together_stay_apart(self) -> None:
        rows = [("1", 11, 1, None, None, None), ("11", 1, 2, None, None, None)]
        self.write(10, rows)
        assert self.look(self.reader(), ("1", 11), 10)[0] == 1
        assert self.look(self.reader(), ("11", 1), 10)[0] == 2

    def test_a_whole_number_finds_the_float_it_equals(self) -> None:
        self.writer().write(
            "f", 0, key=[("x", "float")], values=[("n", "float")], rows=[(0.0, 3)], digest=DIGEST
        )
        reader = self.reader()
        for key in (0, 0.0, -0.0):
            [value] = self.look(reader, (key,), 0, "f")
            assert (value, type(value)) == (3.0, float)
        for key in (float("nan"), 2**53 + 1, 10**400):
            assert self.look(reader, (key,), 0, "f") is None

    def test_not_a_number_is_missing(self) -> None:
        self.write(10, [("a", 1, 1, float("nan"), None, None)])
        assert self.look(self.reader(), ("a", 1), 10) == (1, None, None, None)

    def test_one_read_answers_for_several_views_and_keys_in_order(self) -> None:
        self.write(10).publish("market", 10)
        self.write(20, [("a", 1, 9, None, None, None)], view="weather").publish("weather", 20)
        asked = [
            ("weather", None, ("a", 1)),
            ("market", None, ("1", 11)),
            ("market", None, ("zzz", 1)),
            ("market", 10, ("a", 1)),
            ("weather", None, ("a", None)),
        ]
        reader = self.reader()
        for _ in range(2):
            found = reader.read(asked)
            assert [one.grid for one in found] == [20, 10, 10, 10, 20]
            first = [one.values and one.values[0] for one in found]
            assert first == [9, 5, None, 3, None]
        assert reader.read([]) == []

    def test_no_table_is_unavailable(self) -> None:
        self.write(10)
        reader = self.reader()
        unavailable(lambda: self.look(reader, ("a", 1)))  # nothing published
        unavailable(lambda: self.look(reader, ("a", 1), 11))
        unavailable(lambda: self.look(reader, ("a", 1), view="other"))
        assert reader.current("market") is None

    def test_one_table_that_is_not_there_makes_the_whole_read_unavailable(self) -> None:
        self.write(10)
        asked = [("market", 10, ("a", 1)), ("market", 11, ("a", 1))]
        unavailable(lambda: self.reader().read(asked))

    def test_an_empty_table_is_there(self) -> None:
        self.write(10, []).publish("market", 10)
        assert self.look(self.reader(), ("a", 1)) is None
        assert self.writer().table("market", 10).rows == 0

    def test_a_table_that_is_lost_is_unavailable_and_not_missing(self) -> None:
        self.write(10).publish("market", 10)
        known, new = self.reader(), self.reader()
        assert self.look(known, ("zzz", 1)) is None
        self.lose("market", 10)
        unavailable(lambda: self.look(new, ("zzz", 1)))
        unavailable(lambda: self.look(new, ("a", 1), 10))
        assert self.writer().table("market", 10) is None
        unavailable(lambda: self.writer().publish("market", 10))
        self.write(10).publish("market", 10)
        assert self.look(self.reader(), ("a", 1))[0] == 3

    def test_the_pointer_switches_at_once_and_only_to_a_table_that_is_there(self) -> None:
        writer = self.write(10)
        writer.publish("market", 10)
        reader = self.reader()
        assert self.look(reader, ("a", 1))[0] == 3
        self.write(20, [("a", 1, 99, None, None, None)])
        assert self.look(reader, ("a", 1))[0] == 3
        writer.publish("market", 20)
        assert self.look(reader, ("a", 1))[0] == 99
        assert (reader.current("market"), writer.current("market")) == (20, 20)
        unavailable(lambda: writer.publish("market", 30))
        assert self.look(reader, ("a", 1))[0] == 99
        writer.publish("market", 10)
        assert self.look(reader, ("a", 1))[0] == 3

    def test_a_table_can_be_replaced(self) -> None:
        self.write(10).publish("market", 10)
        reader = self.reader()
        assert self.look(reader, ("a", 11))[0] == 4
        self.write(10, [("a", 1, 7, None, None, None)]).publish("market", 10)
        assert self.look(reader, ("a", 1))[0] == 7
        assert self.look(reader, ("a", 11)) is None

    def test_a_reader_never_sees_a_half_written_table(self) -> None:
        writer = self.write(0)
        writer.publish("market", 0)
        wrong: list[Any] = []
        seen: list[int] = []
        done = threading.Event()

        def look_on() -> None:
            reader = self.open_reader()
            while not done.is_set():
                [found] = reader.read([("market", None, ("a", 1))])
                if found.values is None or found.values[0] != (found.grid or 3):
                    wrong.append(found)
                seen.append(found.grid)
            reader.close()

        thread = threading.Thread(target=look_on)
        thread.start()
        for grid in range(1, 25):
            self.write(grid, [("a", 1, grid, None, None, None)]).publish("market", grid)
            writer.prune("market", keep=2)
        done.set()
        thread.join()
        assert seen
        assert wrong == []

    def test_a_view_that_is_forgotten_is_gone_and_others_stay(self) -> None:
        for view in ("market", "other"):
            self.write(10, view=view).publish(view, 10)
        writer = self.open_writer()
        writer.forget("market")
        writer.forget("market")
        assert (writer.current("market"), writer.grids("market")) == (None, ())
        unavailable(lambda: self.look(self.reader(), ("a", 1), 10))
        assert writer.grids("other") == (10,)

    def test_rows_are_erased_and_others_stay(self) -> None:
        writer = self.write(10)
        writer.publish("market", 10)
        reader = self.reader()
        assert self.look(reader, ("a", 11)) == ROWS[1][2:]
        assert writer.erase("market", 10, lambda key: key == ("a", 11), source="s2") == 1
        writer.publish("market", 10)
        for looking in (reader, self.reader()):
            assert self.look(looking, ("a", 11)) is None, "as of a key that was never there"
            assert self.look(looking, ("a", 1)) == ROWS[0][2:]
            assert self.look(looking, ("1", 11), 10) == ROWS[2][2:]
        table = self.writer().table("market", 10)
        assert (table.rows, table.source, table.digest) == (2, "s2", DIGEST)
        assert writer.erase("market", 10, lambda key: key == ("a", 11), source="s3") == 0
        assert writer.table("market", 10).source == "s2", "nothing was written"
        assert writer.erase("market", 10, lambda key: True, source="s4") == 2
        writer.publish("market", 10)
        assert self.look(reader, ("a", 1)) is None, "an empty table is not an unavailable one"

    def test_what_is_to_go_is_told_by_keys_as_they_were_written(self) -> None:
        key = [("d", "date"), ("f", "float"), ("b", "bool")]
        rows = [(date(1997, 1, 2), 1.5, True, 1), (date(1998, 1, 2), 1.5, False, 2)]
        writer = self.writer()
        writer.write("k", 0, key=key, values=[("n", "int")], rows=rows, digest=DIGEST)
        seen: list[Any] = []
        assert writer.erase("k", 0, lambda one: bool(seen.append(one)), source="") == 0
        assert set(seen) == {row[:3] for row in rows}
        assert {tuple(map(type, one)) for one in seen} == {(date, float, bool)}

    def test_nothing_is_erased_from_a_table_that_is_not_there(self) -> None:
        self.write(10)
        unavailable(lambda: self.writer().erase("market", 11, lambda key: True, source=""))

    def test_an_earlier_table_that_was_erased_from_is_not_answered_from(self) -> None:
        writer = self.write(10)
        reader = self.reader()
        assert self.look(reader, ("a", 11), 10) is not None
        writer.erase("market", 10, lambda key: key == ("a", 11), source="")
        assert self.look(reader, ("a", 11), 10) is None
        writer.forget("market")
        unavailable(lambda: self.look(reader, ("a", 1), 10))

    def test_every_view_is_named(self) -> None:
        assert self.writer().views() == ()
        self.write(10, view="weather").publish("weather", 10)
        self.write(10)
        assert self.writer().views() == ("market", "weather")
        self.writer().forget("market")
        assert self.writer().views() == ("weather",)

    def test_a_failed_write_leaves_what_was_there(self) -> None:
        writer = self.write(10)

        def rows() -> Any:
            yield ROWS[0]
            raise KeyboardInterrupt

        for grid in (10, 20):
            with pytest.raises(KeyboardInterrupt):
                writer.write("market", grid, key=KEY, values=VALUES, rows=rows(), digest=DIGEST)
        assert writer.grids("market") == (10,)
        assert writer.table("market", 10).rows == 3
        assert self.look(self.reader(), ("a", 11), 10)[0] == 4

    def test_two_writers_at_once_do_no_harm(self) -> None:
        def fill(sales: int) -> None:
            writer = self.open_writer()
            for _ in range(5):
                rows = [(str(i), i, sales, None, None, None) for i in range(200)]
                writer.write("market", 10, key=KEY, values=VALUES, rows=rows, digest=DIGEST)
                writer.publish("market", 10)
            writer.close()

        threads = [threading.Thread(target=fill, args=(n,)) for n in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = self.reader().read([("market", None, (str(i), i)) for i in range(200)])
        assert {one.values[0] for one in found} in ({1}, {2})
        assert self.writer().grids("market") == (10,)

    @pytest.mark.parametrize(
        "rows",
        [
            [ROWS[0], ROWS[0]],
            [("a", None, 1, None, None, None)],
            [("a", "x", 1, None, None, None)],
            [("a", 1, "three", None, None, None)],
            [("a", 2**64, 1, None, None, None)],
            [("\ud800", 1, 1, None, None, None)],
        ],
    )
    def test_rows_that_do_not_fit_are_refused(self, rows: list[Any]) -> None:
        with pytest.raises(StoreError) as caught:
            self.write(10, rows)
        assert caught.value.code == "F121"
        assert self.writer().grids("market") == ()

    def test_a_kind_that_cannot_be_stored_is_refused(self) -> None:
        with pytest.raises(StoreError) as caught:
            self.writer().write(
                "m", 0, key=[("a", "blob")], values=[], rows=[(b"",)], digest=DIGEST
            )
        assert caught.value.code == "F121"

    @pytest.mark.parametrize("view", ["../x", "", "a/b", ".hidden", "x" * 65, "a:b", "{x}"])
    def test_a_views_name_is_one_plain_path_component(self, view: str) -> None:
        for act in (
            lambda: self.write(10, view=view),
            lambda: self.writer().publish(view, 10),
            lambda: self.reader().read([(view, 10, ("a", 1))]),
            lambda: self.reader().current(view),
        ):
            with pytest.raises(StoreError) as caught:
                act()
            assert caught.value.code == "L104"

    def test_pruning_keeps_the_newest_and_the_current(self) -> None:
        for grid in (-5, 1, 2, 10):
            writer = self.write(grid)
        writer.publish("market", 1)
        assert writer.prune("market", keep=1) == (-5, 2)
        assert writer.grids("market") == (1, 10)
        assert writer.prune("market", keep=1) == ()
        assert writer.prune("market", keep=0) == (10,)
        assert self.look(self.reader(), ("a", 1))[0] == 3
        unavailable(lambda: self.look(self.reader(), ("a", 1), 2))


_SAMPLES: dict[str, list[Any]] = {
    "str": ["", "1", "11", "true", "1997-01-02", "a\0b"],
    "int": [0, 1, 11, -1],
    "bool": [True, False],
    "date": [date(1997, 1, 2), date(1, 1, 1)],
    "float": [0.0, 1.0, 11.0, float("inf")],
}


def _plain(part: Any) -> Any:
    return part + 0.0 if isinstance(part, float) else part
