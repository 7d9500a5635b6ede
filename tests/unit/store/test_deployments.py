"""Deployments in the ledger: of acts decided on the same state one wins."""

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from ledger_rows import DEPLOYMENT

from interlock.errors import OperatorError
from interlock.store.ledger import Ledger


def test_deployments_are_compare_and_set(ledger):
    assert ledger.deployments.last("valuation", "prod") is None
    ledger.deployments.record(DEPLOYMENT)
    second = replace(DEPLOYMENT, generation=2, bundle="b" * 64, previous_bundle="a" * 64)
    with pytest.raises(OperatorError) as caught:
        ledger.deployments.record(replace(second, generation=1))
    assert str(caught.value) == (
        "error[E101]: something else was deployed to prod in the meantime\n"
        "  where: valuation in prod\n"
        "  expected: generation 0, on which this was decided\n"
        "  got: generation 1\n"
        "  fix: look at what is live now with `interlock status`, then decide again\n"
        "  untouched: what is live"
    )
    with pytest.raises(OperatorError):
        ledger.deployments.record(replace(second, generation=3))
    ledger.deployments.record(second)
    assert ledger.deployments.last("valuation", "prod") == second
    assert ledger.deployments.newest("valuation", "prod") == [second, DEPLOYMENT]
    assert ledger.deployments.last("valuation", "staging") is None
    assert ledger.head().sequence == 2


def test_two_threads_promote_and_one_wins(ledger):
    def promote(name):
        try:
            return ledger.deployments.record(replace(DEPLOYMENT, bundle=name * 64)).bundle
        except OperatorError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(promote, "01234567"))
    winners = [outcome for outcome in outcomes if outcome != "E101"]
    assert len(winners) == 1
    assert ledger.deployments.last("valuation", "prod").bundle == winners[0]
    assert ledger.verify_chain() is None


RACER = textwrap.dedent("""
    import sys
    from interlock.errors import OperatorError
    from interlock.store.ledger import Ledger
    from interlock.store.rows import DeploymentRow

    ledger = Ledger.open(sys.argv[1], busy_seconds=30)
    for round in range(1, 11):
        ledger.append("noted", subject="s", product="p", body={"by": sys.argv[2]}, at=round)
        try:
            ledger.deployments.record(DeploymentRow(
                product="p", environment="prod", generation=round, bundle=sys.argv[2] * 64,
                label="1.0.0", previous_bundle=None, previous_label=None, act="promote",
                pinned=False, reason="", delivery="d", since=round))
            print(round)
        except OperatorError as error:
            assert error.code == "E101"
""")


def test_processes_that_open_and_promote_at_once_share_one_chain(path):
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(path), name], stdout=subprocess.PIPE, text=True
        )
        for name in "abcd"
    ]
    won = [int(line) for racer in racers for line in racer.communicate()[0].split()]
    assert all(racer.returncode == 0 for racer in racers)
    ledger = Ledger.open(path)
    assert sorted(won) == [d.generation for d in reversed(ledger.deployments.newest("p", "prod"))]
    assert len(ledger.events(kind="noted")) == 40
    assert ledger.head().sequence == 40 + len(won)
    assert ledger.verify_chain() is None
    assert ledger.altered_projections() == ()
