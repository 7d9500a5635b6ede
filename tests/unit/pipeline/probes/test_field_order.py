"""The probe of the order of fields: what it sends, and that it notices what depends on it."""

import json

from interlock.pipeline.probes.client import Reply, request_bytes
from interlock.pipeline.probes.field_order import ROWS, Orders, compare_orders

REQUESTS = [{"built": 1900 + i, "area": 10.0 * i, "zone": "north"} for i in range(100)]


class Service:
    """Answers by a function of the request's members; each answer has an id of its own."""

    def __init__(self, answer, status=200):
        self.answer, self.status, self.bodies = answer, status, []

    def predict(self, request):
        self.bodies.append(request_bytes(request))
        content = {"prediction": self.answer(request), "id": str(len(self.bodies))}
        return Reply(status=self.status, body=json.dumps(content).encode())


def test_other_orders_of_the_same_members_are_sent_and_compared_without_the_id():
    service = Service(lambda request: request["built"] + request["area"])
    assert compare_orders(service, REQUESTS) == Orders(compared=3 * ROWS, different=0)
    sent = [list(json.loads(body)) for body in service.bodies[:4]]
    assert sent[:2] == [["built", "area", "zone"], ["zone", "area", "built"]]
    assert {frozenset(names) for names in sent} == {frozenset(REQUESTS[0])}
    assert len({tuple(json.loads(b)) for b in service.bodies}) > 3


def test_an_answer_that_follows_the_order_is_found_and_described():
    found = compare_orders(Service(lambda request: str(next(iter(request)))), REQUESTS[:4])
    assert (found.compared, found.different >= 4) == (12, True)
    assert len(found.examples) == 3
    assert found.examples[0].startswith("row 0 as zone, area, built: due 200 ")


def test_a_refusal_is_no_answer():
    assert compare_orders(Service(lambda _: 1, status=422), REQUESTS[:2]).different == 6


def test_without_requests_nothing_is_compared():
    assert compare_orders(Service(lambda _: 1), []).compared == 0
