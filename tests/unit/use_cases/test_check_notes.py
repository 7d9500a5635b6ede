"""What `interlock check` says of a sound declaration: no mistake, and worth knowing."""

from types import SimpleNamespace

from interlock.pipeline.building.background import MOST
from interlock.use_cases.check import notes_on


def product(**changes):
    return SimpleNamespace(**({"explanations": True, "weight": None} | changes))


def test_real_rows_in_the_release_are_told():
    assert list(notes_on(product())) == [
        f"each release holds up to {MOST} real test rows, inputs only, to explain answers with; "
        "explanations=False leaves them out"
    ]
    assert list(notes_on(product(explanations=False))) == []


def test_what_a_weight_does_not_reach_is_told():
    assert list(notes_on(product(explanations=False, weight="size"))) == [
        "size weighs rows where models learn; metrics, gates and thresholds count every row once"
    ]
