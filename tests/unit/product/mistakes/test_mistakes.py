"""Every mistake in a declaration: its exact words, once; and all of them at once."""

from datetime import date, datetime
from typing import Literal

import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import interlock as il
from interlock.product.mistakes.nearest import nearest


class House(il.Request):
    valued_on: date = il.asked_at(zone="UTC")
    built: int
    area: float
    zone: str
    garage: int | None = None


class Timeless(il.Request):
    built: int


@il.feature
def age(valued_on: date, built: int) -> int:
    return valued_on.year - built


@il.feature
def cell(area: float) -> str:
    return f"{area // 5:.0f}"


@il.feature
def far(distance: float) -> float:
    return distance


@il.feature
def near(are: float) -> float:
    return are


@il.feature
def chicken(egg: int) -> int:
    return egg


@il.feature
def egg(chicken: int, built: int) -> int:
    return chicken + built


@il.feature
def built(area: float) -> int:
    return int(area)


@il.feature
def untyped(area) -> float:
    return area


@il.feature
def impure(area: float) -> float:
    return area + open(0).fileno()


@il.feature
def moved(sold: date) -> int:
    return sold.year


@il.label
def dear(prise: int, area: float) -> bool:
    return prise / area > 100


PLACE = f"{__file__}:"


def where(feature):
    return f"{__file__}:{feature.function.__code__.co_firstlineno}"


def test_a_sound_product_has_no_mistakes(project):
    assert project.bind(House, features=[age, cell]).features.request


# -- names and fields ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", "Houses", "my houses", "../x", "1st", "-a", "ä", "a" * 64, "a_b", 5, None]
)
def test_a_products_name(project, name):
    assert project.mistake(House, name=name) == (
        "error[C170]: a product's name cannot be used\n"
        "  expected: lower-case letters, digits and '-', starting with a letter, at most 63\n"
        f"  got: {name!r}\n"
        "  fix: rename the product; names become folders and addresses"
    )


def test_a_unit_that_is_no_field(project):
    assert project.mistake(House, unit=("zone", "street")) == (
        "error[C172]: the unit names 'street', which is not a field of the request\n"
        "  expected: some of valued_on, built, area, zone, garage\n"
        "  got: street\n"
        "  fix: name request fields in unit=…"
    )


def test_a_mapping_of_no_field(project):
    examples = project.source().map(valued_on="sold_on", size="area")
    assert project.mistake(House, examples=examples) == (
        "error[C173]: the examples map 'size', which is not a field of the request\n"
        "  expected: some of valued_on, built, area, zone, garage\n"
        "  got: size\n"
        "  fix: remove size='…' from .map(…), or declare the field"
    )


def test_a_field_without_a_column(project):
    columns = "area, assessed, built, garage, photo, price, sale_id, sold_on, zone"
    assert project.mistake(House, examples=project.source().map()) == (
        "error[C174]: no source column for the request field 'valued_on'\n"
        "  where: source sales\n"
        f"  expected: one of {columns}\n"
        "  got: valued_on\n"
        "  fix: did you mean 'sold_on'?"
    )


def test_a_request_that_cannot_be_read_brings_no_further_mistakes(project):
    class Broken(il.Request):
        valued_on: date = il.asked_at(zone="UTC")
        built: list[int]
        as_of: int

    found = project.mistakes(Broken, features=[age])
    assert [(m.code, m.what) for m in found] == [
        ("C110", "a request field has a type that cannot be sent"),
        ("C111", "a request field has a name that cannot be used"),
    ]


# -- features --------------------------------------------------------------------------------------


def test_a_name_used_twice(project):
    assert project.mistake(House, features=[age, built]) == (
        "error[F103]: the name 'built' is used twice\n"
        f"  where: {where(built)}\n"
        "  expected: names that differ among request fields, features and aggregates\n"
        "  fix: rename the feature"
    )
    assert [m.code for m in project.mistakes(House, features=[age, age])] == ["F103"]


def test_something_that_is_no_feature(project):
    assert project.mistake(House, features=[age, age.function]) == (
        "error[F104]: features=[…] holds something that is not a feature\n"
        "  expected: functions under @il.feature, and il.History(…)\n"
        f"  got: {repr(age.function)[:80]}\n"
        "  fix: put @il.feature over the function"
    )


def test_a_circle(project):
    found = project.mistakes(House, features=[egg, chicken])
    assert [str(m) for m in found] == [
        "error[F105]: features need one another in a circle\n"
        "  expected: an order in which each can be computed\n"
        "  got: chicken → egg → chicken\n"
        "  fix: take one of the arguments away"
    ]


def test_an_argument_that_nothing_provides(project):
    assert project.mistake(House, features=[far]) == (
        "error[F106]: far asks for 'distance', which nothing provides\n"
        f"  where: {where(far)}\n"
        "  expected: names of request fields, of other request features, or as_of\n"
        "  got: distance\n"
        "  fix: declare it on the request, or correct the name"
    )
    (found,) = project.mistakes(House, features=[near])
    assert found.fix == "did you mean 'area'?"


def test_a_source_column_that_is_not_on_the_request_is_no_argument(project):
    """Leakage has no door: the price is in the source, and a feature cannot ask for it."""

    (found,) = project.mistakes(House, features=[il.feature(asks_for_the_price)])
    assert (found.code, found.got) == ("F106", "price")


def asks_for_the_price(price: int) -> int:
    return price


def test_annotations_and_packing_are_looked_at_together(project):
    found = project.mistakes(House, features=[untyped, impure, far])
    assert [(m.code, m.what) for m in found] == [
        ("F101", "untyped: 'area' has no usable annotation"),
        ("F106", "far asks for 'distance', which nothing provides"),
        ("F102", "impure cannot be packed into a release: impure uses open"),
    ]


# -- histories -------------------------------------------------------------------------------------


def history(source, by="zone", refresh="1d", **more):
    return il.History(source, by=by, refresh=refresh, **({"sales": il.count("1d")} | more))


def history_mistake(project, made, **more):
    return project.mistake(House, features=[age, cell, made], **more)


def test_a_historys_name(project):
    source = project.source()
    assert history_mistake(project, history(source, name="My Market"), source=source) == (
        "error[F107]: a history's name cannot be used\n"
        "  where: il.History(sales, by=zone)\n"
        "  expected: lower-case letters, digits and '_', starting with a letter\n"
        "  got: 'My Market'\n"
        "  fix: rename it"
    )


def test_a_history_needs_a_time(project, sales):
    project.write(sales, "old.parquet")
    other = project.source("old.parquet", event_time=None, available_after=None)
    assert history_mistake(project, history(other)) == (
        "error[F108]: a history needs a source with an event time\n"
        "  where: il.History(old, by=zone)\n"
        "  expected: event_time='…' on the source old\n"
        "  got: no event time: without it nothing says which rows came before the request\n"
        "  fix: declare event_time, or do without the history"
    )
    timeless = project.source(event_time=None, available_after=None)
    timed = project.source("old.parquet", zone="UTC")
    assert project.mistake(
        Timeless,
        source=timeless,
        examples=timeless.map(),
        features=[history(timed, by="built")],
        split=il.HashSplit(),
    ) == (
        "error[F108]: a history needs examples that have a time\n"
        "  where: il.History(old, by=built)\n"
        "  expected: event_time='…' on the source sales\n"
        "  got: examples without a time\n"
        "  fix: declare event_time, or do without the history"
    )


def test_a_historys_spans(project):
    source = project.source()
    found = project.mistakes(
        House,
        source=source,
        features=[history(source, refresh="daily", landing="soon", sales=il.count("long"))],
    )
    assert [(m.code, m.got, m.where) for m in found] == [
        ("C102", "'soon'", "il.History(sales, by=zone)"),
        ("C102", "'daily'", "il.History(sales, by=zone)"),
        ("C102", "'long'", "il.History(sales, by=zone), sales"),
    ]
    assert history_mistake(project, history(source, refresh="0d"), source=source) == (
        "error[F109]: a history's refresh must be longer than nothing\n"
        "  where: il.History(sales, by=zone)\n"
        "  expected: refresh='1d' or the like\n"
        "  fix: declare how often its values are computed"
    )


def test_a_history_of_the_target_needs_an_availability(project):
    source = project.source(available_after=None)
    made = history(source, dear=il.mean("price", "90d"))
    assert history_mistake(project, made, source=source) == (
        "error[F111]: a history uses the target's column, and its source does not say when it is "
        "known\n"
        "  where: il.History(sales, by=zone)\n"
        "  expected: available_after='…' or available_at='…' on the source\n"
        "  got: neither: a row could count itself\n"
        "  fix: declare when a row becomes known"
    )


def test_an_entity(project):
    source = project.source()
    assert history_mistake(project, history(source, by="zon"), source=source) == (
        "error[F112]: the entity 'zon' is neither a request field nor a feature of the product\n"
        "  where: il.History(sales, by=zon)\n"
        "  expected: one of age, area, built, cell, garage, valued_on, zone\n"
        "  got: zon\n"
        "  fix: did you mean 'zone'?"
    )
    assert history_mistake(project, history(source, by="area"), source=source) == (
        "error[F113]: the entity 'area' is a float, which cannot be looked up exactly\n"
        "  where: il.History(sales, by=area)\n"
        "  expected: int, str, bool or a Literal\n"
        "  got: float\n"
        "  fix: make a feature that turns it into a str or an int"
    )
    assert history_mistake(project, history(source, by=age), source=source) == (
        "error[F114]: the source lacks the column 'valued_on' that the entity 'age' needs\n"
        "  where: il.History(sales, by=age)\n"
        "  expected: one of area, assessed, built, garage, photo, price, sale_id, sold_on, zone\n"
        "  got: valued_on\n"
        "  fix: give the column that name with il.Source(sql='select … as …')"
    )


def test_aggregates(project):
    source = project.source()

    def found(**aggregates):
        made = il.History(source, by="zone", refresh="1d", **aggregates)
        return [
            (m.code, m.what, m.got) for m in project.mistakes(House, source=source, features=[made])
        ]

    assert found(sales=3) == [("F115", "'sales' is not an aggregate", "3")]
    assert found(dear=il.mean("prise")) == [
        ("F116", "the aggregate 'dear' is over a column that is not there", "prise")
    ]
    assert found(dear=il.mean("zone")) == [
        ("F117", "the aggregate 'dear' cannot take the mean of a str column", "zone: str")
    ]
    assert found(built=il.mean("price")) == [("F103", "the name 'built' is used twice", "")]


# -- target, yardsticks, weight --------------------------------------------------------------------


def test_a_target_that_is_sent(project):
    class Leaky(il.Request):
        valued_on: date = il.asked_at(zone="UTC")
        asking: int

    examples = project.source().map(valued_on="sold_on", asking="price")
    assert project.mistake(Leaky, examples=examples) == (
        "error[C120]: the target is among the request's fields\n"
        "  where: request Leaky\n"
        "  expected: a target that the consumer does not send\n"
        "  got: asking (column price)\n"
        "  fix: remove 'asking' from Leaky"
    )


def test_a_target_that_is_not_there(project):
    assert project.mistake(House, target=il.Regression("prices")) == (
        "error[C121]: the target's column is not there\n"
        "  where: source sales\n"
        "  expected: one of area, assessed, built, garage, photo, price, sale_id, sold_on, zone\n"
        "  got: prices\n"
        "  fix: did you mean 'price'?"
    )


@pytest.mark.parametrize(
    ("target", "got"),
    [
        (il.Regression("photo"), "photo: a list, a struct or another type that is no single value"),
        (il.Binary("photo"), "photo: a list, a struct or another type that is no single value"),
        (il.Multiclass("sold_on"), "sold_on: dates"),
    ],
)
def test_a_target_of_a_type_that_nothing_predicts(project, target, got):
    (mistake,) = [m for m in project.mistakes(House, target=target) if m.code == "C126"]
    assert mistake.got == got
    assert mistake.what == "the target's column holds nothing that can be predicted"


@pytest.mark.parametrize("interval", [0, 1, 80, -0.1, float("nan"), "0.8", [0.8]])
def test_an_intervals_coverage(project, interval):
    assert project.mistake(House, target=il.Regression("price", interval=interval)) == (
        "error[C122]: a prediction interval's coverage must lie between 0 and 1\n"
        "  expected: for example interval=0.8\n"
        f"  got: {interval!r}\n"
        "  fix: correct interval=…"
    )


def test_a_unit_is_a_text(project):
    found = project.mistakes(House, target=il.Regression("price", unit=3))
    assert [m.code for m in found] == ["C175"]


def test_several_classes_have_no_yardstick(project):
    found = project.mistakes(
        House,
        target=il.Multiclass("photo", available_after="1d"),
        yardsticks={"assessor": "assessed"},
    )
    assert [(m.code, m.got) for m in found if m.code == "C123"] == [("C123", "assessor")]


def test_yardsticks_and_weight_are_columns(project):
    found = project.mistakes(House, yardsticks={"assessor": "asessed"}, weight="heavy")
    assert [(m.what, m.got, m.fix) for m in found] == [
        ("'assessor' names a column that is not there", "asessed", "did you mean 'assessed'?"),
        ("'weight' names a column that is not there", "heavy", "correct the column's name"),
    ]
    assert {(m.code, m.where) for m in found} == {("C123", "source sales")}


def test_a_targets_delay(project):
    (found,) = project.mistakes(House, target=il.Regression("price", available_after="later"))
    assert (found.code, found.where, found.got) == ("C102", "target, available_after", "'later'")


def test_a_labels_columns(project):
    found = project.mistake(House, target=il.Binary(dear, available_after="1d"), candidates=CLASSES)
    assert found == (
        "error[C124]: the label dear asks for columns that are not there\n"
        f"  where: {where(dear)}\n"
        "  expected: names among area, assessed, built, garage, photo, price, sale_id, sold_on, "
        "zone\n"
        "  got: prise\n"
        "  fix: name the label's arguments after columns of the source"
    )


# -- candidates, metric, split, gates --------------------------------------------------------------

CLASSES = {"prior": il.Baseline(il.ClassPrior()), "logistic": il.Candidate(LogisticRegression())}
MEAN = il.Baseline(il.Mean())


def test_no_candidate(project):
    assert project.mistake(House, candidates={"mean": MEAN}) == (
        "error[C130]: the product declares no candidate\n"
        "  expected: candidates={'name': il.Candidate(estimator)}\n"
        "  got: mean\n"
        "  fix: add a candidate; a baseline may never become champion"
    )
    (found, _) = project.mistakes(House, candidates={})
    assert (found.code, found.got) == ("C130", "none")


@pytest.mark.parametrize("name", ["", "Ridge", "a b", "../x", ".x", "a" * 64, 3])
def test_a_candidates_name(project, name):
    candidates = {"mean": MEAN, name: il.Candidate(Ridge())}
    assert project.mistake(House, candidates=candidates) == (
        "error[C131]: a candidate's name cannot be used\n"
        "  expected: lower-case letters, digits, '.', '_' and '-', at most 63\n"
        f"  got: {name!r}\n"
        "  fix: rename the candidate"
    )


def test_a_candidate_that_is_none(project):
    candidates = {"mean": MEAN, "ridge": il.Candidate(Ridge()), "bare": Ridge()}
    assert project.mistake(House, candidates=candidates) == (
        "error[C132]: 'bare' is neither a candidate nor a baseline\n"
        "  expected: il.Candidate(estimator) or il.Baseline(il.GroupMedian('…'))\n"
        "  got: Ridge()\n"
        "  fix: wrap it: il.Candidate(Ridge(…))"
    )


def test_what_a_candidate_and_a_baseline_find_themselves_is_passed_on(project):
    found = project.mistakes(
        House,
        features=[cell],
        candidates={
            "class": il.Candidate(Ridge),
            "classes": il.Candidate(LogisticRegression()),
            "logs": il.Candidate(Ridge(), target="sqrt"),
            "search": il.Candidate(Ridge(), search={"beta": il.int_range(1, 2)}),
            "group": il.Baseline(il.GroupMedian("street")),
            "prior": il.Baseline(il.ClassPrior()),
        },
    )
    assert [(m.code, m.where) for m in found] == [
        ("T101", "candidate 'class'"),
        ("T101", "candidate 'classes'"),
        ("T102", "candidate 'logs'"),
        ("T103", "candidate 'search'"),
        ("T105", "baseline 'group'"),
        ("T105", "baseline 'prior'"),
    ]


def test_a_baseline_may_group_by_any_input_and_nothing_else(project):
    source = project.source()
    made = history(source)

    def groups(by):
        candidates = {"group": il.Baseline(il.GroupMedian(by)), "ridge": il.Candidate(Ridge())}
        return {"source": source, "features": [cell, made], "candidates": candidates}

    for by in ("zone", cell, "cell", "sales"):
        project.bind(House, **groups(by))
    (found,) = project.mistakes(House, **groups("price"))
    assert (found.code, found.got) == ("T105", "price")
    assert found.expected.startswith("one of ")


@pytest.mark.parametrize(
    ("metric", "fix"), [("log_loss", "choose one of them"), ("mdap", "did you mean 'mdape'?")]
)
def test_a_metric_that_does_not_fit(project, metric, fix):
    (found,) = project.mistakes(House, metric=metric)
    assert (found.code, found.what) == ("C136", "the metric does not exist for this target")
    assert "mdape" in found.expected
    assert "log_loss" not in found.expected
    assert (found.got, found.fix) == (metric, fix)


def test_a_split_by_time_needs_a_time(project):
    source = project.source(event_time=None, available_after=None)
    parts = {"source": source, "examples": source.map()}
    assert project.mistake(Timeless, **parts, split=il.TimeSplit()) == (
        "error[C140]: a split by time needs examples that have a time\n"
        "  where: source sales\n"
        "  expected: event_time='…' on the source, or split=il.HashSplit(test=0.2)\n"
        "  got: no event time\n"
        "  fix: declare event_time, or split by hash"
    )
    project.bind(Timeless, **parts, split=il.HashSplit())


def test_spans_and_shares_of_a_split(project):
    (found,) = project.mistakes(House, split=il.TimeSplit(test="a month"))
    assert (found.code, found.where, found.got) == (
        "C102",
        "split=il.TimeSplit(…)",
        "'a month'",
    )
    (found,) = project.mistakes(House, split=il.HashSplit(test=0.9, tune=0.2))
    assert (found.code, found.got) == ("T106", "tune=0.2, calibrate=0.1, test=0.9")


def test_a_check_at_the_wrong_gate(project):
    assert project.mistake(House, service_gate=[il.MinRows(5)]) == (
        "error[C141]: service_gate holds something that is not a check of that gate\n"
        "  expected: il.P99Below, il.ColdStartBelow, il.MemoryBelow, il.Sustains\n"
        "  got: MinRows(n=5)\n"
        "  fix: move it to the gate it belongs to"
    )
    found = project.mistakes(House, data_gate=[il.P99Below("1s"), 5], model_gate=[il.MinRows(5)])
    assert [m.code for m in found] == ["C141"] * 3


def test_a_check_whose_own_declaration_cannot_be_used(project):
    found = project.mistakes(House, data_gate=[il.MinRows(0), il.Fresh("old")])
    assert [(m.code, m.where) for m in found] == [
        ("D150", "MinRows"),
        ("C102", "data_gate: Fresh(age='old')"),
    ]


def test_a_check_over_a_metric_that_does_not_fit(project):
    found = project.mistakes(House, model_gate=[il.Below("log_loss", 0.5)])
    assert [(m.code, m.where, m.expected, m.got) for m in found] == [
        (
            "C136",
            "model_gate: Below(metric='log_loss', limit=0.5)",
            "a metric for regression",
            "log_loss",
        )
    ]


def test_a_gate_that_asks_to_beat_what_is_not_there(project):
    (found,) = project.mistakes(House, candidates={"ridge": il.Candidate(Ridge())})
    assert (found.code, found.got) == ("C142", "ridge")
    assert "il.Baseline(il.Mean())" in found.fix


# -- sources ---------------------------------------------------------------------------------------


def test_what_is_wrong_with_a_source_is_found_without_reading_its_rows(project):
    source = project.source(
        key="id",
        event_time="sold",
        available_at="known",
        available_after=None,
        columns={"prise": il.Int(), "zone": il.Float(), "price": il.Int(ge=5, le=1)},
    )
    found = project.mistakes(House, source=source)
    assert [(m.code, m.got) for m in found if m.code != "C174"] == [
        ("C112", "no whole number is ≥ 5 and ≤ 1"),
        ("D103", "'id' (key)"),
        ("D103", "'sold' (event_time)"),
        ("D103", "'known' (available_at)"),
        ("D103", "'prise' (columns)"),
        ("D104", "string"),
    ]


def test_a_source_that_is_not_there_is_one_mistake(project):
    source = project.source("gone.parquet")
    (found,) = project.mistakes(House, source=source, features=[age], unit="zone")
    assert (found.code, found.got) == ("D101", "nothing")
    assert found.where == source.where


def test_naive_timestamps_and_dates_without_a_zone(project, sales):
    times = pa.array([datetime(1997, 1, 1)] * sales.num_rows, pa.timestamp("us"))
    project.write(sales.append_column("at", times))
    source = project.source(event_time="at")
    (found,) = project.mistakes(House, source=source)
    assert (found.code, found.what) == ("D105", "the timestamps in column 'at' have no time zone")

    class Bare(il.Request):
        built: int

    source = project.source()
    (found,) = project.mistakes(Bare, source=source, examples=source.map())
    assert (found.code, found.got) == ("C105", "dates in column 'sold_on'")


# -- parts of the wrong sort -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "value", "expected", "fix"),
    [
        (
            "examples",
            "SOURCE",
            "il.Source(…).map(…)",
            "write examples=source.map(), with the fields whose column has another name",
        ),
        ("request", "House", "a class that subclasses il.Request", "correct request=…"),
        (
            "target",
            "price",
            "il.Regression, il.Binary or il.Multiclass, of a column or an @il.label function; "
            "its unit, if any, a text",
            "correct target=…",
        ),
        ("candidates", [Ridge()], "{'name': il.Candidate(estimator), …}", "correct candidates=…"),
        (
            "features",
            age,
            "a list of @il.feature functions and il.History(source, …)",
            "correct features=…",
        ),
        ("unit", 3, "a request field's name, or a tuple of them", "correct unit=…"),
        ("yardsticks", ["assessed"], "{'name': 'column', …}", "correct yardsticks=…"),
        ("split", 0.2, "il.TimeSplit(…) or il.HashSplit(…)", "correct split=…"),
        (
            "metric",
            3,
            "a metric's name, a function under @il.metric(…), or il.Scaled(…)",
            "correct metric=…",
        ),
        ("weight", ("area",), "a column's name", "correct weight=…"),
        ("data_gate", il.MinRows(5), "a list of checks", "correct data_gate=…"),
        ("model_gate", "mdape", "a list of checks", "correct model_gate=…"),
        ("service_gate", None, "a list of checks", "correct service_gate=…"),
        ("on_failure", ["mail"], "a command, or an http(s) address", "correct on_failure=…"),
        ("card", "ours", "il.Card(intended_use=…, …), every argument a text", "correct card=…"),
        *(
            (
                "card",
                il.Card(intended_use=text),
                "il.Card(intended_use=…, …), every argument a text",
                "correct card=…",
            )
            for text in (3, "half a pair: \ud800")
        ),
        (
            "card",
            il.Card(owners=[3]),
            "il.Card(intended_use=…, …), every argument a text",
            "correct card=…",
        ),
    ],
)
def test_a_part_of_the_wrong_sort(project, part, value, expected, fix):
    value = project.source() if value == "SOURCE" else value
    request = value if part == "request" else House
    changes = {} if part == "request" else {part: value}
    assert project.mistake(request, **changes) == (
        f"error[C175]: {part}=… of the product is not what belongs there\n"
        f"  expected: {expected}\n"
        f"  got: {repr(value)[:80]}\n"
        f"  fix: {fix}"
    )


def test_all_parts_of_the_wrong_sort_at_once(project):
    found = project.mistakes(House, split=1, metric=None, features=None)
    assert [m.what.split("=")[0] for m in found] == ["features", "split", "metric"]


# -- all at once -----------------------------------------------------------------------------------


def test_every_mistake_is_reported_at_once_and_each_once(project):
    source = project.source()
    found = project.mistakes(
        House,
        name="Houses",
        source=source,
        unit="street",
        target=il.Regression("prise", available_after="1d", interval=80),
        features=[far, far, untyped, history(source, by="zon"), 7],
        candidates={"Bad": il.Candidate(Ridge), "mean": MEAN},
        metric="mdap",
        split=il.TimeSplit(test="x"),
        data_gate=[il.MinRows(0)],
        weight="heavy",
    )
    codes = [m.code for m in found]
    assert sorted(codes) == sorted(
        "C170 C172 F101 F103 F106 F104 F112 C121 C122 C123 C131 T101 C136 C102 D150".split()
    )
    assert len({str(m) for m in found}) == len(found)


def test_the_nearest_name():
    assert nearest("prise", ["price", "prize", "area"]) in (
        "did you mean 'price'?",
        "did you mean 'prize'?",
    )
    assert nearest("x", ["price"]) == ""


def test_classes_need_a_classifier_and_their_own_metrics(project):
    target = il.Multiclass("zone", available_after="1d")

    class Flat(il.Request):
        valued_on: date = il.asked_at(zone="UTC")
        built: int
        side: Literal["a"] | None = None

    project.bind(Flat, target=target, candidates=CLASSES)
    found = project.mistakes(Flat, target=target, metric="mae")
    assert sorted(m.code for m in found) == ["C136", "T101", "T105"]


def test_a_candidate_that_cannot_learn_with_the_declared_weight(project):
    candidates = {"mean": il.Baseline(il.Mean()), "near": il.Candidate(KNeighborsRegressor())}
    assert project.mistake(House, weight="area", candidates=candidates) == (
        "error[T118]: a weight is declared, and a candidate cannot learn with weights\n"
        "  where: candidate 'near'\n"
        "  expected: an estimator whose fit takes sample_weight\n"
        "  got: KNeighborsRegressor\n"
        "  fix: leave weight=… out, or declare another estimator"
    )
    in_line = make_pipeline(StandardScaler(), Ridge())
    weighed = candidates | {"near": il.Candidate(in_line)}
    assert project.bind(House, weight="area", candidates=weighed)
