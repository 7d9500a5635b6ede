"""A delivery that the ledger has running, and that no living process owns."""

from dataclasses import replace

import pytest

from interlock.pipeline.alone import owned
from interlock.pipeline.delivery.interrupted import SENTENCE, as_it_is, record_interrupted
from interlock.pipeline.places import Places
from interlock.store.ledger import Ledger
from interlock.store.rows import DeliveryRow

RUNNING = DeliveryRow(
    id="d1", product="houses", number=0, as_of=1, status="running", git_commit="c", dirty=False,
    goal="prod", started=2,
)  # fmt: skip


@pytest.fixture
def places(tmp_path):
    return Places(tmp_path)


@pytest.fixture
def ledger(places):
    return Ledger.open(places.ledger)


def test_a_delivery_runs_as_long_as_a_process_owns_it(ledger, places):
    row = ledger.deliveries.start(RUNNING)
    with owned(places.owner("d1")):
        assert as_it_is(ledger, places, row) == row
        assert record_interrupted(ledger, places, at=5) == []
    seen = as_it_is(ledger, places, row)
    assert seen == replace(row, status="interrupted", summary={"sentence": SENTENCE})
    assert ledger.deliveries.get("d1") == row  # to look changes nothing


def test_one_that_ended_between_two_looks_was_not_interrupted(ledger, places):
    row = ledger.deliveries.start(RUNNING)
    ended = ledger.deliveries.move("d1", status="delivered", at=9, finished=True)
    assert as_it_is(ledger, places, row) == ended


@pytest.mark.parametrize("status", ["delivered", "failed", "blocked", "interrupted"])
def test_one_that_has_ended_stays_what_it_is(ledger, places, status):
    row = replace(RUNNING, status=status)
    assert as_it_is(ledger, places, row) is row


def test_the_next_delivery_records_those_of_every_product_once(ledger, places):
    ledger.deliveries.start(RUNNING)
    ledger.deliveries.start(replace(RUNNING, id="d2", product="rents"))
    ledger.deliveries.start(replace(RUNNING, id="d3"))
    places.owner("d1").parent.mkdir()
    places.owner("d1").touch()  # as a killed process leaves it
    with owned(places.owner("d3")):
        found = record_interrupted(ledger, places, at=7)
        assert record_interrupted(ledger, places, at=8) == []
    assert {row.id for row in found} == {"d1", "d2"}
    assert ledger.deliveries.get("d1").status == "interrupted"
    assert ledger.deliveries.get("d1").finished is None  # nobody knows when
    assert ledger.deliveries.get("d1").summary == {"sentence": SENTENCE}
    assert ledger.deliveries.get("d3").status == "running"
    assert not places.owner("d1").exists()
