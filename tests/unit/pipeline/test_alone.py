"""Who erases holds off who stores, and the other way round."""

import threading

import pytest

from interlock.errors import OperatorError, StoreError
from interlock.pipeline.alone import alone, is_owned, nobody_stores, owned, storing


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


def test_a_delivery_is_owned_until_its_process_lets_go(tmp_path):
    lock = tmp_path / "running" / "d1.lock"
    assert not is_owned(lock)
    with owned(lock):
        assert is_owned(lock)
        assert is_owned(lock)  # who looks takes nothing
    assert not is_owned(lock)
    assert not lock.exists()
    lock.touch()  # as a killed process leaves it
    assert not is_owned(lock)


def test_whether_a_delivery_is_owned_is_never_guessed(tmp_path):
    (tmp_path / "running").touch()
    with pytest.raises(StoreError) as caught:
        is_owned(tmp_path / "running" / "d1.lock")
    assert caught.value.code == "L102"


def test_who_looks_does_not_keep_a_delivery_from_beginning(tmp_path):
    lock, order = tmp_path / "d1.lock", []
    thread = threading.Thread(target=lambda: [enter(owned(lock)), order.append("begun")])
    lock.touch()
    with storing(lock):  # shared, as a look is
        thread.start()
        thread.join(0.2)
        order.append("looked")
    thread.join()
    assert order == ["looked", "begun"]


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
