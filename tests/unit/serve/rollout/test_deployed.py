"""What the pointer names must have been made live here by whoever holds a trusted key."""

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from interlock.deploy.pointer import Challenger
from interlock.deploy.policy import Policy
from interlock.errors import IntegrityError
from interlock.release.attest import sign
from interlock.release.keys import SigningKey
from interlock.release.statements import deployment_statement
from interlock.serve.plan import ServePlan
from interlock.serve.rollout.deployed import (
    require_deployed,
    require_in_shadow,
    require_newest,
    require_on_trial,
)
from interlock.serve.rollout.target import Rival, Target
from interlock.serve.rollout.traffic import Split

KEY, STRANGER = SigningKey.generate(), SigningKey.generate()
OLD, NEW = "a" * 64, "b" * 64
CHAMPION = Target(digest=NEW, directory=Path("b"), label="1.1.0", generation=3)
RIVAL = Rival(digest=OLD, directory=Path("a"), label="1.0.0", split=Split("salt", 500))
BESIDE = replace(CHAMPION, revision=2, rival=RIVAL)
TRIAL = {"revision": 2, "buckets": 500, "salt": "salt", "began": 7}


@pytest.fixture
def plan(tmp_path):
    return ServePlan(
        product="valuation", environment="prod", bundles="b", pointer="live/valuation.json",
        attestations=str(tmp_path), log="none", policy=Policy(trusted=(KEY.public.keyid,)),
        trusted_keys=(KEY.public.pem().decode(), STRANGER.public.pem().decode()),
    )  # fmt: skip


@pytest.fixture
def signed(tmp_path):
    """Sign that something was done with a bundle in an environment."""

    def signed(digest=NEW, key=KEY, into=None, **changes):
        fields = {
            "bundle": digest, "product": "valuation", "environment": "prod", "generation": 3,
            "act": "promote", "reason": "", "at": 9, "ledger_sequence": 1, "ledger_hash": "0" * 64,
        }  # fmt: skip
        folder = tmp_path / (into or digest)
        folder.mkdir(exist_ok=True)
        path = folder / f"{len(list(folder.iterdir()))}.json"
        path.write_bytes(sign(deployment_statement(**(fields | changes)), key))

    return signed


def refused(question, *arguments):
    """What was found, where that does not do."""
    with pytest.raises(IntegrityError) as caught:
        question(*arguments)
    return caught.value.code, caught.value.mistakes[0].got


@pytest.mark.parametrize("act", ["promote", "rollback"])
def test_what_was_made_live_here_in_this_generation_may_answer(plan, signed, act):
    signed(act=act)
    require_deployed(CHAMPION, plan)


def test_nothing_signed_is_not_enough(plan):
    code, got = refused(require_deployed, CHAMPION, plan)
    assert (code, got) == ("S135", "nothing of this kind is signed about it")


@pytest.mark.parametrize(
    ("changes", "got"),
    [
        ({"generation": 1}, "promote in generation 1"),
        ({"generation": 4}, "promote in generation 4"),
        ({"environment": "staging"}, "nothing of this kind is signed about it"),
        ({"product": "other"}, "nothing of this kind is signed about it"),
        ({"act": "shadow"}, "shadow in generation 3"),
        ({"act": "rollout", "trial": TRIAL}, "rollout in generation 3, revision 2"),
        ({"act": "stop", "trial": TRIAL}, "stop in generation 3, revision 2"),
        ({"key": STRANGER}, "nothing of this kind is signed about it"),
        ({"digest": OLD, "into": NEW}, "nothing of this kind is signed about it"),
    ],
)
def test_another_act_moment_place_key_or_bundle_is_not_enough(plan, signed, changes, got):
    signed(**changes)
    assert refused(require_deployed, CHAMPION, plan) == ("S135", got)


def test_a_changed_signature_counts_for_nothing(plan, signed, tmp_path):
    signed()
    (path,) = (tmp_path / NEW).iterdir()
    path.write_bytes(path.read_bytes().replace(b'"sig":"', b'"sig":"A'))
    assert refused(require_deployed, CHAMPION, plan)[0] == "S135"
    path.write_bytes(b"{")
    assert refused(require_deployed, CHAMPION, plan)[0] == "S135"


def test_a_bundle_that_is_given_needs_no_deployment(plan):
    require_deployed(CHAMPION, structs.replace(plan, pointer=None, bundles=None, bundle="b"))


def test_a_challenger_is_held_to_share_salt_and_revision(plan, signed):
    signed(OLD, act="rollout", trial=TRIAL)
    require_on_trial(BESIDE, plan)
    require_on_trial(CHAMPION, plan)
    for wrong in (
        replace(BESIDE, revision=3),
        replace(BESIDE, generation=4),
        replace(BESIDE, rival=replace(RIVAL, split=Split("salt", 10_000))),
        replace(BESIDE, rival=replace(RIVAL, split=Split("another", 500))),
        replace(BESIDE, rival=replace(RIVAL, digest=NEW)),
    ):
        assert refused(require_on_trial, wrong, plan)[0] == "S135"


@pytest.mark.parametrize("act", ["promote", "shadow", "stop"])
def test_nor_does_another_act_make_it_one(plan, signed, act):
    signed(OLD, act=act, trial=TRIAL)
    assert refused(require_on_trial, BESIDE, plan)[0] == "S135"


def test_what_was_signed_without_saying_what_trial_is_no_trial(plan, signed):
    signed(OLD, act="rollout")
    signed(OLD, act="rollout", trial={"revision": "2", "buckets": 500, "salt": "salt"})
    assert refused(require_on_trial, BESIDE, plan)[0] == "S135"


def test_one_in_shadow_was_signed_as_that(plan, signed):
    found = Challenger(bundle=OLD, label="1.0.0", mode="shadow", buckets=0, salt="salt", began=7)
    assert refused(require_in_shadow, found, (3, 2), plan)[0] == "S135"
    signed(OLD, act="shadow", trial=TRIAL | {"buckets": 0})
    require_in_shadow(found, (3, 2), plan)
    assert refused(require_in_shadow, found, (3, 3), plan)[0] == "S135"


def test_a_service_does_not_begin_with_what_was_replaced(plan, signed):
    """Each kept pointer of the past fits a signature of the past."""
    signed(OLD, generation=2)
    before = replace(CHAMPION, digest=OLD, generation=2)
    require_newest(before, plan)
    signed()
    require_deployed(before, plan)
    assert refused(require_newest, before, plan) == ("S136", "generation 2")
    require_newest(CHAMPION, plan)
    signed(OLD, act="rollout", trial=TRIAL)
    signed(OLD, act="stop", trial=TRIAL | {"revision": 3, "buckets": 0})
    assert refused(require_newest, BESIDE, plan) == ("S136", "generation 3, revision 2")
    require_newest(replace(CHAMPION, revision=3), plan)


@pytest.mark.parametrize(
    "changes", [{"key": STRANGER}, {"environment": "staging"}, {"product": "other"}]
)
def test_what_is_newer_elsewhere_does_not_count(plan, signed, changes):
    signed()
    signed(OLD, generation=9, **changes)
    require_newest(CHAMPION, plan)
