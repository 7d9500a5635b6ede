"""A rollback goes back to what was live there; one that was killed is told by the next one."""

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
from interlock.store.rows import DeploymentRow, ReleaseRow
from interlock.use_cases.rollback import rollback

FIRST = DeploymentRow(
    product="houses", environment="prod", generation=1, bundle="b" * 64, label="1.0.0",
    act="promote", pinned=False, reason="", delivery="d1", since=7,
)  # fmt: skip
SECOND = replace(FIRST, generation=2, bundle="c" * 64, label="1.1.0", since=8)
BACK = replace(FIRST, generation=3, act="rollback", pinned=True, since=9)


@pytest.fixture
def switch(tmp_path):
    """Acts in prod, where the first release and then the second was made live."""
    places, key = Places(tmp_path), SigningKey.generate()
    ledger, artifacts = Ledger.open(places.ledger), ArtifactStore.open(places.artifacts)
    notary = Notary(key=key, keys=(key.public,), places=places, artifacts=artifacts, ledger=ledger)
    switch = Switch(
        product="houses", ledger=ledger, artifacts=artifacts, places=places, notary=notary
    )
    switch.to(FIRST, None)
    switch.to(SECOND, FIRST)
    return switch


def workspace(switch):
    return SimpleNamespace(
        environment=lambda name: Environment(name=name, order=0, policy=Policy()),
        delivered_product=lambda name: "houses",
        switch=lambda product: switch,
        ledger=switch.ledger,
    )


def test_it_is_signed_and_pointed_at_before_the_second_one_is_refused(switch):
    switch.ledger.deployments.record(BACK, seal=switch.seal(BACK))
    with pytest.raises(OperatorError) as caught:
        rollback(workspace(switch), environment="prod")
    assert caught.value.code == "E107"
    assert read_pointer(pointer_path(switch.places.pointers, "prod", "houses")).generation == 3
    notary = switch.notary
    said = [verify(envelope, notary.keys).predicate for envelope in notary.envelopes(BACK.bundle)]
    assert sorted((s["generation"], s["act"]) for s in said) == [(1, "promote"), (3, "rollback")]


def test_what_was_never_live_there_is_nothing_to_go_back_to(switch, monkeypatch):
    for label, bundle in (("1.0.0", FIRST.bundle), ("1.2.0", "d" * 64)):
        release = ReleaseRow(
            product="houses", label=label, bundle=bundle, delivery="d1", facts={}, created=10
        )  # fmt: skip
        switch.ledger.releases.add(release)
    monkeypatch.setattr(Switch, "bundle", lambda self, digest: None)  # it is whole
    with pytest.raises(OperatorError) as caught:
        rollback(workspace(switch), environment="prod", to="1.2.0")
    (mistake,) = caught.value.mistakes
    assert (mistake.code, mistake.got) == ("E102", "1.2.0, which never was")
    assert switch.current("prod") == SECOND
    assert rollback(workspace(switch), environment="prod", to="1.0.0").bundle == FIRST.bundle
