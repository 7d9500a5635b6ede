"""Who erases holds off who stores, and the other way round."""

import threading

import pytest

from interlock.errors import OperatorError
from interlock.pipeline.alone import alone, nobody_stores, storing


def code(act):
    with pytest.raises(OperatorError) as caught:
        act()
    return caught.value.mistakes[0].code, caught.value.mistakes[0].what


def enter(manager):
    with manager:
        pass


def test_one_delivery_at_a_time(tmp_path):
    lock = tmp_path / "state" / "delivery.lock"
    with alone(lock):
        assert code(lambda: enter(alone(lock))) == ("E121", "another delivery is running")
    enter(alone(lock))


def test_many_store_together_and_none_is_erased_from_meanwhile(tmp_path):
    lock = tmp_path / "storing.lock"
    with storing(lock), storing(lock):
        assert code(lambda: enter(nobody_stores(lock))) == ("E121", "rows are being stored")
    enter(nobody_stores(lock))


def test_who_stores_waits_for_an_erasure(tmp_path):
    lock, order = tmp_path / "storing.lock", []
    thread = threading.Thread(target=lambda: [enter(storing(lock)), order.append("stored")])
    with nobody_stores(lock):
        thread.start()
        thread.join(0.2)
        order.append("erased")
    thread.join()
    assert order == ["erased", "stored"]
