"""A bundle gets a label that says what changed; the same bundle keeps the one it has."""

import json
from datetime import date

import pytest
from sklearn.linear_model import LogisticRegression, Ridge

import interlock as il
from interlock.pipeline.building.labelling import label_release
from interlock.release.bundle import Bundle


class Smaller(il.Request):
    valued_on: date = il.asked_at(zone="UTC")
    zone: str


@il.feature
def zone_length(zone: str) -> int:
    return len(zone)


@pytest.fixture
def release(bench):
    """Label a bundle of what the context declares: (label, why)."""
    delivery = bench.deliver()

    def labelled(name, *, snapshot="s1", candidate="ridge", classes=(), **changes):
        answer = json.dumps({"spec": {"classes": list(classes)}}).encode()
        bundle = Bundle(
            digest=name * 64,
            directory=bench.folder,
            manifest={"inputs": {"snapshot": snapshot}},
            files={"answer.json": answer},
        )
        found = label_release(bench.context(**changes), bundle, delivery, candidate)
        newest = bench.ledger.releases.newest("houses", limit=1)[0]
        return found, tuple(newest.facts["because"])

    return labelled


def test_the_first_release_is_1_0_0(release):
    assert release("a") == ("1.0.0", ("the first release",))


def test_other_data_is_a_patch(release):
    release("a")
    assert release("b", snapshot="s2") == ("1.0.1", ("snapshot changed",))
    assert release("c", snapshot="s3") == ("1.0.2", ("snapshot changed",))


def test_another_way_of_making_it_is_a_minor(release):
    release("a")
    more = {"mean": il.Baseline(il.Mean()), "ridge": il.Candidate(Ridge(alpha=2))}
    assert release("b", candidates=more) == ("1.1.0", ("candidates changed",))
    assert release("c", candidate="other", candidates=more) == ("1.2.0", ("winner changed",))
    found, why = release("d", candidate="other", candidates=more, features=[zone_length])
    assert (found, why) == ("1.3.0", ("features changed",))


def test_another_way_of_deciding_is_a_minor(release):
    plain = {
        "target": il.Multiclass("wall", available_after="1d"),
        "candidates": {
            "prior": il.Baseline(il.ClassPrior()),
            "logistic": il.Candidate(LogisticRegression()),
        },
    }
    costly = plain | {
        "target": il.Multiclass("wall", available_after="1d", costs=il.Costs(other=2))
    }
    release("a", classes=("brick",), **plain)
    assert release("b", classes=("brick",), **costly) == ("1.1.0", ("decision changed",))


def test_what_a_consumer_must_follow_is_a_major(release):
    release("a")
    release("b", snapshot="s2")
    unit = il.Regression("price", available_after="1d", unit="USD")
    assert release("c", target=unit) == ("2.0.0", ("answer: the unit none became USD",))
    classes = {
        "target": il.Multiclass("wall", available_after="1d"),
        "candidates": {
            "prior": il.Baseline(il.ClassPrior()),
            "logistic": il.Candidate(LogisticRegression()),
        },
    }
    assert release("d", classes=("brick",), **classes) == (
        "3.0.0",
        (
            "answer: the task regression became multiclass",
            "answer: the unit USD became none",
            "answer: the classes [] became ['brick']",
        ),
    )
    found, why = release("e", classes=("brick", "wood"), **classes)
    assert (found, why) == (
        "4.0.0",
        ("answer: the classes ['brick'] became ['brick', 'wood']",),
    )
    found, why = release("f", classes=("brick", "wood"), request=Smaller, **classes)
    assert found == "5.0.0"
    assert why == ("request: built: the field is gone",)


def test_the_same_bundle_keeps_its_label(release, bench):
    release("a")
    release("b", snapshot="s2")
    assert release("a", snapshot="s9")[0] == "1.0.0"
    assert [r.label for r in bench.ledger.releases.newest("houses")] == ["1.0.1", "1.0.0"]


def test_the_label_follows_the_newest_release_and_keeps_its_facts(release, bench):
    release("a")
    (row,) = bench.ledger.releases.newest("houses")
    assert (row.bundle, row.product, row.label, row.delivery) == ("a" * 64, "houses", "1.0.0", "d1")
    assert row.facts["task"] == "regression"
    assert row.facts["data"] == {"snapshot": "s1"}
    assert sorted(row.facts["making"]) == ["candidates", "features", "winner"]
    assert [f["name"] for f in row.facts["request"]["fields"]] == ["valued_on", "built", "zone"]
