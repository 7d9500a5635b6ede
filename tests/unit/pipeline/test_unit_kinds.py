import json
from types import SimpleNamespace

import pytest

from interlock.pipeline.unit_kinds import unit_kinds, written
from interlock.serve.log.prediction_log import PredictionLog
from interlock.serve.log.record import Record, record_bytes
from interlock.serve.log.view import Asked, viewed

NUMBERS, TEXTS, GONE = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture
def kinds(tmp_path):
    """A release whose unit is a number and a truth, one whose unit is two texts, one withdrawn."""
    for digest, entity in ((NUMBERS, ["house", "new"]), (TEXTS, ["house_text", "floor"])):
        place = tmp_path / digest
        place.mkdir()
        for name, row in (
            ("answer", {"entity": entity}),
            ("request", {"fields": [{"name": "house", "kind": "int"}]}),
            ("features", {"request": [{"name": "new", "kind": "bool"}]}),
        ):
            (place / f"{name}.json").write_text(json.dumps(row))
    releases = [SimpleNamespace(bundle=digest) for digest in (NUMBERS, TEXTS, GONE)]
    ledger = SimpleNamespace(releases=SimpleNamespace(newest=lambda product: releases))
    artifacts = SimpleNamespace(tree=lambda digest: tmp_path / digest)
    return unit_kinds(ledger, artifacts, "p")


def test_the_kinds_are_those_of_fields_and_features(kinds):
    assert kinds == {("int", "bool"): [NUMBERS], ("str", "str"): [TEXTS]}


@pytest.fixture
def log(tmp_path):
    asked = [
        (NUMBERS, (7, True)),
        (NUMBERS, (70, True)),
        (TEXTS, ("7", "True")),
        (TEXTS, ("07", "True")),
        (GONE, ("07", "True")),
        (GONE, (7, True)),
    ]
    with PredictionLog.open(tmp_path / "log", "w0") as writer:
        for n, (digest, entity) in enumerate(asked):
            record = Record(
                id=str(n), time=n, product="p", status=200, digest=digest, entity=entity
            )
            writer.append([record_bytes(record)])
    return tmp_path / "log"


@pytest.mark.parametrize(
    ("key", "found"),
    [
        (("7", "True"), ["0", "2", "5"]),
        (("07", "True"), ["0", "3", "4"]),
        (("7.0", "true"), ["0"]),
        (("7e0", "True"), ["0"]),
        (("x", "True"), []),
        (("7",), []),
        (("7", "True", "1"), []),
    ],
)
def test_a_key_is_what_each_release_makes_of_it(kinds, log, key, found):
    with viewed(log) as view:
        rows = view.rows(Asked(units=written(kinds, key))).read_all()
    assert sorted(rows["id"].to_pylist()) == found
