"""A model with two quantile models beside it, for intervals as wide as a row's own uncertainty.

The three see the same matrix and give three raw scores a row: the prediction, a lower and an upper
quantile of the target as it is fitted. Conformalised on calibrate rows (Romano, Patterson & Candès
2019, "Conformalized quantile regression") they make the prediction interval
(:mod:`interlock.train.interval`).

>>> from sklearn.ensemble import HistGradientBoostingRegressor
>>> at_quantile(HistGradientBoostingRegressor(), 0.9).get_params()["quantile"]
0.9
>>> quantile_flaw(HistGradientBoostingRegressor()), quantile_flaw(object())
('', 'object has no quantile loss that is known here')
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sklearn.base import clone

Quantiles = tuple[float, float]

_LOSSES: Mapping[str, Callable[[float], dict[str, Any]]] = {
    "HistGradientBoostingRegressor": lambda share: {"loss": "quantile", "quantile": share},
    "GradientBoostingRegressor": lambda share: {"loss": "quantile", "alpha": share},
    "LGBMRegressor": lambda share: {"objective": "quantile", "alpha": share},
    "XGBRegressor": lambda share: {"objective": "reg:quantileerror", "quantile_alpha": share},
}
"""By the estimator's class: the parameters with which it fits a quantile."""


@dataclass(frozen=True, eq=False)
class WithQuantiles:
    """A fitted estimator, and two of its kind fitted to a lower and an upper quantile."""

    central: Any
    low: Any
    high: Any

    @property
    def parts(self) -> tuple[Any, Any, Any]:
        """The three, in the order of their raw scores."""
        return self.central, self.low, self.high

    @property
    def n_features_in_(self) -> int:
        """How many columns of a matrix all three take."""
        return int(self.central.n_features_in_)


def at_quantile(estimator: Any, share: float) -> Any:
    """An unfitted clone that fits that quantile of the target, a share above 0 and below 1."""
    return clone(estimator).set_params(**_LOSSES[type(estimator).__name__](share))


def quantile_flaw(estimator: Any) -> str:
    """Why an estimator cannot fit quantiles, or ""."""
    name = type(estimator).__name__
    return "" if name in _LOSSES else f"{name} has no quantile loss that is known here"


def pair_flaw(quantiles: Any) -> str:
    """Why a declared pair of quantiles cannot be used, or ""."""
    if not isinstance(quantiles, tuple | list) or len(quantiles) != 2:
        return f"{quantiles!r} is no pair of quantiles"
    if not all(isinstance(share, float) and 0 < share < 1 for share in quantiles):
        return f"{quantiles!r} does not lie between 0 and 1"
    if not quantiles[0] < quantiles[1]:
        return f"{quantiles!r}: the lower must come first"
    return ""
