import numpy as np
import pytest

from interlock.release.export.exporter import export
from interlock.train.baseline import fit_rule
from interlock.train.candidate import GroupMean, GroupMedian, Mean, Median


@pytest.mark.parametrize("rule", [Mean(), Median()], ids=str)
def test_one_answer_for_all(parity, encoder, rule):
    X = np.empty((50, 0))
    fitted = fit_rule(rule, X, np.arange(50.0) ** 2)
    exported = export(fitted, encoder, task="regression")
    assert (exported.format, exported.link, exported.exporter) == ("onnx", "identity", "baseline")
    assert parity(fitted, exported, X).within(0.0)


@pytest.mark.parametrize("n_groups", [1, 2, 3, 40, 5_000])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("n_classes", [0, 3])
def test_a_table_of_groups(parity, encoder, n_groups, missing, n_classes):
    rng = np.random.default_rng(n_groups)
    X = rng.integers(0, n_groups, (6_000, 1)) * 1.5
    if missing:
        X[::7] = np.nan
    y = rng.integers(0, 3, 6_000) if n_classes else rng.normal(size=6_000)
    rule = GroupMean("street") if n_classes else GroupMedian("street")
    fitted = fit_rule(rule, X, y, n_classes=n_classes)
    exported = export(fitted, encoder, task="multiclass" if n_classes else "regression")
    assert exported.link == ("probability" if n_classes else "identity")
    unseen = np.array([[np.nan], [0.75], [-1.0], [1e9], [np.inf], [-np.inf]])
    assert parity(fitted, exported, X, [unseen]).within(0.0)


def test_only_missing_values_were_seen(parity, encoder):
    X = np.full((10, 1), np.nan)
    fitted = fit_rule(GroupMean("street"), X, np.arange(10.0))
    exported = export(fitted, encoder, task="regression")
    assert parity(fitted, exported, X, [np.array([[0.0], [np.inf]])]).within(0.0)
