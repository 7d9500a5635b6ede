"""History features from a real online store: found, missing, unavailable."""

import shutil

import msgspec
import pytest

from interlock.errors import OperatorError
from interlock.features.definition import Aggregate, HistoryDefinition
from interlock.features.lookup import view_name
from interlock.serve.errors import ServiceError
from interlock.serve.history import Found
from interlock.serve.plan import ServePlan
from interlock.serve.stored_history import open_history
from interlock.store.online_sqlite import SqliteWriter

DAY = 86_400_000_000
NAMES = ("valued_on", "zone", "area", "market_count", "market_median")
MARKET = HistoryDefinition(
    name="market",
    source="sales",
    entity=(("zone", "str"),),
    refresh=DAY,
    landing=0,
    aggregates=(
        Aggregate(
            name="market_count",
            function="count",
            column=None,
            window=DAY,
            ttl=None,
            default=None,
            kind="int",
        ),
        Aggregate(
            name="market_median",
            function="median",
            column="price",
            window=DAY,
            ttl=None,
            default=100.0,
            kind="float",
        ),
    ),
    digest="2" * 64,
)


@pytest.fixture
def store(tmp_path):
    writer, view = SqliteWriter(tmp_path / "online"), view_name(MARKET)
    for grid, median in ((10 * DAY, 250.0), (11 * DAY, 260.0)):
        writer.write(
            view,
            grid,
            key=MARKET.entity,
            values=(("market_count", "int"), ("market_median", "float")),
            rows=[("north", 3, median)],
            digest=MARKET.digest,
        )
    writer.publish(view, 10 * DAY)
    return tmp_path / "online"


def history(store, **changes):
    plan = ServePlan(product="valuation", bundle="/b", log="/log", online=str(store))
    return open_history((MARKET,), NAMES, msgspec.structs.replace(plan, **changes))


def test_live_the_current_grid_point_answers(store):
    found = history(store).row((None, "north", 1.0), 99 * DAY)
    assert found == Found((3, 250.0), {"market": 10 * DAY}, False)


def test_in_replay_the_requests_own_grid_point_answers(store):
    found = history(store, replay=True).row((None, "north", 1.0), 11 * DAY + 5)
    assert found == Found((3, 260.0), {"market": 11 * DAY}, False)


def test_an_entity_without_rows_has_the_declared_defaults_and_is_not_degraded(store):
    assert history(store).row((None, "south", 1.0), 0).values == (0, 100.0)
    assert history(store).row((None, "south", 1.0), 0).degraded is False


def test_a_store_that_is_down_refuses_or_degrades_as_the_product_chose(store):
    refusing, degrading = history(store), history(store, history_unavailable="defaults")
    shutil.rmtree(store)
    with pytest.raises(ServiceError) as caught:
        refusing.row((None, "north", 1.0), 0)
    assert caught.value.code == "S122"
    assert degrading.row((None, "north", 1.0), 0) == Found((0, 100.0), {}, True)


def test_in_replay_a_grid_point_that_was_never_made_is_unavailable(store):
    with pytest.raises(ServiceError):
        history(store, replay=True).row((None, "north", 1.0), 30 * DAY)


def test_history_features_without_a_store_are_said_before_serving():
    with pytest.raises(OperatorError) as caught:
        open_history((MARKET,), NAMES, ServePlan(product="valuation", bundle="/b", log="/log"))
    assert caught.value.code == "S109"
    assert caught.value.mistakes[0].expected == "an online store for market"
