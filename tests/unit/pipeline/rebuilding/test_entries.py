"""Whatever was done in an environment is known again by what was signed of it, or not at all."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.deploy.act import Act
from interlock.deploy.challenger import grow, running, start, stop
from interlock.deploy.rollout import Target, promote, rollback
from interlock.errors import IntegrityError
from interlock.pipeline.rebuilding.entries import Kept, Signed
from interlock.release.attest import sign, verify
from interlock.release.keys import SigningKey
from interlock.release.statements import build_statement, release_statement
from interlock.store.ledger import Ledger
from interlock.store.rows import DeploymentRow, Head, RolloutRow

KEY = SigningKey.generate()
TARGETS = [
    Target(bundle=letter * 64, label=f"1.{number}.0", delivery=f"d{number}")
    for number, letter in enumerate("abc")
]
HERE = {"product": "houses", "environment": "prod"}


def kept(statement):
    envelope = sign(statement, KEY)
    return Kept(said=verify(envelope, [KEY.public]), envelope=envelope)


def made():
    """What every release was built and labelled as."""
    for number, target in enumerate(TARGETS):
        common = {"bundle": target.bundle, "product": "houses", "delivery": target.delivery}
        yield kept(build_statement(**common, git_commit="", dirty=False, snapshot="s", at=number))
        yield kept(release_statement(**common, label=target.label, facts={"n": number}, at=number))


MADE = list(made())


def told(row):
    return kept(Act.of_row(row).statement(reason=row.reason, head=Head(sequence=1, hash="0" * 64)))


def acted(choices):
    """Acts in prod as people decide them, each on those before it."""
    live, beside, rows = None, None, []
    for at, (kind, target, share) in enumerate(choices, start=10):
        trial = running(live, beside)
        if kind == "promote" and (live is None or live.pinned or live.bundle != target.bundle):
            row = promote(live, target, **HERE, at=at, unpin=True, reason="new")
        elif live is None or (kind != "stop" and target.bundle == live.bundle):
            continue
        elif kind == "rollback":
            row = rollback(live, **HERE, at=at, reason="slow", to=target)
        elif kind == "stop" and trial:
            row = stop(live, beside, where="prod", at=at, reason="enough")
        elif kind == "start" and not trial:
            row = start(live, beside, target, buckets=share, at=at)
        elif kind == "grow" and trial and share > trial.buckets:
            row = grow(live, beside, where="prod", buckets=share, at=at)
        else:
            continue
        rows.append(row)
        live, beside = (row, beside) if isinstance(row, DeploymentRow) else (live, row)
    return rows


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["promote", "rollback", "start", "grow", "stop"]),
        st.sampled_from(TARGETS),
        st.sampled_from([0, 100, 5_000, 10_000]),
    ),
    max_size=14,
).map(acted)


def rebuilt(statements, numbers=None):
    ledger = Ledger.in_memory()
    ledger.begin(Signed.of(statements).entries(numbers or {}))
    return ledger


def known(statements):
    """What is known of acts, in the order in which it would be recorded."""
    kinds = {"deployed": DeploymentRow, "rolled out": RolloutRow}
    return [
        kinds[entry.kind](**{name: v for name, v in entry.body.items() if name != "envelope"})
        for entry in Signed.of(statements).entries({})
        if entry.kind in kinds
    ]


@given(ACTS, st.randoms(use_true_random=False))
def test_the_rows_are_those_that_were_lost(rows, chance):
    statements = [*MADE, *map(told, rows)]
    chance.shuffle(statements)
    assert known(statements) == rows


def test_they_make_a_ledger_as_it_was():
    rows = acted(
        [("promote", TARGETS[0], 0), ("promote", TARGETS[1], 0), ("start", TARGETS[2], 100),
         ("rollback", TARGETS[0], 0)]
    )  # fmt: skip
    ledger = rebuilt([*MADE, *map(told, rows)])
    assert ledger.deployments.newest(**HERE) == [rows[3], rows[1], rows[0]]
    assert ledger.rollouts.newest(**HERE) == [rows[2]]
    assert [r.label for r in ledger.releases.newest("houses")] == ["1.2.0", "1.1.0", "1.0.0"]
    assert ledger.verify_chain() is None
    assert ledger.altered_projections() == ()


@given(ACTS.filter(lambda rows: len(rows) > 1), st.data())
def test_without_an_act_before_the_last_nothing_is_known(rows, data):
    """But for the end of a rollout that a deployment after it would have ended as well."""
    lost = data.draw(st.integers(0, len(rows) - 2))
    after = rows[lost + 1]
    if not isinstance(rows[lost], DeploymentRow) and isinstance(after, DeploymentRow):
        return
    with pytest.raises(IntegrityError, match="R173"):
        known([*MADE, *map(told, rows[:lost] + rows[lost + 1 :])])


def test_a_release_without_label_builder_or_facts_is_not_made_up():
    everything = MADE
    live = told(promote(None, TARGETS[0], **HERE, at=20))
    for one in everything[:2]:
        with pytest.raises(IntegrityError, match="R173"):
            rebuilt([live, *(other for other in everything if other is not one)])
    labelled = everything[1].said
    bare = {name: value for name, value in labelled.predicate.items() if name != "facts"}
    with pytest.raises(IntegrityError, match="R173"):
        rebuilt([kept(replace(labelled, predicate=bare))])


def test_deliveries_are_numbered_so_that_no_report_is_overwritten():
    rows = rebuilt(MADE, {"houses": 9}).deliveries.newest()
    assert [(row.number, row.id, row.status) for row in rows] == [
        (9, "d2", "delivered"),
        (8, "d1", "delivered"),
        (7, "d0", "delivered"),
    ]
    unreleased = rebuilt([one for one in MADE if "label" not in one.said.predicate])
    assert {row.status for row in unreleased.deliveries.newest()} == {"failed"}


def test_a_ledger_that_has_events_is_not_begun():
    ledger = rebuilt(MADE)
    with pytest.raises(Exception, match="L116"):
        ledger.begin([])
