"""What is taken as an outcome, what is refused, and that it is in the log before the answer."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from interlock.clock import parse_instant
from interlock.serve.contract import AnswerContract
from interlock.serve.errors import InvalidRequest, ServiceError
from interlock.serve.http.app import App
from interlock.serve.http.request import Request
from interlock.serve.ids import PredictionIds
from interlock.serve.loaded.load import load
from interlock.serve.log.logged import OUTCOMES, PREDICTIONS
from interlock.serve.log.outcome import Outcome
from interlock.serve.log.prediction_log import LogFull, LogOptions, PredictionLog
from interlock.serve.log.read import read_log
from interlock.serve.outcomes import AHEAD, OutcomeReader
from interlock.serve.predictor import Predictor
from interlock.serve.rollout.arms import Arms
from interlock.train.answer import AnswerSpec

PRICE = AnswerContract(
    spec=AnswerSpec(task="regression", link="identity"), target="price", unit="USD"
)
NOW = parse_instant("2024-06-30T12:00:00Z")
SOLD = {
    "prediction_id": "0315",
    "name": "price",
    "value": 72_000,
    "event_time": "2024-06-01T00:00:00+02:00",
}


def classes(*known):
    task = "binary" if len(known) == 2 else "multiclass"
    return AnswerContract(
        spec=AnswerSpec(task=task, link="identity", classes=known), target="state"
    )


def read(content, answer=PRICE, **options):
    return OutcomeReader(**options).read(json.dumps(content).encode(), answer, now=NOW)


def mistakes(content, answer=PRICE):
    with pytest.raises(InvalidRequest) as refusal:
        read(content, answer)
    return [(m.row, m.field, m.what, m.expected, m.got) for m in refusal.value.fields]


def test_what_is_left_out_is_now_nobody_and_the_first_revision():
    assert read(SOLD) == [
        Outcome(
            prediction="0315",
            name="price",
            value=72_000.0,
            event_time=parse_instant("2024-05-31T22:00:00Z"),
            observed_at=NOW,
            source="",
            revision=0,
            time=NOW,
        )
    ]


def test_what_is_said_is_kept():
    (found,) = read(
        [SOLD | {"observed_at": "2024-06-02T00:00:00Z", "source": "deeds", "revision": 2}]
    )
    assert found.observed_at == parse_instant("2024-06-02T00:00:00Z")
    assert found.key == ("0315", "price", "deeds", 2)


@pytest.mark.parametrize("value", [1.5, True, False, "withdrawn", ""])
def test_other_names_are_free(value):
    (found,) = read(SOLD | {"name": "complaint", "value": value})
    assert found.value is value or found.value == value
    assert type(found.value) is type(value)


@pytest.mark.parametrize(
    ("known", "sent", "kept"),
    [
        (("on time", "late"), "late", "late"),
        ((False, True), True, True),
        ((1, 2, 3), 3, 3),
        ((1, 2, 3), 3.0, 3),
    ],
)
def test_the_targets_name_takes_a_class_as_the_release_has_it(known, sent, kept):
    (found,) = read(SOLD | {"name": "state", "value": sent}, classes(*known))
    assert found.value == kept
    assert type(found.value) is type(kept)


@pytest.mark.parametrize(
    ("answer", "name", "value", "mistake"),
    [
        (PRICE, "price", "72", ("is not a number", "a number", '"72"')),
        (PRICE, "price", True, ("is not a number", "a number", "true")),
        (classes(0, 1), "state", True, ("is not one of the classes", "one of 0, 1", "true")),
        (classes(0, 1), "state", "1", ("is not one of the classes", "one of 0, 1", '"1"')),
        (
            classes(False, True),
            "state",
            1,
            ("is not one of the classes", "one of false, true", "1.0"),
        ),
    ],
)
def test_the_targets_name_takes_nothing_else(answer, name, value, mistake):
    assert mistakes(SOLD | {"name": name, "value": value}, answer) == [(None, "value", *mistake)]


@pytest.mark.parametrize("field", ["event_time", "observed_at"])
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_no_outcome_has_a_time_that_no_calendar_holds(field, moment):
    described = "a time with an offset, such as 2024-05-31T12:00:00Z"
    assert mistakes(SOLD | {field: moment}) == [
        (None, field, "is out of range", described, json.dumps(moment))
    ]


def test_every_mistake_of_every_outcome_is_listed():
    takes = "a number, true or false, or a text of at most 4096 characters"
    moment = "a time with an offset, such as 2024-05-31T12:00:00Z"
    assert mistakes([SOLD | {"value": None, "event_time": "2024"}, {"revision": -1, "x": 1}]) == [
        (0, "value", "is null", takes, "null"),
        (0, "event_time", "cannot be read", moment, '"2024"'),
        (1, "revision", "is out of range", "a whole number ≥ 0", "-1"),
        (1, "x", "is not a field", "", ""),
        (1, "prediction_id", "is missing", "a text of at most 4096 characters", ""),
        (1, "name", "is missing", "a text of at most 4096 characters", ""),
        (1, "value", "is missing", takes, ""),
        (1, "event_time", "is missing", moment, ""),
    ]
    ahead = "2024-06-30T12:05:01Z"
    late = "a time that is not after observed_at, which is now where it is left out"
    some = ("some text", '""')
    empty = SOLD | {"prediction_id": "", "name": "", "observed_at": ahead}
    assert mistakes([SOLD, empty, SOLD | {"event_time": ahead}]) == [
        (1, "prediction_id", "is empty", *some),
        (1, "name", "is empty", *some),
        (1, "observed_at", "is in the future", "a time that has come", ""),
        (2, "event_time", "is after it was observed", late, ""),
    ]


def test_a_clock_may_be_a_little_ahead():
    (found,) = read(SOLD | {"observed_at": "2024-06-30T12:05:00Z"})
    assert found.observed_at == NOW + AHEAD


def test_a_list_is_bounded():
    with pytest.raises(ServiceError) as refusal:
        read([SOLD] * 3, max_rows=2)
    assert refusal.value.code == "S113"


@pytest.mark.parametrize("number", ["1e309", "NaN", "-Infinity", "9" * 500])
def test_a_number_that_no_double_holds_is_none(number):
    body = json.dumps(SOLD).replace("72000", number).encode()
    with pytest.raises(InvalidRequest) as refusal:
        OutcomeReader().read(body, PRICE, now=NOW)
    assert [m.field for m in refusal.value.fields] == ["value"]


class Body:
    def __init__(self, body):
        self._body = body

    async def __aiter__(self):
        yield self._body


@pytest.fixture
def service(support, directory, tmp_path):
    """Ask it: ``service("POST", content)``; its log is in ``tmp_path / "log"``."""
    plan = support.plan_for(directory)
    with PredictionLog.open(tmp_path / "log", "w0") as log:
        release = load(directory, plan, digest=directory.name)
        predictor = Predictor(release, log, plan, PredictionIds())
        live = SimpleNamespace(
            arms=Arms(predictor),
            predictor=predictor,
            status=lambda: {"release": "1", "digest": "", "generation": 0},
            open=True,
        )

        def ask(method, content, *, log=log, token=None, path="/v1/outcomes", **headers):
            app = App(plan, live, log, token)
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            sent = {"host": "localhost", "content-type": "application/json"}
            sent |= {"content-length": str(len(body))} | headers
            response = asyncio.run(app.respond(Request(method, path, "", sent), Body(body)))
            return SimpleNamespace(
                status=response.reply.status,
                headers=dict(response.fields.pairs),
                body=response.reply.body,
                metrics=app.status.exposition(),
            )

        yield ask


def told(tmp_path):
    return [OUTCOMES.told(e) for e in OUTCOMES.of(read_log(tmp_path / "log"))]


def test_an_outcome_is_in_the_log_when_it_is_answered(service, tmp_path):
    answer = service("POST", [SOLD, SOLD | {"prediction_id": "7", "value": 1.0}])
    assert (answer.status, json.loads(answer.body)) == (200, {"logged": 2})
    assert [(o.prediction, o.value, o.product) for o in told(tmp_path)] == [
        ("0315", 72_000.0, "valuation"),
        ("7", 1.0, "valuation"),
    ]
    assert not list(PREDICTIONS.of(read_log(tmp_path / "log")))
    assert 'interlock_outcomes_total{worker="w0"} 2' in answer.metrics
    counted = 'interlock_requests_total{worker="w0",path="/v1/outcomes",status="200"} 1'
    assert counted in answer.metrics


def test_a_refused_list_leaves_nothing_in_the_log(service, tmp_path):
    answer = service("POST", [SOLD, SOLD | {"value": "dear"}])
    (mistake,) = json.loads(answer.body)["error"]["mistakes"]
    assert (answer.status, mistake["row"], mistake["field"]) == (422, 1, "value")
    assert told(tmp_path) == []
    assert 'interlock_outcomes_total{worker="w0"} 0' in answer.metrics


@pytest.mark.parametrize(
    ("method", "headers", "status", "code"),
    [
        ("GET", {}, 405, "S117"),
        ("POST", {"content-type": "text/plain"}, 415, "S115"),
        ("POST", {"content-length": "99999999"}, 413, "S112"),
        ("POST", {"host": "elsewhere.example"}, 421, "S119"),
    ],
)
def test_it_is_let_in_as_predictions_are(service, method, headers, status, code):
    answer = service(method, SOLD, **headers)
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (status, code)


def test_it_needs_the_token(service, tmp_path):
    token = "t" * 32
    assert service("POST", SOLD, token=token).status == 401
    assert told(tmp_path) == []
    assert service("POST", SOLD, token=token, authorization=f"Bearer {token}").status == 200


def test_an_outcome_is_never_dropped_where_predictions_may_be(service, tmp_path, monkeypatch):
    with PredictionLog.open(tmp_path / "full", "w0", LogOptions(full="drop")) as log:
        monkeypatch.setattr(log, "_write", _full)
        answer = service("POST", SOLD, log=log)
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (503, "S150")
        assert log.tally.dropped == 0
        with pytest.raises(LogFull):
            log.append([b"x"], may_drop=False)
        log.append([b"x"])
        assert log.tally.dropped == 1


def _full(payloads):
    raise OSError(28, "No space left on device")
