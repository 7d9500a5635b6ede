"""The catalogue of a product's features, before anything was delivered."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interlock.errors import OperatorError
from interlock.use_cases.features import CatalogueRow, features
from interlock.workspace import Workspace

PRODUCT = """
from datetime import datetime

from sklearn.linear_model import Ridge

import interlock as il


class Visit(il.Request):
    asked_at: datetime = il.asked_at()
    shop: int = il.field(ge=1, model_input=False)
    size: float = il.field(gt=0, unit="m²")
    floor: int | None = None


visits = il.Source("visits.parquet", key="id", event_time="asked_at", available_after="10m")


@il.feature(owner="maps")
def half(size: float) -> float:
    return size / 2


@il.feature(model_input=False)
def block(shop: int, size: float) -> int | None:
    return shop // 10 if size else None


by_hand = il.CustomHistory(
    visits, by="shop", refresh="1d", values={"best": "float"}, name="by_hand",
    sql="select shop, max(amount) as best from visits group by shop",
)
lately = il.History(
    visits, by=("shop", block), refresh="1h", owner="tills",
    n=il.count("30d", where="amount > 3"), ever=il.max("amount"),
    late=il.quantile("amount", "7d", q=0.9),
)

product = il.Product(
    "visits",
    request=Visit,
    examples=visits.map(),
    target=il.Regression("amount", available_after="10m"),
    features=[half, block, by_hand, lately],
    candidates={"mean": il.Baseline(il.Mean()), "ridge": il.Candidate(Ridge())},
)
"""


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "product.py").write_text(PRODUCT)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    table = pa.table(
        {
            "id": [1, 2],
            "asked_at": pa.array([start, start + timedelta(days=1)], pa.timestamp("us", "UTC")),
            "shop": [1, 2],
            "size": [10.0, 20.0],
            "floor": pa.array([None, 1], pa.int64()),
            "amount": [3.0, 4.0],
        }
    )
    pq.write_table(table, folder / "visits.parquet")
    return Workspace.open(folder, {"XDG_CONFIG_HOME": str(tmp_path / "config")})


@pytest.fixture
def report(workspace):
    return features(workspace)


def row(report, name):
    (found,) = (r for r in report.features if r.name == name)
    return found


def test_every_field_feature_and_aggregate_has_a_row_in_order(report):
    assert (report.product, report.champion) == ("visits", "")
    names = ["asked_at", "shop", "size", "floor", "half", "block", "best", "n", "ever", "late"]
    assert [r.name for r in report.features] == names
    assert [r.kind for r in report.features] == ["request"] * 4 + ["feature"] * 2 + ["history"] * 4


def test_a_request_field(report):
    assert row(report, "size") == CatalogueRow(
        name="size", kind="request", type="float", unit="m²", owner="", source="request Visit",
        window="", used=True,
    )  # fmt: skip
    assert row(report, "floor").type == "int or null"
    assert [row(report, name).used for name in ("asked_at", "shop")] == [False, False]


def test_a_request_feature_names_what_it_is_made_of_and_its_owner(report):
    half = row(report, "half")
    assert (half.source, half.type, half.owner, half.used) == ("size", "float", "maps", True)
    block = row(report, "block")
    assert (block.source, block.type, block.used) == ("shop, size", "int or null", False)


def test_an_aggregate_names_its_source_entity_window_and_refresh(report):
    n, ever = row(report, "n"), row(report, "ever")
    assert (n.source, n.window) == (
        'visits: count(*) by shop, block where "amount" > 3', "30d, every 1h"
    )  # fmt: skip
    assert (ever.source, ever.window) == ("visits: max(amount) by shop, block", "all, every 1h")
    assert row(report, "late").source == "visits: quantile(amount, 0.9) by shop, block"
    assert (n.owner, ever.owner, row(report, "best").owner) == ("tills", "tills", "")
    assert (n.type, ever.type, n.used) == ("int", "float", True)


def test_a_history_by_hand_is_called_so(report):
    best = row(report, "best")
    assert (best.source, best.window) == ("visits: SQL by shop", "every 1d")


def test_nothing_is_known_before_a_release(report):
    known = {(r.missing, r.importance, r.as_of) for r in report.features}
    assert known == {(None, None, None)}


def test_an_environment_that_is_not_there_is_refused(workspace):
    with pytest.raises(OperatorError):
        features(workspace, environment="moon")
