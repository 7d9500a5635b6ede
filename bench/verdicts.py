"""What a verdict costs: evaluation and both gates beside bare NumPy, and drift beside Evidently.

- *25,000 test rows × 3 candidates*, a regression and a binary target: the data gate (twenty inputs
  observed, held to a champion's profile, and asked what they give away of the target), every
  competitor's metrics, a classifier's tables, and the model gate (an absolute limit, baselines, the
  champion, slices of ten columns, intervals where there are any); by part, through the functions
  that a delivery calls.
- *the bootstrap* beside a bare loop: 2,000 times rows drawn with replacement, and the metric of
  them; one metric, and four on the same draws.
- *drift of 1,000,000 rows × 20 columns*, from both tables to the answer; with ``--peers`` beside
  Evidently's drift preset on the same rows, in a virtual environment of its own.
- with ``--flights``, *all 336,776 flights*: the gates' seconds as a whole delivery of
  examples/flights reports them, waited for. It takes minutes.

Other seconds are the processor's, the best of the repeats: nearly all of it runs on one thread, so
on an idle machine one waits as long, and a busy one hardly changes them. Goals in seconds stand
also as a multiple of the bare loop of one metric, measured between the repeats.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from drift_preset import CATEGORIES, NUMBERS, columns
from figures import Figure, parser, show
from numpy.typing import NDArray
from valuation import BLOCKED, INTERLOCK, LEFT_OUT

from interlock.clock import DAY
from interlock.data.drift import drift
from interlock.data.integrity import integrity
from interlock.data.label_times import LabelTimes
from interlock.data.observed import Values, observe
from interlock.data.profile import Profile, profile
from interlock.data.request import Field
from interlock.evaluate.compare import estimates
from interlock.evaluate.leakage import MOST_ROWS, Absence, Target, revealed
from interlock.evaluate.metrics import metric_named
from interlock.gates.data.gate import data_gate
from interlock.gates.data.measurement import DataMeasurement, InputMeasurement
from interlock.gates.gate import Judge, run
from interlock.gates.model.absolute import Below
from interlock.gates.model.baselines import BeatsBaselines
from interlock.gates.model.champion import NoWorseThanChampion
from interlock.gates.model.coverage import IntervalCoverage
from interlock.gates.model.measurement import ModelMeasurement
from interlock.gates.model.slices import Slices
from interlock.pipeline.judging.classes import measured_classes
from interlock.pipeline.judging.model import SHOWN_METRICS
from interlock.stats.resamples import RESAMPLES
from interlock.verdict import GateResult

HERE = Path(__file__).resolve().parent
FLIGHTS = HERE.parent / "examples" / "flights"
PRESET = HERE / "drift_preset.py"
UV = str(Path(sys.executable).with_name("uv"))
ROWS = 25_000
DRIFT_ROWS = 1_000_000
SECONDS = 3.0  # both gates and the evaluation of 25,000 rows
FLIGHTS_SECONDS = 20.0  # the same of all flights
FLOOR = 3.0  # the bootstrap ÷ the bare loop
INPUTS = [
    *(Field(name=name, kind="float") for name in NUMBERS),
    *(Field(name=name, kind="str") for name in CATEGORIES),
]
PLACES = {"where": 10, "kind": 4}  # columns of few values, as rows are cut by
Floats = NDArray[np.float64]


@dataclass
class Clocks:
    """The seconds of each part of one run, waited and of the processor."""

    worked: dict[str, float] = field(default_factory=dict)
    waited: float = 0.0

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        began, work = time.perf_counter(), time.process_time()
        yield
        self.worked[name] = time.process_time() - work
        self.waited += time.perf_counter() - began

    @property
    def total(self) -> float:
        return sum(self.worked.values())


def main() -> int:
    """Print the figures; 1 when a goal does not hold."""
    options = parser("Measure the evaluation and both gates.")
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--peers", action="store_true", help="install Evidently, and measure it")
    options.add_argument("--flights", action="store_true", help="deliver all flights; minutes")
    asked = options.parse_args()
    figures = [
        *gate_figures("regression", asked.repeats),
        *gate_figures("binary", asked.repeats),
        *bootstrap_figures(asked.repeats),
        *drift_figures(asked.repeats, peers=asked.peers),
        *(flight_figures() if asked.flights else ()),
    ]
    return show(figures, as_json=asked.json)


# ------------------------------------------------------------------ both gates, 25,000 rows


def gate_figures(task: str, repeats: int) -> Iterator[Figure]:
    """The evaluation and both gates of one target, by part and together."""
    case = Case.of(task)
    runs, loops = [], []
    for _ in range(repeats):
        loops.append(seconds(lambda: bare_loop(case.y, case.answers["boosting"][..., -1:].ravel())))
        runs.append(judged(case))
    best = min(runs, key=lambda one: one.total)
    name = f"{task}, {ROWS:,} rows × 3"
    yield Figure(name=f"{name}: evaluation and both gates, s", value=best.total, goal=SECONDS)
    for part, worked in best.worked.items():
        yield Figure(name=f"    {part}, s", value=worked)
    yield Figure(name="    waited for, s", value=min(one.waited for one in runs))
    yield Figure(name="    together ÷ the bare loop of one metric", value=best.total / min(loops))


@dataclass(frozen=True, kw_only=True)
class Case:
    """Test rows, what was answered for them, and the rows that inputs are compared with."""

    task: str
    y: NDArray[np.generic]
    answers: dict[str, Floats]  # by competitor, "champion" among them
    now: dict[str, Values]
    training: dict[str, Values]
    training_target: Target
    champion: Profile

    @classmethod
    def of(cls, task: str) -> Case:
        rng = np.random.default_rng(1)
        n_classes = 2 if task == "binary" else 0
        y, training_y = (truths(rng, n, task) for n in (ROWS, MOST_ROWS))
        return cls(
            task=task,
            y=y,
            answers={
                name: answers(rng, y, task, spread)
                for name, spread in (
                    ("boosting", 0.10),
                    ("median", 0.30),
                    ("linear", 0.20),
                    ("champion", 0.101),
                )
            },
            now=columns(rng, ROWS),
            training=columns(rng, MOST_ROWS),
            training_target=Target(y=training_y, task=task, n_classes=n_classes),
            champion=profile(INPUTS, columns(rng, ROWS), seen=columns(rng, 4 * ROWS)),
        )


def truths(rng: np.random.Generator, n: int, task: str) -> NDArray[np.generic]:
    """Prices, or who was late."""
    return rng.lognormal(12, 0.4, n) if task == "regression" else (rng.random(n) < 0.3).astype(int)


def answers(rng: np.random.Generator, y: NDArray[np.generic], task: str, spread: float) -> Floats:
    """What a model says whose errors spread so far: (n_rows,), or probabilities (n_rows, 2)."""
    if task == "regression":
        return np.asarray(y) * rng.lognormal(0, spread, len(y))
    logit = rng.normal(np.asarray(y), 10 * spread) - 1.3
    positive = 1 / (1 + np.exp(-logit))
    return np.column_stack([1 - positive, positive])


def judged(case: Case) -> Clocks:
    """One run of everything, timed by part. Ends the bench where a gate does not open."""
    clocks = Clocks()
    with clocks.part("data gate: inputs held to the champion's profile"):
        now = observe(INPUTS, case.now)
        moved, faults = drift(case.champion, now), integrity(case.champion, now)
    with clocks.part("data gate: what inputs give away"):
        told = [
            revealed(i.name, i.kind, case.training[i.name], case.training_target) for i in INPUTS
        ]
    with clocks.part("data gate: checks"):
        found = InputMeasurement(
            revealed=told, target_varies=True, has_champion=True, drift=moved, faults=faults
        )
        opens(run("data gate", data_gate([]), sound_data(found)))
    measurement = measured(case)
    with clocks.part("resamples"):
        _ = measurement.resamples._counts  # drawn once, whoever asks first
    with clocks.part("metrics with intervals, three candidates and the champion"):
        metrics = [metric_named(name) for name in SHOWN_METRICS[case.task]]
        found = measurement.resampled(metrics, measurement.predictions)
        found += measurement.beside_champion(metrics)
        _ = [one.estimate for each in found for one in each]
    if case.task == "binary":
        with clocks.part("tables by class"):
            measured_classes(measurement)
    for check in checks(case.task):
        with clocks.part(f"model gate: {type(check).__name__}"):
            opens(run("model gate", [check], measurement))
    return clocks


def sound_data(inputs: InputMeasurement) -> DataMeasurement:
    """Rows as a source had them that nothing is wrong with."""
    return DataMeasurement(
        rows_read=5 * ROWS,
        rows_usable=5 * ROWS,
        without_label=0,
        label_pending=0,
        duplicates=0,
        quarantined={},
        feature_failures={},
        violations={},
        part_rows=dict.fromkeys(("train", "tune", "calibrate", "test"), ROWS),
        newest_event=100 * DAY,
        as_of=101 * DAY,
        inputs=inputs,
        label_times=LabelTimes(
            rows=5 * ROWS,
            waiting=0,
            newest=ROWS // 2,
            newest_without=0,
            older=5 * ROWS - ROWS // 2,
            older_without=0,
            delay=DAY,
        ),
        absences=(
            Absence(name="n0", missing_with=9, rows_with=ROWS, missing_without=0, rows_without=0),
        ),
    )


def measured(case: Case) -> ModelMeasurement:
    """What the model gate is asked about: the champion has not seen 80 % of the rows."""
    names, y, said = [*NUMBERS[:8], *PLACES], np.asarray(case.y), case.answers
    ends = {}
    if case.task == "regression":
        ends = {"low": said["boosting"] * 0.88, "high": said["boosting"] * 1.137, "promised": 0.8}
    return ModelMeasurement(
        metric="mdape" if case.task == "regression" else "log_loss",
        y=y,
        predictions={name: said[name] for name in ("boosting", "median", "linear")},
        winner="boosting",
        baselines=("median", "linear"),
        seed=7,
        champion="1.0.0",
        champion_prediction=said["champion"],
        champion_rows=np.arange(ROWS) >= ROWS // 5,
        columns={name: case.now[name] for name in NUMBERS[:8]} | places(),
        automatic=tuple(names),
        **ends,  # type: ignore[arg-type]
    )


def places() -> dict[str, list[str]]:
    """Columns of few values."""
    return {name: [f"{name} {i % n}" for i in range(ROWS)] for name, n in PLACES.items()}


def checks(task: str) -> list[Judge[ModelMeasurement]]:
    """Default checks, and slices; intervals of a regression, over all and by slice."""
    if task == "binary":
        return [Below("brier", 0.25), BeatsBaselines(), NoWorseThanChampion(), Slices()]
    coverage = [IntervalCoverage(), IntervalCoverage(at_least=0.7, by=["where", "n0"])]
    return [Below("mdape", 0.15), BeatsBaselines(), NoWorseThanChampion(), Slices(), *coverage]


def opens(result: GateResult) -> None:
    """Ends the bench with what stays shut: a gate that stops early has measured nothing."""
    if not result.opens:
        shut = [f"{c.name}: {c.verdict}: {c.reason}" for c in result.checks if not c.opens]
        raise SystemExit("\n".join([f"the {result.gate} stays shut", *shut]))


# ------------------------------------------------------------------ the bootstrap


def bare_loop(y: NDArray[np.generic], prediction: Floats) -> list[float]:
    """The least that a bootstrap of one metric does."""
    rng, wrong, n = np.random.default_rng(7), np.abs(y - prediction), len(y)
    return [float(wrong[rng.integers(0, n, n)].mean()) for _ in range(RESAMPLES)]


def bare_loop_of_four(y: NDArray[np.generic], prediction: Floats) -> list[tuple[float, ...]]:
    """The least for four: each is a function of errors that were found once."""
    rng, n = np.random.default_rng(7), len(y)
    wrong = np.abs(y - prediction)
    share, found = wrong / np.abs(y), []
    for _ in range(RESAMPLES):
        drawn = rng.integers(0, n, n)
        some, shares = wrong[drawn], share[drawn]
        rmse = np.sqrt(np.mean(some * some))
        found.append((some.mean(), rmse, np.median(shares), np.mean(shares <= 0.1)))
    return found


def bootstrap_figures(repeats: int) -> Iterator[Figure]:
    """Ours, draws included, beside the bare loop; the sides alternate."""
    case = Case.of("regression")
    y, said = np.asarray(case.y), case.answers["boosting"]
    sides = (
        (("mae",), bare_loop),
        (("mae", "rmse", "mdape", "within_10"), bare_loop_of_four),
    )
    for names, loop in sides:
        metrics = [metric_named(name) for name in names]
        ours, bare = [], []
        for _ in range(repeats):
            ours.append(seconds(lambda m=metrics: estimates(m, y, said, seed=7)))  # type: ignore[misc]
            bare.append(seconds(lambda act=loop: act(y, said)))  # type: ignore[misc]
        name = f"bootstrap of {', '.join(names)}"
        yield Figure(name=f"{name} ÷ bare loop", value=min(ours) / min(bare), goal=FLOOR)
        yield Figure(name="    ours, s", value=min(ours))
        yield Figure(name="    bare loop, s", value=min(bare))


# ------------------------------------------------------------------ drift


def drift_figures(repeats: int, *, peers: bool) -> Iterator[Figure]:
    """Two tables of a million rows, to the answer; both sides have them in memory."""
    before, now = (columns(np.random.default_rng(seed), DRIFT_ROWS) for seed in (1, 2))
    ours = min(seconds(lambda: drifted(before, now)) for _ in range(repeats))
    known = profile(INPUTS, before)
    again = min(seconds(lambda: drift(known, observe(INPUTS, now))) for _ in range(repeats))
    sort = min(
        seconds(lambda: [np.sort(table[name]) for table in (before, now) for name in NUMBERS])
        for _ in range(repeats)
    )
    name = f"drift, {DRIFT_ROWS:,} rows × {len(INPUTS)} columns"
    yield Figure(name=f"{name}: both tables to the answer, s", value=ours)
    yield Figure(name="    with the release's profile at hand, s", value=again)
    yield Figure(name="    both tables ÷ np.sort of their numbers", value=ours / sort)
    if not peers:
        return
    found = evidently()
    if isinstance(found, str):
        print(f"Evidently was not measured: {found}", file=sys.stderr)
        return
    yield Figure(name="    Evidently's drift preset, s", value=found)
    yield Figure(name="    Evidently ÷ ours", value=found / ours)


def drifted(before: dict[str, Values], now: dict[str, Values]) -> None:
    drift(profile(INPUTS, before), observe(INPUTS, now))


def evidently() -> float | str:
    """The seconds of its drift preset on the same rows, or why it cannot be said."""
    with tempfile.TemporaryDirectory(prefix="interlock-bench-") as place:
        python = Path(place) / "venv" / "bin" / "python"
        for command in (
            [UV, "venv", "--quiet", "--python", sys.executable, str(Path(place) / "venv")],
            [UV, "pip", "install", "--quiet", "--python", str(python), "evidently", "pandas<3"],
            [str(python), str(PRESET), str(DRIFT_ROWS)],
        ):
            done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=place)
            if done.returncode:
                told = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
                return f"{' '.join(command[:3])} … ended with {done.returncode}: {told[-1]}"
        answer = json.loads(done.stdout.splitlines()[-1])
    print(f"Evidently {answer['version']}: {answer['drifted']}", file=sys.stderr)
    return float(answer["seconds"])


# ------------------------------------------------------------------ all flights


def flight_figures() -> Iterator[Figure]:
    """The gates of a first delivery, and all its other steps."""
    with tempfile.TemporaryDirectory(prefix="interlock-bench-") as place:
        project = Path(place) / "flights"
        shutil.copytree(FLIGHTS, project, ignore=LEFT_OUT)
        environ = os.environ | {"XDG_CONFIG_HOME": str(Path(place) / "config")}
        done = subprocess.run(
            [INTERLOCK, "deliver", "--json"],
            cwd=project,
            env=environ,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode not in (0, BLOCKED):
            raise SystemExit(f"interlock deliver ended with {done.returncode}\n{done.stderr}")
        steps = {step["name"]: step["seconds"] for step in json.loads(done.stdout)["steps"]}
    together = steps["data"] + steps["model"]
    yield Figure(
        name="all flights: evaluation and both gates, waited for, s",
        value=together,
        goal=FLIGHTS_SECONDS,
    )
    for name, waited in steps.items():
        yield Figure(name=f"    {name}, s", value=waited)


def seconds(act: Callable[[], object]) -> float:
    """The processor's seconds for it."""
    began = time.process_time()
    act()
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())
