"""Every mistake of a history is found before anything runs, and all are told at once."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

import interlock as il
from interlock.data.request_class import request_schema
from interlock.errors import Mistake
from interlock.features.declare import RequestFeature, signature_of
from interlock.product.declaration import Declaration
from interlock.product.histories import history_definition
from interlock.product.mistakes.aggregates import aggregate_mistakes
from interlock.product.mistakes.histories import history_mistakes

COLUMNS = {
    "price": "int", "area": "float", "town": "str", "kind": "category", "new": "bool",
    "day": "date", "sold_on": "date", "at": "datetime", "rooms": "int",
}  # fmt: skip


class House(il.Request):
    sold_on: date = il.asked_at(zone="UTC")
    town: str
    rooms: int


@il.feature
def size(rooms: int) -> str:
    return "large" if rooms > 5 else "small"


@il.label
def dear(price: int) -> bool:
    return price > 100


def sales(**more: Any) -> il.Source:
    fields: dict[str, Any] = {"key": "id", "event_time": "sold_on", "available_after": "1d"}
    return il.Source("sales.parquet", **(fields | more))


def found(
    history: Any, *, columns: Any = COLUMNS, source: Any = None, target: Any = None
) -> list[Mistake]:
    product = Declaration(
        "homes",
        request=House,
        examples=(source or sales()).map(),
        target=target or il.Regression("price", available_after="1d"),
        features=[size, history],
        candidates={},
    )
    declared = [f for f in product.features if isinstance(f, RequestFeature)]
    signatures = {f.name: signature_of(f) for f in declared}
    return history_mistakes(
        product, request_schema(House), signatures, {"sales": columns, "other": columns}
    )


def of_aggregate(declared: Any, name: str = "x") -> list[tuple[str, str, str]]:
    return [(m.code, m.got, m.fix) for m in aggregate_mistakes(name, declared, COLUMNS, "here")]


EVERY: dict[str, Any] = dict(  # noqa: C408 - as it stands in a declaration
    a=il.count(("7d", "30d"), where="price > 5 and kind in ('brick')"),
    b=il.share("7d", where="new or day > '2013-01-01'"),
    c=il.sum("price", "7d", default=0),
    d=il.mean("area", ttl="3d"),
    e=il.std("price", "7d"),
    f=il.min("area"),
    g=il.max("area"),
    h=il.median("price", "7d"),
    i=il.quantile("price", "7d", q=0.9),
    j=il.latest("kind"),
    k=il.first("new"),
    m=il.distinct("town", "7d"),
)


def test_a_good_history_has_no_mistakes_and_a_definition() -> None:
    history = il.History(sales(), by=("town", size), refresh="1d", **EVERY)
    assert found(history) == []
    kinds = {"town": "str", "size": "str"}
    made = history_definition(history, kinds, COLUMNS, {})
    assert made.entity == (("town", "str"), ("size", "str"))
    assert [(a.name, a.kind) for a in made.aggregates] == [
        ("a_7d", "int"), ("a_30d", "int"), ("b", "float"), ("c", "int"), ("d", "float"),
        ("e", "float"), ("f", "float"), ("g", "float"), ("h", "float"), ("i", "float"),
        ("j", "str"), ("k", "bool"), ("m", "int"),
    ]  # fmt: skip
    by_name = {a.name: a for a in made.aggregates}
    assert by_name["a_7d"].where == '"price" > 5 AND "kind" IN (\'brick\')'
    assert by_name["b"].where == '"new" = TRUE OR "day" > DATE \'2013-01-01\''
    assert by_name["i"].quantile == 0.9


def test_spellings_that_mean_the_same_have_the_same_digest() -> None:
    def digest(where: str, refresh: str = "1d") -> str:
        history = il.History(sales(), by="town", refresh=refresh, n=il.count("7d", where=where))
        return history_definition(history, {"town": "str"}, COLUMNS, {}).digest

    assert digest("price>5 AND new") == digest("( price > 5 ) and new = true", "24h")
    assert digest("price > 5") != digest("price > 6")


@pytest.mark.parametrize(
    ("declared", "code", "got", "fix"),
    [
        ("30d", "F115", "'30d'",
         "use one of il.count, share, sum, mean, std, min, max, median, quantile, distinct, "
         "latest, first"),
        (il.mean("prize"), "F116", "prize", "did you mean 'price'?"),
        (il.mean("town"), "F117", "town: str", "choose another column or another aggregate"),
        (il.latest("at"), "F117", "at: datetime", "choose another column or another aggregate"),
        (il.count(where="prize > 1"), "F118", "the column 'prize', which is not there",
         "did you mean 'price'?"),
        (il.count(where="price > 1.5"), "F118", "'price' (int) beside 1.5",
         "correct the condition"),
        (il.count(where="abs(price) > 1"), "F118", "(price) > 1", "correct the condition"),
        (il.count(where=lambda row: True), "F118", None, "correct the condition"),  # type: ignore
        (il.share(where=None), "F118", "None", "correct the condition"),  # type: ignore
        (il.quantile("price", q=90), "F125", "90", "give q as a share, not as a percentage"),
        (il.quantile("price", q="0.9"), "F125", "'0.9'",  # type: ignore
         "give q as a share, not as a percentage"),
        (il.mean("price", default="none"), "F128", "'none'",
         "give default=… as a value of kind float"),
        (il.count(default=0.5), "F128", "0.5", "give default=… as a value of kind int"),
        (il.count("a week"), "C102", "'a week'",
         "write the span as, for example, '1d' or '15m'"),
        (il.count(()), "C102", "()", "write the span as, for example, '1d' or '15m'"),
        (il.mean("price", ttl="soon"), "C102", "'soon'",
         "write the span as, for example, '1d' or '15m'"),
    ],
)  # fmt: skip
def test_mistakes_of_an_aggregate(declared: Any, code: str, got: str | None, fix: str) -> None:
    ((found_code, found_got, found_fix),) = of_aggregate(declared)
    assert (found_code, found_fix) == (code, fix)
    assert got is None or found_got == got


def test_all_mistakes_of_an_aggregate_are_told_together() -> None:
    declared = il.quantile("prize", "soon", q=2, where="nope = 1")
    assert [code for code, _, _ in of_aggregate(declared)] == ["C102", "F125", "F118", "F116"]


def test_an_entity_of_another_kind_in_the_source_is_a_mistake() -> None:
    history = il.History(sales(), by=("town", size), refresh="1d", n=il.count("7d"))
    mistakes = found(history, columns=COLUMNS | {"town": "int", "rooms": "float"})
    assert [(m.code, m.what, m.fix) for m in mistakes] == [
        (
            "F119",
            "'town' is str on the request and int in the source",
            "declare the column on the source: columns={'town': il.Str()}",
        ),
        (
            "F119",
            "'rooms', of which the entity 'size' is made, is int on the request and float "
            "in the source",
            "declare the column on the source: columns={'rooms': il.Int()}",
        ),
    ]


@pytest.mark.parametrize(
    ("aggregates", "target"),
    [
        ({"n": il.mean("price", "7d")}, None),
        ({"n": il.count("7d", where="price > 5")}, None),
        ({"n": il.mean("price", "7d")}, il.Binary(dear)),
    ],
)
def test_the_target_of_a_source_without_availability_leaks(aggregates: Any, target: Any) -> None:
    source = sales(available_after=None)
    history = il.History(source, by="town", refresh="1d", **aggregates)
    assert [m.code for m in found(history, source=source, target=target)] == ["F111"]
    harmless = il.History(source, by="town", refresh="1d", n=il.count("7d"))
    assert found(harmless, source=source, target=target) == []


def custom(sql: Any, **more: Any) -> Any:
    fields: dict[str, Any] = {"by": "town", "refresh": "1d", "values": {"top": "int"}}
    return il.CustomHistory(sales(), sql=sql, **(fields | more))


GOOD = "with r as (select * from sales) select town, max(price) as top from r where d < :as_of"


def test_a_good_query_has_no_mistakes_and_a_definition() -> None:
    history = custom(GOOD, defaults={"top": -1})
    assert found(history) == []
    made = history_definition(history, {"town": "str"}, COLUMNS, {})
    ((name, function, kind, default),) = [
        (a.name, a.function, a.kind, a.default) for a in made.aggregates
    ]
    assert (made.sql, name, function, kind, default) == (GOOD, "top", "custom", "int", -1)


def test_a_query_over_the_targets_source_needs_its_availability() -> None:
    source = sales(available_after=None)
    history = il.CustomHistory(source, sql=GOOD, by="town", refresh="1d", values={"top": "int"})
    assert [m.code for m in found(history, source=source)] == ["F111"]


@pytest.mark.parametrize(
    ("sql", "got"),
    [
        ("selec 1", "Invalid expression / Unexpected token. Line 1, Col: 7."),
        ("select 1; select 2", "2 statements"),
        ("delete from sales", "no SELECT"),
        ("select town, top from 'other.parquet'", 'it reads "other.parquet"'),
        ("select town, top from read_csv('x.csv')", "it reads READ_CSV('x.csv')"),
        ("select town, top from sales join prices using (town)", "it reads prices"),
        ("select town, random() as top from sales", "rand(), which is clock or chance"),
        ("select town, now() as top from sales", "now(), which is clock or chance"),
        ("select town, today() as top from sales", "current_date(), which is clock or chance"),
        ("select town, top from sales using sample 10", "a sample of rows, which is chance"),
        ("select town, top from sales where d < $other", "the parameter $other"),
        (None, "None"),
    ],
)
def test_a_query_that_cannot_be_used(sql: Any, got: str) -> None:
    (mistake,) = found(custom(sql))
    assert (mistake.code, mistake.got) == ("F127", got)


def test_values_of_a_query_have_kinds() -> None:
    mistakes = found(custom(GOOD, values={"top": "number"})) + found(custom(GOOD, values="top"))
    assert [(m.code, m.got) for m in mistakes] == [("F127", "'number'"), ("F127", "no values")]
