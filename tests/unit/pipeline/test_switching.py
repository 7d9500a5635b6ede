"""Making a release live: recorded, attested, pointed at; what was interrupted is made whole."""

from dataclasses import replace

import pytest

from interlock.deploy.pointer import pointer_path, read_pointer
from interlock.pipeline.notary import Notary
from interlock.pipeline.places import Places
from interlock.pipeline.switching import Switch
from interlock.release.attest import DEPLOYMENT, verify
from interlock.release.keys import SigningKey
from interlock.store.artifacts import ArtifactStore
from interlock.store.ledger import Ledger
from interlock.store.rows import DeploymentRow

ROW = DeploymentRow(
    product="houses", environment="prod", generation=1, bundle="b" * 64, label="1.0.0",
    act="promote", pinned=False, reason="", delivery="d1", since=7,
)  # fmt: skip


@pytest.fixture
def switch(tmp_path):
    places, key = Places(tmp_path), SigningKey.generate()
    ledger = Ledger.open(places.ledger)
    artifacts = ArtifactStore.open(places.artifacts)
    notary = Notary(key=key, keys=(key.public,), places=places, artifacts=artifacts, ledger=ledger)
    return Switch(
        product="houses", ledger=ledger, artifacts=artifacts, places=places, notary=notary
    )


def deployments(switch):
    said = [verify(e, switch.notary.keys) for e in switch.notary.envelopes(ROW.bundle)]
    return [s.predicate["generation"] for s in said if s.predicate_type == DEPLOYMENT]


def generation(switch):
    return read_pointer(pointer_path(switch.places.pointers, "prod", "houses")).generation


def test_it_is_recorded_attested_and_pointed_at(switch):
    switch.to(ROW, None)
    assert switch.current("prod") == ROW
    assert (deployments(switch), generation(switch)) == ([1], 1)


def test_the_same_again_does_nothing_more(switch):
    switch.to(ROW, None)
    switch.to(ROW, ROW)
    assert deployments(switch) == [1]
    assert len(switch.ledger.events(kind="deployed")) == 1


def test_one_killed_before_it_was_attested_is_attested_when_resumed(switch):
    switch.ledger.deploy(ROW)
    switch.to(ROW, ROW)
    assert (deployments(switch), generation(switch)) == ([1], 1)
    again = replace(ROW, generation=2, act="rollback")
    switch.to(again, ROW)
    assert sorted(deployments(switch)) == [1, 2]
