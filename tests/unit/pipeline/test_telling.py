"""What a delivery tells is the same whether its stages ran or were kept."""

import json

from interlock.digest import canonical_json
from interlock.pipeline.judging.shown import shown_names
from interlock.pipeline.telling.evaluation import _names
from interlock.pipeline.telling.ranking import tell_ranking
from interlock.release.cost import ServingCost


def kept(value):
    """As the ledger gives it back: keys sorted."""
    return json.loads(canonical_json(value))


def test_the_ranking_metric_stays_the_first(bench):
    product = bench.product()
    measured = {name: {"value": 1.0} for name in shown_names(product, [])}
    names = _names(product, [], {"ridge": measured})
    assert names[0] == product.metric_name
    assert names == _names(product, [], kept({"ridge": measured})) == list(measured)
    assert _names(product, [], {}) == [product.metric_name]


def test_the_ranking_is_told_with_its_cost_in_words():
    cost = ServingCost(exported=True, steps=12, size=900).to_row()
    row = {
        "name": "ridge", "value": 0.1, "difference": None, "low": None, "high": None, "n": None,
        "cost": cost, "tied": True, "chosen": True, "because": "best on the tune rows",
    }  # fmt: skip
    other = row | {"name": "b", "difference": 0.2, "low": -0.1, "high": 0.4, "n": 300}
    first, second = tell_ranking(kept([row, other]))
    assert (first.name, first.difference, first.cost) == ("ridge", None, "12 steps, 900 bytes")
    assert (second.difference.interval.low, second.difference.n) == (-0.1, 300)
    (undefined,) = tell_ranking(kept([other | {"low": None, "high": None}]))
    assert undefined.difference.interval is None
