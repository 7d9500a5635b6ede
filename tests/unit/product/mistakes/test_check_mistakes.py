"""What checks cut the rows by, where nothing has it: the exact words."""

from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import Ridge

import interlock as il
from interlock.errors import AuthorError
from interlock.product.binding import bind


class House(il.Request):
    valued_on: date = il.asked_at(zone="UTC")
    built: int


@il.feature
def age(valued_on: date, built: int) -> int:
    return valued_on.year - built


def _bind(folder, check=None, *, counts=None):
    days = [date(1997, 1, 1) + timedelta(days=i) for i in range(3)]
    table = {"sale_id": [1, 2, 3], "sold_on": days, "built": [1950] * 3, "price": [1, 2, 3]}
    pq.write_table(pa.table(table | {"wall": ["wood"] * 3}), folder / "sales.parquet")
    source = il.Source(
        "sales.parquet",
        key="sale_id",
        event_time="sold_on",
        available_after="1d",
        columns={"price": il.Int(ge=1)},
    )
    product = il.Product(
        "houses",
        request=House,
        examples=source.map(valued_on="sold_on"),
        target=il.Regression("price", available_after="1d"),
        features=[age, il.History(source, by="built", refresh="1d", sales=il.count("9d"))],
        candidates={"mean": il.Baseline(il.Mean()), "ridge": il.Candidate(Ridge())},
        data_gate=[counts] if counts else [],
        model_gate=[il.BeatsBaselines(), *([check] if check else [])],
    )
    return bind(product, folder)


def test_fields_features_aggregates_and_source_columns_will_do(tmp_path):
    check = il.Slices(by=["built", age, "sales", "wall", "sold_on"], limit=0.2)
    assert check.by == ("built", "age", "sales", "wall", "sold_on")
    assert _bind(tmp_path, check)


def test_intervals_must_be_declared_to_be_judged(tmp_path):
    with pytest.raises(AuthorError) as error:
        _bind(tmp_path, il.IntervalCoverage())
    assert str(error.value) == (
        "error[C146]: a check asks for prediction intervals, and the target declares none\n"
        "  where: model_gate: IntervalCoverage(at_least=None, within=None, by=())\n"
        "  expected: a regression with intervals: il.Regression(…, interval=0.8)\n"
        "  got: il.Regression('price')\n"
        "  fix: declare interval=…, or leave the check out"
    )


@pytest.mark.parametrize(
    ("check", "what"),
    [
        (
            il.IntervalWidth("60%"),
            "a check asks for prediction intervals, and the target declares none",
        ),
        (il.Calibrated(), "a check asks for probabilities, and a regression has none"),
        (
            il.Fair("wall", "selection_rate", max_difference=0.1),
            "a check asks for 'selection_rate', which only answers of two classes have",
        ),
    ],
)
def test_a_regression_answers_no_classes(tmp_path, check, what):
    with pytest.raises(AuthorError) as error:
        _bind(tmp_path, check)
    assert [(m.code, m.what) for m in error.value.mistakes] == [("C146", what)]


def test_any_metric_may_be_compared_between_groups(tmp_path):
    assert _bind(tmp_path, il.Fair("wall", "mean_error", max_difference=5.0))
    with pytest.raises(AuthorError) as error:
        _bind(tmp_path, il.Fair("wall", "mean_errors", max_difference=5.0))
    assert [m.code for m in error.value.mistakes] == ["C136"]


def test_anything_else_is_a_mistake(tmp_path):
    with pytest.raises(AuthorError) as error:
        _bind(tmp_path, il.Slices(by=["wal"], limit=0.2))
    assert str(error.value) == (
        "error[C145]: a check cuts the rows by 'wal', which nothing has\n"
        "  where: model_gate: Slices(by=('wal',), metric=None, limit=0.2, margin=None, "
        "than='champion', unfit='inconclusive')\n"
        "  expected: a request field, a feature, or a column of the examples' source\n"
        "  got: wal\n"
        "  fix: did you mean 'wall'?"
    )


@pytest.mark.parametrize("counts", [il.MaxMissing("wall", 0.1), il.MaxViolations("price")])
def test_what_the_source_has_and_rules_can_be_counted(tmp_path, counts):
    assert _bind(tmp_path, counts=counts)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (
            il.MaxMissing("wal", 0.1),
            "error[C147]: a check counts rows by 'wal', of which nothing is counted\n"
            "  where: data_gate: MaxMissing(column='wal', share=0.1)\n"
            "  expected: a column of the examples' source: built, price, sale_id, sold_on, wall\n"
            "  got: wal\n"
            "  fix: did you mean 'wall'?",
        ),
        (
            il.MaxViolations("wall"),
            "error[C147]: a check counts rows by 'wall', of which nothing is counted\n"
            "  where: data_gate: MaxViolations(column='wall', share=0.0)\n"
            "  expected: a column that source sales declares constraints of: price\n"
            "  got: wall\n"
            "  fix: correct the column's name, or declare it on the source",
        ),
    ],
)
def test_what_nobody_counts_is_a_mistake(tmp_path, counts, words):
    with pytest.raises(AuthorError) as error:
        _bind(tmp_path, counts=counts)
    assert str(error.value) == words
