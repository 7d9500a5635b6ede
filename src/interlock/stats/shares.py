"""Shares of rows on bootstrap resamples, also where nearly all or nearly none of the rows count.

Resampling 100 rows that all count says that all always do. So where fewer than 10 rows count, or
fewer than 10 do not, the share is drawn from Jeffreys' posterior, Beta(hits + ½, misses + ½), whose
intervals cover as they should near 0 and 1 (Brown, Cai & DasGupta 2001, "Interval estimation for a
binomial proportion", Statistical Science 16(2)); with as many rows as there are independent units.

>>> hits, everywhere = np.ones(100, dtype=bool), np.ones(100, dtype=bool)
>>> drawn = resampled_shares(hits, [everywhere], Resamples.of(100, seed=1))
>>> round(float(np.quantile(drawn, 0.025)), 3)
0.975
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from interlock.stats.bootstrap import Means, bootstrap_parts
from interlock.stats.resamples import Resamples

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
FEW = 10
_MOST = 0.97


def resampled_shares(hits: Mask, parts: Sequence[Mask], resamples: Resamples) -> Floats:
    """The share of each part's rows that are ``hits`` (n_rows,), (n_resamples, n_parts).

    NaN for a part without rows.
    """
    column = hits.astype(np.float64)[:, None]
    found = bootstrap_parts([(Means(column[rows]), rows) for rows in parts], resamples)
    for place, rows in enumerate(parts):
        n, count = int(rows.sum()), int(hits[rows].sum())
        if n and min(count, n - count) < FEW:
            units = resamples.independent_in(rows)
            drawn = _posterior(count / n * units, units, resamples.count)
            order = np.random.Generator(np.random.PCG64([resamples.seed, place]))
            found[:, place] = order.permutation(drawn)
    return found


def _posterior(hits: float, n: int, count: int) -> Floats:
    """``count`` evenly spread quantiles of what the share may be; all or none is among them."""
    at = (np.arange(count) + 0.5) / count
    found = np.asarray(betaincinv(hits + 0.5, n - hits + 0.5, at), dtype=np.float64)
    found[at > _MOST] = 1.0 if hits == n else found[at > _MOST]
    found[at < 1 - _MOST] = 0.0 if hits == 0 else found[at < 1 - _MOST]
    return found
