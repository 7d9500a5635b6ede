"""The law of every check there is: spoil anything that it looks at, and it does not pass.

What a check looks at is found by watching it judge a sound measurement, so that a new check is held
to the law by one line in ``SOUND``, and without that line a test fails.
"""

import importlib
import math
import pkgutil
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

import interlock.gates
from interlock.digest import canonical_json
from interlock.evaluate.metric import Metric
from interlock.gates.data.coverage import SegmentCoverage
from interlock.gates.data.freshness import Fresh
from interlock.gates.data.labels import LabelDelay
from interlock.gates.data.leakage import NoLeakage
from interlock.gates.data.outliers import OutlierLimits
from interlock.gates.data.rows import (
    MaxDuplicates,
    MaxFeatureFailures,
    MaxMissing,
    MaxQuarantined,
    MaxViolations,
    MinPerPart,
    MinRows,
)
from interlock.gates.data.shift import Drift, Integrity
from interlock.gates.gate import Declared, run
from interlock.gates.model.absolute import Above, Below, Between
from interlock.gates.model.baselines import BeatsBaselines, NoBaselineOnTop
from interlock.gates.model.behaviour import Directional, Invariant
from interlock.gates.model.calibration import Calibrated
from interlock.gates.model.champion import BetterThanChampion, NoWorseThanChampion
from interlock.gates.model.coverage import IntervalCoverage
from interlock.gates.model.expect import Expect
from interlock.gates.model.fairness import Fair
from interlock.gates.model.slices import Slices
from interlock.gates.model.tried import Expected, Tried
from interlock.gates.model.tuning import TuneAgrees
from interlock.gates.model.width import IntervalWidth
from interlock.gates.service.answers import BadInput, EdgeParity, FieldOrder, Parity, Symmetry
from interlock.gates.service.contracts import ConsumerContracts
from interlock.gates.service.faults import Faults
from interlock.gates.service.fuzz import Fuzz
from interlock.gates.service.in_time import InTime
from interlock.gates.service.latency import P99Below
from interlock.gates.service.load import Sustains
from interlock.gates.service.memory import MemoryBelow
from interlock.gates.service.start import ColdStartBelow
from interlock.gates.training import TrainingMeasurement, Trains, Trial
from interlock.verdict import Verdict

SOUND = (
    ("sound_data", MinRows(5_000)),
    ("sound_data", MaxQuarantined(0.1)),
    ("sound_data", MaxDuplicates(0.01)),
    ("sound_data", MaxFeatureFailures(0.01)),
    ("sound_data", MaxViolations("price", 0.01)),
    ("sound_data", MaxMissing("price", 0.1)),
    ("sound_data", Fresh("2d")),
    ("sound_data", MinPerPart()),
    ("sound_data", NoLeakage()),
    ("sound_data", Drift(blocking=True)),
    ("sound_data", Integrity(blocking=True)),
    ("sound_data", LabelDelay(blocking=True)),
    ("sound_data", SegmentCoverage("zone")),
    ("sound_data", OutlierLimits(("price",))),
    ("sound_training", Trains()),
    ("sound_model", Below("mdape", 0.15)),
    ("sound_model", Above("within_10", 0.40)),
    ("sound_model", Between("prd", 0.97, 1.05)),
    ("sound_model", BeatsBaselines()),
    ("sound_model", NoBaselineOnTop()),
    ("sound_model", NoWorseThanChampion(0.005)),
    ("sound_model", BetterThanChampion()),
    ("sound_model", Slices(margin="20%")),
    ("sound_model", Slices(by=["where", "size"], margin="60%", than="overall")),
    ("sound_model", IntervalCoverage()),
    ("sound_model", IntervalCoverage(at_least=0.6, by=["where", "size"])),
    ("sound_model", IntervalWidth("40%")),
    ("sound_model", IntervalWidth(10**6, quantile=0.9, by=["where", "size"])),
    ("sound_model", Fair("where", "mdape", max_difference=0.05)),
    ("sound_classes", Fair("where", "selection_rate", max_difference=0.1)),
    ("sound_classes", Calibrated()),
    ("sound_model", TuneAgrees()),
    ("sound_behaviour", Directional("full_baths", add=1, never_lowers_by="2%")),
    ("sound_behaviour", Invariant("full_baths", values=[2], tolerance="5%")),
    ("sound_behaviour", Expect({"full_baths": 1}, at_least=90_000, at_most=200_000)),
    ("sound_service", Parity()),
    ("sound_service", EdgeParity()),
    ("sound_service", Symmetry()),
    ("sound_service", BadInput()),
    ("sound_service", FieldOrder()),
    ("sound_service", ConsumerContracts()),
    ("sound_service", P99Below("20ms")),
    ("sound_service", InTime()),
    ("sound_service", ColdStartBelow("1s")),
    ("sound_service", MemoryBelow("150MB")),
    ("sound_service", Sustains(200, p99="250ms")),
    ("sound_service", Fuzz()),
    ("sound_service", Faults()),
)
NUMBERS = (math.nan, math.inf, -math.inf)
WHOLE = {
    "none": lambda value: None,
    "empty": lambda value: _empty(value),
    "constant": lambda value: _constant(value),
}
KINDS = (*map(str, NUMBERS), *WHOLE)
CHAMPION = ("champion_prediction", "champion_rows", "champion_left_out")
MAY_PASS = (
    # check, field, kinds of spoiling, and why it still may pass
    ("*", "target_unit", ("none", "empty"), "words"),
    ("*", "champion", ("empty",), "words: its label"),
    ("*", "seed", ("empty",), "0 is a seed as good as any"),
    ("*", "columns", (*map(str, NUMBERS), "constant"), "a part of one value, or of the missing"),
    ("*", "champion_prediction", ("constant",), "a poor champion is one to beat"),
    ("*", "champion_left_out", ("empty",), "every row was compared"),
    ("*", "is_champion", ("none", "empty"), "compared with the champion, as any other model is"),
    ("*", "has_time", tuple(map(str, NUMBERS)), "asked about time unless it is known to have none"),
    ("MaxQuarantined", "quarantined", ("empty",), "nothing was put aside"),
    ("MaxFeatureFailures", "feature_failures", ("empty",), "there are no features of the request"),
    ("Parity", "tolerance", ("empty",), "0: equal to the bit"),
    ("Parity", "worst_prediction_difference", ("empty",), "0: equal to the bit"),
    *(
        (name, "winner", ("none", "empty"), "words")
        for name in ("Directional", "Invariant", "Expect")
    ),
    *(("Slices-overall", name, KINDS, "not compared with") for name in CHAMPION),
)


@pytest.fixture
def sound_training():
    trial = Trial(name="ridge", rows=500, metric="mae", value=9_000.0, constant=20_000.0)
    return TrainingMeasurement(metric="mae", trials=(trial,))


@pytest.fixture
def sound_behaviour(sound_model):
    asked = {type(check): check for _, check in SOUND}
    tried = Tried(
        before=np.linspace(1e5, 1.1e5, 500),
        after=np.linspace(1.01e5, 1.11e5, 500),
        rows=np.arange(500),
        requests={"full_baths": [1] * 500},
        became=[2] * 500,
    )
    return replace(
        sound_model,
        behaviour={asked[kind].key: tried for kind in (Directional, Invariant)},
        expected={asked[Expect].key: Expected(value=1e5, answered=1e5)},
    )


def watched(measurement, seen):
    """The measurement, which calls ``seen`` with the name of each field that is looked at."""
    names = {field.name for field in fields(measurement)}

    def look(self, name):
        if name in names:
            seen(name)
        return object.__getattribute__(self, name)

    kind = type("Watched", (type(measurement),), {"__getattribute__": look})
    return kind(**{name: getattr(measurement, name) for name in names})


def looked_at(check, measurement):
    """The fields that it looks at, with their values; the check passes on them as they are."""
    found = {}
    spy = watched(measurement, lambda name: found.setdefault(name, getattr(measurement, name)))
    answers = run("gate", [check], spy).checks
    assert {answer.verdict for answer in answers} == {Verdict.PASSED}, answers
    return found


def _spoiled(value, bad):
    """Every number in it is ``bad``; one of an array."""
    if isinstance(value, bool | int | float | np.number):
        return bad
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        made = value.astype(np.float64)
        made[len(made) // 2 :][:1] = bad
        return made
    if isinstance(value, dict):
        return {key: _spoiled(one, bad) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_spoiled(one, bad) for one in value)
    if is_dataclass(value) and not isinstance(value, Metric):
        return replace(
            value, **{f.name: _spoiled(getattr(value, f.name), bad) for f in fields(value)}
        )
    return value


def _empty(value):
    if isinstance(value, np.ndarray | list | tuple | str):
        return value[:0]
    return {} if isinstance(value, Mapping) else 0 if isinstance(value, int | float) else value


def _constant(value):
    if isinstance(value, np.ndarray):
        return np.full_like(value, value[0])
    if isinstance(value, dict):
        return {key: _constant(one) for key, one in value.items()}
    if is_dataclass(value):
        return replace(value, **{f.name: _constant(getattr(value, f.name)) for f in fields(value)})
    return value


def _same(one, other):
    return repr(one) == repr(other) and type(one) is type(other)


def _compared(check):
    return f"{type(check).__name__}-{getattr(check, 'than', '')}"


def named(given):
    return f"{type(given[1]).__name__}-{SOUND.index(given)}"


@pytest.fixture(params=SOUND, ids=named)
def asked(request):
    """A check, and a measurement that it passes on."""
    fixture, check = request.param
    return check, request.getfixturevalue(fixture)


@pytest.fixture(scope="module")
def known():
    """What each check looks at, by the check."""
    return {}


@pytest.fixture
def looked(asked, known):
    """The fields that it looks at, with their values; it is watched once, not by every test."""
    check, sound = asked
    if id(check) not in known:
        known[id(check)] = looked_at(check, sound)
    return known[id(check)]


def test_every_check_there_is_has_a_line_here():
    for found in pkgutil.walk_packages(interlock.gates.__path__, "interlock.gates."):
        importlib.import_module(found.name)

    def kinds(parent):
        for kind in parent.__subclasses__():
            yield kind
            yield from kinds(kind)

    declared = {
        kind
        for kind in kinds(Declared)
        if kind.__module__.startswith("interlock.") and "judge" in vars(kind)
    }
    assert {type(check) for _, check in SOUND} == declared


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_passes_on_what_is_spoiled(asked, looked, kind):
    check, sound = asked
    passed = []
    for name, value in looked.items():
        spoil = WHOLE.get(kind) or (lambda value: _spoiled(value, float(kind)))
        made = spoil(value)
        if _same(made, value):
            continue
        result = run("gate", [check], replace(sound, **{name: made}))
        canonical_json(result.to_row())
        if result.opens:
            passed.append(name)
    allowed = {
        part
        for who, part, kinds, _ in MAY_PASS
        if kind in kinds and who in ("*", type(check).__name__, _compared(check))
    }
    assert [name for name in passed if name not in allowed] == []


def test_nothing_passes_on_a_measurement_that_cannot_be_read(asked):
    check, sound = asked

    def fail(name):
        raise RuntimeError(f"{name} is gone")

    for measurement in (None, object(), {}, 0, watched(sound, fail)):
        answers = run("gate", [check], measurement).checks
        assert answers
        assert {answer.verdict for answer in answers} == {Verdict.ERROR}


@pytest.mark.parametrize("error", [ValueError, KeyError, MemoryError, ZeroDivisionError, OSError])
def test_nothing_passes_where_any_part_cannot_be_read(asked, looked, error):
    check, sound = asked
    for gone in looked:

        def fail(name, gone=gone):
            if name == gone:
                raise error(name)

        result = run("gate", [check], watched(sound, fail))
        assert not result.opens
        assert Verdict.ERROR in {answer.verdict for answer in result.checks}
