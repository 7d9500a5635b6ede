"""How assessors judge valuations: ratio studies.

International Association of Assessing Officers (2013), "Standard on Ratio Studies": the ratio of a
row is its valuation over its sale price. Arrays are (n_rows,), finite float64. None where a sale
price is not above 0, NaN where a median is not: ratios then say nothing.

>>> from interlock.stats.bootstrap import value_of
>>> price, value = np.array([100.0, 200.0, 400.0]), np.array([110.0, 200.0, 360.0])
>>> for statistic in (median_ratio, cod, prd, prb):
...     print(round(value_of(statistic(price, value), 3), 4))
1.0
0.0667
1.0448
-0.1078
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interlock.stats.bootstrap import FromCounts, Means, Quantile, Statistic
from interlock.stats.dispersion import RelativeDeviation

Floats = NDArray[np.float64]


def median_ratio(y: Floats, prediction: Floats) -> Statistic | None:
    """The median ratio: the level of valuations, 1 where they are the market's."""
    return Quantile(prediction / y, 0.5) if (y > 0).all() else None


def cod(y: Floats, prediction: Floats) -> Statistic | None:
    """The coefficient of dispersion: the mean distance of ratios from their median, over it.

    A share: the standard's "15" is 0.15.
    """
    return RelativeDeviation(prediction / y) if (y > 0).all() else None


def prd(y: Floats, prediction: Floats) -> Statistic | None:
    """The price-related differential: the mean ratio over the price-weighted mean ratio.

    Above 1.03 dear houses are valued lower than cheap ones; below 0.98, higher.
    """
    if not (y > 0).all():
        return None
    columns = np.column_stack([prediction / y, prediction, y])
    return Means(columns, lambda means: means[:, 0] * means[:, 2] / means[:, 1])


def prb(y: Floats, prediction: Floats) -> Statistic | None:
    """The price-related bias: how much of the ratio changes when the value doubles.

    The slope of (ratio − median ratio) / median ratio on log₂ of the mean of sale price and
    valuation over the median ratio (appendix D of the standard).
    """
    return PriceRelatedBias(y, prediction) if (y > 0).all() and (prediction > 0).all() else None


@dataclass(frozen=True, eq=False)
class PriceRelatedBias:
    """The slope of :func:`prb` for ``price`` and ``value``, both (n_rows,) and above 0.

    The proxy of value depends on the resample's own median ratio, so each resample costs a
    logarithm a row.
    """

    price: Floats
    value: Floats

    def over(self, unit_of_row: NDArray[np.intp], n_units: int) -> FromCounts:
        """A weighted regression for each resample."""
        ratio = self.value / self.price
        median = Quantile(ratio, 0.5).over(unit_of_row, n_units)

        def values(counts: Floats) -> Floats:
            centre, times = median(counts)[:, None], counts[:, unit_of_row]
            across = np.log2((self.price + self.value / centre) / 2)
            return _slope(across, ratio / centre - 1, times)

        return values


def _slope(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Of least squares, for each row of (n_resamples, n_rows); NaN where x does not vary."""
    n = weights.sum(axis=1, keepdims=True)
    x = x - (weights * x).sum(axis=1, keepdims=True) / n
    weighted = weights * x
    spread = (weighted * x).sum(axis=1)
    slope = (weighted * y).sum(axis=1) / np.where(spread > 0, spread, np.nan)
    return np.asarray(slope)
