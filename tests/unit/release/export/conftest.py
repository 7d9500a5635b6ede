"""Random training data whose columns hold everything a matrix may hold, and the parity check."""

from types import SimpleNamespace

import numpy as np
import pytest

from interlock.release.parity import compare, edge_rows
from interlock.release.scorers.opening import open_scorer
from interlock.train.raw import raw_scores


def _matrix(seed, *, n=400, n_categories=(6, 70)):
    """Three numeric columns with NaN, zeros and infinities, and a column a number of categories."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n, 3))
    numbers[rng.random(numbers.shape) < 0.1] = np.nan
    numbers[rng.random(numbers.shape) < 0.1] = 0.0
    numbers[:3, 0], numbers[3:6, 0] = np.inf, -np.inf
    codes = np.column_stack([rng.integers(0, k, n).astype(float) for k in n_categories])
    codes[rng.random(codes.shape) < 0.05] = np.nan
    return np.hstack([numbers, codes])


def _target(matrix, seed):
    rng = np.random.default_rng(seed)
    clean = np.nan_to_num(matrix, posinf=3.0, neginf=-3.0)
    waves = np.sin(clean[:, 3] * 2) + clean[:, 4] % 3
    return clean[:, 1] + waves + 2 * np.isnan(matrix[:, 2]) + rng.normal(0, 0.1, len(matrix))


INEXACT = {"native", "voting", "stacking", "calibrated", "converted"}
"""What may round one row otherwise than many: BLAS, and exponentials within a graph."""


def _parity(estimator, exported, matrix, extra=()):
    """Exactness on the matrix, its edge rows and further rows; batches of one must agree too."""
    rows = np.vstack([matrix, edge_rows(exported.edges, matrix), *extra])
    scorer = open_scorer(exported.format, exported.payload, n_columns=matrix.shape[1])
    batch = scorer.raw(rows)
    some = range(0, len(rows), max(1, len(rows) // 150))
    singles = np.array([scorer.raw_one(rows[i].tolist()) for i in some])
    if exported.exporter not in INEXACT:
        assert singles.tobytes() == batch[list(some)].tobytes()
        assert scorer.raw(np.tile(rows, (4, 1))).tobytes() == np.tile(batch, (4, 1)).tobytes()
    else:
        assert compare(batch[list(some)], singles).within(1e-12)
    return compare(raw_scores(estimator, rows), batch)


@pytest.fixture
def examples():
    return SimpleNamespace(matrix=_matrix, target=_target)


@pytest.fixture
def parity():
    return _parity


@pytest.fixture
def encoder():
    """Stands for an encoder: the exporter asks only whether there is one."""
    return object()
