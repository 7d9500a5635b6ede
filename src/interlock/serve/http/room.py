"""Room for a newcomer where no more connections may be open: whose place it gets.

Rules: the place of the connection that has waited for its other side longest, be it kept alive
without a request, or with nothing or a part of one sent; never that of one whose request is under
way. So whoever keeps connections and asks nothing keeps nobody out, and whoever opens many sends
its own earlier ones away before those that have asked since.

Nothing of it is kept while there are places: only where one is missing are all connections looked
at, and put in order. Those found then serve the newcomers after, who come behind them in any case;
one that has been asked meanwhile is passed over. All are looked at anew where none is left, once
at a time of the coarse clock, or after many had been found: a newcomer costs little, whatever the
others do.

>>> class Client:
...     def __init__(self, since: float) -> None:
...         self.since = since
...     def waits_since(self) -> float:
...         return self.since
>>> early, late, asking = Client(1.0), Client(2.0), Client(float("inf"))
>>> room, places = Room(), [late, asking, early]
>>> room.whose(places, now=3.0) is early, room.whose([late, asking], now=3.0) is late
(True, True)
>>> room.whose([asking], now=3.0) is None
True
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from operator import itemgetter
from typing import Generic, Protocol, TypeVar

_NEVER = float("inf")
_MANY = 1 / 8  # of the places, given since all were looked at, that make another look worth it


class Holder(Protocol):
    """Who has a place."""

    def waits_since(self) -> float:
        """Since when it waits for its other side; infinite where that waits for an answer."""


_H = TypeVar("_H", bound=Holder)


class Room(Generic[_H]):
    """Finds whose place a newcomer gets; for one event loop."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, _H]] = deque()  # the longest first
        self._looked = -_NEVER
        self._given = 0  # places, since then

    def whose(self, places: Collection[_H], now: float) -> _H | None:
        """Who has waited longest, and is no more among the places from now on; None: nobody waits.

        ``places`` are in the order in which they were taken.
        """
        found = self._next()
        if found is None and (now != self._looked or self._given >= _MANY * len(places)):
            self._look(places, now)
            found = self._next()
        return found

    def forget(self) -> None:
        """There are places again."""
        self._waiting.clear()

    def _next(self) -> _H | None:
        while self._waiting:
            since, holder = self._waiting.popleft()
            if holder.waits_since() == since:
                self._given += 1
                return holder
        return None

    def _look(self, places: Collection[_H], now: float) -> None:
        self._looked, self._given = now, 0
        found = ((holder.waits_since(), holder) for holder in places)
        waiting = [one for one in found if one[0] < _NEVER]
        waiting.sort(key=itemgetter(0))
        self._waiting.extend(waiting)
