"""What has come of bodies whose rest is still waited for: at most so many bytes, of all together.

Rules: a body costs nothing here while it need not wait, so whoever sends a request at once is never
refused for what slow ones keep; where the bound is passed, the one that keeps most gives way. With
``n`` connections, then, nobody has to who keeps no more than the ``n``-th part of it.

>>> class Client:
...     def give_way(self) -> None:
...         print("gives way")
>>> kept, small, large = KeptBodies(1_000), Client(), Client()
>>> kept.hold(large, 900)
>>> kept.hold(small, 200)
gives way
>>> kept.total
200
"""

from __future__ import annotations

from typing import Protocol

from interlock.serve.errors import ServiceError


class Keeper(Protocol):
    """Who keeps bytes of bodies."""

    def give_way(self) -> None:
        """Let go of them, and refuse what they are of."""


class KeptBodies:
    """How many bytes of bodies wait, by who keeps them; for one event loop."""

    def __init__(self, most: int) -> None:
        self.total = 0
        self._most = most
        self._by: dict[Keeper, int] = {}

    def __len__(self) -> int:
        """How many keep any."""
        return len(self._by)

    def hold(self, keeper: Keeper, n_bytes: int) -> None:
        """Say how many a keeper has now; he or another may have to give way."""
        self.total += n_bytes - self._by.get(keeper, 0)
        if n_bytes:
            self._by[keeper] = n_bytes
        else:
            self._by.pop(keeper, None)
        while self.total > self._most:
            largest = max(self._by, key=self._by.__getitem__)
            self.total -= self._by.pop(largest)
            largest.give_way()


def too_many_kept() -> ServiceError:
    """The refusal of who gives way."""
    return ServiceError("S120", "too many bytes of bodies are waiting for their rest; try again")


def too_large(most: int) -> ServiceError:
    """The refusal of a body of more bytes than ``most``."""
    return ServiceError("S112", f"the body is larger than {most} bytes")


def too_slow() -> ServiceError:
    """The refusal of a body that did not arrive in time."""
    return ServiceError("S128", "the body did not arrive in time")
