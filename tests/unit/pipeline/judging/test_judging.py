"""What the data gate is asked about: counts out of real snapshots, with their real wording."""

import json
from datetime import date

import numpy as np
import pytest

import interlock as il
from interlock.errors import AuthorError
from interlock.evaluate.judge import Limit
from interlock.evaluate.metrics import METRICS
from interlock.gates.gate import run
from interlock.pipeline.judging.data import judge_data, measure_data
from interlock.pipeline.judging.shown import SHOWN_METRICS, limits_of
from interlock.pipeline.rows.examples import make_examples
from interlock.pipeline.rows.snapshots import take_snapshots
from interlock.verdict import Verdict

SPLIT = {
    "rows": {"train": 6, "tune": 1, "calibrate": 1, "test": 2},
    "boundaries": {},
    "quarantined": {},
    "segments": {},
    "outliers": [],
}
COLUMNS = {
    "price": il.Int(ge=11_000),
    "wall": il.Category(["brick", "wood"]),
    "zone": il.Str(),
}


@il.feature
def age(valued_on: date, built: int) -> int:
    if built == 1955:
        raise ValueError("unlucky")
    return valued_on.year - built


@il.feature
def length(zone: str) -> int:
    return len(zone)


def measured(context, split=SPLIT):
    snapshots = take_snapshots(context)
    return measure_data(context, snapshots, make_examples(context, snapshots), split)


def test_sound_data(bench):
    found = measured(bench.context(columns=COLUMNS | {"price": il.Int()}, features=[age]))
    assert (found.rows_read, found.rows_usable) == (10, 9)
    assert (found.without_label, found.label_pending, found.duplicates) == (0, 0, 0)
    assert found.violations == {"price": 0, "wall": 0, "zone": 0}
    assert found.feature_failures == {"age": 1}
    assert found.quarantined == {"feature age: ValueError: unlucky": 1}
    assert found.part_rows == SPLIT["rows"]
    assert found.has_time


def test_violations_by_column_come_out_of_the_real_wording(bench):
    bench.write(
        price=[10_000, None, 10_999, *[20_000] * 7],
        wall=["brick", "brick", "brick", "straw", "glass", *["wood"] * 5],
        zone=[*["north"] * 9, None],
        built=[1950, 1950, 1950, 1950, 1950, 1899, 1955, *[1960] * 3],
    )
    found = measured(bench.context(columns=COLUMNS, features=[age, length]))
    assert found.quarantined == {
        "price: must be ≥ 11000": 2,
        "price: is missing": 1,
        "wall: must be one of the declared categories": 2,
        "zone: is missing": 1,
        "built: must be ≥ 1900": 1,
        "feature age: ValueError: unlucky": 1,
    }
    assert found.violations == {"price": 3, "wall": 2, "zone": 1}
    assert found.feature_failures == {"age": 1, "length": 0}
    assert found.rows_usable == 2


def test_a_column_whose_name_begins_another_is_not_mixed_up(bench):
    bench.write(price_per=[1.0] * 10, price=[10_000] * 10)
    columns = {"price": il.Int(ge=11_000), "price_per": il.Float(ge=0)}
    found = measured(bench.context(columns=columns))
    assert found.violations == {"price": 10, "price_per": 0}


def test_a_request_field_fed_by_another_column_is_no_violation_of_its_namesake(bench):
    """The field 'zone' is taken from 'wall' here; the column 'zone' itself is sound."""
    bench.write(wall=["brick", None, *["wood"] * 8])
    context = bench.context(columns={"zone": il.Str()})
    source = context.bound.examples_source
    context = bench.context(
        columns={"zone": il.Str()}, examples=source.map(valued_on="sold_on", zone="wall")
    )
    found = measured(context)
    assert found.quarantined == {"zone: is missing": 1}
    assert found.violations == {"zone": 0}


def test_rows_that_are_not_known_yet_were_not_read(bench):
    found = measured(
        bench.context(as_of="1997-01-05", target=il.Regression("price", available_after="3d"))
    )
    # sold by the 4th and known a day later: four; labels known after three days: two
    assert (found.rows_read, found.rows_usable, found.label_pending) == (4, 2, 2)
    assert found.newest_event == bench.context(as_of="1997-01-04").as_of


def test_rows_without_a_label_are_counted(bench):
    bench.write(price=[None, *[10_000] * 9])
    found = measured(bench.context())
    assert (found.rows_usable, found.without_label) == (9, 1)


def test_copies_and_conflicts_are_duplicates(bench):
    bench.write(sale_id=[0, 1, 2, 3, 4, 5, 6, 7, 8, 8])
    found = measured(bench.context())
    assert found.duplicates == 2
    assert found.quarantined == {"sale_id: identifies rows that differ": 2}


def test_everything_that_was_read_is_somewhere(bench):
    bench.write(
        price=[10_000, None, *[20_000] * 8], built=[1950, 1950, 1, *[1955] * 2, *[1960] * 5]
    )
    found = measured(bench.context(columns=COLUMNS, features=[age], as_of="1997-01-09"))
    assert found.rows_read == (
        found.rows_usable
        + found.without_label
        + found.label_pending
        + sum(found.quarantined.values())
    )


def test_a_measurement_is_plain_json(bench):
    assert json.loads(json.dumps(measured(bench.context()).to_row()))


# -- the gate --------------------------------------------------------------------------------------


def judged(bench, as_of="1997-02-01", **changes):
    context = bench.context(as_of=as_of, **changes)
    snapshots = take_snapshots(context)
    result = judge_data(context, snapshots, make_examples(context, snapshots), SPLIT)
    return {check.name: check.verdict for check in result.checks}


def test_the_declared_checks_are_asked_and_those_always_on(bench):
    bench.write(price=[10_000] * 5 + [12_000] * 5)
    gate = [il.MinRows(5), il.MaxViolations("price", 0.1), il.MinPerPart(1, 1, 1, 1)]
    assert judged(bench, columns=COLUMNS, data_gate=gate) == {
        "minimum rows": Verdict.PASSED,
        "violations in price": Verdict.FAILED,
        "rows to train": Verdict.PASSED,
        "rows to tune": Verdict.PASSED,
        "rows to calibrate": Verdict.PASSED,
        "rows to test": Verdict.PASSED,
        "quarantined rows": Verdict.FAILED,
        "duplicate rows": Verdict.PASSED,
        "feature failures": Verdict.PASSED,
        "one input reveals the target": Verdict.ERROR,
        "missing when the target is": Verdict.PASSED,
        "drift": Verdict.NOT_APPLICABLE,
        "integrity": Verdict.NOT_APPLICABLE,
        "labels missing when due": Verdict.INCONCLUSIVE,
        "labels not due yet": Verdict.PASSED,
    }


def test_a_column_that_nobody_constrained_was_not_checked(bench):
    """Such a check is refused when it is declared; should one come through, it is an error."""
    with pytest.raises(AuthorError) as refused:
        judged(bench, data_gate=[il.MaxViolations("built")])
    assert [mistake.code for mistake in refused.value.mistakes] == ["C147"]
    (check,) = run("data gate", [il.MaxViolations("built")], measured(bench.context())).checks
    assert check.verdict is Verdict.ERROR


def test_freshness_is_judged_anew_though_nothing_ran_again(bench):
    """The same rows and the same stages, a year later: only the gate's answer changes."""
    gate = [il.Fresh("30d")]
    assert judged(bench, "1997-01-20", data_gate=gate)["freshness"] is Verdict.PASSED
    ran = len(bench.ledger.events())
    assert judged(bench, "1998-01-20", data_gate=gate)["freshness"] is Verdict.FAILED
    assert len(bench.ledger.events()) == ran


# -- limits and metrics ----------------------------------------------------------------------------


def test_limits_are_those_declared_of_a_metric():
    checks = [il.Below("mae", 3.0), il.BeatsBaselines(), il.Above("r2", 0.5)]
    assert limits_of([*checks, il.Between("prd", 0.98, 1.03)]) == {
        "mae": Limit(at_most=3.0),
        "r2": Limit(at_least=0.5),
        "prd": Limit(at_least=0.98, at_most=1.03),
    }


@pytest.mark.parametrize("task", SHOWN_METRICS)
def test_the_metrics_shown_exist_and_suit_the_task(task):
    for name in SHOWN_METRICS[task]:
        assert task in METRICS[name].tasks


def test_a_stage_is_not_run_again_for_a_later_moment(bench):
    first = take_snapshots(bench.context(as_of="1997-02-01"))
    later = take_snapshots(bench.context(as_of="1997-03-01"))
    earlier = take_snapshots(bench.context(as_of="1997-01-05"))
    assert (first.cached, later.cached, earlier.cached) == (False, True, False)
    assert later.output == first.output
    rows = [o.output["sales"]["manifest"]["rows"] for o in (first, later, earlier)]
    assert rows == [10, 10, 4]
    np.testing.assert_array_less(rows[2], rows[0])
