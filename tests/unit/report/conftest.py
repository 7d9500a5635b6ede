"""Small made-up deliveries: one blocked at the model gate, one that passed, one of classes."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from interlock.clock import DAY, parse_instant
from interlock.data.label_times import MeasuredDelay
from interlock.evaluate.compare import Estimate
from interlock.report.classes import summarise_classes
from interlock.report.content import (
    Attestation,
    BadInput,
    Behaviour,
    BehaviourExample,
    Candidate,
    CandidateKind,
    CategoricalColumn,
    ClassScore,
    Command,
    Content,
    Data,
    Decision,
    Dependence,
    Evaluation,
    Explanations,
    FairnessJudged,
    FaultRate,
    GroupsCompared,
    GroupValue,
    InputDrift,
    InputImportance,
    LabelTimes,
    LatencyWindow,
    Lineage,
    Metric,
    NumericColumn,
    Parity,
    Quarantine,
    Revealed,
    Service,
    SliceFinding,
    SlicesJudged,
    SplitPart,
    Step,
    StepStatus,
    ThresholdPoint,
)
from interlock.report.residuals import summarise_regression
from interlock.stats.drift import Level, Shift
from interlock.verdict import Check, Exemption, GateResult, Interval, Verdict

AS_OF = parse_instant("1997-06-30T00:00:00Z")


def estimate(value: float, low: float, high: float, n: int = 1_204) -> Estimate:
    return Estimate(value=value, interval=Interval(low=low, high=high), n=n, units=n)


MDAPE = Check(
    name="mdape",
    verdict=Verdict.FAILED,
    measured=0.163,
    comparison="≤",
    threshold=0.150,
    interval=Interval(low=0.158, high=0.168),
    n=1_204,
    evidence={"code": "M208", "worst": [12, 55], "nothing": None},
)
FEW = Check(
    name="slice stories=three", verdict=Verdict.INCONCLUSIVE, reason="too few: 2 of 100 rows", n=2
)
BASELINE = Check(
    name="beats baseline median",
    verdict=Verdict.PASSED,
    measured=-0.11,
    comparison="<",
    threshold=0.0,
    interval=Interval(low=-0.124, high=-0.097),
    unit="%",
    evidence={
        "candidate": "boosting",
        "candidate_value": 0.163,
        "reference": "median",
        "reference_value": 0.273,
    },
)
CHAMPION = Check(
    name="no worse than champion",
    verdict=Verdict.NOT_APPLICABLE,
    exemption=Exemption.NO_CHAMPION,
)
ROWS = Check(
    name="minimum rows",
    verdict=Verdict.PASSED,
    measured=18_204.0,
    comparison="≥",
    threshold=5_000.0,
)


def _competition() -> Evaluation:
    rng = np.random.default_rng(7)
    y = np.exp(rng.normal(11, 0.5, 600))
    answer = y * np.exp(rng.normal(0, 0.2, 600))
    start = parse_instant("1996-06-01T00:00:00Z")
    test = summarise_regression(
        y,
        answer,
        target="price",
        unit="USD",
        instants=start + np.arange(600) * DAY // 2,
        slices={"stories": ["one", "two"] * 300},
        low=answer * 0.75,
        high=answer * 1.3,
        promised=0.8,
    )
    kinds = CandidateKind
    return Evaluation(
        metrics=(Metric(name="mdape", unit="%", limit=0.15), Metric(name="mae", unit="USD")),
        candidates=(
            Candidate(
                name="boosting",
                kind=kinds.CANDIDATE,
                metrics={
                    "mdape": estimate(0.163, 0.158, 0.168),
                    "mae": estimate(13_462, 12_901, 14_023),
                },
                seconds=3.2,
                format="ONNX",
                exactness="to the bit",
                params={"max_iter": 100, "early_stopping": False},
            ),
            Candidate(
                name="median",
                kind=kinds.BASELINE,
                metrics={"mdape": estimate(0.273, 0.265, 0.281)},
            ),
            Candidate(
                name="1.3.0",
                kind=kinds.CHAMPION,
                metrics={"mdape": estimate(0.141, 0.135, 0.147)},
            ),
            Candidate(
                name="assessor",
                kind=kinds.YARDSTICK,
                metrics={"mdape": Estimate(value=0.19, interval=None, n=1_204, units=1_204)},
            ),
            Candidate(name="forest", kind=kinds.CANDIDATE, failure="Input X contains NaN"),
        ),
        winner="boosting",
        test=test,
        behaviour=BEHAVIOUR,
        slices=SLICES,
        fairness=(FAIRNESS,),
    )


BEHAVIOUR = (
    Behaviour(
        name="answers follow bedrooms",
        kind="directional",
        verdict=Verdict.PASSED,
        rows=500,
        violations=2,
        share=estimate(0.004, 0.001, 0.014, 500),
        limit=0.05,
    ),
    Behaviour(
        name="answers follow full_baths",
        kind="directional",
        verdict=Verdict.FAILED,
        rows=480,
        violations=61,
        share=estimate(0.127, 0.1, 0.16, 480),
        limit=0.05,
        skipped={"full_baths is at its greatest": 20},
        worst=(
            BehaviourExample(
                request={"bedrooms": 3, "full_baths": 1, "garage": None},
                field="full_baths",
                was=1,
                became=2,
                before=81_200.0,
                after=77_900.0,
            ),
        ),
        reason="61 of 480 requests broke it",
    ),
    Behaviour(
        name="a mansion",
        kind="example",
        verdict=Verdict.PASSED,
        rows=1,
        violations=0,
        worst=(BehaviourExample(request={"rooms": 20}, after=410_000.0),),
    ),
)


def _slice(label: str, value: float | None, verdict: Verdict | None, n: int = 300) -> SliceFinding:
    return SliceFinding(
        column="stories",
        label=label,
        n=n,
        share=n / 1_204,
        value=None if value is None else estimate(value, value - 0.01, value + 0.01, n),
        reference=0.12,
        allowed=0.144,
        q=None if verdict is None else 0.003 if verdict is Verdict.FAILED else 0.6,
        verdict=verdict,
        reason="" if verdict else "too few",
    )


SLICES = (
    SlicesJudged(
        name="mdape no more than 20 % worse than champion in every slice",
        verdict=Verdict.FAILED,
        unit="%",
        slices=(
            _slice("one", 0.13, Verdict.PASSED),
            _slice("two", 0.19, Verdict.FAILED),
            _slice("three", 0.4, None, 9),
        ),
    ),
    SlicesJudged(
        name="coverage in every slice of garage",
        verdict=Verdict.INCONCLUSIVE,
        unit="%",
        slices=(_slice("none", None, None, 4),),
        reason="no slice has 100 rows of 30 independent units",
    ),
)


def _group(label: str, value: float | None, n: int) -> GroupValue:
    known = None if value is None else estimate(value, value - 0.02, value + 0.02, n // 3)
    return GroupValue(label=label, n=n, value=known, reason="" if known else "too few")


FAIRNESS = FairnessJudged(
    check=Check(
        name="equalized_odds by garage: difference ≤ 5 %",
        verdict=Verdict.FAILED,
        measured=0.12,
        comparison="≤",
        threshold=0.05,
        interval=Interval(low=0.08, high=0.16),
        n=900,
        unit="%",
        reason="true_positive_rate: attached 71 % (300 rows) against none 59 % (240 rows)",
    ),
    compared=(
        GroupsCompared(
            measure="true_positive_rate",
            unit="%",
            groups=(
                _group("none", 0.59, 720),
                _group("attached", 0.71, 900),
                _group("x", None, 9),
            ),
        ),
    ),
)


def _explanations() -> Explanations:
    return Explanations(
        metric=Metric(name="mdape", unit="%"),
        rows=391,
        importances=(
            InputImportance(name="area", inputs=("area",), loss=estimate(0.085, 0.055, 0.121, 391)),
            InputImportance(
                name="market", inputs=("a", "b"), loss=estimate(0.0353, 0.0175, 0.056, 391)
            ),
            InputImportance(
                name="rooms", inputs=("rooms",), loss=estimate(-0.0021, -0.0056, 0.001, 391)
            ),
        ),
        dependences=(
            Dependence(
                name="area",
                unit="ft²",
                points=(600.0, 1200.0, 3000.0),
                mean=(50e3, 70e3, 110e3),
                low=(48e3, 68e3, 104e3),
                high=(52e3, 72e3, 116e3),
                decile_low=(25e3, 30e3, 48e3),
                decile_high=(75e3, 99e3, 200e3),
                deciles=(900.0, 1100.0, 1400.0),
            ),
            Dependence(
                name="garage",
                labels=("attached", "none"),
                mean=(80e3, 69e3),
                low=(72e3, 63e3),
                high=(88e3, 75e3),
                decile_low=(40e3, 33e3),
                decile_high=(140e3, 130e3),
            ),
        ),
        target="price",
        target_unit="USD",
    )


def _moved(name: str, level: Level, now: tuple[int, ...], psi: float) -> InputDrift:
    return InputDrift(
        name=name,
        kind="category" if name == "garage" else "float",
        shift=Shift(psi=psi, p=1e-6, rows_before=1_000, rows_now=sum(now), bins=4),
        level=level,
        q=None if level is Level.INSUFFICIENT else 1e-5,
        magnitude=0.41,
        labels=("≤ 1000", "1000 to 2000", "> 2000", "missing"),
        before=(300, 400, 280, 20),
        now=now,
    )


def _rate(name: str, fault: str, level: Level, share: float | None) -> FaultRate:
    return FaultRate(
        name=name,
        fault=fault,
        reference=None if share is None else 0.01,
        reference_rows=1_000,
        share=share,
        rows=800,
        limit=None if share is None else 0.02,
        level=level,
    )


def _data() -> Data:
    return Data(
        drift=(
            _moved("rooms", Level.OK, (240, 320, 224, 16), 0.003),
            _moved("area", Level.HIGH, (100, 200, 300, 200), 0.61),
            _moved("garage", Level.INSUFFICIENT, (3, 4, 5, 0), 0.2),
        ),
        faults=(
            _rate("area", "missing", Level.HIGH, 0.25),
            _rate("rooms", "missing", Level.OK, 0.01),
            _rate("garage", "unseen", Level.INSUFFICIENT, None),
        ),
        revealed=(
            Revealed(name="rooms", measure="rank correlation", strength=0.31, n=16_000),
            Revealed(name="area", measure="rank correlation", strength=0.82, n=16_000),
            Revealed(name="zone", measure="rank correlation", strength=0.0, n=16_000, varies=False),
        ),
        label_times=LabelTimes(
            rows=18_204,
            waiting=10,
            newest=1_820,
            newest_without=182,
            older=16_374,
            older_without=0,
            delay=DAY,
            measured=MeasuredDelay(n=18_000, late=900, median=DAY // 2, p95=DAY),
        ),
        read=18_253,
        usable=18_204,
        without_label=2,
        pending=10,
        quarantined=(
            Quarantine(
                reason="price below 5,000 USD",
                rows=37,
                samples=({"sale_id": 3, "price": 900, "sold_on": date(1996, 1, 2)},),
            ),
        ),
        splits=(
            SplitPart(name="train", rows=16_000, start=AS_OF - 900 * DAY, end=AS_OF - 120 * DAY),
            SplitPart(name="test", rows=1_204, start=AS_OF - 90 * DAY, end=AS_OF),
        ),
        columns=(
            NumericColumn(
                name="year_built",
                edges=(1900.0, 1950.0, 1960.0, 1990.0),
                counts=(10, 20, 30),
                missing=20,
            ),
            CategoricalColumn(name="stories", top=(("one", 70), ("two", 30))),
        ),
    )


STEPS = (
    Step(name="data gate", status=StepStatus.RAN, seconds=0.4),
    Step(name="features", status=StepStatus.CACHED, seconds=0.01, detail="9 request, 6 history"),
    Step(name="train", status=StepStatus.RAN, seconds=4.1, detail="3 candidates, best boosting"),
    Step(name="model gate", status=StepStatus.FAILED, seconds=0.31),
    Step(name="service gate", status=StepStatus.SKIPPED),
)


@pytest.fixture
def blocked() -> Content:
    return Content(
        product="valuation",
        number=193,
        as_of=AS_OF,
        status="Boosting was blocked at the model gate; prod still runs 1.3.0.",
        champion="1.3.0",
        champion_live_for=12 * DAY,
        steps=STEPS,
        gates=(
            GateResult(gate="data gate", checks=(ROWS,)),
            GateResult(gate="model gate", checks=(BASELINE, CHAMPION, FEW, MDAPE)),
        ),
        data=_data(),
        evaluation=_competition(),
        explanations=_explanations(),
        lineage=Lineage(
            commit="7ea01a6",
            dirty=True,
            snapshot="5f" * 32,
            seeds={"boosting": 12},
            libraries={"numpy": "2.3.4"},
            attestations=(Attestation(kind="data gate", keyid="ed25519:9f86", digest="ab" * 32),),
        ),
        next_commands=(Command(line="interlock explain M208", purpose="what this means"),),
    )


@pytest.fixture
def passed(blocked: Content) -> Content:
    window = LatencyWindow(label="0 s", n=500, p50=2.1, p95=4.0, p99=7.5)
    return replace(
        blocked,
        status="Release 1.4.0 is live in staging; prod still runs 1.3.0.",
        label="1.4.0",
        digest="e3b0c442" * 8,
        steps=(Step(name="model gate", status=StepStatus.RAN, seconds=0.3),),
        gates=(GateResult(gate="model gate", checks=(BASELINE, CHAMPION)),),
        service=Service(
            parity=(
                Parity(name="features", compared=0, different=0),
                Parity(name="predictions", compared=2_000, different=1, worst=0.2, tolerance=0.0),
            ),
            latency=(window, replace(window, label="10 s", p99=9.5)),
            latency_limit_ms=20.0,
            bad_inputs=(BadInput(name="area = -1", expected="422", got="200", refused=False),),
        ),
    )


@pytest.fixture
def classifying(passed: Content) -> Content:
    rng = np.random.default_rng(3)
    chance = rng.random(500)
    late = rng.random(500) < chance
    test = summarise_classes(
        ["late" if yes else "on time" for yes in late],
        np.stack([1 - chance, chance], axis=1),
        classes=["on time", "late"],
        target="late",
        slices={"origin": ["JFK", "LGA"] * 250},
    )
    curve = tuple(
        ThresholdPoint(threshold=t / 10, value=1 + (t - 3) ** 2, low=0.8, high=40.0)
        for t in range(1, 10)
    )
    decision = Decision(
        rule="late is answered from a probability of 0.3 on: where predictions cost least.",
        n=200,
        threshold=0.3,
        low=0.24,
        high=0.41,
        due=0.25,
        measure="cost",
        unit="USD",
        value=estimate(1.0, 0.8, 1.3, 200),
        curve=curve,
    )
    half = estimate(0.5, 0.45, 0.55, 250)
    scores = (
        ClassScore(name="late", support=250, precision=half, recall=half, f1=half),
        ClassScore(name="on time", support=250, f1=estimate(0.4, 0.35, 0.45, 250)),
    )
    test = replace(test, decision=decision, scores=scores)
    assert passed.evaluation is not None
    return replace(passed, evaluation=replace(passed.evaluation, test=test))
