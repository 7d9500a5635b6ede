"""The training set: every row is used or counted apart; labels, classes, order, units, keys."""

import functools
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import numpy as np
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge

import interlock as il
from interlock.clock import DAY, instant_of
from interlock.data.taking import take
from interlock.errors import AuthorError
from interlock.product.binding import bind
from interlock.product.training_set import build

CLASSES = {"prior": il.Baseline(il.ClassPrior()), "logistic": il.Candidate(LogisticRegression())}
LATER = "1997-02-01"


class House(il.Request):
    valued_on: date = il.asked_at(zone="UTC")
    built: int = il.field(ge=1900)
    area: float
    zone: Literal["north", "south"]
    garage: int | None = None


@il.feature
def age(valued_on: date, built: int) -> int:
    if built == 1913:
        raise ValueError("unlucky")
    return valued_on.year - built


@il.feature
def big(area: float, garage: int | None) -> bool:
    return area + (garage or 0) > 104


@il.feature
def block(area: float) -> str | None:
    return None if area > 108 else f"{area // 4:.0f}"


@il.label
def dear(price: int | None, built: int) -> bool | None:
    return None if price is None else price > 14_000 and built > 0


@il.label
def broken(price: int) -> bool:
    return 1 // (price - 12_000) > 0


@il.label
def nothing(price: int) -> float | None:
    return float("nan") if price > 15_000 else None if price < 12_000 else float(price)


@il.label
def textual(price: int) -> str:
    return "dear" if price > 14_000 else "cheap"


def made(project, request=House, as_of=LATER, **changes):
    return project.product(request, **changes).training_set(as_of=as_of, project_dir=project.folder)


def replaced(table, name, values, kind=None):
    column = pa.array(values, kind or table.schema.field(name).type)
    return table.set_column(table.column_names.index(name), name, column)


# -- what is in a row ------------------------------------------------------------------------------


def test_a_row_of_each_part(project):
    rows = made(
        project,
        features=[age, block],
        unit=("zone", "built"),
        yardsticks={"assessor": "assessed"},
        weight="area",
        as_of="1997-01-03",
    )
    start = instant_of(date(1997, 1, 1), zone="UTC")
    assert rows.table.to_pylist() == [
        {
            "key": i,
            "t": start + i * DAY,
            "label_at": start + (i + 1) * DAY,
            "unit": f'["{zone}", {1950 + i}]',
            "weight": 100.0 + i,
            "request.valued_on": date(1997, 1, 1 + i),
            "request.built": 1950 + i,
            "request.area": 100.0 + i,
            "request.zone": zone,
            "request.garage": garage,
            "feature.age": 47 - i,
            "feature.block": "25",
            "yardstick.assessor": 9_000.0 + i,
            "y": 10_000.0 + 1_000 * i,
        }
        for i, (zone, garage) in enumerate([("south", 0), ("north", None)])
    ]
    assert (rows.counts.usable, rows.counts.without_label, rows.counts.label_pending) == (2, 0, 0)
    assert rows.classes == ()


def test_the_models_columns(project):
    rows = made(project, features=[age, big, block], as_of="1997-01-11")
    found = rows.columns()
    assert list(found) == ["built", "area", "zone", "garage", "age", "big", "block"]
    assert found["built"].dtype == found["garage"].dtype == found["big"].dtype == np.float64
    assert found["big"].tolist() == [0, 0, 0, 1, 0, 1, 1, 1, 1, 1]
    np.testing.assert_array_equal(found["garage"][:4], [0, np.nan, np.nan, 3])
    assert found["zone"][:2] == ["south", "north"]
    assert found["block"] == ["25"] * 4 + ["26"] * 4 + ["27", None]
    assert rows.y.tolist() == [10_000.0 + 1_000 * i for i in range(10)]
    assert rows.instants.tolist() == sorted(rows.instants.tolist())


def test_a_notebook_gets_a_pandas_frame(project):
    frame = made(project).to_pandas()
    assert len(frame) == 10
    assert frame["y"].sum() == 145_000


def test_without_as_of_it_is_now(project):
    assert made(project, as_of=None).counts.usable == 10


# -- order, units, keys, time ----------------------------------------------------------------------


def test_rows_are_in_order_of_time_then_key_whatever_the_files_order(project, sales):
    whole = made(project, features=[age, block])
    shuffled = sales.take(pa.array([7, 2, 9, 0, 4, 1, 8, 3, 6, 5]))
    project.write(shuffled)
    assert made(project, features=[age, block]).table.equals(whole.table)
    days = [date(1997, 1, 2)] * 5 + [date(1997, 1, 1)] * 5
    project.write(replaced(sales, "sold_on", days).take(pa.array([9, 8, 7, 6, 5, 4, 3, 2, 1, 0])))
    assert made(project).table["key"].to_pylist() == [5, 6, 7, 8, 9, 0, 1, 2, 3, 4]


def test_without_a_unit_each_row_is_its_own_named_by_its_key(project, sales):
    first = made(project)
    project.write(sales.slice(4))
    later = made(project)
    units = dict(zip(first.table["key"].to_pylist(), first.table["unit"].to_pylist(), strict=True))
    assert len(set(units.values())) == 10
    assert later.table["unit"].to_pylist() == [units[k] for k in range(4, 10)]


def test_units_of_several_fields_never_meet(project, sales):
    table = replaced(sales, "built", [1901, 19011] * 5)
    project.write(replaced(table, "garage", [11, 1] * 5))
    units = made(project, unit=("built", "garage")).table["unit"].to_pylist()
    assert set(units) == {"[1901, 11]", "[19011, 1]"}


def test_a_missing_part_of_a_unit_is_a_unit_of_its_own(project):
    units = made(project, unit=("garage", "zone")).table["unit"].to_pylist()
    assert units[:2] == ['[0, "south"]', '[null, "north"]']


def test_a_key_of_several_columns_is_text(project):
    source = project.source(key=("zone", "sale_id"))
    rows = made(project, source=source)
    assert rows.table["key"].to_pylist()[:2] == ['["south", 0]', '["north", 1]']
    assert len(set(rows.table["unit"].to_pylist())) == 10


def test_a_product_without_time(project):
    class Timeless(il.Request):
        built: int
        area: float

    source = project.source(event_time=None, available_after=None)
    rows = made(
        project,
        Timeless,
        source=source,
        examples=source.map(),
        split=il.HashSplit(),
        features=[block],
        as_of="1980-01-01T00:00:00Z",
    )
    assert rows.counts.usable == 10
    assert set(rows.instants.tolist()) == {0}
    assert rows.table["key"].to_pylist() == list(range(10))


def test_time_without_a_field_for_it_is_the_event_time(project):
    class Untold(il.Request):
        area: float

    source = project.source(zone="America/New_York")
    rows = made(project, Untold, source=source, examples=source.map(), as_of="1997-02-01T00:00:00Z")
    start = instant_of(date(1997, 1, 1), zone="America/New_York")
    assert rows.instants.tolist() == [start + i * DAY for i in range(10)]


def test_the_fields_own_time_counts_where_there_is_one(project, sales):
    asked = [datetime(1997, 1, 1, 12, tzinfo=UTC) + timedelta(days=9 - i) for i in range(10)]
    project.write(sales.append_column("asked", pa.array(asked, pa.timestamp("us", tz="UTC"))))

    class Asked(il.Request):
        when: datetime = il.asked_at()
        area: float

    source = project.source(zone="UTC")
    rows = made(
        project, Asked, source=source, examples=source.map(when="asked"), as_of="1997-02-01T00:00Z"
    )
    assert rows.table["key"].to_pylist() == list(range(9, -1, -1))
    assert rows.instants.tolist() == sorted(instant_of(a) for a in asked)


# -- histories -------------------------------------------------------------------------------------


def test_a_history_sees_what_was_known_then_and_never_the_row_itself(project):
    source = project.source()
    history = il.History(
        source, by="zone", refresh="1d", sold=il.count("90d"), dearest=il.max("price", "90d")
    )
    rows = made(project, source=source, features=[history])
    # a sale of day i is known on day i + 1: south sells on even days, north on odd ones
    assert rows.table["feature.sold"].to_pylist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert rows.table["feature.dearest"].to_pylist() == [
        None if i < 2 else 10_000 + 1_000 * (i - 2) for i in range(10)
    ]


# -- labels ----------------------------------------------------------------------------------------


def test_a_label_that_is_not_known_yet_is_pending(project):
    rows = made(project, target=il.Regression("price", available_after="3d"), as_of="1997-01-06")
    assert (rows.counts.usable, rows.counts.label_pending) == (3, 2)


def test_a_missing_label_in_a_column(project, sales):
    prices = [None, float("nan"), *[1.0] * 8]
    project.write(replaced(sales, "price", prices, pa.float64()))
    rows = made(project)
    assert (rows.counts.usable, rows.counts.without_label) == (8, 2)
    assert rows.y.tolist() == [1.0] * 8


def test_a_label_function_answers_none_or_nan_where_there_is_no_label(project):
    rows = made(project, target=il.Regression(nothing, available_after="1d"))
    assert rows.y.tolist() == [12_000.0, 13_000.0, 14_000.0, 15_000.0]
    assert rows.counts.without_label == 6


def test_a_binary_label_function(project):
    rows = made(project, target=il.Binary(dear, available_after="1d"), candidates=CLASSES)
    assert rows.classes == (False, True)
    assert rows.y.dtype == np.int64
    assert rows.y.tolist() == [0] * 5 + [1] * 5


@pytest.mark.parametrize(
    "values", [[0, 1] * 5, [0.0, 1.0] * 5, [False, True] * 5], ids=lambda v: type(v[0]).__name__
)
def test_a_binary_column_of_zeros_and_ones(project, sales, values):
    project.write(sales.append_column("late", pa.array(values)))
    rows = made(project, target=il.Binary("late", available_after="1d"), candidates=CLASSES)
    assert rows.y.tolist() == [0, 1] * 5
    assert rows.classes == (False, True)


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (["b", "a"] * 5, ("a", "b")),
        ([10, 9, 2, 9, 10] * 2, (2, 9, 10)),
        ([True, False] * 5, (False, True)),
    ],
)
def test_several_classes_are_sorted_and_numbered(project, sales, values, classes):
    project.write(sales.append_column("kind", pa.array(values)))
    rows = made(project, target=il.Multiclass("kind", available_after="1d"), candidates=CLASSES)
    assert rows.classes == classes
    assert [rows.classes[i] for i in rows.y.tolist()] == values


def label_error(project, **changes):
    with pytest.raises(AuthorError) as caught:
        made(project, **changes)
    return str(caught.value)


def test_a_label_that_raises(project):
    text = label_error(project, target=il.Binary(broken), candidates=CLASSES)
    assert text == (
        "error[C125]: the label broken raised on a row\n"
        "  expected: a label, or None where there is none\n"
        "  got: ZeroDivisionError: integer division or modulo by zero on (12000,)\n"
        "  fix: return None for rows that have no label"
    )


def test_labels_that_cannot_be_learned_from(project, sales):
    assert label_error(project, target=il.Regression(textual)) == (
        "error[C126]: the target 'textual' has values that cannot be learned from\n"
        "  where: source sales\n"
        "  expected: finite numbers\n"
        "  got: 'cheap', 'dear'\n"
        "  fix: correct the column, or declare another target"
    )
    text = label_error(project, target=il.Binary("price"), candidates=CLASSES)
    assert "expected: True and False, or 0 and 1\n" in text
    assert "got: 10000, 11000, 12000, 13000, 14000\n" in text
    text = label_error(project, target=il.Multiclass("assessed"), candidates=CLASSES)
    assert "expected: texts, whole numbers, or True and False\n" in text
    project.write(replaced(sales, "price", [1.0, float("inf")] * 5, pa.float64()))
    text = label_error(project)
    assert "expected: finite numbers\n" in text
    assert "got: 1.0, inf\n" in text


# -- what is put aside -----------------------------------------------------------------------------


def test_rows_put_aside_are_kept_with_their_reason(project, sales):
    table = replaced(sales, "built", [1899, 1913, None, *[1950] * 7])
    project.write(replaced(table, "zone", ["south", "south", "south", "west", *["north"] * 6]))
    rows = made(project, features=[age])
    assert rows.counts.usable == 6
    assert rows.counts.quarantined == {
        "built: is missing": 1,
        "built: must be ≥ 1900": 1,
        "feature age: ValueError: unlucky": 1,
        "zone: must be one of the declared categories": 1,
    }
    assert rows.counts.feature_failures == {"age": 1}
    aside = rows.quarantined.select(["sale_id", "__reason"]).to_pylist()
    assert [(r["sale_id"], r["__reason"]) for r in aside] == [
        (0, "built: must be ≥ 1900"),
        (1, "feature age: ValueError: unlucky"),
        (2, "built: is missing"),
        (3, "zone: must be one of the declared categories"),
    ]


def test_every_mistake_of_the_declaration_comes_first(project):
    text = label_error(project, target=il.Regression("prise"), unit="street")
    assert "C121" in text
    assert "C172" in text


def test_a_feature_that_fails_on_every_row_leaves_none(project, sales):
    project.write(replaced(sales, "built", [1913] * 10))
    rows = made(project, features=[age])
    assert rows.table.num_rows == rows.counts.usable == 0
    assert rows.counts.feature_failures == {"age": 10}
    assert rows.columns()["age"].tolist() == []


some = st.lists(
    st.tuples(
        st.integers(0, 7),  # key: repeated ones are copies or conflicts
        st.integers(1, 12),  # day of January
        st.sampled_from([1890, 1913, 1950, None]),
        st.sampled_from(["north", "west", None]),
        st.sampled_from([10_000, 4_000, None]),
    ),
    min_size=1,
    max_size=14,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(some, st.integers(1, 14), st.integers(0, 3))
def test_every_row_read_is_used_or_counted_once(project, rows, day, delay):
    keys, days, built, zones, prices = zip(*rows, strict=True)
    project.write(
        pa.table(
            {
                "sale_id": pa.array(keys, pa.int64()),
                "sold_on": [date(1997, 1, d) for d in days],
                "built": pa.array(built, pa.int64()),
                "area": [100.0] * len(rows),
                "zone": pa.array(zones, pa.string()),
                "price": pa.array(prices, pa.int64()),
            }
        )
    )
    source = project.source(columns={"price": il.Int(ge=5_000, nullable=True)})
    product = project.product(
        House,
        source=source,
        features=[age],
        target=il.Regression("price", available_after=f"{delay}d"),
    )
    bound = bind(product, project.folder)
    as_of = instant_of(date(1997, 1, day), zone="UTC")
    taken = take(source, as_of=as_of, project_dir=project.folder, zone="UTC")
    found = build(bound, {"sales": taken}, as_of=as_of)
    manifest, counts = taken.manifest, found.counts
    assert manifest.rows_read == len(rows)
    assert manifest.rows_read - manifest.not_yet_available == (
        counts.usable
        + sum(manifest.quarantined.values())
        + sum(counts.quarantined.values())
        + counts.without_label
        + counts.label_pending
    )
    assert found.quarantined.num_rows == sum(counts.quarantined.values())
    assert counts.usable == found.table.num_rows
    used = set(found.table["key"].to_pylist())
    assert len(used) == counts.usable
    assert not used & set(found.quarantined["sale_id"].to_pylist())
    if counts.usable:
        assert pc.max(found.table["label_at"]).as_py() <= as_of
        assert pc.min(found.table["request.built"]).as_py() == 1950


def test_candidates_do_not_matter_to_the_rows(project):
    one = made(project)
    other = made(project, candidates={"r": il.Candidate(Ridge(3)), "m": il.Baseline(il.Median())})
    assert one.table.equals(other.table)


@il.label
@functools.cache
def remembered(price: int, zone: str) -> bool:
    return price > 14_000 and zone == "north"


def test_a_label_under_another_decorator(project):
    rows = made(project, target=il.Binary(remembered, available_after="1d"), candidates=CLASSES)
    assert rows.y.tolist() == [0, 0, 0, 0, 0, 1, 0, 1, 0, 1]


def test_a_weight_that_weighs_nothing_sound_is_quarantined(project, sales):
    n = sales.num_rows
    weights = [-1.0, None, float("inf"), *([1.0] * (n - 3))]
    project.write(sales.append_column("weight", pa.array(weights, pa.float64())))
    rows = made(project, weight="weight")
    assert rows.counts.quarantined["weight: a weight must be a number, 0 or more"] == 3


def test_rows_whose_entity_fails_are_counted(project):
    history = il.History(project.source(), by=block_of, refresh="1d", n=il.count("30d"))
    rows = made(project, features=[block_of, history])
    assert rows.counts.feature_failures["history sales_by_block_of"] > 0


@il.feature
def block_of(built: int) -> str:
    if built % 3 == 0:
        raise ValueError("no block")
    return str(built % 2)


def test_a_pandera_schema_holds_rows_of_a_parquet_and_of_a_csv_file(project, sales):
    schema = pandera.DataFrameSchema(
        {
            "price": pandera.Column(int, [pandera.Check.ge(11_000)], metadata={"unit": "USD"}),
            "zone": pandera.Column(str, [pandera.Check.isin(["north", "south"])]),
            "area": pandera.Column(float, [pandera.Check(lambda area: area != 105, name="odd")]),
        }
    )
    project.write(sales)
    csv.write_csv(sales.drop_columns(["photo"]), project.folder / "sales.csv")
    for path in ("sales.parquet", "sales.csv"):
        source = project.source(path, schema=schema)
        taken = take(
            source,
            as_of=instant_of(date(1997, 2, 1), zone="UTC"),
            zone="UTC",
            project_dir=project.folder,
        )
        assert taken.manifest.quarantined == {
            "area: fails the check 'odd'": 1,
            "price: must be ≥ 11000": 1,
        }
        found = made(project, source=source)
        assert found.counts.usable == 8
