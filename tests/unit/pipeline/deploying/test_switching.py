"""Making a release live: recorded, attested, pointed at; what was interrupted is made whole."""

from dataclasses import replace

import pytest

from interlock.deploy.pointer import pointer_path, publish, read_pointer
from interlock.errors import IntegrityError, OperatorError
from interlock.pipeline.deploying.switching import Switch
from interlock.pipeline.notary import Notary
from interlock.pipeline.places import Places
from interlock.release.attest import DEPLOYMENT, verify
from interlock.release.keys import SigningKey
from interlock.store.artifacts import ArtifactStore
from interlock.store.ledger import Ledger
from interlock.store.rows import DeploymentRow, RolloutRow

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
    switch.ledger.deployments.record(ROW, seal=switch.seal(ROW))
    assert deployments(switch) == []
    switch.to(ROW, ROW)
    assert (deployments(switch), generation(switch)) == ([1], 1)
    again = replace(ROW, generation=2, act="rollback")
    switch.to(again, ROW)
    assert sorted(deployments(switch)) == [1, 2]


def rollout(revision, act="start", generation=1):
    return RolloutRow(
        product="houses", environment="prod", generation=generation, revision=revision,
        bundle="c" * 64, label="1.1.0", delivery="d2", act=act, mode="split", buckets=100,
        salt="5" * 32, reason="", began=8, at=8,
    )  # fmt: skip


def pointed(switch):
    return read_pointer(pointer_path(switch.places.pointers, "prod", "houses"))


def test_a_rollout_is_recorded_attested_and_pointed_at(switch):
    switch.to(ROW, None)
    switch.roll_out(rollout(1), ROW)
    assert switch.last_rollout("prod") == rollout(1)
    (said,) = [verify(e, switch.notary.keys) for e in switch.notary.envelopes("c" * 64)]
    assert (said.predicate_type, said.predicate["act"], said.predicate["at"]) == (
        DEPLOYMENT,
        "rollout",
        8,
    )
    assert (pointed(switch).order, pointed(switch).challenger.bundle) == ((1, 1), "c" * 64)


def test_a_deployment_ends_it_and_publishing_again_does_not(switch):
    switch.to(ROW, None)
    switch.roll_out(rollout(1), ROW)
    switch.to(ROW, ROW)
    assert pointed(switch).challenger is not None
    after = replace(ROW, generation=2, bundle="c" * 64, label="1.1.0")
    switch.to(after, ROW, promotes=rollout(1))
    assert (pointed(switch).order, pointed(switch).challenger) == ((2, 0), None)


def acts(switch, digest="c" * 64):
    said = [verify(e, switch.notary.keys).predicate for e in switch.notary.envelopes(digest)]
    return sorted((s["at"], s["act"]) for s in said)


def test_what_is_signed_tells_a_shadow_from_a_split_and_an_end(switch):
    switch.to(ROW, None)
    switch.roll_out(replace(rollout(1), mode="shadow", buckets=0), ROW)
    switch.roll_out(replace(rollout(2, "grow"), at=9), ROW)
    switch.roll_out(replace(rollout(3, "stop"), at=10), ROW)
    assert acts(switch) == [(8, "shadow"), (9, "rollout"), (10, "stop")]
    (grown,) = [
        said.predicate["trial"]
        for said in (verify(e, switch.notary.keys) for e in switch.notary.envelopes("c" * 64))
        if said.predicate["act"] == "rollout"
    ]
    assert grown == {"revision": 2, "buckets": 100, "salt": "5" * 32, "began": 8}


def test_an_end_reaches_services_though_it_cannot_be_signed(switch, monkeypatch):
    switch.to(ROW, None)
    switch.roll_out(rollout(1), ROW)

    def fail(*_):
        raise OSError(28, "no space left")

    monkeypatch.setattr(Notary, "keep", fail)
    with pytest.raises(OSError, match="no space"):
        switch.roll_out(replace(rollout(2, "stop"), at=10), ROW)
    assert (pointed(switch).order, pointed(switch).challenger) == ((1, 2), None)
    monkeypatch.undo()
    switch.settle(ROW, switch.last_rollout("prod"))
    assert acts(switch)[-1] == (10, "stop")


@pytest.mark.parametrize("act", ["start", "grow"])
def test_an_act_killed_before_it_was_attested_is_made_whole_once(switch, act):
    switch.to(ROW, None)
    if act == "grow":
        switch.roll_out(replace(rollout(1), at=7), ROW)
    row = rollout(1 if act == "start" else 2, act)
    last = switch.ledger.rollouts.record(row, seal=switch.seal(row))
    for _ in range(2):
        switch.settle(ROW, last)
        assert acts(switch)[-1] == (8, "rollout")
        assert len(acts(switch)) == last.revision
    assert (pointed(switch).order, pointed(switch).challenger.bundle) == (
        (1, last.revision),
        "c" * 64,
    )


def test_a_rollout_decided_on_another_state_changes_nothing(switch):
    switch.to(ROW, None)
    switch.roll_out(rollout(1), ROW)
    for late in (rollout(1), rollout(3), rollout(1, generation=2)):
        with pytest.raises(OperatorError) as caught:
            switch.roll_out(late, ROW)
        assert caught.value.code == "E101"
    assert pointed(switch).order == (1, 1)


def test_a_pointer_that_the_ledger_knows_nothing_of_is_told_and_not_passed_over(switch):
    publish(switch.places.pointers, replace(ROW, generation=9, bundle="f" * 64))
    with pytest.raises(IntegrityError) as caught:
        switch.to(ROW, None)
    mistake = caught.value.mistakes[0]
    assert (mistake.code, mistake.got) == ("R165", "generation 9, revision 0")
    pointer_path(switch.places.pointers, "prod", "houses").unlink()
    switch.to(ROW, ROW)
    assert (deployments(switch), generation(switch)) == ([1], 1)


def test_another_act_that_came_later_meanwhile_is_nothing_wrong(switch):
    later = replace(ROW, generation=2, bundle="c" * 64)
    switch.to(ROW, None)
    switch.to(later, ROW)
    switch.publish(ROW)
    assert generation(switch) == 2


FORGED = replace(ROW, generation=2, bundle="c" * 64, label="0.9.0", since=8)


def refused(act, *arguments):
    with pytest.raises(IntegrityError) as caught:
        act(*arguments)
    return [(mistake.code, mistake.got) for mistake in caught.value.mistakes]


def test_what_somebody_only_wrote_into_the_ledger_is_signed_for_nobody(switch):
    """Whoever can write to the ledger holds no key: starting a service must not lend them one."""
    switch.to(ROW, None)
    switch.ledger.deployments.record(FORGED)
    told = [("R172", "promote in generation 2 of cccccccccccc, unsigned")]
    onward = replace(FORGED, generation=3, bundle="d" * 64)
    for act in ((switch.to, FORGED, FORGED), (switch.to, onward, FORGED)):
        assert refused(*act) == told
    assert (switch.notary.envelopes(FORGED.bundle), generation(switch)) == ([], 1)


def test_a_rollout_that_nobody_signed_is_signed_for_nobody_but_can_be_stopped(switch):
    switch.to(ROW, None)
    forged = switch.ledger.rollouts.record(rollout(1))
    told = [("R172", "rollout in generation 1, revision 1 of cccccccccccc, unsigned")]
    assert refused(switch.settle, ROW, forged) == told
    assert refused(switch.roll_out, rollout(2, "grow"), ROW) == told
    switch.roll_out(replace(rollout(2, "stop"), at=9), ROW)
    assert (pointed(switch).order, pointed(switch).challenger) == ((1, 2), None)


def test_a_signature_borrowed_from_another_act_does_not_do(switch):
    switch.to(ROW, None)
    switch.ledger.deployments.record(FORGED, seal=switch.seal(replace(FORGED, generation=5)))
    assert refused(switch.to, FORGED, FORGED) == [
        ("R172", "promote in generation 2 of cccccccccccc, unsigned")
    ]


def test_nothing_is_decided_on_a_ledger_that_lacks_what_was_signed(switch, tmp_path):
    """An older ledger was put back, and the pointer deleted: its next act would be a second one."""
    switch.to(ROW, None)
    (place := switch.places.ledger).rename(tmp_path / "newer")
    older = replace(switch, ledger=(ledger := Ledger.open(place)))
    older = replace(older, notary=replace(switch.notary, ledger=ledger))
    pointer_path(switch.places.pointers, "prod", "houses").unlink()
    assert refused(older.to, replace(ROW, bundle="e" * 64, since=9), None) == [
        ("R165", "promote in generation 1 of bbbbbbbbbbbb, which is signed and was not recorded")
    ]
    assert older.current("prod") is None


@pytest.mark.parametrize(
    ("tampering", "told"),
    [
        ("UPDATE deployments SET event = 4 - generation", []),  # which is the newest is signed
        ("DELETE FROM deployments WHERE generation = 2", ["R165"]),
        ("UPDATE deployments SET bundle = 'e' WHERE generation = 2", ["R172", "R165"]),
        ("UPDATE deployments SET generation = 3 WHERE generation = 1", ["R172", "R165"]),
        ("UPDATE rollouts SET buckets = 10000", ["R172", "R165"]),
        ("DELETE FROM rollouts", ["R165"]),
    ],
)
def test_tables_that_somebody_wrote_to_make_nothing_else_live(switch, tampering, told):
    second = replace(ROW, generation=2, bundle="d" * 64, since=8)
    switch.to(ROW, None)
    switch.to(second, ROW)
    switch.roll_out(rollout(1, generation=2), second)
    with switch.ledger.database.writing() as connection:
        connection.exec_driver_sql(tampering)
    if told:
        assert [code for code, _ in refused(switch.believed, "prod")] == told
    else:
        assert switch.believed("prod") == switch.current("prod") == second
