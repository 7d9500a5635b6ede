"""Many questions at once: keeping the share of false discoveries small.

>>> benjamini_hochberg([0.01, 0.04, 0.03, 0.5]).round(4).tolist()
[0.04, 0.0533, 0.0533, 0.5]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p-values (q-values), (n_tests,) in the order given.

    Benjamini & Hochberg (1995), "Controlling the false discovery rate", JRSS B 57(1). Declaring
    every test with q ≤ α keeps the expected share of false ones among them at α, for independent or
    positively dependent tests. Raises ValueError for anything outside [0, 1], NaN included.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not np.all((p >= 0) & (p <= 1)):
        raise ValueError("p-values must be one list of numbers in [0, 1]")
    order = np.argsort(-p, kind="stable")
    ranks = np.arange(len(p), 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(p[order] * len(p) / ranks))
    return np.maximum(p, adjusted)  # p·n/n may be a rounding below p
