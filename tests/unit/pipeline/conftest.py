"""A small product bound over ten sales, and a context with stores of its own."""

import importlib.util
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import Ridge

import interlock as il
from interlock.clock import instant_of
from interlock.pipeline.context import Context, Silent
from interlock.product.binding import bind
from interlock.store.artifacts import ArtifactStore
from interlock.store.ledger import Ledger

FIRST = date(1997, 1, 1)


class House(il.Request):
    valued_on: date = il.asked_at(zone="UTC")
    built: int = il.field(ge=1900)
    zone: str


def table(**changes):
    """Ten sales; a column given by name replaces it."""
    columns = {
        "sale_id": list(range(10)),
        "sold_on": [FIRST + timedelta(days=i) for i in range(10)],
        "built": [1950 + i for i in range(10)],
        "zone": ["north" if i % 2 else "south" for i in range(10)],
        "wall": ["brick"] * 10,
        "price": [10_000 + 1_000 * i for i in range(10)],
    }
    return pa.table(columns | changes)


class Bench:
    """Writes sales, declares products and opens contexts in one folder."""

    House = House

    def __init__(self, folder):
        self.folder = folder
        self.ledger = Ledger.open(folder / "ledger.sqlite")
        self.artifacts = ArtifactStore.open(folder / "artifacts")

    def write(self, **changes):
        pq.write_table(table(**changes), self.folder / "sales.parquet")

    def product(self, **changes):
        source = il.Source(
            "sales.parquet",
            key="sale_id",
            event_time="sold_on",
            available_after="1d",
            columns=changes.pop("columns", {}),
        )
        parts = {
            "request": House,
            "examples": source.map(valued_on="sold_on"),
            "target": il.Regression("price", available_after="1d"),
            "candidates": {"mean": il.Baseline(il.Mean()), "ridge": il.Candidate(Ridge())},
        }
        return il.Product(changes.pop("name", "houses"), **(parts | changes))

    def context(self, as_of="1997-02-01", **changes):
        return Context(
            bound=bind(self.product(**changes), self.folder),
            ledger=self.ledger,
            artifacts=self.artifacts,
            as_of=instant_of(date.fromisoformat(as_of), zone="UTC"),
            cores=1,
            narrator=Silent(),
        )


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    made.write()
    return made


@pytest.fixture(scope="session")
def small_release():
    """The module with a small real release, found by its path: tests are no packages."""
    path = Path(__file__).parent.parent / "serve" / "small_release.py"
    spec = importlib.util.spec_from_file_location("small_release_for_pipeline", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
