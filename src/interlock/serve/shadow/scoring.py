"""The challenger in shadow: a process of low priority that scores what the service answered.

``python -m interlock.serve.shadow.scoring PLAN.json`` follows the plan's pointer: while it names a
challenger in shadow, it reads the prediction log and scores the logged requests with it, at their
own time, by the predictor's own code. Nothing happens on the path of a request.

Rules: every answered prediction since the rollout began is scored, once: the log that the scores go
to says which are, so a process that died goes on where it stopped. A row at which two processes
died is the challenger's failure (S164), and is not begun a third time
(:mod:`interlock.serve.shadow.under_way`). A row that takes longer than a worker may attend to
nothing ends the process, by the kernel (:mod:`interlock.serve.shadow.limit`): that is a death like
any other. A native model whose own process ended is waited for and asked once more, as nobody waits
for the answer: only what ends it twice is a failure. History values are those that
were logged, where both releases define the history alike; others are looked up, as of now. A score
names its record (worker, segment, offset) and holds nothing that says whom it is about: no id, no
moment asked about, no message. It goes when its record goes
(:mod:`interlock.serve.shadow.erasing`), and of one that went while it was made there is none.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
from msgspec import structs

from interlock.deploy.act import Order
from interlock.deploy.challenger import SHADOW
from interlock.deploy.pointer import Challenger, read_pointer
from interlock.errors import AUTHOR_FAULTS, ExitCode, InterlockError
from interlock.features.definition import FeatureSet, HistoryDefinition
from interlock.serve.ids import PredictionIds
from interlock.serve.loaded.history import Found, History, HistoryStanding, told_values
from interlock.serve.loaded.isolated import IsolatedScorer, open_isolated
from interlock.serve.loaded.load import load
from interlock.serve.loaded.pick import Values
from interlock.serve.loaded.release import LoadedRelease
from interlock.serve.log.prediction_log import PredictionLog
from interlock.serve.log.presence import still_there
from interlock.serve.log.read import read_log
from interlock.serve.log.record import Record, read_record, record_bytes
from interlock.serve.log.segment import Record as Entry
from interlock.serve.log.shipping import locked
from interlock.serve.log.tail import Tail
from interlock.serve.plan import LEASH, ServePlan, read_plan
from interlock.serve.predictor import Predictor
from interlock.serve.rollout.deployed import require_in_shadow
from interlock.serve.rollout.traffic import CHALLENGER
from interlock.serve.shadow.limit import shows_where, within
from interlock.serve.shadow.logs import shadow_log
from interlock.serve.shadow.under_way import UnderWay
from interlock.serve.told import Told, told_by_signals

WORKER = "shadow"
_NICE = 10
_POLL_SECONDS = 0.3
_TOGETHER = 64  # scores in one write
_DEATHS = 2  # at one row, after which it is the challenger's failure
_DEADLY = "S164"
_MODEL_GONE = "S141"


def main(arguments: list[str]) -> int:
    """Score until the rollout ends or the process is told to stop; its exit status."""
    if len(arguments) not in (1, 2) or arguments[1:] not in ([], [LEASH]):
        print("usage: python -m interlock.serve.shadow.scoring PLAN.json", file=sys.stderr)
        return int(ExitCode.USAGE)
    with told_by_signals() as told:
        if len(arguments) == 2:
            threading.Thread(target=_until_input_ends, args=(told,), daemon=True).start()
        os.nice(_NICE)
        shows_where()
        try:
            run(read_plan(Path(arguments[0])), told)
        except InterlockError as error:
            print(error, file=sys.stderr, flush=True)
            return int(error.exit_code)
    return int(ExitCode.OK)


def run(plan: ServePlan, told: Told) -> None:
    """Score with the challenger that the pointer names, until it names another or none.

    Raises what loading raises, OperatorError S151 where another process does this already.
    """
    found = _pointed(plan)
    if found is None:
        return
    order, trial = found
    require_in_shadow(trial, order, plan)
    scores = shadow_log(Path(plan.log), trial.salt)
    with PredictionLog.open(scores, WORKER) as log, UnderWay.open(scores) as under_way:
        with within(plan.shadow_load_seconds):
            shadow = Shadow.open(plan, trial)
        tail = Tail(Path(plan.log), since=trial.began, done=_done(scores))
        while True:
            shadow.score(tail, log, under_way)
            if told.wait(_POLL_SECONDS) or wanted(plan) != trial:
                return


def wanted(plan: ServePlan) -> Challenger | None:
    """The challenger in shadow that the pointer names. Raises StoreError L120 (damaged)."""
    found = _pointed(plan)
    return None if found is None else found[1]


def _pointed(plan: ServePlan) -> tuple[Order, Challenger] | None:
    """The same, and in which generation and revision the pointer does so."""
    assert plan.pointer is not None
    pointer = read_pointer(Path(plan.pointer))
    if pointer is None or pointer.challenger is None or pointer.challenger.mode != SHADOW:
        return None
    return pointer.order, pointer.challenger


def _done(scores: Path) -> dict[tuple[str, int], int]:
    """The last record of each (worker, segment) that is scored already."""
    done: dict[tuple[str, int], int] = {}
    for entry in read_log(scores):
        place = read_record(entry.payload).shadows
        if place is not None:
            worker, segment, offset = place
            done[worker, segment] = max(offset, done.get((worker, segment), -1))
    return done


def _until_input_ends(told: Told) -> None:
    number = sys.stdin.fileno()  # unbuffered: no lock is held while the process ends
    while os.read(number, 1):
        pass
    told.stop()


class Shadow:
    """A challenger that scores logged records."""

    def __init__(self, plan: ServePlan, release: LoadedRelease, *, since: int) -> None:
        self._since = since
        self._seconds = plan.limits.stuck_seconds
        self._scorer = release.scorer
        self._log = Path(plan.log)
        self._bundles = Path(plan.bundles or "")
        self._history = LoggedHistory(release.history, release.histories)
        self._now = 0
        self._alike: dict[str, frozenset[str]] = {}
        self._own = {definition.digest for definition in release.histories}
        self._predictor = Predictor(
            replace(release, history=self._history),
            None,  # type: ignore[arg-type] # what it answers is logged by who asks
            structs.replace(plan, arm=CHALLENGER),
            PredictionIds(),
            now=lambda: self._now,
        )

    @classmethod
    def open(cls, plan: ServePlan, trial: Challenger) -> Shadow:
        """Load the challenger as a worker would: verified, admitted, golden answers compared."""
        release = load(
            Path(plan.bundles or "") / trial.bundle,
            plan,
            digest=trial.bundle,
            label=trial.label,
            scorer_of=open_isolated,
            in_shadow=True,
        )
        return cls(plan, release, since=trial.began)

    def score(self, tail: Tail, log: PredictionLog, under_way: UnderWay) -> None:
        """Score what has come, and log the scores in its order. Raises LogFull, StoreError."""
        waiting: list[tuple[Entry, bytes]] = []
        for entry in tail.new():
            record = read_record(entry.payload)
            if record.status == 200 and record.time >= self._since and not record.replay:
                deaths = under_way.begin((entry.worker, entry.segment, entry.offset))
                make = self.scored if deaths < _DEATHS else self.deadly
                waiting.append((entry, record_bytes(make(entry, record))))
            if len(waiting) >= (1 if under_way.suspects else _TOGETHER):
                self._append(log, waiting)
                under_way.end()
                waiting = []
        self._append(log, waiting)
        under_way.end()
        under_way.trust()

    def _append(self, log: PredictionLog, made: Sequence[tuple[Entry, bytes]]) -> None:
        """Log the scores whose records are there still; no erasure begins or ends meanwhile."""
        if not made:
            return
        with locked(self._log, alone=False):
            there = still_there(self._log, [entry for entry, _ in made])
            if any(there):
                log.append([score for (_, score), kept in zip(made, there, strict=True) if kept])

    def scored(self, entry: Entry, record: Record) -> Record:
        """What the challenger answers to a logged request; its error where it does not.

        Raises IntegrityError S142 where a native model's process cannot be started again.
        """
        self._now = record.time
        self._history.given = (record, self._alike_in(record.digest))
        answer = self._asked(record.request)
        if answer.error == _MODEL_GONE:
            answer = self._asked(record.request)
        return _score(answer, entry, record)

    def _asked(self, request: bytes) -> Record:
        """The record of an answer, which is asked for once its model is there."""
        if isinstance(self._scorer, IsolatedScorer):
            self._scorer.wait()
        with within(self._seconds):
            try:
                reply = self._predictor.prepare(request)
            except AUTHOR_FAULTS:  # a challenger that crashes is what is to be found out
                reply = self._predictor.crashed(request)
        return read_record(reply.records[0])

    def deadly(self, entry: Entry, record: Record) -> Record:
        """The failure at a logged request that the challenger is asked about no more."""
        reply = self._predictor.crashed(record.request)
        return structs.replace(_score(read_record(reply.records[0]), entry, record), error=_DEADLY)

    def _alike_in(self, digest: str) -> frozenset[str]:
        """The histories that the release of that digest defines as the challenger does."""
        if digest not in self._alike:
            try:
                row = msgspec.json.decode((self._bundles / digest / "features.json").read_bytes())
                histories = FeatureSet.from_row(row).histories
            except (OSError, ValueError, KeyError, TypeError):
                histories = ()  # the release is not there any more: its values are looked up
            self._alike[digest] = frozenset(d.name for d in histories if d.digest in self._own)
        return self._alike[digest]


def _score(answer: Record, entry: Entry, record: Record) -> Record:
    """The answer alone, and where it belongs: its messages may quote what was asked."""
    return Record(
        id="",
        time=record.time,
        product=answer.product,
        status=answer.status,
        digest=answer.digest,
        label=answer.label,
        assigned=record.assigned,
        arm=answer.arm,
        pinned=record.pinned,
        shadows=(entry.worker, entry.segment, entry.offset),
        prediction=answer.prediction,
        probabilities=answer.probabilities,
        interval=answer.interval,
        not_covered="yes" if answer.not_covered else "",
        degraded=answer.degraded,
        row=record.row,
        error=answer.error,
        phases=answer.phases,
    )


class LoggedHistory:
    """History values as they were logged; those that were not, from the store behind."""

    def __init__(self, behind: History, definitions: Sequence[HistoryDefinition]) -> None:
        self._behind = behind
        self._definitions = tuple(definitions)
        self.given: tuple[Record, frozenset[str]] | None = None

    def rows(self, asked: Sequence[tuple[Values, int]]) -> list[Found]:
        """The aggregates of the one row that is asked about. Raises ServiceError S122."""
        assert self.given is not None
        record, alike = self.given
        kept = {name for name in alike if name in record.grid and not record.degraded}
        if all(definition.name in kept for definition in self._definitions):
            looked_up: Found | None = None
        else:
            (looked_up,) = self._behind.rows(asked)
        values: list[object] = []
        grids: dict[str, int] = {}
        for definition in self._definitions:
            start, aggregates = len(values), definition.aggregates
            if definition.name in kept:
                values += told_values(aggregates, [record.features[a.name] for a in aggregates])
                grids[definition.name] = record.grid[definition.name]
            elif looked_up is not None:
                values += looked_up.values[start : start + len(aggregates)]
                grids |= {k: v for k, v in looked_up.grids.items() if k == definition.name}
        return [Found(tuple(values), grids, looked_up is not None and looked_up.degraded)]

    def standing(self, now: int) -> HistoryStanding:
        """That of the store behind."""
        return self._behind.standing(now)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
