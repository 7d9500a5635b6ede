"""Deliveries in the ledger: counted for each product, moved to their end."""

from dataclasses import replace

import pytest
from ledger_rows import DELIVERY

from interlock.errors import StoreError


def test_deliveries_count_from_one_for_each_product(ledger):
    assert ledger.deliveries.start(DELIVERY).number == 1
    assert ledger.deliveries.start(replace(DELIVERY, id="d2", started=11)).number == 2
    assert ledger.deliveries.start(replace(DELIVERY, id="d3", product="other")).number == 1
    assert ledger.deliveries.get("d2") == replace(DELIVERY, id="d2", started=11, number=2)
    assert [d.id for d in ledger.deliveries.newest(product="valuation")] == ["d2", "d1"]
    assert [d.id for d in ledger.deliveries.newest(limit=1)] == ["d2"]
    assert ledger.deliveries.get("d9") is None


def test_a_delivery_moves(ledger):
    started = ledger.deliveries.start(DELIVERY)
    moved = ledger.deliveries.move("d1", status="interrupted", at=11, summary={"stage": "train"})
    assert moved == ledger.deliveries.get("d1")
    assert moved == replace(started, status="interrupted", summary={"stage": "train"})
    done = ledger.deliveries.move("d1", status="passed", at=12, finished=True, bundle="a" * 64)
    assert done == ledger.deliveries.get("d1")
    assert (done.finished, done.bundle, done.summary) == (12, "a" * 64, {"stage": "train"})
    assert [d.id for d in ledger.deliveries.newest(status="passed")] == ["d1"]
    assert ledger.deliveries.newest(status="running") == []
    with pytest.raises(StoreError) as caught:
        ledger.deliveries.move("d9", status="passed", at=12)
    assert caught.value.code == "L115"
