"""Snapshots: what is in, what is kept out and why, and digests of rows alone."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.clock import DAY, instant_of
from interlock.data.columns import Category, Date, Float, Int, Str
from interlock.data.read import see
from interlock.data.revisions import FOREVER
from interlock.data.snapshot import (
    Manifest,
    Taken,
    from_parquet,
    table_bytes,
    table_from,
    to_parquet,
)
from interlock.data.source import Source
from interlock.data.taking import latest_availability, take
from interlock.errors import AuthorError, IntegrityError

NEW_YORK = "America/New_York"


def day(text: str) -> int:
    return instant_of(date.fromisoformat(text), zone=NEW_YORK)


def taken_from(
    folder: Path,
    table: dict[str, Any],
    /,
    *,
    as_of: int = 2**60,
    zone: str | None = None,
    **more: Any,
) -> Taken:
    pq.write_table(pa.table(table), folder / "rows.parquet")
    fields = {"key": "k"} | more
    return take(Source("rows.parquet", **fields), as_of=as_of, project_dir=folder, zone=zone)


def days(*texts: str | None) -> pa.Array:
    return pa.array([None if t is None else date.fromisoformat(t) for t in texts], pa.date32())


def reasons(taken: Taken) -> list[tuple[Any, str]]:
    return [(row["k"], row["__reason"]) for row in taken.quarantined.to_pylist()]


def test_rows_known_by_as_of_in_key_order(tmp_path: Path) -> None:
    taken = taken_from(
        tmp_path,
        {"k": [3, 1, 2], "d": days("1997-01-02", "1997-01-03", "1997-01-04"), "v": [1, 2, 3]},
        event_time="d",
        available_after="1d",
        as_of=day("1997-01-03") + DAY,
        zone=NEW_YORK,
    )
    assert taken.table.to_pylist() == [
        {
            "k": k,
            "d": date(1997, 1, d),
            "v": v,
            "__event_time": day(f"1997-01-0{d}"),
            "__available_at": day(f"1997-01-0{d}") + DAY,
        }
        for k, d, v in ((1, 3, 2), (3, 2, 1))
    ]
    manifest = taken.manifest
    assert (manifest.rows_read, manifest.rows, manifest.not_yet_available) == (3, 2, 1)
    assert (manifest.first_event, manifest.last_event) == (day("1997-01-02"), day("1997-01-03"))


def test_a_source_without_time_has_no_time_columns(tmp_path: Path) -> None:
    taken = taken_from(tmp_path, {"k": ["b", "a"], "v": [1, 2]})
    assert taken.table.to_pylist() == [{"k": "a", "v": 2}, {"k": "b", "v": 1}]
    assert taken.manifest.first_event is None


def test_bad_rows_are_quarantined_with_the_first_reason(tmp_path: Path) -> None:
    taken = taken_from(
        tmp_path,
        {
            "k": [1, 2, 3, 4, None, 6, 7],
            "d": days(*["1997-01-02"] * 3, None, *["1997-01-02"] * 3),
            "price": [5_000, 4_999, None, 1, 9_000, 9_000, 9_000],
            "wall": ["brick", "brick", "brick", "brick", "brick", "glass", None],
            "area": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, float("nan")],
        },
        event_time="d",
        zone="UTC",
        columns={
            "price": Int(ge=5_000),
            "wall": Category(["brick"], nullable=True),
            "area": Float(),
        },
    )
    assert taken.table["k"].to_pylist() == [1]
    assert reasons(taken) == [
        (2, "price: must be ≥ 5000"),
        (3, "price: is missing"),
        (4, "d: is missing"),
        (None, "k: is missing"),
        (6, "wall: must be one of the declared categories"),
        (7, "area: must be a finite number"),
    ]
    assert taken.manifest.quarantined == {
        "area: must be a finite number": 1,
        "d: is missing": 1,
        "k: is missing": 1,
        "price: is missing": 1,
        "price: must be ≥ 5000": 1,
        "wall: must be one of the declared categories": 1,
    }
    assert taken.quarantined["price"].to_pylist()[0] == 4_999


def test_a_key_beyond_int64_says_so(tmp_path: Path) -> None:
    """Two of them would both be null: rows that nothing tells apart."""
    keys = pa.array([7, 2**63 - 1, 2**63, 2**64 - 1, None], pa.uint64())
    taken = taken_from(tmp_path, {"k": keys, "price": [1, 2, 3, 4, 5]}, key="k")
    assert taken.table["k"].to_pylist() == [7, 2**63 - 1]
    assert taken.manifest.quarantined == {
        "k: must be below 2^63; a text can hold more": 2,
        "k: is missing": 1,
    }


def test_copies_count_once_and_conflicts_not_at_all(tmp_path: Path) -> None:
    taken = taken_from(
        tmp_path, {"k": [1, 2, 2, 3, 3, 3], "v": [9, 7, 7, 5, 5, 6]}, columns={"v": Int()}
    )
    assert taken.table.to_pylist() == [{"k": 1, "v": 9}, {"k": 2, "v": 7}]
    assert reasons(taken) == [
        (2, "k: repeats an identical row"),
        (3, "k: identifies rows that differ"),
        (3, "k: identifies rows that differ"),
        (3, "k: identifies rows that differ"),
    ]
    assert taken.manifest.duplicates == 4


def test_a_constant_delay_cannot_express_corrections(tmp_path: Path) -> None:
    taken = taken_from(
        tmp_path,
        {"k": [1, 1], "d": days("1997-01-02", "1997-01-03")},
        event_time="d",
        available_after="1d",
        zone="UTC",
    )
    assert [reason for _, reason in reasons(taken)] == ["k: identifies rows that differ"] * 2


def test_composite_keys_are_compared_part_by_part(tmp_path: Path) -> None:
    taken = taken_from(tmp_path, {"k": ["1", "11"], "l": ["11", "1"]}, key=("k", "l"))
    assert taken.manifest.rows == 2


def revised(folder: Path, prices: list[int | None], as_of: int) -> Taken:
    at = pa.array([datetime(2020, 1, 1, tzinfo=UTC)] * 3, pa.timestamp("s", tz="UTC"))
    known = pa.array(
        [datetime(2020, 1, d, tzinfo=UTC) for d in (2, 5, 9)], pa.timestamp("ns", tz="Asia/Tokyo")
    )
    return taken_from(
        folder,
        {"k": [1, 1, 1], "at": at, "known": known, "price": prices},
        event_time="at",
        available_at="known",
        columns={"price": Int()},
        as_of=as_of,
    )


def moment(d: int) -> int:
    return instant_of(datetime(2020, 1, d, tzinfo=UTC))


def test_the_latest_revision_is_the_row_and_the_earlier_ones_end_with_it(tmp_path: Path) -> None:
    taken = revised(tmp_path, [10, 20, 30], moment(6))
    assert taken.table["price"].to_pylist() == [20]
    assert taken.revisions["__superseded_at"].to_pylist() == [moment(5), FOREVER]
    assert (taken.manifest.rows, taken.manifest.revisions) == (1, 2)
    assert revised(tmp_path, [10, 20, 30], moment(9)).table["price"].to_pylist() == [30]


def test_a_bad_correction_still_ends_what_it_corrects(tmp_path: Path) -> None:
    taken = revised(tmp_path, [10, None, 30], moment(6))
    assert taken.table.num_rows == 0
    assert taken.revisions["__superseded_at"].to_pylist() == [moment(5)]
    assert reasons(taken) == [(1, "price: is missing")]


def test_text_times_with_an_offset_are_read(tmp_path: Path) -> None:
    taken = taken_from(
        tmp_path,
        {"k": [1, 2, 3], "at": ["2020-01-01T00:00:00Z", "2020-01-01 01:00:00+01:00", "noon"]},
        event_time="at",
    )
    assert taken.table["__event_time"].to_pylist() == [moment(1), moment(1)]
    assert reasons(taken) == [(3, "at: must be a date or a time with a zone")]


def test_csv_values_are_held_to_the_rules_row_by_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "k,code,price,on,area\n"
        "1,007,5000,1997-01-02,1.5\n"
        "2,008,many,1997-01-02,1\n"
        "3,009,5.5,1997-01-02,1\n"
        "4,010,6e3,1997-01-02,nan\n"
        "5,011,7000.0,1997-02-30,1\n"
        "6,,8000,1997-01-02,1\n"
        "7,012,8000,1997-01-02,1e400\n"
    )
    source = Source(
        "a.csv",
        key="k",
        event_time="on",
        zone="UTC",
        columns={"code": Str(), "price": Int(), "on": Date(), "area": Float()},
    )
    taken = take(source, as_of=2**60, project_dir=tmp_path)
    assert [(row["code"], row["price"]) for row in taken.table.to_pylist()] == [("007", 5_000)]
    assert reasons(taken) == [
        (2, "price: must be a whole number"),
        (3, "price: must be a whole number"),
        (4, "price: must be a whole number"),
        (5, "on: must be a date or a time with a zone"),
        (6, "code: is missing"),
        (7, "area: must be a finite number"),
    ]


def mistakes(folder: Path, table: dict[str, Any], /, **more: Any) -> list[tuple[str, str]]:
    with pytest.raises(AuthorError) as caught:
        taken_from(folder, table, **more)
    return [(m.code, m.what) for m in caught.value.mistakes]


def test_everything_wrong_with_a_source_is_reported_at_once(tmp_path: Path) -> None:
    naive = pa.array([datetime(2020, 1, 1)], pa.timestamp("us"))
    assert mistakes(
        tmp_path,
        {"k": [1.5], "at": naive, "known": [True], "price": ["many"]},
        event_time="at",
        available_at="known",
        columns={"price": Int(), "prise": Int()},
    ) == [
        ("D103", "there is no column 'prise'"),
        ("D104", "column 'k' cannot be a key"),
        ("D104", "column 'price' has the wrong type"),
        ("D105", "the timestamps in column 'at' have no time zone"),
        ("D104", "column 'known' is not a time"),
    ]


def test_naive_texts_are_refused_as_a_whole(tmp_path: Path) -> None:
    columns = {"k": [1, 2], "at": ["2020-01-01 05:00:00", "2020-01-01T05:00:00.5"]}
    assert mistakes(tmp_path, columns, event_time="at") == [
        ("D105", "the timestamps in column 'at' have no time zone")
    ]


def test_dates_need_a_zone_from_the_source_or_the_caller(tmp_path: Path) -> None:
    columns = {"k": [1], "d": days("1997-01-02")}
    assert [code for code, _ in mistakes(tmp_path, columns, event_time="d")] == ["C105"]
    declared = taken_from(tmp_path, columns, event_time="d", zone=NEW_YORK)
    assert declared.manifest.first_event == day("1997-01-02")


def test_an_unknown_column_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(AuthorError) as caught:
        taken_from(tmp_path, {"sale_id": [1], "price": [2]}, key="sale-id")
    assert str(caught.value) == (
        "error[D103]: there is no column 'sale-id'\n"
        "  where: rows.parquet\n"
        "  expected: one of sale_id, price\n"
        "  got: 'sale-id' (key)\n"
        "  fix: did you mean 'sale_id'?"
    )


def test_columns_of_types_not_read_are_left_out_and_named(tmp_path: Path) -> None:
    taken = taken_from(tmp_path, {"k": [1], "tags": [["a", "b"]]})
    assert taken.table.column_names == ["k"]
    assert taken.manifest.left_out == {"tags": "list<element: string>"}


def test_the_latest_availability_reads_one_column(tmp_path: Path) -> None:
    columns = {"k": [1, 2, 3], "d": days("1997-01-02", None, "1997-01-05")}
    taken_from(tmp_path, columns, event_time="d", zone="UTC")
    source = Source("rows.parquet", key="k", event_time="d", available_after="1d")
    found = latest_availability(source, project_dir=tmp_path, zone=NEW_YORK)
    assert found == day("1997-01-05") + DAY
    timeless = Source("rows.parquet", key="k")
    assert latest_availability(timeless, project_dir=tmp_path) is None
    with pytest.raises(AuthorError) as caught:
        latest_availability(source, project_dir=tmp_path)
    assert caught.value.code == "C105"


def test_the_latest_availability_of_a_query_needs_no_second_answer(tmp_path: Path) -> None:
    pq.write_table(pa.table({"k": [1, 2], "at": [date(1997, 1, 1)] * 2}), tmp_path / "a.parquet")
    source = Source(
        sql="select * from 'a.parquet'", key="k", event_time="at", available_after="1d", zone="UTC"
    )
    seen = see(source, project_dir=tmp_path)
    anew = latest_availability(source, project_dir=tmp_path)
    (tmp_path / "a.parquet").unlink()
    assert latest_availability(source, project_dir=tmp_path, seen=seen) == anew is not None


# --- digests and files ---


def test_a_snapshot_survives_its_file(tmp_path: Path) -> None:
    taken = revised(tmp_path, [10, None, 30], moment(20))
    again = from_parquet(to_parquet(taken), quarantined=table_bytes(taken.quarantined))
    assert again.manifest == taken.manifest
    assert again.revisions.equals(taken.revisions)
    assert again.quarantined.equals(taken.quarantined)
    assert Manifest.from_row(taken.manifest.to_row()) == taken.manifest
    assert from_parquet(to_parquet(taken)).quarantined.num_rows == 0


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    taken = taken_from(tmp_path, {"k": [1, 2], "v": [1.5, 2.5]})
    stored = table_from(to_parquet(taken))
    forged = stored.set_column(1, "v", pa.array([1.5, 2.6]))
    for data in (table_bytes(forged), table_bytes(pa.table({"k": [1]})), b"PAR1"):
        with pytest.raises(IntegrityError) as caught:
            from_parquet(data)
        assert caught.value.code == "D112"


cells = st.fixed_dictionaries(
    {
        "n": st.one_of(st.none(), st.integers(-(2**40), 2**40)),
        "x": st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
        "s": st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=4)),
        "b": st.one_of(st.none(), st.booleans()),
        "d": st.one_of(st.none(), st.dates()),
    }
)
SCHEMA = pa.schema(
    [
        ("k", pa.int64()),
        ("n", pa.int64()),
        ("x", pa.float64()),
        ("s", pa.string()),
        ("b", pa.bool_()),
        ("d", pa.date32()),
    ]
)


def snapshot_digest(folder: Path, table: pa.Table, **options: Any) -> str:
    pq.write_table(table, folder / "rows.parquet", **options)
    source = Source("rows.parquet", key="k")
    return take(source, as_of=0, project_dir=folder).manifest.digest


@settings(max_examples=30, deadline=None)
@given(st.lists(cells, min_size=1, max_size=12), st.randoms(use_true_random=False), st.data())
def test_the_digest_is_of_the_rows_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[dict[str, Any]],
    random: Any,
    data: st.DataObject,
) -> None:
    folder = tmp_path_factory.mktemp("digest")
    keyed = [{"k": i, **row} for i, row in enumerate(rows)]
    table = pa.Table.from_pylist(keyed, SCHEMA)
    first = snapshot_digest(folder, table)
    shuffled = random.sample(keyed, len(keyed))
    again = pa.Table.from_pylist(shuffled, SCHEMA).select(random.sample(SCHEMA.names, 6))
    again = again.set_column(again.column_names.index("s"), "s", again["s"].dictionary_encode())
    assert snapshot_digest(folder, again, row_group_size=2, compression="none") == first
    at = data.draw(st.integers(0, len(keyed) - 1))
    column = data.draw(st.sampled_from(["n", "x", "s", "b", "d"]))
    other = data.draw(cells)[column]
    changed = [dict(row) for row in keyed]
    changed[at][column] = other
    differs = other != keyed[at][column]
    assert (snapshot_digest(folder, pa.Table.from_pylist(changed, SCHEMA)) != first) is differs


def test_texts_cannot_run_into_each_other(tmp_path: Path) -> None:
    def digest(texts: list[str | None]) -> str:
        return snapshot_digest(tmp_path, pa.table({"k": [1, 2], "s": pa.array(texts, pa.string())}))

    assert len({digest(t) for t in (["ab", "c"], ["a", "bc"], ["", "abc"], [None, "abc"])}) == 4


# --- no row is lost ---

WALLS = ["brick", "glass", None]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(1, 6)),
            st.one_of(st.none(), st.integers(0, 9)),
            st.one_of(st.none(), st.integers(0, 9)),
            st.sampled_from(WALLS),
        ),
        min_size=1,
        max_size=20,
    ),
    st.integers(0, 10),
    st.booleans(),
)
def test_every_row_read_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], as_of: int, corrected: bool
) -> None:
    folder = tmp_path_factory.mktemp("account")
    epoch = datetime(1970, 1, 1, tzinfo=UTC)

    def at(i: int | None) -> datetime | None:
        return None if i is None else epoch + timedelta(microseconds=i)

    stamp = pa.timestamp("us", tz="UTC")
    taken = taken_from(
        folder,
        {
            "k": pa.array([r[0] for r in rows], pa.int64()),
            "at": pa.array([at(r[1]) for r in rows], stamp),
            "known": pa.array([at(r[2]) for r in rows], stamp),
            "wall": pa.array([r[3] for r in rows], pa.string()),
        },
        event_time="at",
        **({"available_at": "known"} if corrected else {}),
        columns={"wall": Category(["brick"])},
        as_of=as_of,
    )
    manifest = taken.manifest
    quarantined = Counter(taken.quarantined["__reason"].to_pylist())
    assert quarantined == manifest.quarantined
    assert None not in quarantined
    assert (
        manifest.rows_read
        == manifest.revisions + manifest.not_yet_available + taken.quarantined.num_rows
    )
    keys = taken.table["k"].to_pylist()
    assert keys == sorted(set(keys))
    assert all(a <= as_of for a in taken.revisions["__available_at"].to_pylist())
