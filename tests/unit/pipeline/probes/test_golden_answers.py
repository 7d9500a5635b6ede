"""Golden answers asked of a live service: compared, asked about the present, or inconclusive."""

import json

import pytest

from interlock.clock import instant_of, to_datetime
from interlock.data.request import Field, RequestSchema
from interlock.pipeline.probes.client import Reply
from interlock.pipeline.probes.golden_answers import Golden, golden_check
from interlock.serve.loaded.golden import GoldenRow
from interlock.verdict import Verdict

NOW = 1_717_200_000_000_000  # 2024-06-01T00:00Z
AREA = Field(name="area", kind="float")
DAY = Field(name="on", kind="date", asked_at=True, zone="America/New_York", tolerance=1)
MOMENT = Field(name="on", kind="datetime", asked_at=True, tolerance=1)
ROW = GoldenRow(request={"area": 9.0, "on": "1996-05-31"}, as_of=0, features={}, prediction=3.0)
ANSWER = {"prediction": 3.0, "covered": True}


def refusal(code):
    said = {"error": {"code": code, "message": "no", "mistakes": []}}
    return Reply(status=422, body=json.dumps(said).encode())


def answer(**changes):
    return Reply(status=200, body=json.dumps(ANSWER | changes).encode())


class Service:
    """Refuses the past, as a service with a tolerance does; answers about the present like this."""

    def __init__(self, reply, past="1996-05-31"):
        self.reply, self.past, self.asked = reply, past, []

    def predict(self, request):
        self.asked.append(request)
        return refusal("S126") if request["on"] == self.past else self.reply


def checked(service, *rows, field=DAY, classes=()):
    schema = RequestSchema(name="House", fields=(AREA, field))
    golden = Golden(rows=rows or (ROW,), schema=schema, classes=classes)
    return golden_check(service, golden, code="V151", now=NOW)


@pytest.mark.parametrize(("field", "present"), [(DAY, "2024-05-31"), (MOMENT, None)])
def test_what_is_refused_for_its_time_is_asked_about_the_present(field, present):
    service = Service(answer(prediction=4.0))
    found = checked(service, field=field)
    assert (found.verdict, found.evidence) == (
        Verdict.PASSED,
        {"rows": 1, "answered": 1, "compared": 0},
    )
    asked = service.asked[1]
    assert (asked["area"], asked["on"]) == (9.0, present or to_datetime(NOW).isoformat())
    assert present or instant_of(to_datetime(NOW)) == NOW


@pytest.mark.parametrize(
    "reply",
    [refusal("S126"), refusal("S110"), Reply(status=503), Reply(status=0), answer(prediction=None)],
)
def test_a_service_that_answers_nothing_about_the_present_fails(reply):
    found = checked(Service(reply))
    assert (found.verdict, found.evidence["code"]) == (Verdict.FAILED, "V151")
    assert found.reason.startswith("row 0: ")


def test_values_that_do_not_go_with_the_present_show_nothing():
    found = checked(Service(refusal("S121")), ROW, ROW)
    assert (found.verdict, found.opens) == (Verdict.INCONCLUSIVE, False)
    assert found.reason == "the service answered none of them"
    assert found.evidence == {"code": "V151", "rows": 2, "answered": 0, "compared": 0}


def test_another_class_is_found_though_its_probabilities_are_right():
    probabilities = {"false": 0.4, "true": 0.6}
    row = GoldenRow(
        request=ROW.request, as_of=0, features={}, prediction=1.0, probabilities=(0.4, 0.6)
    )
    for said, verdict in ((True, Verdict.PASSED), (False, Verdict.FAILED), (1, Verdict.FAILED)):
        service = Service(answer(prediction=said, probabilities=probabilities), past=None)
        assert checked(service, row, classes=(False, True)).verdict is verdict


def test_no_row_is_an_error():
    schema = RequestSchema(name="House", fields=(AREA, DAY))
    found = golden_check(Service(answer()), Golden(rows=(), schema=schema), code="V151", now=NOW)
    assert found.verdict is Verdict.ERROR
