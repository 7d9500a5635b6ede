"""Whether failures became more frequent than is tolerated, from some moment on: asked after each.

An e-process for the hypothesis that each trial fails with probability at most p₀, whatever came
before it: the mixture over the moment k at which that ended (with weights 1/(k(k+1)), which sum to
one) and over the frequency p₁ from then on, of the likelihood ratios of p₁ against p₀ since k.
Under the hypothesis its expectation is at most one at every moment, so it ever reaches 1/α with
probability at most α (Ville 1939), however often one looks and however long it runs; trials need
not be independent. A long good time only makes the weights of late moments small, polynomially,
while each failure multiplies by p₁/p₀.

Sources: Ramdas, Grünwald, Vovk & Shafer 2023, Game-theoretic statistics and safe anytime-valid
inference; Shin, Ramdas & Rinaldo 2023, E-detectors (arXiv 2203.03532), for starting anew at each
moment.

>>> onset = Onset(tolerated=0.01)
>>> onset.add(False); onset.evidence < 1
True
>>> for _ in range(4):
...     onset.add(True)
>>> onset.evidence > 1_000
True
"""

from __future__ import annotations

from collections.abc import Sequence

ALTERNATIVES = (0.03, 0.1, 0.5)


class Onset:
    """The evidence so far; ``n`` trials were seen, of which ``failures`` failed."""

    def __init__(self, *, tolerated: float, alternatives: Sequence[float] = ALTERNATIVES) -> None:
        """Raises ValueError unless 0 < tolerated < every alternative < 1."""
        if not 0 < tolerated < min(alternatives) <= max(alternatives) < 1:
            raise ValueError("not 0 < tolerated < alternatives < 1")
        self._ratios = [(p / tolerated, (1 - p) / (1 - tolerated)) for p in alternatives]
        self._sums = [0.0] * len(self._ratios)
        self.n = 0
        self.failures = 0

    def add(self, failed: bool) -> None:
        """One more trial."""
        self.n += 1
        self.failures += failed
        weight = 1 / (self.n * (self.n + 1))
        self._sums = [
            (total + weight) * (worse if failed else better)
            for total, (worse, better) in zip(self._sums, self._ratios, strict=True)
        ]

    @property
    def evidence(self) -> float:
        """At least 1/α with probability at most α, ever, where no more than tolerated fail."""
        return sum(self._sums) / len(self._sums)
