"""A rebuilt ledger is let off the lost chain's ends, by a signed word, and off no later one."""

from dataclasses import replace

import pytest

from interlock.deploy.act import Act
from interlock.digest import digest_bytes
from interlock.errors import IntegrityError
from interlock.pipeline.notary import Notary
from interlock.pipeline.places import Places
from interlock.pipeline.rebuilding.origin import anchor, beginning
from interlock.release.keys import SigningKey
from interlock.store.artifacts import ArtifactStore
from interlock.store.ledger import Ledger
from interlock.store.rows import DeploymentRow, Head

LOST = Head(sequence=40, hash="f" * 64)
ROW = DeploymentRow(
    product="houses", environment="prod", generation=1, bundle="b" * 64, label="1.0.0",
    act="promote", pinned=False, reason="", delivery="d1", since=7,
)  # fmt: skip


@pytest.fixture
def notary(tmp_path):
    places, key = Places(tmp_path), SigningKey.generate()
    ledger, artifacts = Ledger.open(places.ledger), ArtifactStore.open(places.artifacts)
    return Notary(key=key, keys=(key.public,), places=places, artifacts=artifacts, ledger=ledger)


def names(notary):
    return [digest_bytes(envelope) for envelope in notary.envelopes(ROW.bundle)]


def begun(entry):
    ledger = Ledger.in_memory()
    ledger.begin([entry])
    return ledger.read()


def test_the_ends_that_it_was_made_of_are_another_chains(notary):
    notary.attest(Act.of_row(ROW).statement(reason="", head=LOST))
    assert anchor(notary, ()) == LOST
    copy = begun(beginning(notary, names(notary), at=9))
    assert anchor(notary, copy.events) is None
    later = replace(ROW, generation=2, since=10)
    notary.attest(Act.of_row(later).statement(reason="", head=copy.head))
    assert anchor(notary, copy.events) == copy.head


@pytest.mark.parametrize("how", ["stranger", "more", "unsigned"])
def test_nobody_else_begins_one_so(notary, how):
    notary.attest(Act.of_row(ROW).statement(reason="", head=LOST))
    mine = beginning(notary, [], at=9)
    if how == "stranger":
        mine = beginning(replace(notary, key=SigningKey.generate()), names(notary), at=9)
    elif how == "more":
        mine = replace(mine, body={**mine.body, "attestations": names(notary)})
    else:
        mine = replace(mine, body={"attestations": names(notary)})
    with pytest.raises(IntegrityError) as caught:
        anchor(notary, begun(mine).events)
    assert caught.value.code == {"stranger": "R122", "more": "R172", "unsigned": "R120"}[how]


def test_a_word_that_does_not_come_first_counts_for_nothing(notary):
    notary.attest(Act.of_row(ROW).statement(reason="", head=LOST))
    entry = beginning(notary, names(notary), at=9)
    events = begun(entry).events
    assert anchor(notary, (replace(events[0], kind="noted"), *events)) == LOST
