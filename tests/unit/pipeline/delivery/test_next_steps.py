"""What a delivery that ended leaves to type: nothing twice, and as of the moment it was for."""

from dataclasses import replace

import pytest

from interlock.clock import MINUTE, parse_instant
from interlock.deploy.environment import environments
from interlock.errors import BlockedError, StoreError
from interlock.pipeline.delivery.goal import Goal
from interlock.pipeline.delivery.next_steps import (
    after_error,
    after_success,
    as_of_flag,
    of_product,
)
from interlock.pipeline.delivery.revision import Revision
from interlock.store.rows import DeliveryRow, DeploymentRow
from interlock.verdict import Check, GateResult, Verdict

STARTED = parse_instant("1997-07-02T09:00:00Z")
ROW = DeliveryRow(
    id="d",
    product="houses",
    number=3,
    as_of=STARTED - MINUTE,
    status="blocked",
    git_commit="c",
    dirty=False,
    goal="prod",
    started=STARTED,
)
SHUT = BlockedError("D160", "the data gate stays shut")


def goal(*, waivable=("data", "model", "service"), **options):
    path = environments({"prod": {"waivable": list(waivable)}})
    return Goal(path=path, revision=Revision(commit="c", files="f", dirty=False), **options)


def gate(verdict=Verdict.FAILED, name="data"):
    check = Check(name="rows", verdict=verdict, measured=0.4, threshold=0.1, comparison="≤")
    return GateResult(gate=name, checks=(check,))


def lines(error=SHUT, row=ROW, *, asked=None, shut=None, zone="UTC"):
    found = after_error(error, asked or goal(), row, gate=shut, zone=zone)
    return [command.line for command in found]


def test_a_shut_gate_can_be_mended_or_waived():
    assert lines(shut=gate()) == [
        "interlock explain D160",
        "interlock deliver",
        "interlock waive data --delivery 3 --expires 7d --reason 'why it may pass'",
        "interlock deliver --resume",
    ]


@pytest.mark.parametrize(
    ("asked", "shut"),
    [
        (goal(waivable=["model"]), gate()),
        (goal(), gate(Verdict.ERROR)),
        (goal(), gate(name="post-deploy tests")),
        (goal(), None),
    ],
)
def test_a_waiver_is_named_only_where_it_would_be_taken(asked, shut):
    assert lines(asked=asked, shut=shut) == ["interlock explain D160", "interlock deliver"]


def test_a_pin_is_ended_by_saying_so():
    pinned = BlockedError("E103", "prod is pinned to 1.0.0")
    assert lines(pinned, asked=goal(full=True)) == [
        "interlock explain E103",
        "interlock deliver --full --unpin",
    ]


def test_what_failed_is_resumed():
    failed = StoreError("L101", "the disk is full")
    assert lines(failed) == ["interlock explain L101", "interlock deliver --resume"]


@pytest.mark.parametrize(
    ("as_of", "zone", "flag"),
    [
        (STARTED, "UTC", ""),
        (STARTED - 10 * MINUTE, "UTC", " --as-of 1997-07-02T08:50:00Z"),
        (parse_instant("1996-12-31T00:00:00Z"), "UTC", " --as-of 1996-12-31"),
        (parse_instant("1996-12-31T05:00:00Z"), "America/New_York", " --as-of 1996-12-31"),
        (parse_instant("1996-12-31T05:00:00Z"), "UTC", " --as-of 1996-12-31T05:00:00Z"),
    ],
)
def test_a_moment_gone_by_is_asked_for_again(as_of, zone, flag):
    row = replace(ROW, as_of=as_of)
    assert as_of_flag(row, zone) == flag
    assert lines(row=row, zone=zone)[1] == f"interlock deliver{flag}"


def test_the_same_goal_is_asked_for_again():
    path = goal().path[:-1]
    asked = replace(goal(full=True, hold=True), path=path)
    assert lines(asked=asked)[1] == f"interlock deliver --to {path[-1].name} --full --hold"


def test_what_is_resumed_knows_itself_how_far_it_was_to_go():
    staged = Goal(path=environments({})[:2], revision=Revision(commit="c"))
    failed = StoreError("L101", "the disk is full")
    for asked in (staged, goal(hold=True, full=True)):
        assert lines(failed, asked=asked)[-1] == "interlock deliver --resume"
    assert lines(asked=staged, shut=gate())[-1] == "interlock deliver --resume"


def test_a_share_is_proposed_only_where_there_is_a_unit_to_divide_by():
    live = DeploymentRow(
        product="houses", environment="prod", generation=1, bundle="b", label="1.0.0",
        delivery="c", since=STARTED, act="promote", pinned=False, reason="",
    )  # fmt: skip
    said = {
        divided: [
            c.line
            for c in after_success(goal(hold=True), label="1.1.0", live=live, divided=divided)
        ]
        for divided in (True, False)
    }
    shadow = "interlock rollout start 1.1.0 --environment prod --shadow"
    share = "interlock rollout start 1.1.0 --environment prod --share 10%"
    assert said == {True: [shadow, share], False: [shadow]}


def test_what_is_held_where_nothing_runs_is_made_live_before_it_is_served():
    staged = replace(goal(hold=True, full=True), path=goal().path[:2])
    said = [c.line for c in after_success(staged, label="1.0.0", live=None, divided=True)]
    assert said == ["interlock deliver --to staging --full", "interlock show 1.0.0"]


def test_after_a_rollback_the_rollout_that_is_proposed_ends_the_pin_too():
    live = DeploymentRow(
        product="houses", environment="prod", generation=1, bundle="b", label="1.0.0",
        delivery="c", since=STARTED, act="rollback", pinned=True, reason="",
    )  # fmt: skip
    asked = goal(hold=True, unpin=True)
    said = [c.line for c in after_success(asked, label="1.1.0", live=live, divided=True)]
    assert said == [
        "interlock rollout start 1.1.0 --environment prod --unpin --shadow",
        "interlock rollout start 1.1.0 --environment prod --unpin --share 10%",
    ]


def test_what_was_delivered_to_staging_is_served_shown_and_rolled_back_there():
    live = DeploymentRow(
        product="houses", environment="staging", generation=1, bundle="b", label="1.0.0",
        delivery="c", since=STARTED, act="promote", pinned=False, reason="",
    )  # fmt: skip
    staged = replace(goal(), path=goal().path[:2])
    said = {
        asked.last.name: [
            c.line for c in after_success(asked, label="1.1.0", live=live, divided=True)
        ]
        for asked in (staged, goal())
    }
    assert said == {
        "staging": [
            "interlock serve --environment staging",
            "interlock show 1.1.0",
            "interlock rollback --environment staging",
        ],
        "prod": ["interlock serve", "interlock show", "interlock rollback"],
    }


def test_where_there_are_several_products_commands_say_which():
    proposed = after_error(SHUT, goal(), ROW, gate=gate(), zone="UTC")
    assert [c.line for c in of_product(proposed, "flats")] == [
        "interlock explain D160",
        "interlock deliver --product flats",
        "interlock waive data --delivery 3 --expires 7d --reason 'why it may pass' --product flats",
        "interlock deliver --resume --product flats",
    ]
    assert of_product(proposed, "") == proposed
