"""Reading: files, patterns, queries; and what is said when it cannot be done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interlock.data.columns import Int, Str
from interlock.data.read import read, see
from interlock.data.source import Source
from interlock.errors import AuthorError

TABLE = pa.table({"k": [1, 2], "v": ["x", "y"]})


def rows(source: Source, folder: Path, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(source, project_dir=folder, **more).table.to_pylist()
    return found


def refusal(source: Source, folder: Path) -> AuthorError:
    with pytest.raises(AuthorError) as caught:
        read(source, project_dir=folder)
    return caught.value


def test_relative_paths_start_at_the_projects_folder(tmp_path: Path) -> None:
    (tmp_path / "my data").mkdir()
    pq.write_table(TABLE, tmp_path / "my data" / "one [1].parquet")
    source = Source("my data/one [1].parquet", key="k")
    assert rows(source, tmp_path) == [{"k": 1, "v": "x"}, {"k": 2, "v": "y"}]
    assert rows(source, tmp_path, columns=["v"]) == [{"v": "x"}, {"v": "y"}]


def test_a_pattern_reads_its_files_in_order(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "b.parquet")
    pq.write_table(pa.table({"v": ["z"], "k": pa.array([3], pa.int32())}), tmp_path / "a.parquet")
    source = Source("*.parquet", key="k", name="both")
    assert [row["k"] for row in rows(source, tmp_path)] == [3, 1, 2]


def test_csv_types_come_from_all_rows_and_declared_columns_are_text(tmp_path: Path) -> None:
    lines = ["k,code,price,when", *(f"{i},007,5,2013-01-01T05:00:00Z" for i in range(3_000))]
    (tmp_path / "a.csv").write_text("\n".join([*lines, "x,008,many,never"]))
    source = Source("a.csv", key="k", event_time="when", columns={"code": Str(), "price": Int()})
    raw = read(source, project_dir=tmp_path)
    assert raw.parse
    assert [str(field.type) for field in raw.table.schema] == ["string"] * 4
    assert raw.table["code"][0].as_py() == "007"


def test_a_query_reads_files_of_the_projects_folder(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "one.parquet")
    source = Source(sql="SELECT k, upper(v) AS v FROM 'one.parquet' ORDER BY k;", key="k")
    assert rows(source, tmp_path) == [{"k": 1, "v": "X"}, {"k": 2, "v": "Y"}]
    assert rows(source, tmp_path, columns=["v"]) == [{"v": "X"}, {"v": "Y"}]


@pytest.mark.parametrize(
    ("sql", "got"),
    [
        ("COPY (SELECT 1) TO 'stolen.csv'", "COPY"),
        ("SELECT 1 AS k; DROP TABLE x", "SELECT, DROP"),
        ("INSTALL httpfs", "LOAD"),
        ("", "nothing"),
    ],
)
def test_a_query_that_is_not_one_select_is_refused(tmp_path: Path, sql: str, got: str) -> None:
    error = refusal(Source(sql=sql, key="k", name="q"), tmp_path)
    assert (error.code, error.mistakes[0].got) == ("D108", got)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_fetched_from_a_network(tmp_path: Path) -> None:
    error = refusal(Source(sql="SELECT * FROM 'https://127.0.0.1:1/x.parquet'", key="k"), tmp_path)
    assert error.code == "D109"
    assert "requires the extension httpfs" in error.mistakes[0].got


def test_a_file_that_is_not_there_says_where_it_was_looked_for(tmp_path: Path) -> None:
    source = Source("data/sales.parquet", key="k")
    assert str(refusal(source, tmp_path)) == (
        "error[D101]: a source's file is not there\n"
        f"  where: {source.where}\n"
        f"  expected: a Parquet or CSV file at {tmp_path}/data/sales.parquet\n"
        "  got: nothing\n"
        "  fix: correct the path; relative paths start at the project's folder"
    )


def test_a_folder_is_told_its_pattern(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    got = refusal(Source("data", key="k"), tmp_path).mistakes[0].got
    assert got == "a folder; its files are data/*.parquet or data/*.csv"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 but no more")
    (tmp_path / "table.xlsx").write_bytes(b"x")
    pq.write_table(TABLE.slice(0, 0), tmp_path / "empty.parquet")
    (tmp_path / "empty.csv").write_text("k,v\n")
    (tmp_path / "nothing.csv").write_text("")
    for path in ("broken.parquet", "table.xlsx", "empty.parquet", "empty.csv", "nothing.csv"):
        assert refusal(Source(path, key="k"), tmp_path).code == "D102", path
    assert refusal(Source("empty.*", key="k"), tmp_path).mistakes[0].got == (
        "Parquet and CSV files under one pattern"
    )


def test_files_with_different_columns_are_refused(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet")
    pq.write_table(TABLE.rename_columns(["k", "w"]), tmp_path / "b.parquet")
    error = refusal(Source("*.parquet", key="k", name="both"), tmp_path)
    assert (error.code, error.mistakes[0].got) == ("D110", "b.parquet differs in v, w")


def test_reserved_and_repeated_columns_are_refused(tmp_path: Path) -> None:
    pq.write_table(
        pa.Table.from_arrays([[1], [2], [3]], ["k", "__event_time", "k"]), tmp_path / "a.parquet"
    )
    error = refusal(Source("a.parquet", key="k"), tmp_path)
    assert [(m.code, m.got) for m in error.mistakes] == [
        ("D107", "'k'"),
        ("D107", "'__event_time'"),
    ]


def test_a_wrong_declaration_is_refused_before_reading(tmp_path: Path) -> None:
    assert refusal(Source("a.csv", key="k", available_after="1d"), tmp_path).code == "D106"


def test_the_digest_follows_bytes_and_declaration(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet")
    one = Source("a.parquet", key="k")
    first = see(one, project_dir=tmp_path).digest
    assert see(Source("a.parquet", key="k"), project_dir=tmp_path).digest == first
    assert see(Source("a.parquet", key="v"), project_dir=tmp_path).digest != first
    pq.write_table(TABLE.slice(0, 1), tmp_path / "a.parquet")
    assert see(one, project_dir=tmp_path).digest != first


def test_the_digest_of_a_query_follows_its_rows_in_any_order(tmp_path: Path) -> None:
    source = Source(sql="SELECT * FROM 'a.parquet'", key="k")
    pq.write_table(TABLE, tmp_path / "a.parquet")
    first = see(source, project_dir=tmp_path).digest
    pq.write_table(TABLE.take([1, 0]), tmp_path / "a.parquet")
    assert see(source, project_dir=tmp_path).digest == first
    pq.write_table(TABLE.slice(0, 1), tmp_path / "a.parquet")
    assert see(source, project_dir=tmp_path).digest != first
