"""What checks of slices and groups, and a split, leave is what the report is told."""

import json

from interlock.evaluate.slices import Slice
from interlock.gates.model.together import together
from interlock.pipeline.telling.data import split_parts
from interlock.pipeline.telling.fairness import tell_fairness
from interlock.pipeline.telling.slices import tell_slices
from interlock.verdict import Check, GateResult, Interval, Verdict

ENDS = Interval(low=0.18, high=0.22)


def part(label: str, *, judged: bool) -> Slice:
    """A slice that is worse than allowed, or one of too few rows."""
    return Slice(
        column="stories",
        label=label,
        n=300 if judged else 9,
        units=300 if judged else 9,
        share=0.5,
        value=0.2,
        interval=ENDS,
        reference=0.12,
        allowed=0.15,
        glyph="≤",
        compared=ENDS if judged else None,
        p=0.001 if judged else float("nan"),
        q=0.002 if judged else float("nan"),
        verdict=Verdict.FAILED if judged else Verdict.INCONCLUSIVE,
        reason="" if judged else "too few",
    )


def kept(check: Check) -> GateResult:
    """The result as it comes out of the store."""
    row = GateResult(gate="model", checks=(check, Check(name="x", verdict=Verdict.PASSED))).to_row()
    return GateResult.from_row(json.loads(json.dumps(row)))


def test_slices_are_told_as_they_were_judged() -> None:
    parts = [part("two", judged=True), part("three", judged=False)]
    (found,) = tell_slices(kept(together("mdape", "M220", parts, unit="%", evidence={})))
    assert (found.name, found.unit, found.verdict) == ("mdape", "%", Verdict.FAILED)
    two, three = found.slices
    assert (two.label, two.verdict, two.allowed, two.reference, two.q) == (
        *("two", Verdict.FAILED, 0.15, 0.12, 0.002),
    )
    assert two.value is not None
    assert (two.value.value, two.value.interval, two.value.n) == (0.2, ENDS, 300)
    assert (three.verdict, three.reason, three.q) == (None, "too few", None)


def test_groups_are_told_with_what_was_not_judged() -> None:
    group = {"label": "a", "n": 300, "rows": 90, "share": 0.9, "value": 0.7, "reason": ""}
    few = {**group, "label": "b", "value": None, "low": None, "high": None, "reason": "too few"}
    row = {"measure": "recall", "unit": "%", "groups": [group | {"low": 0.6, "high": 0.8}, few]}
    check = Check(name="recall by x", verdict=Verdict.INCONCLUSIVE, evidence={"groups": [row]})
    (found,) = tell_fairness(kept(check))
    assert found.check.name == "recall by x"
    (compared,) = found.compared
    assert [g.label for g in compared.groups] == ["a", "b"]
    first, second = compared.groups
    assert first.value is not None
    assert (first.n, first.value.n, first.value.value) == (300, 90, 0.7)
    assert (second.value, second.reason) == (None, "too few")


def test_the_parts_of_a_split_are_told_from_train_to_test_with_or_without_time():
    rows = {"calibrate": 98, "test": 220, "train": 652, "tune": 125}
    told = split_parts({"rows": rows, "boundaries": {"test": [5, 9]}})
    assert [(part.name, part.rows) for part in told] == [
        ("train", 652),
        ("tune", 125),
        ("calibrate", 98),
        ("test", 220),
    ]
    assert [(part.start, part.end) for part in told] == [(None, None)] * 3 + [(5, 9)]
