"""The order in which a request names its fields never matters: the same answer to every order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from interlock.pipeline.probes.client import Client, Reply
from interlock.pipeline.probes.parity import spread_rows

ROWS = 25
_SHUFFLES = 2  # beside the reverse
_OWN = ("id",)  # what differs from answer to answer
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Orders:
    """``compared`` requests were sent in another order; ``different`` of them answered otherwise.

    ``examples`` describe some of these.
    """

    compared: int
    different: int
    examples: tuple[str, ...] = ()


def compare_orders(client: Client, requests: Sequence[Mapping[str, Any]]) -> Orders:
    """Send some of the requests as they are, reversed and shuffled, and compare whole answers."""
    compared, examples = 0, []
    for row in spread_rows(len(requests), ROWS).tolist():
        due = client.predict(requests[row])
        for order in _orders(requests[row], seed=row):
            got = client.predict({name: requests[row][name] for name in order})
            compared += 1
            if due.status != 200 or _said(got) != _said(due):
                order_shown = ", ".join(order)
                examples.append(f"row {row} as {order_shown}: due {due.short}, got {got.short}")
    return Orders(compared=compared, different=len(examples), examples=tuple(examples[:_SHOWN]))


def _orders(request: Mapping[str, Any], *, seed: int) -> Iterator[list[str]]:
    names = list(request)
    yield names[::-1]
    rng = np.random.default_rng(seed)
    for _ in range(_SHUFFLES):
        yield [names[i] for i in rng.permutation(len(names))]


def _said(reply: Reply) -> tuple[int, Any]:
    """Status and answer, without what is the answer's own."""
    value = reply.value
    if isinstance(value, dict):
        value = {name: said for name, said in value.items() if name not in _OWN}
    return reply.status, value
