"""History features from a real online store: found, missing, unavailable."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from interlock.errors import OperatorError
from interlock.features.definition import Aggregate, HistoryDefinition
from interlock.features.lookup import view_name
from interlock.serve.errors import ServiceError
from interlock.serve.loaded.history import Found, Freshness, HistoryStanding
from interlock.serve.loaded.stored_history import open_history
from interlock.serve.plan import ServePlan
from interlock.store.online_place import OnlineAccess
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
    return open_history((MARKET,), NAMES, msgspec.structs.replace(plan, **changes), {})


def test_live_the_current_grid_point_answers(store):
    found = history(store).rows([((None, "north", 1.0), 99 * DAY)])[0]
    assert found == Found((3, 250.0), {"market": 10 * DAY}, False)


def test_in_replay_the_requests_own_grid_point_answers(store):
    found = history(store, replay=True).rows([((None, "north", 1.0), 11 * DAY + 5)])[0]
    assert found == Found((3, 260.0), {"market": 11 * DAY}, False)


def test_an_entity_without_rows_has_the_declared_defaults_and_is_not_degraded(store):
    assert history(store).rows([((None, "south", 1.0), 0)])[0].values == (0, 100.0)
    assert history(store).rows([((None, "south", 1.0), 0)])[0].degraded is False


def test_a_store_that_is_down_refuses_or_degrades_as_the_product_chose(store):
    refusing, degrading = history(store), history(store, history_unavailable="defaults")
    shutil.rmtree(store)
    with pytest.raises(ServiceError) as caught:
        refusing.rows([((None, "north", 1.0), 0)])[0]
    assert caught.value.code == "S122"
    assert degrading.rows([((None, "north", 1.0), 0)])[0] == Found((0, 100.0), {}, True)


def test_in_replay_a_grid_point_that_was_never_made_is_unavailable(store):
    with pytest.raises(ServiceError, match="a replay has those of the days it was started for"):
        history(store, replay=True).rows([((None, "north", 1.0), 30 * DAY)])[0]


def test_history_features_without_a_store_are_said_before_serving():
    with pytest.raises(OperatorError) as caught:
        open_history((MARKET,), NAMES, ServePlan(product="valuation", bundle="/b", log="/log"), {})
    assert caught.value.code == "S109"
    assert caught.value.mistakes[0].expected == "an online store for market"


def test_all_rows_of_a_request_are_looked_up_together(store):
    asked = [((None, zone, 1.0), 0) for zone in ("north", "south", None)]
    assert [found.values for found in history(store).rows(asked)] == [
        (3, 250.0),
        (0, 100.0),
        (0, 100.0),
    ]


def test_two_threads_take_turns_at_the_store(store):
    class Alone:
        """A look-up that notices when somebody else is there too."""

        def __init__(self, lookup):
            self.lookup, self.inside, self.met = lookup, 0, False

        def rows(self, asked):
            self.inside += 1
            self.met = self.met or self.inside > 1
            time.sleep(0.02)
            self.inside -= 1
            return self.lookup.rows(asked)

    shared = history(store)
    shared._lookup = alone = Alone(shared._lookup)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(shared.rows, [[((None, "north", 1.0), 0)]] * 4))
    assert [rows[0].values for rows in found] == [(3, 250.0)] * 4
    assert not alone.met


def test_the_standing_tells_how_old_the_answers_are(store):
    standing = history(store).standing(12 * DAY + DAY // 2)
    assert standing.histories == {
        "market": Freshness(grid=10 * DAY, age_seconds=2.5 * 86_400, behind=2)
    }
    assert history(store).standing(10 * DAY).histories["market"].behind == 0
    assert history(store, replay=True).standing(99 * DAY) == HistoryStanding()


def test_the_standing_counts_what_could_not_be_looked_up(store):
    refusing, degrading = history(store), history(store, history_unavailable="defaults")
    shutil.rmtree(store)
    two = [((None, "north", 1.0), 0)] * 2
    with pytest.raises(ServiceError):
        refusing.rows(two)
    degrading.rows(two)
    degrading.rows(two)
    assert refusing.standing(0).refused == 2
    assert degrading.standing(0).degraded == 4
    assert refusing.standing(0).histories == {"market": None}


def test_a_store_that_cannot_be_asked_is_a_problem_of_the_standing(store):
    (store / view_name(MARKET) / "current").write_text("soon")
    standing = history(store).standing(0)
    assert (standing.histories, "invalid literal" in standing.problem) == ({}, True)


def test_a_password_that_is_not_there_stops_the_service_before_it_begins():
    access = OnlineAccess(namespace="dev:valuation", password_env="REDIS_PASSWORD")
    plan = ServePlan(
        product="valuation", bundle="/b", log="/log", online="redis://cache", online_access=access
    )
    with pytest.raises(OperatorError) as caught:
        open_history((MARKET,), NAMES, plan, {})
    assert caught.value.code == "L134"
    assert caught.value.mistakes[0].where == "the environment variable REDIS_PASSWORD"
