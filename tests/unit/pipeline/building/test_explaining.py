"""What the winner leans on: measured on test rows, kept as stages, told in full."""

from datetime import date, timedelta

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

import interlock as il
from interlock.pipeline import telling
from interlock.pipeline.building import explaining
from interlock.pipeline.building.explaining import trace_inputs, weigh_inputs
from interlock.pipeline.rows.examples import make_examples
from interlock.pipeline.rows.snapshots import take_snapshots
from interlock.pipeline.training import training

N = 600
FIRST = date(1996, 1, 1)


def sales(bench):
    """Prices that depend on the zone, a little on the year, and on nothing else."""
    rng = np.random.default_rng(0)
    zones = [["north", "south", "west"][i] for i in rng.integers(0, 3, N)]
    built = rng.integers(1900, 1990, N)
    worth = {"north": 90_000, "south": 20_000, "west": 50_000}
    noise = rng.normal(0, 500, N)
    price = [
        worth[z] + 100 * int(b - 1900) + e for z, b, e in zip(zones, built, noise, strict=True)
    ]
    bench.write(
        sale_id=list(range(N)),
        sold_on=[FIRST + timedelta(hours=12 * i) for i in range(N)],
        built=built.tolist(),
        zone=zones,
        wall=["brick"] * N,
        price=price,
    )
    return bench


@il.feature
def luck(zone: str, built: int) -> int:
    """What the price does not depend on."""
    return (len(zone) + built * 7919) % 11


@il.label
def dear(price: float) -> bool:
    return price > 60_000


@il.label
def sort(price: float) -> str:
    return "dear" if price > 80_000 else "cheap" if price < 40_000 else "usual"


def delivered(bench, **changes):
    parts = {
        "target": il.Regression("price", available_after="1d", unit="USD"),
        "features": [luck],
        "candidates": {
            "mean": il.Baseline(il.Mean()),
            "boosting": il.Candidate(HistGradientBoostingRegressor(max_iter=60)),
        },
        "split": il.TimeSplit(tune="30d", calibrate="30d", test="100d"),
    }
    context = sales(bench).context(**(parts | changes))
    examples = make_examples(context, take_snapshots(context))
    return context, examples, training.train(context, examples, "root")


def test_the_losses_and_their_intervals_are_those_of_the_test_rows(bench):
    context, examples, trained = delivered(bench)
    found = weigh_inputs(context, examples, trained).output
    assert found["rows"] == 200, "all test rows: there are fewer than the budget allows"
    assert list(found["inputs"]) == ["built", "zone", "luck"]
    zone, built, luck_ = (found["inputs"][name] for name in ("zone", "built", "luck"))
    assert zone["low"] > 20_000
    assert 0 < built["low"] < built["mean"] < built["high"] < zone["low"]
    assert luck_["low"] < luck_["mean"] < 50
    assert luck_["mean"] > -50
    assert found["histories"] == {}


def test_both_are_kept_and_made_once(bench, monkeypatch):
    context, examples, trained = delivered(bench)
    assert not trace_inputs(context, examples, trained).cached
    monkeypatch.setattr(explaining, "_weigh", None)
    monkeypatch.setattr(explaining, "_trace", None)
    assert weigh_inputs(context, examples, trained).cached
    assert trace_inputs(context, examples, trained).cached


@pytest.mark.parametrize("cores", [1, 3])
def test_cores_do_not_change_them(bench, cores):
    context, examples, trained = delivered(bench)
    object.__setattr__(context, "cores", cores)
    first = explaining._weigh(context, examples, trained)
    object.__setattr__(context, "cores", 2)
    assert explaining._weigh(context, examples, trained) == first


def test_what_is_told_comes_most_important_first(bench):
    context, examples, trained = delivered(bench)
    told = telling.tell_explanations(context, examples, trained)
    assert (told.metric.name, told.metric.unit, told.target, told.rows) == (
        "mae", "USD", "price", 200,
    )  # fmt: skip
    assert [(i.name, i.inputs) for i in told.importances][:2] == [
        ("zone", ("zone",)),
        ("built", ("built",)),
    ]
    assert told.importances[0].loss.interval.low > 20_000
    zone, built, *_ = told.dependences
    assert (zone.name, built.name) == ("zone", "built")
    assert set(zone.labels) == {"north", "south", "west"}
    assert zone.points == zone.deciles == ()
    by_zone = dict(zip(zone.labels, zone.mean, strict=True))
    assert by_zone["north"] - by_zone["south"] == pytest.approx(70_000, rel=0.05)
    assert len(built.points) == len(built.mean) == len(built.low) == len(built.decile_high) == 20
    assert list(built.points) == sorted(built.points)
    rise = (built.mean[-1] - built.mean[0]) / (built.points[-1] - built.points[0])
    assert rise == pytest.approx(100, rel=0.25)
    assert all(
        low < mean < high for low, mean, high in zip(built.low, built.mean, built.high, strict=True)
    )
    assert built.decile_high[0] - built.decile_low[0] > 60_000, "rows differ by their zone"
    assert len(built.deciles) == 9


def test_of_two_classes_the_positive_one_is_shown_and_of_more_each(bench):
    boosting = {"boosting": il.Candidate(HistGradientBoostingClassifier(max_iter=20))}
    binary = delivered(
        bench,
        target=il.Binary(dear),
        candidates={"prior": il.Baseline(il.ClassPrior()), **boosting},
    )
    told = telling.tell_explanations(*binary)
    assert {d.of for d in told.dependences} == {"True"}
    assert all(0 <= value <= 1 for d in told.dependences for value in d.mean)
    several = delivered(
        bench,
        target=il.Multiclass(sort),
        candidates={"prior": il.Baseline(il.ClassPrior()), **boosting},
    )
    told = telling.tell_explanations(*several)
    assert [d.of for d in told.dependences if d.name == "zone"] == ["cheap", "dear", "usual"]
    sums = np.sum([d.mean for d in told.dependences if d.name == "zone"], axis=0)
    assert sums == pytest.approx(1)


def test_the_aggregates_of_a_history_are_weighed_together_too(bench):
    source = il.Source(
        "sales.parquet", key="sale_id", event_time="sold_on", available_after="1d", columns={}
    )
    market = il.History(
        source, by="zone", refresh="1d", usual=il.median("price", "60d"), n=il.count("60d")
    )
    context, examples, trained = delivered(
        bench, examples=source.map(valued_on="sold_on"), features=[market]
    )
    found = weigh_inputs(context, examples, trained).output
    assert found["histories"]["sales_by_zone"]["inputs"] == ["usual", "n"]
    assert found["histories"]["sales_by_zone"]["low"] is not None
    names = [i.name for i in telling.tell_explanations(context, examples, trained).importances]
    assert "sales_by_zone" in names
