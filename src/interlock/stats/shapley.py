"""What each input contributes to one value of a function: sampled Shapley values.

Shapley (1953), "A value for n-person games". The game: a set of inputs is worth what the function
gives on average when these inputs are the explained row's and the others a background row's
(Štrumbelj & Kononenko 2014, "Explaining prediction models and individual predictions with feature
contributions", Knowledge and Information Systems 41; called interventional since Janzing et al.
2020).

Sampled by walks, one from each background row to the explained one, which change an input after the
other: what the function gains on the way is that input's. Every second walk goes in the reverse
order of the one before it (antithetic orders: Mitchell, Cooper, Frank & Holmes 2022, "Sampling
permutations for Shapley value estimation", JMLR 23), so neighbouring background rows should be
alike.

Invariants: contributions add up to the value less the base, whatever the orders; an input that
changes nothing has exactly 0; the same seed gives the same orders, for ever (only NumPy's raw bit
stream is drawn, which it promises to keep).

>>> walks = Walks.drawn(4, 2, seed=1)
>>> background, row = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [1.0, 2.0]]), np.ones(2)
>>> starts, taken = walks.stops(0, walks.n_stops)
>>> between = np.where(taken, row, background[starts])
>>> found = walks.contributions(
...     background.sum(axis=1)[:, None], between.sum(axis=1)[:, None], np.array([2.0])
... )
>>> found.base.tolist(), found.values.tolist()
([1.5], [[0.5], [0.0]])
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Contributions:
    """``base`` (n_outputs,), ``values`` and their standard ``errors`` (n_inputs, n_outputs).

    The errors take the background rows for a sample of a larger population and the orders for a
    sample of all; they are NaN for a single walk.
    """

    base: Floats
    values: Floats
    errors: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Walks:
    """``orders`` (n_walks, n_inputs): in which order each walk changes the inputs."""

    orders: NDArray[np.intp]

    @classmethod
    def drawn(cls, n_walks: int, n_inputs: int, *, seed: int) -> Walks:
        """Random orders in antithetic pairs. Raises ValueError without a walk or an input."""
        if n_walks < 1 or n_inputs < 1:
            raise ValueError(f"walks need rows and inputs, got {n_walks} and {n_inputs}")
        n_pairs = (n_walks + 1) // 2
        bits = np.random.PCG64(seed).random_raw(n_pairs * n_inputs)
        forward = np.argsort(bits.reshape(n_pairs, n_inputs), axis=1, kind="stable")
        both = np.stack([forward, forward[:, ::-1]], axis=1)
        return cls(orders=both.reshape(2 * n_pairs, n_inputs)[:n_walks])

    @property
    def n_walks(self) -> int:
        """How many walks there are."""
        return len(self.orders)

    @property
    def n_inputs(self) -> int:
        """How many inputs each changes."""
        return int(self.orders.shape[1])

    @cached_property
    def _turns(self) -> NDArray[np.intp]:
        """(n_walks, n_inputs): as how manieth a walk changes an input, from 0."""
        return np.argsort(self.orders, axis=1)

    @property
    def n_stops(self) -> int:
        """How many stops they have between start and end, all together."""
        return self.n_walks * (self.n_inputs - 1)

    def stops(self, first: int, beyond: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Of the stops from ``first`` to before ``beyond``, walk by walk: the walk of each, and so
        the background row, (n,), and which inputs are the explained row's there, (n, n_inputs).
        """
        walks, places = np.divmod(
            np.arange(first, beyond, dtype=np.intp), max(1, self.n_inputs - 1)
        )
        return walks, self._turns[walks] <= places[:, None]

    def contributions(self, start: Floats, between: Floats, end: Floats) -> Contributions:
        """From the function's outputs: ``start`` (n_walks, n_outputs) at the background rows,
        ``between`` one a stop, ``end`` (n_outputs,) at the explained row.
        """
        n_outputs = start.shape[1]
        ways = np.empty((self.n_walks, self.n_inputs + 1, n_outputs))
        ways[:, 0], ways[:, -1] = start, end
        ways[:, 1:-1] = between.reshape(self.n_walks, self.n_inputs - 1, n_outputs)
        gains = np.take_along_axis(np.diff(ways, axis=1), self._turns[:, :, None], axis=1)
        spread = np.full(gains.shape[1:], np.nan)
        if self.n_walks > 1:
            spread = gains.std(axis=0, ddof=1) / np.sqrt(self.n_walks)
        return Contributions(base=start.mean(axis=0), values=gains.mean(axis=0), errors=spread)
