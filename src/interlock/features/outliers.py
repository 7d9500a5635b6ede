"""Which rows a product does not want to learn from: limits that are fitted, and rules of its own.

>>> Outliers("price", by="neighbourhood").to_row()["by"]
'neighbourhood'
>>> @outlier
... def cramped(living_area_sqft: int, rooms: int) -> bool:
...     return living_area_sqft / rooms < 40
>>> cramped.name, cramped(900, 30)
('cramped', True)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, overload

from interlock.features.declare import RequestFeature
from interlock.features.function import DeclaredFunction
from interlock.stats.robust import CUTOFF


@dataclass(frozen=True)
class Outliers:
    """A number further from the median than ``cutoff`` robust standard deviations is an outlier.

    ``of`` is the target, a request field, a feature, an aggregate or a column of the examples'
    source. Limits are fitted to the training rows alone, by the modified z-score of Iglewicz and
    Hoaglin (1993), who advise a cutoff of 3.5; with ``by`` (a field or feature of few values) for
    each of its values that has 30 rows. ``log`` None takes a log scale where 99 of 100 values are
    above 0, so that limits are factors of the median.
    """

    of: str | RequestFeature
    cutoff: float = CUTOFF
    by: str | RequestFeature | None = None
    log: bool | None = None
    leave_out_of_test: bool = False

    @property
    def name(self) -> str:
        """The name of what is looked at."""
        return named(self.of)

    @property
    def group(self) -> str:
        """The name of what it is grouped by, or ""."""
        return "" if self.by is None else named(self.by)

    @property
    def title(self) -> str:
        """What is looked at, and by what it is grouped, as people read it."""
        return f"{self.name} by {self.group}" if self.group else self.name

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values, for digests."""
        return {
            "of": self.name,
            "cutoff": self.cutoff,
            "by": self.group,
            "log": self.log,
            "leave_out_of_test": self.leave_out_of_test,
        }


@dataclass(frozen=True)
class OutlierRule(DeclaredFunction):
    """A declared rule; call it like the function it wraps."""

    leave_out_of_test: bool = False


@overload
def outlier(function: Callable[..., Any]) -> OutlierRule: ...
@overload
def outlier(*, leave_out_of_test: bool = False) -> Callable[[Callable[..., Any]], OutlierRule]: ...
def outlier(
    function: Callable[..., Any] | None = None, *, leave_out_of_test: bool = False
) -> OutlierRule | Callable[[Callable[..., Any]], OutlierRule]:
    """Declare a rule that names outliers: True, or a text that says why; else False or None.

    A pure typed function of request fields, features and aggregates, and of the target and other
    columns of the examples' source, all by name. The rows it names are quarantined and not learned
    from. One that asks for the request's side alone is packed into the release, which then does not
    cover such requests. One that asks for more leaves the rows it names in the test part, for they
    will come again, unless ``leave_out_of_test`` says that they are no true outcomes.
    """
    if function is not None:
        return OutlierRule(function)
    return lambda f: OutlierRule(f, leave_out_of_test=leave_out_of_test)


def named(what: str | RequestFeature) -> str:
    """The name of a field, feature or column given by name or as itself; else it as text."""
    if isinstance(what, str):
        return what
    return what.name if isinstance(what, RequestFeature) else repr(what)[:80]
