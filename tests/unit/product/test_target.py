"""Targets: names, delays, tasks, and the row that digests are made of."""

import pytest

import interlock as il
from interlock.clock import DAY, HOUR
from interlock.errors import AuthorError
from interlock.product.target import target_row


@il.label
def late(delay: int) -> bool:
    return delay > 15


@pytest.mark.parametrize(
    ("target", "task", "metric"),
    [
        (il.Regression("price"), "regression", "mae"),
        (il.Binary("late"), "binary", "log_loss"),
        (il.Multiclass("wall"), "multiclass", "log_loss"),
    ],
)
def test_each_target_has_its_task_and_default_metric(target, task, metric):
    assert (target.task, target.default_metric) == (task, metric)
    assert target.name == target.of
    assert target.delay == 0


def test_a_label_lends_its_name():
    target = il.Binary(late, available_after="6h")
    assert (target.name, target.delay) == ("late", 6 * HOUR)


def test_declaring_a_bad_delay_raises_only_when_it_is_asked_for():
    target = il.Regression("price", available_after="soon")
    with pytest.raises(AuthorError, match="C102"):
        _ = target.delay


def test_the_row_tells_what_the_answer_depends_on():
    target = il.Regression("price", available_after="1d", interval=0.8, unit="USD")
    assert target_row(target) == {
        "task": "regression",
        "name": "price",
        "delay": DAY,
        "interval": 0.8,
        "unit": "USD",
    }
    assert target_row(il.Binary(late, available_after="6h")) == {
        "task": "binary",
        "name": "late",
        "delay": 6 * HOUR,
    }
