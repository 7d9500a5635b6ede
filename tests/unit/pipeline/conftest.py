"""A small product bound over ten sales, and a context with stores of its own."""

import importlib.util
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import Ridge

import interlock as il
from interlock.clock import instant_of
from interlock.pipeline.context import Context
from interlock.pipeline.narrator import Silent
from interlock.product.binding import bind
from interlock.store.artifacts import ArtifactStore
from interlock.store.ledger import Ledger
from interlock.store.rows import DeliveryRow, DeploymentRow, ReleaseRow

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

    def deliver(self, **changes):
        """Record that a delivery of houses began."""
        row = DeliveryRow(
            id="d1", product="houses", number=0, as_of=1, status="running", git_commit="c",
            dirty=False, goal="prod", started=1,
        )  # fmt: skip
        return self.ledger.deliveries.start(replace(row, **changes))

    def release(self, label, files, facts=None, live=(), before=None):
        """Store a bundle of these files and record it as released, and as what answers there."""
        digest = label[0] * 64
        self.artifacts.put_tree(digest, files)
        row = ReleaseRow(
            bundle=digest, product="houses", label=label, delivery="d1", facts=facts or {},
            created=1,
        )  # fmt: skip
        self.ledger.releases.add(row)
        for environment in live:
            self.deploy(digest, label, environment, previous_bundle=before)
        return row

    def deploy(self, digest, label, environment, **changes):
        """Record that this release answers there from now on."""
        known = self.ledger.deployments.last("houses", environment)
        row = DeploymentRow(
            product="houses", environment=environment, generation=known.generation + 1 if known
            else 1, bundle=digest, label=label, act="promote", pinned=False, reason="",
            delivery="d1", since=1,
        )  # fmt: skip
        self.ledger.deployments.record(replace(row, **changes))


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
