"""What the winner answers to changed requests: the packaged candidate, and nothing else changed."""

import dataclasses
from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LinearRegression

import interlock as il
from interlock.pipeline.judging.behaviour import candidate_release, measure_behaviour
from interlock.pipeline.judging.model import judge_model
from interlock.pipeline.rows.dividing import load_coverage, split_examples
from interlock.pipeline.rows.examples import load_examples, make_examples
from interlock.pipeline.rows.snapshots import take_snapshots
from interlock.pipeline.telling.behaviour import tell_behaviour
from interlock.pipeline.training import training
from interlock.store.arrays import array_from_bytes
from interlock.verdict import GateResult

N = 600


class House(il.Request):
    valued_on: date = il.asked_at(zone="UTC")
    built: int = il.field(ge=1900, le=2000)
    zone: str
    rooms: float = il.field(gt=0, le=8)
    garage: int | None = None
    note: str = il.field(model_input=False)


@il.feature
def decade(built: int) -> float:
    return built / 10


@il.feature
def room_size(rooms: float, garage: int | None) -> float:
    if rooms == 6.5:
        raise ValueError("no such house")
    return rooms * 2 + (garage or 0) / 100


@il.postprocess
def to_10(prediction: float) -> float:
    return round(prediction / 10) * 10


def sales():
    rng = np.random.default_rng(0)
    built, rooms = rng.integers(1900, 2000, N), rng.integers(1, 8, N).astype(float)
    garage = [None if i % 3 == 0 else int(v) for i, v in enumerate(rng.integers(0, 500, N))]
    return {
        "sale_id": list(range(N)),
        "sold_on": [date(1996, 1, 1) + timedelta(days=i // 2) for i in range(N)],
        "built": built.tolist(),
        "rooms": rooms.tolist(),
        "garage": garage,
        "zone": ["north" if i % 2 else "south" for i in range(N)],
        "note": [f"note {i}" for i in range(N)],
        "price": (1_000 * rooms + 10 * built + rng.normal(0, 50, N)).tolist(),
    }


@pytest.fixture
def trained(bench):
    """Everything up to the model gate, over six hundred sales."""
    pq.write_table(pa.table(sales()), bench.folder / "sales.parquet")

    def train(**changes):
        source = il.Source(
            "sales.parquet", key="sale_id", event_time="sold_on", available_after="1d"
        )
        market = il.History(source, by="zone", refresh="1d", n_sales=il.count("30d"))
        parts = {
            "request": House,
            "examples": source.map(valued_on="sold_on"),
            "features": [decade, room_size, market],
            "candidates": {
                "mean": il.Baseline(il.Mean()),
                "linear": il.Candidate(LinearRegression()),
            },
            "split": il.TimeSplit(tune="20d", calibrate="20d", test="100d"),
            "postprocess": [to_10],
        }
        context = bench.context(as_of="1997-02-01", **(parts | changes))
        snapshots = take_snapshots(context)
        examples = make_examples(context, snapshots)
        outcome = training.train(context, examples, "root")
        rows = load_examples(context, examples.output)
        winner = outcome.output["candidates"][outcome.output["winner"]]
        test = array_from_bytes(context.artifacts.get(outcome.output["rows"]["test"]))
        kept = array_from_bytes(context.artifacts.get(winner["test"]["prediction"]))

        coverage = load_coverage(context, split_examples(context, examples).output)

        def measure(*checks, clusters=None):
            return measure_behaviour(
                context,
                snapshots,
                rows,
                winner,
                test,
                checks,
                coverage=coverage,
                clusters=clusters,
            )

        return SimpleNamespace(
            context=context,
            snapshots=snapshots,
            examples=examples,
            outcome=outcome,
            winner=winner,
            table=rows.table.take(test),
            kept=kept,
            measure=measure,
        )

    return train


def tried(made, check, **options):
    return made.measure(check, **options).behaviour[check.key]


def test_unchanged_requests_are_answered_as_they_were_scored(trained):
    made = trained()
    found = tried(made, il.Directional("built", add=1, never_lowers_by=0))
    assert found.before.tobytes() == made.kept[found.rows].tobytes()
    assert set(found.before % 10) == {0.0}


def test_a_change_passes_features_and_model_and_leaves_history_alone(trained):
    made = trained(postprocess=[])
    check = il.Directional("rooms", add=0.5, never_lowers_by=0)
    found = tried(made, check)
    release = candidate_release(made.context, made.winner, None)
    row = int(found.rows[7])
    columns = {
        f.name: made.table.column(f"request.{f.name}").to_pylist()[row : row + 1]
        for f in release.schema.fields
    }
    columns["rooms"] = [columns["rooms"][0] + 0.5]
    kept = {"n_sales": [made.table.column("feature.n_sales").to_pylist()[row]]}
    outcome = release.answer(columns, [None], as_of=0, history=lambda *_: kept)
    assert found.after[7] == outcome.answers.value[0]
    assert found.became[7] == columns["rooms"][0]
    assert found.requests["rooms"][7] == columns["rooms"][0] - 0.5
    assert (found.after > found.before).all()


def test_what_cannot_be_tried_is_left_out_and_counted(trained):
    made = trained()
    rooms = made.table.column("request.rooms").to_pylist()
    beyond = tried(made, il.Directional("rooms", add=2, never_lowers_by=0))
    assert beyond.skipped == {"outside what the field admits": rooms.count(7.0)}
    refused = tried(made, il.Directional("rooms", set=6.5, never_lowers_by=0))
    assert refused.skipped == {"refused": len(rooms)}
    assert refused.flaw.startswith("no request could be tried")
    garage = made.table.column("request.garage").to_pylist()
    missing = tried(made, il.Directional("garage", multiply=1.001, never_lowers_by=0))
    whole = sum(round(v * 1.001) == v for v in garage if v is not None)
    assert missing.skipped == {"without a value": garage.count(None), "unchanged": whole}
    assert len(missing.rows) == len(garage) - garage.count(None) - whole
    huge = tried(made, il.Directional("garage", multiply=1e18, never_lowers_by=0))
    assert huge.skipped["outside what the field admits"] == sum(bool(v) for v in garage)


def test_a_field_that_no_model_sees_changes_nothing(trained):
    made = trained()
    for check in (
        il.Invariant("note", shuffled=True),
        il.Invariant("note", values=["", "another"]),
    ):
        found = tried(made, check)
        assert (found.before == found.after).all()
    assert len(found.rows) == 2 * made.table.num_rows
    assert len(set(found.rows.tolist())) == made.table.num_rows


def test_shuffled_values_come_from_other_rows_the_same_each_time(trained):
    made = trained()
    check = il.Invariant("built", shuffled=True)
    first, second = tried(made, check), tried(made, check)
    assert first.became == second.became
    own = made.table.column("request.built").to_pylist()
    assert set(first.became) <= set(own)
    assert first.skipped.get("unchanged", 0) + len(first.rows) == len(own)


def test_units_go_with_their_rows(trained):
    made = trained()
    units = np.arange(made.table.num_rows) // 7
    found = tried(made, il.Directional("rooms", add=1, never_lowers_by=0), clusters=units)
    assert (found.units == found.rows // 7).all()


EXAMPLE = {
    "valued_on": "1996-10-01",
    "built": 1950,
    "zone": "north",
    "rooms": 5,
    "garage": None,
    "note": "",
}


def test_an_example_is_answered_with_the_history_of_its_own_time(trained):
    made = trained(postprocess=[])
    early = il.Expect(EXAMPLE | {"valued_on": date(1996, 1, 11)}, at_least=0)
    late = il.Expect(EXAMPLE, at_least=0)
    found = made.measure(early, late).expected
    release = candidate_release(made.context, made.winner, None)
    columns = {name: [value] for name, value in EXAMPLE.items()}
    columns |= {"valued_on": [date(1996, 10, 1)], "rooms": [5.0]}

    def with_sales(n):
        known = {"n_sales": [n]}
        outcome = release.answer(columns, [None], as_of=0, history=lambda *_: known)
        return outcome.answers.value[0]

    answers = {with_sales(n): n for n in range(50)}
    assert len(answers) == 50
    assert answers[found[early.key].value] == 10  # one a day in the north since New Year
    assert answers[found[late.key].value] == 30


def test_an_example_that_a_feature_refuses_says_why(trained):
    check = il.Expect(EXAMPLE | {"rooms": 6.5}, at_least=0)
    found = trained().measure(check).expected[check.key]
    assert found.reason == "feature room_size: ValueError: no such house"
    assert found.value is None


def test_the_gate_judges_what_was_measured(trained):
    checks = [
        il.BeatsBaselines(),
        il.Directional("rooms", add=1, never_lowers_by="1%", max_share=0.05),
        il.Directional("rooms", add=1, never_raises_by="1%", max_share=0.05),
        il.Invariant("note", shuffled=True, max_share=0.05),
        il.Expect(EXAMPLE, at_least=20_000, at_most=30_000),
    ]
    made = trained(model_gate=checks)
    judged = judge_model(made.context, made.snapshots, made.examples, made.outcome, None, "")
    verdicts = [check["verdict"] for check in judged.output["result"]["checks"]]
    assert verdicts == [*["passed"] * 2, "failed", *["passed"] * 3, "inconclusive"]
    told = tell_behaviour(GateResult.from_row(judged.output["result"]))
    assert [one.kind for one in told] == [
        "directional",
        "directional",
        "invariant",
        *["example"] * 2,
    ]
    assert (told[1].violations, told[1].rows) == (told[1].share.n, told[1].rows)
    assert (told[1].limit, told[1].share.value, told[0].worst) == (0.05, 1.0, ())
    worst = told[1].worst[0]
    assert worst.became == worst.was + 1 == worst.request["rooms"] + 1
    assert worst.after > worst.before
    assert (told[3].share, told[3].worst[0].request) == (None, EXAMPLE)
    again = judge_model(made.context, made.snapshots, made.examples, made.outcome, None, "")
    assert again.cached


def test_a_gate_without_behaviour_asks_for_none(trained):
    made = trained()
    found = made.measure(il.Below("mae", 9.0))
    assert dataclasses.asdict(found) == {"behaviour": {}, "expected": {}}


def test_requests_beyond_the_coverage_are_not_tried(trained):
    edges = {"built": [1900, 1950, 1990]}
    covered = il.SegmentCoverage("built", min_rows=1, edges=edges, max_uncovered=0.5)
    made = trained(data_gate=[il.MinRows(100), covered])
    built = np.array(made.table.column("request.built").to_pylist())
    found = tried(made, il.Directional("built", add=30, never_lowers_by=0))
    assert found.skipped["not covered"] == ((built + 30 > 1990) & (built + 30 <= 2000)).sum()
    assert max(found.became) <= 1990
    old, new = (il.Expect(EXAMPLE | {"built": year}, at_least=0) for year in (1950, 1999))
    expected = made.measure(old, new).expected
    assert expected[old.key].value is not None
    assert (expected[new.key].value, expected[new.key].reason[:13]) == (None, "not covered: ")
