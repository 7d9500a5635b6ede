"""A rollback that was killed before services were told is told by the next one."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from interlock.deploy.environment import Environment
from interlock.deploy.pointer import pointer_path, read_pointer
from interlock.deploy.policy import Policy
from interlock.errors import OperatorError
from interlock.pipeline.deploying.switching import Switch
from interlock.pipeline.notary import Notary
from interlock.pipeline.places import Places
from interlock.release.attest import verify
from interlock.release.keys import SigningKey
from interlock.store.artifacts import ArtifactStore
from interlock.store.ledger import Ledger
from interlock.store.rows import DeploymentRow
from interlock.use_cases.rollback import rollback

FIRST = DeploymentRow(
    product="houses", environment="prod", generation=1, bundle="b" * 64, label="1.0.0",
    act="promote", pinned=False, reason="", delivery="d1", since=7,
)  # fmt: skip
SECOND = replace(FIRST, generation=2, bundle="c" * 64, label="1.1.0", since=8)
BACK = replace(FIRST, generation=3, act="rollback", pinned=True, since=9)


def test_it_is_signed_and_pointed_at_before_the_second_one_is_refused(tmp_path):
    places, key = Places(tmp_path), SigningKey.generate()
    ledger, artifacts = Ledger.open(places.ledger), ArtifactStore.open(places.artifacts)
    notary = Notary(key=key, keys=(key.public,), places=places, artifacts=artifacts, ledger=ledger)
    switch = Switch(
        product="houses", ledger=ledger, artifacts=artifacts, places=places, notary=notary
    )
    switch.to(FIRST, None)
    switch.to(SECOND, FIRST)
    ledger.deployments.record(BACK)
    workspace = SimpleNamespace(
        environment=lambda name: Environment(name=name, order=0, policy=Policy()),
        delivered_product=lambda name: "houses",
        switch=lambda product: switch,
    )
    with pytest.raises(OperatorError) as caught:
        rollback(workspace, environment="prod")
    assert caught.value.code == "E107"
    assert read_pointer(pointer_path(places.pointers, "prod", "houses")).generation == 3
    said = [verify(envelope, notary.keys).predicate for envelope in notary.envelopes(BACK.bundle)]
    assert sorted((s["generation"], s["act"]) for s in said) == [(1, "promote"), (3, "rollback")]
