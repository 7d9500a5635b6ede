"""Acts on a rollout, by the ledger and the bundles alone: admitted each time, and made whole."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
from msgspec import structs

from interlock.cli.render_rollout import shown_lines, started_lines
from interlock.deploy.challenger import start
from interlock.deploy.environment import Environment
from interlock.deploy.pointer import pointer_path, publish, read_pointer
from interlock.deploy.policy import Policy
from interlock.deploy.rollout import Target, promote
from interlock.digest import canonical_json
from interlock.errors import BlockedError, OperatorError
from interlock.pipeline.deploying import switching
from interlock.pipeline.deploying.switching import Switch
from interlock.pipeline.notary import Notary
from interlock.pipeline.places import Places
from interlock.release.attest import verify
from interlock.release.bundle import Bundle
from interlock.release.keys import SigningKey
from interlock.release.statements import build_statement, gate_statement
from interlock.release.waiver import UNCHECKED, Waiver, result_digest, waiver_statement
from interlock.serve.rollout.evidence import Act, Evidence, leave
from interlock.stats.onset import Onset
from interlock.store.artifacts import ArtifactStore
from interlock.store.ledger import Ledger
from interlock.store.rows import DeliveryRow
from interlock.train.answer import AnswerSpec
from interlock.use_cases import rollout
from interlock.verdict import Check, GateResult, Verdict

CHAMPION, RIVAL = "b" * 64, "c" * 64
EXPIRES = 100
ANSWER = {
    "spec": AnswerSpec(task="regression", link="identity").to_row(),
    "target": "price", "unit": "USD", "entity": ["area"],
}  # fmt: skip
REQUEST = {"name": "House", "fields": [{"name": "area", "kind": "float"}]}
SHUT = GateResult(
    gate="model",
    checks=(Check(name="mdape", verdict=Verdict.FAILED, evidence={"code": "M208"}),),
)
OPEN = GateResult(
    gate="model",
    checks=(Check(name="mdape", verdict=Verdict.PASSED, evidence={"code": "M208"}),),
)
PROD = Environment(name="prod", order=0, policy=Policy(gates=("model",)))


@dataclass(frozen=True, kw_only=True)
class Opened(Switch):
    """One whose bundles need no disk."""

    entity: tuple[str, ...] = ("area",)

    def bundle(self, digest):
        rows = {"request": REQUEST, "answer": ANSWER | {"entity": self.entity}}
        return Bundle(
            digest=digest,
            directory=None,
            manifest={"product": "houses", "inputs": {"snapshot": "5" * 64}},
            files={f"{name}.json": canonical_json(row) for name, row in rows.items()},
        )


@pytest.fixture
def switch(tmp_path):
    places, key = Places(tmp_path), SigningKey.generate()
    ledger = Ledger.open(places.ledger)
    artifacts = ArtifactStore.open(places.artifacts)
    notary = Notary(key=key, keys=(key.public,), places=places, artifacts=artifacts, ledger=ledger)
    return Opened(
        product="houses", ledger=ledger, artifacts=artifacts, places=places, notary=notary
    )


@pytest.fixture
def workspace(switch):
    return SimpleNamespace(
        environment=lambda name: PROD,
        delivered_product=lambda name: "houses",
        switch=lambda product: switch,
        places=switch.places,
    )


@pytest.fixture
def at(monkeypatch):
    """Sets the clock of the commands."""

    def at(moment):
        monkeypatch.setattr(rollout, "now", lambda: moment)

    return at


@pytest.fixture
def champion(switch):
    target = Target(bundle=CHAMPION, label="1.0.0", delivery="d1")
    return switch.to(promote(None, target, product="houses", environment="prod", at=7), None)


@pytest.fixture
def waived(switch, champion):
    """What proves the rival: its build, and its shut gate with a waiver that expires."""
    common = {"product": "houses", "delivery": "d2"}
    waiver = Waiver(
        **common, number=2, gate="model", result=result_digest(SHUT), bundle=None, role="releaser",
        by="ada", rights=UNCHECKED, reason="a quiet month", at=10, expires=EXPIRES,
    )  # fmt: skip
    for said in (
        build_statement(
            bundle=RIVAL, **common, git_commit="c", dirty=False, snapshot="5" * 64, at=9
        ),
        gate_statement(bundle=RIVAL, **common, result=SHUT, at=9),
        waiver_statement(subject=RIVAL, waiver=waiver),
    ):
        switch.notary.attest(said)


def trial(champion, buckets):
    target = Target(bundle=RIVAL, label="1.1.0", delivery="d2")
    return start(champion, None, target, buckets=buckets, at=20)


def pointed(switch):
    return read_pointer(pointer_path(switch.places.pointers, "prod", "houses"))


def acts(switch):
    said = [verify(e, switch.notary.keys).predicate for e in switch.notary.envelopes(RIVAL)]
    return sorted((s["at"], s["act"]) for s in said if "act" in s)


def delivered(switch, identity, at, *, dirty):
    """A delivery of the rival with all its proofs, of a tree that was committed or not."""
    common = {"product": "houses", "delivery": identity}
    row = DeliveryRow(
        id=identity, product="houses", number=0, as_of=at, status="held", git_commit="c",
        dirty=dirty, goal="prod", started=at, bundle=RIVAL,
    )  # fmt: skip
    switch.ledger.deliveries.start(row)
    for said in (
        build_statement(
            bundle=RIVAL, **common, git_commit="c", dirty=dirty, snapshot="5" * 64, at=at
        ),
        gate_statement(bundle=RIVAL, **common, result=OPEN, at=at),
    ):
        switch.notary.attest(said)


@pytest.mark.parametrize(
    ("trees", "chosen"),
    [({"d2": True, "d3": False}, "d3"), ({"d2": False, "d3": True}, "d2")],
    ids=["committed afterwards", "tried again with changes"],
)
def test_of_several_deliveries_of_a_bundle_the_newest_that_is_admitted_counts(
    switch, champion, trees, chosen
):
    for at, (identity, dirty) in enumerate(trees.items(), start=10):
        delivered(switch, identity, at, dirty=dirty)
    first = Target(bundle=RIVAL, label="1.1.0", delivery="d2")
    assert switch.proven(PROD, first, champion, 20).delivery == chosen
    switch.admitted(PROD, switch.proven(PROD, first, champion, 20), champion, 20)


def test_where_no_delivery_of_a_bundle_is_admitted_the_newest_says_why(switch, champion):
    first = Target(bundle=RIVAL, label="1.1.0", delivery="d2")
    assert switch.proven(PROD, first, champion, 20) == first
    for at, identity in ((10, "d2"), (11, "d3")):
        delivered(switch, identity, at, dirty=True)
    assert switch.proven(PROD, first, champion, 20).delivery == "d3"


@pytest.mark.parametrize("buckets", [0, 100])
def test_nothing_grows_after_its_waiver_expired(switch, workspace, champion, waived, at, buckets):
    began = switch.roll_out(trial(champion, buckets), champion)
    at(EXPIRES)
    with pytest.raises(BlockedError) as caught:
        rollout.grow(workspace, share="100%")
    assert caught.value.code == "E104"
    assert "its waiver has expired" in caught.value.mistakes[0].got
    assert switch.last_rollout("prod") == began
    assert pointed(switch).challenger.buckets == buckets


def test_a_shadow_grows_while_its_waiver_holds_and_that_is_signed(
    switch, workspace, champion, waived, at
):
    switch.roll_out(trial(champion, 0), champion)
    at(EXPIRES - 1)
    assert rollout.grow(workspace, share="100%").rollout.mode == "split"
    assert acts(switch) == [(20, "shadow"), (EXPIRES - 1, "rollout")]
    assert pointed(switch).challenger.buckets == 10_000


NEXT = [
    "next: interlock rollout promote  (1.1.0 answers everybody)",
    "next: interlock rollout stop  (1.1.0 answers nobody)",
]


def test_of_a_shadow_that_can_answer_a_share_that_is_the_next_step(switch, workspace, champion):
    switch.roll_out(trial(champion, 0), champion)
    lines = started_lines(rollout.show(workspace))
    assert lines == [
        "✔ rollout started: 1.1.0 in prod, beside 1.0.0",
        "  1.0.0 answers; 1.1.0 answers nobody",
        "next: interlock rollout grow --share 10%",
        *NEXT,
    ]


def test_without_a_unit_no_share_is_proposed_and_the_reason_is_told(switch, workspace, champion):
    unsplit = replace(switch, entity=())
    workspace.switch = lambda product: unsplit
    switch.roll_out(trial(champion, 0), champion)
    report = rollout.show(workspace)
    why = "  it cannot answer a share: the champion declares no unit to split the traffic by"
    assert started_lines(report)[1:] == ["  1.0.0 answers; 1.1.0 answers nobody", why, *NEXT]
    assert [line for line in shown_lines(report, at=30) if "share" in line] == [why]


def test_what_was_set_aside_is_not_promoted(switch, workspace, champion, at):
    began = switch.roll_out(trial(champion, 100), champion)
    at(40)
    deployed = []
    deployer = SimpleNamespace(live=switch, deploy=lambda *_, **how: deployed.append(how))
    workspace.bound, workspace.deployer = (lambda name: None), (lambda bound, now: deployer)
    act = Act(generation=1, revision=1, digest=RIVAL, release="1.1.0")
    onset = Onset(tolerated=0.01).after(6, 6)
    found = Evidence(act=act, onset=onset, codes={"S125": 6}, set_aside="6 of 6 answers failed")
    log = switch.places.log("prod", "houses")
    log.mkdir(parents=True)
    leave(log, "w0", found)
    with pytest.raises(BlockedError) as caught:
        rollout.promote(workspace)
    mistake = caught.value.mistakes[0]
    assert (mistake.code, mistake.got) == ("E154", "1.1.0: 6 of 6 answers failed")
    assert (deployed, switch.last_rollout("prod")) == ([], began)
    assert rollout.show(workspace).seen.set_aside == "6 of 6 answers failed"
    leave(log, "w0", structs.replace(found, set_aside=""))
    rollout.promote(workspace)
    assert [how["promotes"] for how in deployed] == [began]


def record(switch, row):
    """What a process that was killed at once leaves."""
    switch.ledger.rollouts.record(row, seal=switch.seal(row))


@pytest.mark.parametrize("act", [rollout.stop, rollout.show])
def test_a_stop_that_was_killed_before_the_pointer_is_made_whole(
    switch, workspace, champion, at, act
):
    began = switch.roll_out(trial(champion, 10_000), champion)
    record(switch, replace(began, revision=2, act="stop", buckets=0, at=30))
    assert pointed(switch).challenger.buckets == 10_000
    at(40)
    with pytest.raises(OperatorError) as caught:
        act(workspace)
    assert (caught.value.code, caught.value.mistakes[0].got) == (
        "E151",
        "the last one, of 1.1.0, was stopped",
    )
    assert (pointed(switch).order, pointed(switch).challenger) == ((1, 2), None)


def test_a_start_that_was_killed_is_shown_whole_and_stopped_untold(switch, workspace, champion, at):
    record(switch, trial(champion, 10_000))
    assert rollout.show(workspace).running
    assert (acts(switch), pointed(switch).challenger.buckets) == ([(20, "rollout")], 10_000)
    at(40)
    assert not rollout.stop(workspace).running
    ended = [(20, "rollout"), (40, "stop")]
    assert (acts(switch), pointed(switch).challenger) == (ended, None)


def test_a_stop_never_tells_services_of_what_it_ends(switch, workspace, champion, at, monkeypatch):
    told = []

    def recorded(*arguments):
        found = publish(*arguments)
        told.append(pointed(switch).challenger)
        return found

    record(switch, trial(champion, 10_000))
    monkeypatch.setattr(switching, "publish", recorded)
    at(40)
    rollout.stop(workspace)
    assert (told, acts(switch)) == ([None], [(40, "stop")])
