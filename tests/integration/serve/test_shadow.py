"""A challenger in shadow: a process that scores what the log tells, once, whatever dies."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import plain_http
import pytest
from msgspec import structs
from service_runs import wait_for

from interlock.errors import IntegrityError
from interlock.serve.ids import PredictionIds
from interlock.serve.loaded.load import load
from interlock.serve.log.archive import archive_for
from interlock.serve.log.erasing import apply, before, begin, end
from interlock.serve.log.prediction_log import LogOptions, PredictionLog
from interlock.serve.log.read import read_log
from interlock.serve.log.record import read_record
from interlock.serve.log.shipping import locked, ship
from interlock.serve.plan import LEASH, Limits, plan_bytes
from interlock.serve.predictor import Predictor
from interlock.serve.shadow.differences import contrasted
from interlock.serve.shadow.erasing import forget_scores
from interlock.serve.shadow.logs import shadow_log
from interlock.serve.shadow.scoring import Shadow, run
from interlock.serve.told import Told
from interlock.serve.workers.process import start
from interlock.use_cases.shadowing import shadowed

SALT = "a rollout"
JSON = {"content-type": "application/json"}
NOW = 1_717_200_000_000_000


def scores(log):
    return [read_record(entry.payload) for entry in read_log(shadow_log(log, SALT))]


class Scene:
    """A log that is written without a server, and scoring that is done when it is asked for."""

    def __init__(self, support, place, root):
        self.support, self.place = support, place
        place.point(place.boosting.name)
        place.try_out(place.ridge.name, 0, mode="shadow")
        self.plan = place.live_plan(root / "log", tolerance=10**15)
        self.log = root / "log"
        self.release = load(place.boosting, self.plan, digest=place.boosting.name, label="1.0.0")
        self.answered = []

    def answer(self, years, worker="w0"):
        """Log the answers in a segment of their own; a bad request among them."""
        with PredictionLog.open(self.log, worker, LogOptions()) as log:
            predictor = Predictor(self.release, log, self.plan, PredictionIds(), now=lambda: NOW)
            for year in years:
                assert predictor.predict(self.support.request_body(year_built=year))[0] == 200
            assert predictor.predict(b"{")[0] == 400

    def challenge(self, **changes):
        """Set another release beside the champion, made of these files."""
        files = self.support.bundle_files(changes.pop("kind", "ridge"))
        source = files["packed/features.py"] + changes.pop("code", "").encode()
        directory = self.support.write_bundle(
            self.place.root / "bundles", files | {"packed/features.py": source}
        )
        self.place.attest(directory.name)
        self.place.try_out(directory.name, 0, mode="shadow")

    def logged(self):
        """The answered records by their places."""
        found = {
            (e.worker, e.segment, e.offset): read_record(e.payload) for e in read_log(self.log)
        }
        return {place: record for place, record in found.items() if record.status == 200}

    def score(self):
        """Until the present end of the log."""
        told = Told()
        told.stop()
        run(self.plan, told)
        return scores(self.log)


@pytest.fixture
def scene(support, place, tmp_path):
    return Scene(support, place, tmp_path)


def test_every_answer_is_scored_once_by_the_challengers_own_code(scene, place, support):
    scene.answer(range(1900, 1930))
    scene.answer(range(1950, 1960), worker="w1")
    found = scene.score()
    logged = {(e.worker, e.segment, e.offset): read_record(e.payload) for e in read_log(scene.log)}
    answered = {place: record for place, record in logged.items() if record.status == 200}
    assert [score.shadows for score in found] == list(answered)
    assert {(s.arm, s.digest, s.status, s.time) for s in found} == {
        ("challenger", place.ridge.name, 200, NOW)
    }
    assert {(s.id, s.request, s.entity, s.as_of, s.message) for s in found} == {
        ("", b"", (), None, "")
    }
    assert not any(s.features or s.grid or s.explanation for s in found)
    plan = structs.replace(scene.plan, arm="challenger")
    release = load(place.ridge, plan, digest=place.ridge.name)
    alone = Predictor(release, None, plan, PredictionIds(), now=lambda: NOW)
    for score in found[:5]:
        reply = alone.prepare(answered[score.shadows].request)
        assert read_record(reply.records[0]).prediction == score.prediction


def test_one_that_nobody_set_there_scores_nothing(scene, place):
    scene.answer(range(1900, 1903))
    place.try_out(place.ridge.name, 0, act="grow", mode="shadow", signed=False)
    with pytest.raises(IntegrityError) as caught:
        scene.score()
    assert caught.value.code == "S135"
    assert not shadow_log(scene.log, SALT).exists()


def test_it_goes_on_where_it_stopped_and_scores_nothing_twice(scene):
    scene.answer(range(1900, 1920))
    assert len(scene.score()) == 20
    assert len(scene.score()) == 20
    scene.answer(range(1920, 1930))
    found = scene.score()
    assert len(found) == len({s.shadows for s in found}) == 30


def test_what_is_erased_while_it_is_scored_leaves_no_score(scene, monkeypatch):
    scene.answer(range(1900, 1905))
    scored = Shadow.scored

    def then_erased(self, entry, record):
        score = scored(self, entry, record)
        if not erased:
            erased.append(entry.offset)
            with locked(scene.log, alone=True):
                everything = before(NOW + 1) if entry.worker == "w1" else before(NOW - 1)
                act = begin(scene.log, everything, "log.retained", {})
                apply(scene.log, act)
                forget_scores(scene.log, running=SALT)
                end(scene.log)
        return score

    erased = []
    monkeypatch.setattr(Shadow, "scored", then_erased)
    assert len(scene.score()) == 5, "nothing was erased"
    scene.answer(range(1905, 1910), worker="w1")
    erased.clear()
    assert scene.score() == [], "all was, and no score came after"


def test_what_was_shipped_before_it_was_scored_is_scored_too(scene):
    scene.answer(range(1900, 1910))
    assert len(scene.score()) == 10
    scene.answer(range(1910, 1920))
    scene.answer(range(1920, 1930))  # the newest segment of a worker stays
    with locked(scene.log, alone=True):
        assert (
            ship(scene.log, archive_for(scene.log, "parquet", scene.log.parent / "p")).segments == 2
        )
    found = scene.score()
    assert len(found) == len({s.shadows for s in found}) == 30
    assert len(scene.score()) == 30
    report = contrasted(scene.log, shadow_log(scene.log, SALT), since=0)
    assert (report.whole.rows, report.waiting) == (30, 0)


def test_the_report_tells_differences_by_part(scene):
    scene.answer(range(1900, 1960))
    scene.score()
    scene.answer([1960, 1961])
    report = contrasted(scene.log, shadow_log(scene.log, SALT), since=0, by=("stories", "nothing"))
    assert (report.whole.rows, report.whole.failed, report.waiting) == (60, 0, 2)
    assert [(part.named, part.rows) for part in report.parts] == [("stories = one", 60)]
    assert report.unlogged == ("nothing",)
    assert report.whole.same < 60
    assert contrasted(scene.log, scene.log / "none", since=0).waiting == 62


def test_a_challenger_that_fails_is_told_with_its_reason(scene, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("nobody foresaw this")

    scene.answer([1900, 1901])
    monkeypatch.setattr("interlock.serve.predictor.Predictor._answered", broken)
    assert [s.status for s in scene.score()] == [500, 500]
    report = contrasted(scene.log, shadow_log(scene.log, SALT), since=0)
    assert (report.whole.failed, report.errors) == (2, {"S125": 2})


def test_a_score_does_not_say_why_the_challenger_does_not_cover_a_row(scene, monkeypatch):
    def narrow(*arguments, **options):
        limits = SimpleNamespace(row=lambda *_: "area: 120 is the secret's", estimates=False)
        return replace(load(*arguments, **options), covering=limits)

    scene.answer([1900])
    monkeypatch.setattr("interlock.serve.shadow.scoring.load", narrow)
    (found,) = scene.score()
    assert found.not_covered == "yes"
    report = contrasted(scene.log, shadow_log(scene.log, SALT), since=0)
    assert (report.whole.rows, report.whole.limits) == (1, 1)


PATIENT = """#!{python}
import sys
from interlock.serve.shadow import scoring

scoring._NICE = 0  # on a busy machine nothing would be left to it, and it is waited for
sys.exit(scoring.main(sys.argv[3:]))
"""


def as_python(folder, text):
    """The program that runs the process in place of Python."""
    program = folder / "python"
    program.write_text(text.format(python=sys.executable))
    program.chmod(0o700)
    return program


def test_a_real_process_beside_a_real_service_survives_being_killed(support, place, tmp_path):
    place.point(place.boosting.name)
    plan = place.live_plan(tmp_path / "log", workers=2, tolerance=10**15)
    (tmp_path / "plan.json").write_bytes(plan_bytes(plan))
    shadows = shadow_log(tmp_path / "log", SALT)
    command = [str(as_python(tmp_path, PATIENT)), "-m", "", str(tmp_path / "plan.json"), LEASH]
    with start(plan) as service:
        place.try_out(place.ridge.name, 0, mode="shadow")

        def ask(n):
            for year in range(1900, 1900 + n):
                body = support.request_body(year_built=year)
                answer = plain_http.post(service.url + "/v1/predict", content=body, headers=JSON)
                assert answer.json()["arm"] == "champion", "in shadow it answers nobody"

        ask(20)
        for _ in range(2):
            process = subprocess.Popen(command, stdin=subprocess.PIPE)
            wait_for(lambda: shadows.exists() and len(scores(tmp_path / "log")) >= 20)
            process.kill()
            process.wait()
            process.stdin.close()
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
        ask(15)
        wait_for(lambda: len(scores(tmp_path / "log")) == 35)
        place.try_out(place.ridge.name, 0, act="stop", mode="shadow")
        assert process.wait(60) == 0, "it ends with the rollout"
        process.stdin.close()
    found = scores(tmp_path / "log")
    assert len(found) == len({s.shadows for s in found}) == 35


DEADLY = """#!{python}
import os, signal, sys
from interlock.serve.predictor import Predictor
from interlock.serve.shadow import scoring

prepare = Predictor.prepare

def deadly(self, body):
    if b'"year_built": 1905' in body:
        os.kill(os.getpid(), signal.SIGSEGV)
    if b'"year_built": 1906' in body:
        os._exit(0)
    return prepare(self, body)

Predictor.prepare = deadly
scoring._NICE = 0
sys.exit(scoring.main(sys.argv[3:]))
"""


def test_a_row_at_which_the_process_dies_twice_is_a_failure_and_the_others_are_scored(
    scene, tmp_path, monkeypatch
):
    scene.answer(range(1900, 1920))
    scene.answer(range(1920, 1930), worker="w1")
    program = as_python(tmp_path, DEADLY)
    monkeypatch.setattr("interlock.use_cases.shadowing.AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(
        "interlock.use_cases.shadowing.sys", SimpleNamespace(executable=str(program))
    )
    troubles = []

    def all_scored():
        shadowing.tick()
        log = shadow_log(scene.log, SALT)
        return len(troubles) > 4 or (log.exists() and len(scores(scene.log)) == 30)

    with shadowed(scene.plan, troubles.append) as shadowing:
        wait_for(all_scored)
    found = scores(scene.log)
    logged = {(e.worker, e.segment, e.offset): read_record(e.payload) for e in read_log(scene.log)}
    answered = {place: record for place, record in logged.items() if record.status == 200}
    assert [score.shadows for score in found] == list(answered), "each once, none lost"
    failed = [score.shadows for score in found if score.error]
    assert [json.loads(answered[at].request)["year_built"] for at in failed] == [1905, 1906]
    places = ["/".join(map(str, at)) for at in failed]
    assert [error.mistakes[0].got for error in troubles] == [
        *2 * [f"status -11, at the record {places[0]}"],
        *2 * [f"status 0, at the record {places[1]}"],
    ]
    report = contrasted(scene.log, shadow_log(scene.log, SALT), since=0)
    assert (report.whole.failed, report.errors, report.waiting) == (2, {"S164": 2}, 0)


LOOPS_IN_1905 = """
def age(valued_on: date, year_built: int) -> int:
    while year_built == 1905:
        pass
    return valued_on.year - year_built
"""


def test_a_row_at_which_it_hangs_twice_is_a_failure_and_the_operator_is_told_where(
    scene, tmp_path, monkeypatch
):
    """A real process of the keeper's, in a feature's loop that has no end."""
    scene.challenge(code=LOOPS_IN_1905)
    scene.answer(range(1900, 1910))
    monkeypatch.setattr("interlock.use_cases.shadowing.AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(
        "interlock.use_cases.shadowing.sys",
        SimpleNamespace(executable=str(as_python(tmp_path, PATIENT))),
    )
    plan, troubles = structs.replace(scene.plan, limits=Limits(stuck_seconds=3.0)), []

    def all_scored():
        shadowing.tick()
        log = shadow_log(scene.log, SALT)
        return len(troubles) > 2 or (log.exists() and len(scores(scene.log)) == 10)

    with shadowed(plan, troubles.append) as shadowing:
        wait_for(all_scored)
    logged = scene.logged()
    found = scores(scene.log)
    assert [score.shadows for score in found] == list(logged), "each once, none lost"
    (hung,) = [score for score in found if score.error]
    assert (json.loads(logged[hung.shadows].request)["year_built"], hung.error) == (1905, "S164")
    where = "/".join(map(str, hung.shadows))
    for error in troubles:
        assert error.mistakes[0].code == "S162"
        told = re.fullmatch("no answer within 3 s, at the record (.*?): (?s:(.*))", got(error))
        assert told is not None, got(error)
        assert told[1] == where
        assert re.match(r"Stack \(most recent call first\):\n +File .* in age\n", told[2])
    assert len(troubles) == 2


def got(error):
    return error.mistakes[0].got


def test_one_that_hangs_while_it_loads_is_ended_and_told(scene):
    scene.challenge(code="\nwhile True:\n    pass\n")
    plan, troubles = structs.replace(scene.plan, limits=Limits(stuck_seconds=0.5)), []
    with shadowed(plan, troubles.append) as shadowing:
        wait_for(lambda: shadowing.tick() or troubles)
    assert got(troubles[0]).startswith("not loaded within 1 s: Stack (most recent call first)")


def test_a_native_model_whose_process_ended_is_waited_for_and_asked_once_more(scene, monkeypatch):
    """No other row is failed by what one did to the process; one asked twice in vain is."""
    scene.challenge(kind="native")
    scene.answer(range(1900, 1908))
    prepare, killed, deaths = Predictor.prepare, [], [1903, 1903, 1905]

    def deadly(self, body):
        year = json.loads(body)["year_built"]
        if year in deaths:
            deaths.remove(year)
            killed.append(self.release.scorer.pid)
            os.kill(killed[-1], signal.SIGKILL)
        return prepare(self, body)

    monkeypatch.setattr(Predictor, "prepare", deadly)
    found, logged = scene.score(), scene.logged()
    assert len({*killed}) == 3, "each time another process"
    assert [score.shadows for score in found] == list(logged)
    failed = [(json.loads(logged[s.shadows].request)["year_built"], s.error) for s in found]
    assert [one for one in failed if one[1]] == [(1903, "S141")]
