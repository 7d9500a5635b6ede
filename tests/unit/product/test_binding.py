"""A bound product: what the model sees and in which order, kinds, sources, identity."""

from datetime import date, datetime
from typing import Literal

import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

import interlock as il
from interlock.clock import DAY, HOUR
from interlock.features.definition import Input


class House(il.Request):
    garage: int | None = None
    valued_on: date = il.asked_at(zone="UTC")
    zone: Literal["north", "south"]
    built: int
    area: float = il.field(gt=0, unit="m²")


@il.feature
def late(age: int, valued_on: date) -> bool:
    return age > 40 and valued_on.month > 6


@il.feature(unit="years")
def age(valued_on: date, built: int | None) -> int | None:
    """How old it is.

    More of it.
    """
    return None if built is None else valued_on.year - built


@il.feature(model_input=False)
def cell(area: float) -> str:
    return f"{area // 5:.0f}"


@il.feature
def side(zone: str) -> Literal["n", "s"]:
    return "n" if zone == "north" else "s"


@il.feature
def day(as_of: datetime) -> date:
    return as_of.date()


FEATURES = [late, age, cell, side, day]


def history(source, **more):
    parts = {"refresh": "1d", "landing": "1h", "sales": il.count("90d")} | more
    return il.History(source, by=(cell, "zone"), **parts)


@pytest.fixture
def bound(project):
    source = project.source()
    market = history(source, price=il.median("price", "90d", default=0))
    return project.bind(House, source=source, features=[*FEATURES, market], unit=("zone", "built"))


def test_the_model_sees_fields_then_features_then_aggregates(bound):
    assert bound.features.inputs == (
        Input(name="garage", kind="int"),
        Input(name="zone", kind="category", categories=("north", "south")),
        Input(name="built", kind="int"),
        Input(name="area", kind="float"),
        Input(name="age", kind="int"),
        Input(name="side", kind="category", categories=("n", "s")),
        Input(name="late", kind="bool"),
        Input(name="sales", kind="int"),
        Input(name="price", kind="float"),
    )


def test_features_stand_after_what_they_need(bound):
    assert [d.name for d in bound.features.request] == ["age", "cell", "side", "day", "late"]


def test_a_definition_tells_all_that_the_service_needs(bound):
    found = next(d for d in bound.features.request if d.name == "age")
    assert (found.arguments, found.nullable_arguments) == (("valued_on", "built"), ("built",))
    assert (found.kind, found.optional, found.unit) == ("int", True, "years")
    assert found.description == "How old it is."
    assert found.function == "age"
    assert f"def {found.function}" in bound.packed[found.module]
    assert "@" not in bound.packed[found.module]


def test_dates_and_what_is_no_model_input_are_kept_from_the_model(project):
    class Flat(il.Request):
        valued_on: date = il.asked_at(zone="UTC")
        built: int
        area: float = il.field(model_input=False)

    bound = project.bind(Flat, features=[cell])
    assert [i.name for i in bound.features.inputs] == ["built"]
    assert [d.name for d in bound.features.request] == ["cell"]


def test_the_history_becomes_data(bound):
    (found,) = bound.features.histories
    assert (found.name, found.source) == ("sales_by_cell_zone", "sales")
    assert found.entity == (("cell", "str"), ("zone", "str"))
    assert (found.refresh, found.landing) == (DAY, HOUR)
    count, price = found.aggregates
    assert (count.name, count.function, count.kind, count.default) == ("sales", "count", "int", 0)
    assert (price.column, price.kind, price.window) == ("price", "float", 90 * DAY)


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        (il.count(), "int"),
        (il.mean("price"), "float"),
        (il.median("price"), "float"),
        (il.sum("price"), "int"),
        (il.sum("area"), "float"),
        (il.min("price"), "int"),
        (il.max("area"), "float"),
        (il.latest("zone"), "str"),
        (il.latest("price", ttl="3h"), "int"),
    ],
)
def test_the_kind_of_an_aggregate_follows_its_column(project, declared, kind):
    source = project.source()
    made = il.History(source, by="zone", refresh="1d", value=declared)
    bound = project.bind(House, source=source, features=[made])
    assert bound.features.inputs[-1] == Input(name="value", kind=kind)


def test_a_history_has_an_identity_that_its_declaration_decides(project):
    def digest(**more):
        source = project.source()
        bound = project.bind(House, source=source, features=[cell, history(source, **more)])
        return bound.features.histories[0].digest

    assert digest() == digest(refresh="24h")
    others = [
        digest(refresh="2d"),
        digest(landing="2h"),
        digest(name="market"),
        digest(sales=il.count("91d")),
        digest(sales=il.latest("price", "90d", ttl="1h")),
        digest(sales=il.latest("price", "90d", ttl="2h")),
        digest(more=il.count("90d")),
    ]
    assert len({digest(), *others}) == 1 + len(others)


def test_the_zone_of_dates_is_that_of_the_request(bound, project):
    assert bound.zone == "UTC"

    class Timeless(il.Request):
        built: int

    source = project.source(event_time=None, available_after=None)
    other = project.bind(Timeless, source=source, examples=source.map(), split=il.HashSplit())
    assert other.zone is None


def test_a_field_comes_from_the_column_it_is_mapped_to(bound):
    assert bound.mapping == {
        "garage": "garage",
        "valued_on": "sold_on",
        "zone": "zone",
        "built": "built",
        "area": "area",
    }


def test_an_optional_field_may_have_no_column(project, sales):
    project.write(sales.drop_columns(["garage"]))
    assert project.bind(House).mapping["garage"] == "garage"


def test_one_source_may_feed_several_histories(project, sales):
    project.write(sales, "weather.parquet")
    source, weather = project.source(), project.source("weather.parquet")
    made = [
        history(source),
        il.History(source, by="zone", refresh="1d", two=il.count("1d")),
        il.History(weather, by="zone", refresh="1d", three=il.count("1d")),
    ]
    bound = project.bind(House, source=source, features=[cell, *made])
    assert sorted(bound.sources) == ["sales", "weather"]
    assert bound.sources["sales"] is source
    assert bound.examples_source is source


def test_two_different_sources_of_one_name(project):
    other = project.source(available_after="2d")
    made = il.History(other, by="zone", refresh="1d", sales=il.count("1d"))
    assert project.mistake(House, features=[made]) == (
        "error[C171]: two different sources are both named 'sales'\n"
        "  expected: one source, or a name='…' of its own for each\n"
        "  fix: give one of them another name"
    )


def test_two_equal_sources_of_one_name_are_one(project):
    made = il.History(project.source(), by="zone", refresh="1d", sales=il.count("1d"))
    assert sorted(project.bind(House, features=[made]).sources) == ["sales"]


def test_the_code_digest_is_of_all_that_makes_inputs_and_labels(project):
    def digest(**changes):
        return project.bind(House, **({"features": [age]} | changes)).code_digest

    base = digest()
    assert digest() == base
    assert (
        digest(candidates={"r": il.Candidate(Ridge(alpha=7)), "b": il.Baseline(il.Median())})
        == base
    )
    others = [
        digest(features=[age, side]),
        digest(features=[]),
        digest(unit="zone"),
        digest(weight="area"),
        digest(yardsticks={"assessor": "assessed"}),
        digest(target=il.Regression("price", available_after="2d")),
        digest(target=il.Regression("price", available_after="1d", interval=0.9)),
        digest(target=il.Regression("assessed", available_after="1d")),
        digest(target=il.Binary(expensive, available_after="1d"), candidates=CLASSES),
        digest(target=il.Binary(cheap, available_after="1d"), candidates=CLASSES),
    ]
    assert len({base, *others}) == 1 + len(others)


CLASSES = {"prior": il.Baseline(il.ClassPrior()), "logistic": il.Candidate(LogisticRegression())}
LIMIT = 15_000


@il.label
def expensive(price: int) -> bool:
    return price > LIMIT


@il.label
def cheap(price: int) -> bool:
    return price <= LIMIT


def test_a_label_is_packed_apart_from_the_features(project):
    bound = project.bind(
        House, features=[age], target=il.Binary(expensive, available_after="1d"), candidates=CLASSES
    )
    module, function = bound.label_place
    assert function == "expensive"
    assert "LIMIT = 15_000" in bound.label_source[module]
    assert "expensive" not in "".join(bound.packed.values())
    assert project.bind(House).label_place is None


def test_a_declared_column_has_its_declared_kind(project, sales):
    places = sales.column_names.index("price")
    project.write(sales.set_column(places, "price", sales["price"].cast(pa.float64())))
    source = project.source(columns={"price": il.Int()})
    made = il.History(source, by="zone", refresh="1d", value=il.max("price"))
    bound = project.bind(House, source=source, features=[made])
    assert bound.features.inputs[-1] == Input(name="value", kind="int")


def test_binding_twice_gives_the_same(project):
    first, second = (project.bind(House, features=FEATURES) for _ in range(2))
    assert first.code_digest == second.code_digest
    assert first.features == second.features
    assert first.packed == second.packed
