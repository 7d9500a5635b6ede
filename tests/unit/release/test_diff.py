"""What differs between two bundles, by what they hold."""

import json

import pytest

from interlock.data.profile import profile
from interlock.data.request import Field
from interlock.release.bundle import Bundle
from interlock.release.diff import Difference, Mark, diff, differences

CODE = "def age(on, built):\n    return on.year - built\n"
FIELDS = [
    {"name": "on", "kind": "date"},
    {"name": "built", "kind": "int", "ge": 1800},
]
AGE = {"name": "age", "kind": "int", "arguments": ["on", "built"]}
COUNT = {
    "name": "sales", "function": "count", "column": None, "window": 90 * 86_400_000_000,
    "ttl": None, "default": None,
}  # fmt: skip
HISTORY = {"name": "market", "source": "sales", "entity": [["zone", "str"]], "aggregates": [COUNT]}
FEATURES = {
    "request": [AGE],
    "histories": [HISTORY],
    "inputs": [{"name": "age"}, {"name": "sales"}],
}
SPEC = {
    "task": "regression", "link": "identity", "transform": "log", "classes": [],
    "interval": {"level": 0.8, "high_offset": 0.3},
}  # fmt: skip
CANDIDATE = {
    "params": {"class": "Ridge", "params": {"alpha": 1.0, "random_state": 7}},
    "format": "onnx", "metric": "mae", "n_rows": 900, "trained_until": 0, "seen_until": None,
    "split": {"by": "time", "test": "90d"},
    "test": {"mae": {"value": 10.0, "low": 9.0, "high": 11.0, "n": 50}},
}  # fmt: skip


def bundle(code=CODE, fields=FIELDS, features=FEATURES, spec=(), candidate=(), unit="USD",
           snapshot="a" * 64, name="boosting", after=(), x=1.0):  # fmt: skip
    built = profile([Field(name="built", kind="float")], {"built": [x * k for k in range(300)]})
    files = {
        "request.json": {"name": "House", "fields": fields},
        "features.json": features,
        "answer.json": {
            "target": "price", "unit": unit, "spec": {**SPEC, **dict(spec)},
            **({"postprocess": [{"name": n} for n in after]} if after else {}),
        },
        "candidate.json": {**CANDIDATE, **dict(candidate)},
        "profile.json": built.to_row(),
    }  # fmt: skip
    packed = {} if code is None else {"packed/product.py": code.encode()}
    return Bundle(
        digest="0" * 64,
        directory=None,
        manifest={"candidate": name, "inputs": {"snapshot": snapshot}},
        files={n: json.dumps(v).encode() for n, v in files.items()} | packed,
    )


def told(part):
    return [str(each) for each in part if getattr(each, "mark", None) is not Mark.SAME]


def test_a_release_and_itself_are_the_same_in_every_part():
    found = diff(bundle(), bundle())
    assert [c.mark for c in found.code] == [Mark.SAME]
    assert (found.request, found.features, found.parameters, found.breaking) == ((), (), (), ())
    assert told(found.answer) == told(found.model) == told(found.data) == []
    assert [str(each) for each in found.answer] == [
        "= target: price", "= unit: USD", "= task: regression", "= interval: 0.8",
    ]  # fmt: skip
    assert found.shifts[0].shift.psi == 0


def test_code_is_told_line_by_line():
    changed = CODE.replace("on.year - built", "max(0, on.year - built)")
    (found,) = diff(bundle(), bundle(code=changed)).code
    assert (found.module, found.mark, found.added, found.removed) == ("product", Mark.CHANGED, 1, 1)
    assert found.lines[-2:] == (
        "-    return on.year - built",
        "+    return max(0, on.year - built)",
    )
    (gone,) = diff(bundle(), bundle(code=None)).code
    assert (gone.mark, gone.removed) == (Mark.REMOVED, 2)
    (new,) = diff(bundle(code=None), bundle()).code
    assert (new.mark, new.added) == (Mark.ADDED, 2)


def test_what_breaks_a_consumer_is_said_of_request_and_answer():
    narrower = [FIELDS[0], {**FIELDS[1], "ge": 1900}]
    found = diff(bundle(), bundle(fields=narrower, unit="EUR"))
    assert found.breaking == (
        "request: built: the lower bound is narrower: ≥ 1800 became ≥ 1900",
        "answer: ~ unit: USD → EUR",
    )
    wider = diff(bundle(fields=narrower), bundle())
    assert (len(wider.request), wider.breaking) == (1, ())
    classes = {"task": "binary", "classes": ["no", "yes"]}
    assert len(diff(bundle(), bundle(spec=classes)).breaking) == 2


def test_an_answer_is_compared_in_what_was_declared_of_it():
    refitted = {"interval": {"level": 0.8, "high_offset": 0.4}}
    assert told(diff(bundle(), bundle(spec=refitted)).answer) == []
    other = {"interval": {"level": 0.9, "high_offset": 0.4}, "threshold": 0.3}
    assert told(diff(bundle(), bundle(spec=other, after=["to_500"])).answer) == [
        "~ interval: 0.8 → 0.9",
        "+ threshold: 0.3",
        "~ post-processing: [] → ['to_500']",
    ]


def test_features_are_told_by_what_they_are():
    longer = {**COUNT, "window": 180 * 86_400_000_000}
    more = {**COUNT, "name": "usual", "function": "median", "column": "price", "where": "price > 0"}
    features = {
        "request": [],
        "histories": [{**HISTORY, "aggregates": [longer, more]}],
        "inputs": [{"name": "sales"}, {"name": "usual"}],
    }
    assert told(diff(bundle(), bundle(features=features)).features) == [
        "− age: int of on, built",
        "~ sales: count() window 90 d of sales by zone → count() window 180 d of sales by zone",
        "+ usual: median(price) window 90 d where price > 0 of sales by zone",
    ]


def test_parameters_without_random_states():
    params = {"class": "Ridge", "params": {"alpha": 2.0, "random_state": 8, "tol": None}}
    assert told(diff(bundle(), bundle(candidate={"params": params})).parameters) == [
        "~ alpha: 1.0 → 2.0",
        "+ tol: None",
    ]


def test_data_and_model():
    candidate = {"n_rows": 950, "trained_until": 86_400_000_000, "split": {"by": "unit"}}
    found = diff(bundle(), bundle(candidate=candidate, snapshot="b" * 64, name="ridge", x=5.0))
    assert told(found.model) == ["~ candidate: boosting → ridge"]
    assert told(found.data) == [
        f"~ snapshot: {'a' * 64} → {'b' * 64}",
        "~ training rows: 900 → 950",
        "~ trained until: 1970-01-01T00:00:00Z → 1970-01-02T00:00:00Z",
        "~ split by: time → unit",
        "− split test: 90d",
    ]
    assert found.shifts[0].level.value == "high"


def test_own_metrics_stand_side_by_side():
    test = {"mae": {"value": 8.0, "low": 7.0, "high": 9.0, "n": 60}, "own": {"value": 1.0}}
    mae, own = diff(bundle(), bundle(candidate={"test": test})).metrics
    assert (mae.name, mae.unit, mae.before["n"], mae.after["n"]) == ("mae", "USD", 50, 60)
    assert (own.name, own.unit, own.before) == ("own", "", None)


@pytest.mark.parametrize(("before", "after", "mark"), [(1, 1, "="), (1, 2, "~"), (None, 2, "~")])
def test_a_value_that_is_none_is_a_value(before, after, mark):
    assert Difference.of("x", before, after).mark.value == mark
    assert [str(d) for d in differences({"x": None}, {})] == ["− x: None"]
