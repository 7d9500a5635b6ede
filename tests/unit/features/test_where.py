"""The language of where: what it reads, what it writes, what it means, and what it refuses."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.features.expressions import condition
from interlock.features.oracle import holds
from interlock.features.predicate import (
    Alternative,
    Comparison,
    Conjunction,
    Member,
    Missing,
    Negation,
    Predicate,
    columns_of,
    problems,
    text,
    typed,
)
from interlock.features.where import NotUnderstood, parse_where

KINDS = {"n": "int", "x": "float", "s": "str", "b": "bool", "d": "date", "Odd name": "int"}


@pytest.mark.parametrize(
    ("given_text", "canonical"),
    [
        ("n>15", '"n" > 15'),
        ("15 < n", '"n" > 15'),
        ("n == 1 OR n != 2 and n <> -3", '"n" = 1 OR ("n" <> 2 AND "n" <> -3)'),
        ("(n = 1 or n = 2) and b", '("n" = 1 OR "n" = 2) AND "b" = TRUE'),
        ("not b and not (n = 1)", 'NOT ("b" = TRUE) AND NOT ("n" = 1)'),
        ("n between 1 and 3 and b", '"n" >= 1 AND "n" <= 3 AND "b" = TRUE'),
        ("b and n between 1 and 3", '"b" = TRUE AND ("n" >= 1 AND "n" <= 3)'),
        ("n not between 1 and 3", 'NOT ("n" >= 1 AND "n" <= 3)'),
        ("s in ('AA', 'it''s')", "\"s\" IN ('AA', 'it''s')"),
        ("s not in ('AA')", "NOT (\"s\" IN ('AA'))"),
        ("x is null or s is not null", '"x" IS NULL OR NOT ("s" IS NULL)'),
        ('"Odd name" >= 2', '"Odd name" >= 2'),
        ("d >= date '2013-01-31'", "\"d\" >= DATE '2013-01-31'"),
        ("x < -1.5e-3", '"x" < -0.0015'),
        ("date = 'x'", "\"date\" = 'x'"),
    ],
)
def test_texts_have_one_canonical_form(given_text: str, canonical: str) -> None:
    assert text(parse_where(given_text)) == canonical
    assert parse_where(canonical) == parse_where(given_text)


@pytest.mark.parametrize(
    ("given_text", "part"),
    [
        ("", "its end"),
        ("n >", "its end"),
        ("n > 1 and", "its end"),
        ("n > m", "m"),
        ("upper(s) = 'A'", "(s) = 'A'"),
        ("n + 1 > 2", "+ 1 > 2"),
        ("n > 1; drop table t", "; drop table t"),
        ("n > 1 -- x", "-- x"),
        ("s like 'A%'", "like 'A%'"),
        ("(n > 1", "its end"),
        ("n > 1)", ")"),
        ("n in ()", ")"),
        ("n in (select 1)", "select 1)"),
        ("n is 1", "1"),
        ("n not 1", "1"),
        ("1 = 1", "1"),
        ("n = 9223372036854775808", "9223372036854775808"),
        ("x = 1e999", "1e999"),
        ("d > date '2013-02-30'", "'2013-02-30'"),
        ("n = 1x", "1x"),
        ("s = 'open", "'open"),
    ],
)
def test_what_is_not_understood_is_shown(given_text: str, part: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        parse_where(given_text)
    assert str(caught.value) == part


@pytest.mark.parametrize(
    ("given_text", "found"),
    [
        ("n > 1 and x < 2 and x < 2.5 and s = 'a' and b and d = date '2013-01-01'", []),
        ("m > 1", ["the column 'm', which is not there"]),
        ("n > 1.5", ["'n' (int) beside 1.5"]),
        ("s in ('a', 1)", ["'s' (str) beside 1"]),
        ("b = 1 or n", ["'b' (bool) beside 1", "'n' (int) beside TRUE"]),
        ("d > 'soon'", ["'d' (date) beside 'soon'"]),
    ],
)
def test_values_must_be_of_their_columns_kind(given_text: str, found: list[str]) -> None:
    assert list(problems(typed(parse_where(given_text), KINDS), KINDS)) == found


def test_a_column_of_a_kind_that_cannot_be_compared_is_a_problem() -> None:
    found = list(problems(parse_where("t is null"), {"t": "datetime"}))
    assert found == ["the column 't', which is a datetime"]


def test_a_text_beside_a_date_is_read_as_one() -> None:
    read = typed(parse_where("d in ('2013-01-31') and not d < '2013-01-01'"), KINDS)
    days = [date(2013, 1, 31), date(2013, 1, 1)]
    assert read == Conjunction(Member("d", (days[0],)), Negation(Comparison("d", "<", days[1])))
    assert columns_of(read) == {"d"}


comparisons = st.one_of(
    st.builds(
        Comparison, st.just("n"), st.sampled_from(["=", "<>", "<", "<=", ">", ">="]),
        st.integers(-2, 2),
    ),
    st.builds(Comparison, st.just("x"), st.sampled_from(["=", "<", ">="]), st.sampled_from(
        [0.1, 0.0, -1.5, 1])),
    st.builds(Comparison, st.just("s"), st.sampled_from(["=", "<", ">="]), st.sampled_from(
        ["", "a", "é", "it's"])),
    st.builds(Comparison, st.just("b"), st.sampled_from(["=", "<>"]), st.booleans()),
    st.builds(Comparison, st.just("d"), st.sampled_from(["=", ">"]), st.just(date(2013, 1, 31))),
    st.builds(Member, st.just("n"), st.lists(st.integers(-2, 2), min_size=1).map(tuple)),
    st.builds(Missing, st.sampled_from(list("nxsbd"))),
)  # fmt: skip
predicates: st.SearchStrategy[Predicate] = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(Negation, inner),
        st.builds(Conjunction, inner, inner),
        st.builds(Alternative, inner, inner),
    ),
    max_leaves=6,
)
rows = st.fixed_dictionaries(
    {
        "n": st.one_of(st.none(), st.integers(-3, 3)),
        "x": st.one_of(st.none(), st.sampled_from([0.1, -0.0, -1.5, 2.0])),
        "s": st.one_of(st.none(), st.sampled_from(["", "a", "b", "é", "it's"])),
        "b": st.one_of(st.none(), st.booleans()),
        "d": st.one_of(st.none(), st.dates(date(2013, 1, 30), date(2013, 2, 1))),
    }
)


@pytest.fixture(scope="module")
def database() -> Any:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE r (n BIGINT, x DOUBLE, s VARCHAR, b BOOLEAN, d DATE)")
        yield connection


@settings(max_examples=150, deadline=None)
@given(predicates)
def test_every_predicate_survives_its_own_text(predicate: Predicate) -> None:
    assert parse_where(text(predicate)) == predicate


@settings(max_examples=100, deadline=None)
@given(predicates, rows)
def test_the_database_and_the_oracle_agree(
    database: Any, predicate: Predicate, row: dict[str, Any]
) -> None:
    database.execute("DELETE FROM r")
    database.execute("INSERT INTO r VALUES ($n, $x, $s, $b, $d)", row)
    sql = condition(predicate, KINDS).sql(dialect="duckdb")
    assert database.execute(f"SELECT {sql} FROM r").fetchone() == (holds(predicate, row),)
    canonical = database.execute(f"SELECT {text(predicate)} FROM r").fetchone()
    assert canonical == (holds(predicate, row),)
