"""Pandera schemas as column declarations: what is translated, what is run, what is refused."""

import json
import re
import subprocess
import sys
from datetime import date

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.engines import pandas_engine
from pandera.errors import SchemaErrors

from interlock.clock import parse_instant
from interlock.data.columns import Bool, Category, Date, Datetime, Float, Int, Str
from interlock.data.pandera_schema import translate
from interlock.data.snapshot import REASON
from interlock.data.source import Source
from interlock.data.taking import take
from interlock.errors import AuthorError

LATER = parse_instant("2030-01-01T00:00:00Z")


class Sale(pandera.DataFrameModel):
    price: int = pandera.Field(ge=5_000, lt=1_000_000, metadata={"unit": "USD"})
    share: float = pandera.Field(in_range={"min_value": 0, "max_value": 1, "include_max": False})
    wall: str = pandera.Field(isin=["brick", "wood"], nullable=True)
    code: str = pandera.Field(str_matches=r"[A-Z]\d+$", str_length={"max_value": 4}, unique=True)
    sound: bool


def test_what_both_can_say_becomes_columns():
    found = translate(Sale)
    assert found.mistakes == ()
    assert found.checks is None
    assert found.columns == {
        "price": Int(ge=5_000, lt=1_000_000, unit="USD"),
        "share": Float(ge=0, lt=1),
        "wall": Category(["brick", "wood"], nullable=True),
        "code": Str(matches=r"[A-Z]\d+$", max_length=4, unique=True),
        "sound": Bool(),
    }


@pytest.mark.parametrize(
    ("dtype", "column"),
    [
        (int, Int()),
        ("uint8", Int(ge=0)),
        ("Int64", Int()),
        ("float32", Float()),
        (str, Str()),
        ("boolean", Bool()),
        (pandas_engine.Date(), Date()),
        (pandas_engine.DateTime(tz="UTC"), Datetime()),
        (pd.CategoricalDtype(["a", "b"]), Category(["a", "b"])),
        ("category", Str()),
    ],
)
def test_types_by_their_kind(dtype, column):
    found = translate(pandera.DataFrameSchema({"x": pandera.Column(dtype)}))
    assert (found.columns, found.checks, found.mistakes) == ({"x": column}, None, ())


LEFT = [
    pandera.Check.isin([1, 2]),
    pandera.Check.ne(3),
    pandera.Check(lambda values: values > 3),
    pandera.Check.ge(5, ignore_na=False),
]


@pytest.mark.parametrize("check", LEFT)
def test_what_only_pandera_knows_is_left_to_it(check):
    found = translate(pandera.DataFrameSchema({"x": pandera.Column(int, [check])}))
    assert found.columns == {"x": Int()}
    assert found.checks.columns == ("x",)
    (kept,) = found.checks.schema.columns["x"].checks
    assert kept.name == check.name


def test_two_bounds_on_one_side_are_not_mixed_up():
    checks = [pandera.Check.ge(5), pandera.Check.ge(7), pandera.Check.gt(6)]
    found = translate(pandera.DataFrameSchema({"x": pandera.Column(int, checks)}))
    assert found.columns["x"].ge == 5
    assert len(found.checks.schema.columns["x"].checks) >= 1


def test_a_check_that_only_warns_is_no_rule():
    warning = pandera.Check(lambda values: values > 3, raise_warning=True)
    found = translate(pandera.DataFrameSchema({"x": pandera.Column(int, [warning])}, [warning]))
    assert found.checks is None


REFUSED = [
    (pandera.DataFrameSchema({"x": pandera.Column(int)}, index=pandera.Index(int)), "an index"),
    (
        pandera.DataFrameSchema({"x": pandera.Column(int)}, unique=["x"]),
        "unique=['x']: several columns together",
    ),
    (pandera.DataFrameSchema({"x": pandera.Column(int)}, ordered=True), "ordered=True"),
    (
        pandera.DataFrameSchema({"x": pandera.Column(int)}, parsers=pandera.Parser(lambda f: f)),
        "parsers, which change values",
    ),
    (
        pandera.DataFrameSchema({"x": pandera.Column(int)}, add_missing_columns=True),
        "add_missing_columns=True",
    ),
    (
        pandera.DataFrameSchema({"x.*": pandera.Column(int, regex=True)}),
        "column 'x.*' is a pattern of names",
    ),
    (
        pandera.DataFrameSchema({"x": pandera.Column(int, required=False)}),
        "column 'x' may be absent",
    ),
    (
        pandera.DataFrameSchema({"x": pandera.Column(int, default=3)}),
        "column 'x' has a default, which fills gaps",
    ),
    (
        pandera.DataFrameSchema({"x": pandera.Column("datetime64[ns]")}),
        "column 'x' has times without a zone",
    ),
    (
        pandera.DataFrameSchema({"x": pandera.Column(None, unique=True)}),
        "column 'x' is unique and has no type that is known here",
    ),
]


@pytest.mark.parametrize(("schema", "got"), REFUSED)
def test_what_rows_cannot_be_held_to_is_refused(schema, got):
    (mistake,) = Source("sales.parquet", key="id", schema=schema).mistakes()
    assert (mistake.code, mistake.got) == ("C117", got)
    assert mistake.where.endswith(".py:" + mistake.where.rpartition(":")[2])


@pytest.mark.parametrize("given_", [3, "Sale", dict, pandera.Column(int)])
def test_what_is_no_schema_is_refused(given_):
    (mistake,) = Source("sales.parquet", key="id", schema=given_).mistakes()
    assert mistake.what == "schema=… of a source is no Pandera schema for pandas"


def test_a_column_is_declared_once():
    source = Source("sales.parquet", key="id", schema=Sale, columns={"price": Int()})
    (mistake,) = source.mistakes()
    assert mistake.got == "'price' twice"
    assert source.columns["price"] == Int()


# -- rows ------------------------------------------------------------------------------------------


def taken(folder, columns, schema, **source):
    pq.write_table(
        pa.table({"id": list(range(len(next(iter(columns.values()))))), **columns}),
        folder / "rows.parquet",
    )
    declared = Source("rows.parquet", key="id", schema=schema, **source)
    return take(declared, as_of=LATER, project_dir=folder)


def reasons(found):
    rows = found.quarantined.select(["id", REASON]).to_pylist()
    return {row["id"]: row[REASON] for row in rows}


def test_rows_that_break_the_schema_are_quarantined_with_the_reason(tmp_path):
    columns = {
        "price": [6_000, 4_000, 7_000, 7_000, 7_000, 7_000],
        "share": [0.5, 0.5, 1.0, 0.5, 0.5, 0.5],
        "wall": ["brick", "wood", None, "straw", "wood", "wood"],
        "code": ["A1", "A2", "A3", "A4", "A5", "A55555"],
        "sound": [True] * 6,
    }
    assert reasons(taken(tmp_path, columns, Sale)) == {
        1: "price: must be ≥ 5000",
        2: "share: must be < 1",
        3: "wall: must be one of the declared categories",
        5: "code: must be at most 4 characters",
    }


def test_a_value_that_two_rows_share_is_a_fault_of_both(tmp_path):
    schema = pandera.DataFrameSchema({"code": pandera.Column(str, unique=True, nullable=True)})
    found = taken(tmp_path, {"code": ["a", "b", "a", None, None]}, schema)
    assert reasons(found) == {0: "code: must be unique", 2: "code: must be unique"}


def test_revisions_of_one_row_may_share_a_value(tmp_path):
    table = {
        "id": [1, 1, 2],
        "at": [date(2020, 1, 1)] * 3,
        "known": [date(2020, 1, k) for k in (2, 3, 2)],
        "code": ["a", "a", "b"],
    }
    pq.write_table(pa.table(table), tmp_path / "rows.parquet")
    source = Source(
        "rows.parquet",
        key="id",
        event_time="at",
        available_at="known",
        zone="UTC",
        columns={"code": Str(unique=True)},
    )
    found = take(source, as_of=LATER, project_dir=tmp_path)
    assert found.manifest.revisions == 3
    assert found.manifest.quarantined == {}


def test_checks_of_ones_own_are_run_on_the_rows(tmp_path):
    class Own(pandera.DataFrameModel):
        x: int = pandera.Field(ge=0)
        y: float = pandera.Field(nullable=True)

        @pandera.check("x", name="even")
        @classmethod
        def even(cls, values):
            return values % 2 == 0

        @pandera.dataframe_check(name="x below y")
        @classmethod
        def below(cls, frame):
            return frame["y"].isna() | (frame["x"] < frame["y"])

    found = taken(tmp_path, {"x": [2, 3, -4, 8, 6], "y": [5.0, 5.0, 5.0, 5.0, None]}, Own)
    assert reasons(found) == {
        1: "x: fails the check 'even'",
        2: "x: must be ≥ 0",
        3: "row: fails the check 'x below y'",
    }


def test_an_untyped_column_is_left_to_pandera(tmp_path):
    schema = pandera.DataFrameSchema({"x": pandera.Column(None, pandera.Check.isin([1, 2]))})
    found = taken(tmp_path, {"x": [1, 2, 3, None]}, schema)
    assert reasons(found) == {
        2: "x: fails the check 'isin([1, 2])'",
        3: "x: fails the check 'not_nullable'",
    }


@pytest.mark.parametrize(
    ("check", "got"),
    [
        (pandera.Check(lambda values: values.mean() < 1, name="mean"), "mean: False"),
        (
            pandera.Check(lambda values: 1 / 0, name="broken"),
            'broken: ZeroDivisionError("division by zero")',
        ),
    ],
)
def test_a_check_that_says_nothing_of_rows_stops_the_source(tmp_path, check, got):
    schema = pandera.DataFrameSchema({"x": pandera.Column(int, check)})
    with pytest.raises(AuthorError, match="D115") as caught:
        taken(tmp_path, {"x": [1, 2]}, schema)
    assert caught.value.mistakes[0].got == got


def test_checks_see_nothing_of_the_future_nor_what_was_set_aside(tmp_path):
    seen = []

    def look(values):
        seen.append(values.tolist())
        return values > 0

    schema = pandera.DataFrameSchema(
        {"x": pandera.Column(int, [pandera.Check.le(9), pandera.Check(look)])}
    )
    columns = {"x": [1, 99, 3], "at": [date(2020, 1, 1), date(2020, 1, 1), date(2031, 1, 1)]}
    taken(tmp_path, columns, schema, event_time="at", zone="UTC")
    assert seen == [[1]]


def test_a_strict_schema_knows_every_column(tmp_path):
    schema = pandera.DataFrameSchema({"x": pandera.Column(int)}, strict=True)
    assert reasons(taken(tmp_path, {"x": [1]}, schema)) == {}
    with pytest.raises(AuthorError, match="D114") as caught:
        taken(tmp_path, {"x": [1], "y": [2]}, schema)
    assert [m.got for m in caught.value.mistakes] == ["'y'"]


def test_a_column_of_the_schema_must_be_there(tmp_path):
    check = pandera.Check(lambda values: values > 0)
    schema = pandera.DataFrameSchema({"x": pandera.Column(None, check), "z": pandera.Column(int)})
    with pytest.raises(AuthorError, match="D103") as caught:
        taken(tmp_path, {"y": [1]}, schema)
    assert len(caught.value.mistakes) == 2


def test_times_keep_their_own_rules(tmp_path):
    schema = pandera.DataFrameSchema({"at": pandera.Column("datetime64[ns]")})
    found = taken(tmp_path, {"at": [date(2020, 1, 1)]}, schema, event_time="at", zone="UTC")
    assert found.manifest.rows == 1


MODULE = """
import pandera.pandas as pandera
import rules
from interlock.data.source import Source

class Rows(pandera.DataFrameModel):
    x: int

    @pandera.check("x")
    def odd(cls, values):
        return rules.odd(values)

source = Source("rows.parquet", key="id", schema=Rows)
"""


def test_a_helper_that_changes_makes_another_source(tmp_path):
    def row(helper):
        (tmp_path / "rules.py").write_text(helper)
        (tmp_path / "declared.py").write_text(MODULE)
        code = "import json, declared; print(json.dumps(declared.source.to_row()))"
        done = subprocess.run(
            [sys.executable, "-B", "-c", code],
            cwd=tmp_path,
            text=True,
            capture_output=True,
            check=True,
            timeout=240,
        )
        return json.loads(done.stdout)

    first = row("def odd(values):\n    return values % 2 == 1\n")
    assert row("def odd(values):\n    return values % 2 == 1\n") == first
    other = row("def odd(values):\n    return values % 3 == 1\n")
    assert other != first
    assert other | {"checks": None} == first | {"checks": None}


def test_a_source_without_a_schema_is_the_source_it_was():
    row = Source("rows.parquet", key="id", columns={"x": Int(ge=3), "y": Str()}).to_row()
    assert "checks" not in row
    assert row["columns"]["y"] == {
        "kind": "str",
        "unit": "",
        "nullable": False,
        "bounds": [],
        "categories": [],
    }


def test_pandera_is_imported_only_where_a_schema_is_given(tmp_path):
    script = tmp_path / "declared.py"
    script.write_text(
        "import sys\nfrom interlock.data.source import Source\nSource('x.csv', key='id')\n"
        "print('pandera' in sys.modules, 'pandas' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, script], text=True, capture_output=True, check=True, timeout=240
    )
    assert done.stdout.split() == ["False", "False"]


# -- the law: what Pandera refuses is quarantined, and nothing else --------------------------------

LAW = pandera.DataFrameSchema(
    {
        "n": pandera.Column(float, [pandera.Check.in_range(-5, 5)], nullable=True),
        "t": pandera.Column(
            str,
            [pandera.Check.str_matches(r"^[ab]+$"), pandera.Check.str_length(1, 3)],
            nullable=True,
        ),
    }
)


@given(
    st.lists(
        st.tuples(
            st.none() | st.floats(-10, 10),
            st.none() | st.text("abc", max_size=5),
        ),
        min_size=1,
        max_size=25,
    )
)
@settings(deadline=None, max_examples=60)
def test_the_rows_set_aside_are_those_that_pandera_refuses(tmp_path_factory, rows):
    columns = {
        "n": pa.array([n for n, _ in rows], pa.float64()),
        "t": pa.array([t for _, t in rows], pa.string()),
    }
    found = taken(tmp_path_factory.mktemp("law"), columns, LAW)
    frame = pd.DataFrame({"n": [n for n, _ in rows], "t": [t for _, t in rows]})
    frame = frame.astype({"n": "float64", "t": object})
    refused = set()
    try:
        pandera.DataFrameSchema(
            {
                "n": LAW.columns["n"],
                "t": pandera.Column(object, LAW.columns["t"].checks, nullable=True),
            }
        ).validate(frame, lazy=True)
    except SchemaErrors as error:
        refused = set(error.failure_cases["index"].tolist())
    assert set(reasons(found)) == refused


@pytest.mark.parametrize(
    ("column", "code", "got"),
    [
        (Str(matches="["), "C116", "'[': unterminated character set at position 0"),
        (Str(matches=3), "C116", "3"),
        (Str(min_length=5, max_length=4), "C112", "no whole number is ≥ 5 and ≤ 4"),
        (Str(min_length=-1), "C112", "a length below 0"),
    ],
)
def test_texts_that_cannot_be_asked_for(column, code, got):
    (mistake,) = Source("rows.csv", key="id", columns={"x": column}).mistakes()
    assert (mistake.code, mistake.got) == (code, got)


def test_the_pattern_is_matched_as_a_whole_by_python(tmp_path):
    table = pa.table({"id": [1, 2, 3, 4], "x": ["ab", "abc", "xab", None]})
    pq.write_table(table, tmp_path / "rows.parquet")
    pattern = r"(?=a)a?b"  # a lookahead: Arrow's own expressions have none
    source = Source("rows.parquet", key="id", columns={"x": Str(matches=pattern, nullable=True)})
    found = take(source, as_of=LATER, project_dir=tmp_path)
    assert reasons(found) == dict.fromkeys((2, 3), f"x: must match {pattern}")
    assert re.fullmatch(pattern, "ab")
