import json
import math
from datetime import date

import numpy as np
import pytest

from interlock.data.request import Field, RequestSchema
from interlock.pipeline.probes.client import Reply
from interlock.pipeline.probes.edges import (
    compare_edges,
    edge_requests,
    special_values,
)
from interlock.pipeline.probes.found import Found, measurement
from interlock.serve.batch.answering import Outcome

SCHEMA = RequestSchema(
    name="House",
    fields=(
        Field(name="on", kind="date", asked_at=True, zone="UTC"),
        Field(name="area", kind="float", gt=0, le=500),
        Field(name="built", kind="int", ge=1800, lt=2100),
        Field(name="style", kind="category", categories=("brick", "wood")),
        Field(name="pool", kind="bool", optional=True),
        Field(name="note", kind="str"),
    ),
)
ORDINARY = {
    "on": date(1997, 3, 1),
    "area": 100.0,
    "built": 1950,
    "style": "wood",
    "pool": True,
    "note": "",
}
AROUND = {"area": (99.5, float(np.nextafter(99.5, 0))), "built": (1949.5,)}


class Always:
    """A service that gives every request the same reply."""

    def __init__(self, reply):
        self.reply = reply

    def predict(self, request):
        return self.reply


def counts(edges):
    """What the gate is told: cases compared, refused by both, mismatches."""
    facts = {"form": "quick", "tolerance": 0.0, "has_contracts": False, "parts": {}, "overdue": ""}
    m = measurement(Found(edges=edges), **facts)
    return m.edge_rows_compared, m.edge_rows_refused, m.edge_mismatches


def specials(name):
    return list(special_values(SCHEMA.field(name), AROUND))


def test_a_float_takes_the_ends_of_its_range_and_the_thresholds():
    values = specials("area")
    assert {math.nextafter(0, 1), 500.0, 99.5, float(np.nextafter(99.5, 0)), 5e-324} <= set(values)
    assert all(0 < v <= 500 for v in values)


def test_a_whole_number_takes_the_neighbours_of_a_threshold():
    values = specials("built")
    assert {1800, 1801, 2098, 2099, 1949, 1950} <= set(values)
    assert all(1800 <= v < 2100 and type(v) is int for v in values)


def test_every_category_both_truth_values_and_missing_are_tried():
    assert specials("style") == ["brick", "wood"]
    assert specials("pool") == [None, True, False]
    assert "" in specials("note")


def test_each_request_changes_one_field_and_never_its_time():
    for case in edge_requests(SCHEMA, [ORDINARY], AROUND):
        changed = [
            k for k, v in case.items() if v != ORDINARY[k] or type(v) is not type(ORDINARY[k])
        ]
        assert len(changed) <= 1
        assert case["on"] == ORDINARY["on"]


def test_both_zeros_are_cases_of_their_own():
    schema = RequestSchema(name="X", fields=(Field(name="x", kind="float"),))
    zeros = [c["x"] for c in edge_requests(schema, [{"x": 1.0}], {}) if c["x"] == 0]
    assert sorted(math.copysign(1, z) for z in zeros) == [-1.0, 1.0]


def test_many_thresholds_are_thinned_and_every_field_keeps_its_share():
    around = {"area": tuple(np.linspace(1, 499, 5_000)), "built": AROUND["built"]}
    cases = edge_requests(SCHEMA, [ORDINARY], around, limit=100)
    assert len(cases) <= 100
    assert {c["style"] for c in cases} == {"brick", "wood"}
    assert sum(c["area"] != 100.0 for c in cases) == 20


def test_where_the_time_is_all_there_is_the_ordinary_moments_are_the_edges():
    schema = RequestSchema(name="Hour", fields=SCHEMA.fields[:1])
    ordinary = [{"on": date(1997, 3, day)} for day in range(1, 31)]
    assert edge_requests(schema, ordinary, {}) == ordinary
    assert edge_requests(schema, ordinary, {}, limit=2) == [ordinary[0], ordinary[-1]]


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        ("the model gave no finite answer", 500, "S124"),
        ("post-processing floor_at: ValueError: no such year", 422, "S123"),
        ("feature age: ValueError: no such year", 422, "S121"),
    ],
)
def test_a_refusal_is_due_the_status_of_its_reason(reason, status, code):
    reply = Reply(status=status, body=json.dumps({"error": {"code": code}}).encode())
    refused = Outcome(
        reasons=(reason,), not_covered=("",), accepted=(), places=(), answers=None, features={}
    )
    found = compare_edges(Always(reply), [{}], refused, dict)
    assert (found.refused, found.unexpected) == (1, ())
    assert counts(found) == (0, 1, 0), "refused by both: nothing was compared"
    other = Reply(status=200, body=b"{}")
    found = compare_edges(Always(other), [{}], refused, dict)
    assert counts(found) == (1, 0, 1)
    (unexpected,) = found.unexpected
    assert unexpected.expected == f"{status} {code}: {reason}"
