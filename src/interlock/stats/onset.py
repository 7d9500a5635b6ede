"""Whether failures became more frequent than is tolerated, from some moment on: asked at any time.

An e-process for the hypothesis that each trial fails with probability at most p₀, whatever came
before it: the mixture over the moment at which that ended (the first trial, or right after some
failure; the j-th such moment with weight 1/(j(j+1)), which sum to one) and over the frequency p₁
from then on, of the likelihood ratios of p₁ against p₀ since that moment. Under the hypothesis its
expectation is at most one at every moment, so it ever reaches 1/α with probability at most α (Ville
1939), however often one looks and however long it runs; trials need not be independent. A long good
time costs nothing: weights shrink with the number of failures alone, polynomially, while each
failure multiplies by p₁/p₀.

Trials may come one by one or some at a time, with nothing known of their order. A ratio does not
depend on the order, and the hypothesis is then about the order in which they came to be counted: of
whatever is not counted yet, each fails with probability at most p₀ given all that is. So counts of
several sources may be added up, delayed and interleaved, where *when* a source tells them does not
depend on what they are. Moments are then those after a lot in which some failed.

Sources: Ramdas, Grünwald, Vovk & Shafer 2023, Game-theoretic statistics and safe anytime-valid
inference; Shin, Ramdas & Rinaldo 2023, E-detectors (arXiv 2203.03532), for starting anew at many
moments.

>>> onset = Onset(tolerated=0.01)
>>> onset.after(1_000).evidence < 1
True
>>> onset.after(4, failures=4).evidence > 1e6
True
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, log

ALTERNATIVES = (0.03, 0.1, 0.5)
_MOST = 600.0  # of a logarithm: what is larger is evident, and would not be a finite number


@dataclass(frozen=True, kw_only=True)
class Onset:
    """The evidence so far: ``n`` trials, of which ``failures`` failed.

    ``moments`` are those from which on more may have failed; ``sums`` are, for each alternative,
    the weighted likelihood ratios since each of them.
    """

    tolerated: float
    n: int = 0
    failures: int = 0
    moments: int = 1
    sums: tuple[float, ...] = (0.5,) * len(ALTERNATIVES)

    def __post_init__(self) -> None:
        """Raises ValueError unless 0 < tolerated < every alternative, and the state can be one."""
        if not 0 < self.tolerated < min(ALTERNATIVES):
            raise ValueError("not 0 < tolerated < every alternative")
        counts = 0 <= self.failures <= self.n and 1 <= self.moments <= self.failures + 1
        if not counts or len(self.sums) != len(ALTERNATIVES) or not all(s >= 0 for s in self.sums):
            raise ValueError("no evidence can be that")

    def after(self, n: int, failures: int = 0) -> Onset:
        """With ``n`` trials more. Raises ValueError unless 0 <= failures <= n."""
        if not 0 <= failures <= n:
            raise ValueError("not 0 <= failures <= n")
        if not n:
            return self
        moments = self.moments + (failures > 0)
        begun = 1 / (moments * (moments + 1)) if failures else 0.0
        sums = tuple(
            _multiplied(total, self._log_ratio(p, n, failures)) + begun
            for total, p in zip(self.sums, ALTERNATIVES, strict=True)
        )
        return replace(
            self, n=self.n + n, failures=self.failures + failures, moments=moments, sums=sums
        )

    def _log_ratio(self, p: float, n: int, failures: int) -> float:
        worse, better = log(p / self.tolerated), log((1 - p) / (1 - self.tolerated))
        return failures * worse + (n - failures) * better

    @property
    def evidence(self) -> float:
        """At least 1/α with probability at most α, ever, where no more than tolerated fail."""
        return sum(self.sums) / len(self.sums)


def _multiplied(total: float, log_ratio: float) -> float:
    """The product, or a smaller number where that is too large for one."""
    return exp(min(log(total) + log_ratio, _MOST)) if total else 0.0
