"""A small project on real sales, and commands run on it as processes of their own."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from zygote import Ran, Zygote

from interlock.store.projections import STAGE_FINISHED
from interlock.store.rows import StageRow

HERE = Path(__file__).parent
SALES = HERE.parent.parent / "examples" / "valuation" / "data" / "sales.parquet"
FIRST, SECOND = "1993-12-31", "1994-06-30"

PRODUCT = """
from datetime import date
from typing import Literal

from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge

import interlock as il


class House(il.Request):
    valued_on: date = il.asked_at(zone="America/New_York")
    year_built: int = il.field(ge=1800)
    living_area_sqft: int = il.field(gt=0, unit="ft²")
    lot_sqft: int = il.field(gt=0)
    exterior_wall: Literal["brick", "ccbtile", "metlvnyl", "partbrk", "stone", "stucdrvt", "wood"]
    full_baths: int = il.field(ge=0, le=20)
    easting_m: float
    northing_m: float
    garage_sqft: int | None = None


sales = il.Source(
    "data/sales.parquet",
    key="sale_id",
    event_time="sold_on",
    available_after="1d",
    columns={"price": il.Int(ge=5_000, unit="USD")},
)


@il.feature
def age_years(valued_on: date, year_built: int) -> int:
    return valued_on.year - year_built


@il.feature
def neighbourhood(easting_m: float, northing_m: float) -> str:
    return f"{easting_m // 4_000:.0f}:{northing_m // 4_000:.0f}"


market = il.History(
    sales, by=neighbourhood, refresh="1d",
    sales_180d=il.count("180d"), median_price_180d=il.median("price", "180d"),
)

product = il.Product(
    "houses",
    request=House,
    unit=("easting_m", "northing_m"),
    examples=sales.map(valued_on="sold_on"),
    target=il.Regression("price", available_after="1d", interval=0.8, unit="USD"),
    features=[age_years, neighbourhood, market],
    candidates={
        "neighbourhood-median": il.Baseline(il.GroupMedian(neighbourhood)),
        "ridge": il.Candidate(Ridge(), target="log"),
        "boosting": il.Candidate(HistGradientBoostingRegressor(max_iter=40), target="log"),
    },
    split=il.TimeSplit(tune="30d", calibrate="30d", test="60d"),
    metric="mdape",
    data_gate=[il.MinRows(1_000)],
    model_gate=[il.BeatsBaselines(), il.NoWorseThanChampion(margin=0.05)],
    service_gate=[il.P99Below("10s")],
    on_failure="cp /dev/stdin called.json",
)
"""

SETTINGS = """
# Deliveries here are many; the full form is asked for where a test is about it.
[tool.interlock.environments.prod]
full_service_gate = false
"""


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project's folder, and the settings folder (the signing key) of who works in it."""

    folder: Path
    config: Path
    zygote: Zygote

    def environ(self, **more):
        """What commands find: no settings of whoever runs the tests, and pytest without plugins."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("INTERLOCK", "GIT_"))}
        own = {"XDG_CONFIG_HOME": str(self.config), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return {**kept, **own, **more}

    def run(self, *arguments, kill_after=200, file_limit=None, at=None, **environ):
        """A command in a forked process, killed after so many seconds."""
        return self.zygote.run(
            arguments, at or self.folder, self.environ(**environ),
            kill_after=kill_after, file_limit=file_limit,
        )  # fmt: skip

    def spawn(self, *arguments, **environ):
        """A command in a forked process, in the background."""
        return self.zygote.spawn(arguments, self.folder, self.environ(**environ))

    def call(self, *arguments, **environ):
        """A command as a user starts it, imports and all, to its end."""
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "interlock", *map(str, arguments)],
            cwd=self.folder, env=self.environ(**environ), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=200,
        )  # fmt: skip
        seconds = time.monotonic() - begun
        return Ran(code=done.returncode, out=done.stdout, err=done.stderr, seconds=seconds)

    def deliver(self, *arguments, **environ):
        return self.run("deliver", "--json", *arguments, **environ)

    def build(self, *arguments, run=None, **environ):
        """The digest of the one bundle that a delivery seals; it is killed there."""
        known = self.bundles()
        ran = (run or self.run)("deliver", *arguments, INTERLOCK_FAILPOINT="bundle", **environ)
        assert ran.code == -9, ran.err
        (bundle,) = self.bundles() - known
        return bundle

    def bundles(self):
        place = self.state / "artifacts" / "bundles"
        return {path.name for path in place.iterdir()} if place.exists() else set()

    def change(self, old, new, file="product.py"):
        """Change a text of the project that must stand there."""
        path = self.folder / file
        text = path.read_text()
        assert old in text, old
        path.write_text(text.replace(old, new))

    def settle(self, text):
        """Add to the settings of prod, then other tables."""
        path = self.folder / "pyproject.toml"
        path.write_text(path.read_text() + text)

    @property
    def state(self):
        return self.folder / ".interlock"

    def live(self, environment="prod", product="houses"):
        """What the pointer file says is live: the bundle's digest, or None."""
        path = self.state / "environments" / environment / f"{product}.json"
        return json.loads(path.read_text())["bundle"] if path.exists() else None

    def workspace(self):
        from interlock.workspace import Workspace

        return Workspace.open(self.folder, self.environ())

    def events(self):
        return [event.kind for event in self.workspace().ledger.events()]

    def stages(self):
        """The stages that ran so far, in their order."""
        events = self.workspace().ledger.events(kind=STAGE_FINISHED)
        return [event.body["stage"] for event in events]

    def copy(self, folder):
        """The same project with the same state elsewhere, and the same key."""
        shutil.copytree(self.folder, folder)
        return self.at(folder)

    def learn(self, other):
        """What stages put out in the other project, as its delivery left it, and nothing more."""
        ledger = self.workspace().ledger
        for event in other.workspace().ledger.events(kind=STAGE_FINISHED):
            if ledger.stages.get(event.subject) is None:
                ledger.stages.put(StageRow(**event.body), product=event.product)
        shutil.copytree(other.state / "artifacts", self.state / "artifacts", dirs_exist_ok=True)

    def at(self, folder):
        """The project in that folder, worked on by the same person."""
        return Project(folder=folder, config=self.config, zygote=self.zygote)


@pytest.fixture(scope="session")
def zygote():
    found = Zygote()
    yield found
    found.close()


@pytest.fixture(scope="session")
def sales():
    """The first 6,000 real sales, until September 1994."""
    return pq.read_table(SALES).sort_by("sale_id").slice(0, 6_000)


@pytest.fixture(scope="session")
def make_project(zygote, sales):
    """Makes a project that never delivered, with its own signing key."""

    def make(folder, *, product=PRODUCT, data=sales):
        project = Project(folder=folder, config=folder.parent / "config", zygote=zygote)
        (folder / "data").mkdir(parents=True)
        (folder / "product.py").write_text(product)
        (folder / "pyproject.toml").write_text(SETTINGS)
        pq.write_table(data, folder / "data" / "sales.parquet")
        return project

    return make


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, zygote):
    """Makes a project once a run, whichever of its processes asks first; for copying.

    ``make`` is given the folder where it is to put the project.
    """
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent

    def find(name, make):
        kept = place / f"prepared-{name}"
        with (place / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (kept / "done").exists():
                shutil.rmtree(kept, ignore_errors=True)
                kept.mkdir()
                (kept / "done").write_text(str(make(kept / "houses").config))
        config = Path((kept / "done").read_text())
        return Project(folder=kept / "houses", config=config, zygote=zygote)

    return find


@pytest.fixture(scope="session")
def pristine(make_project, prepared):
    """A project that delivered once, as of the first day; for copying, never for changing."""

    def make(folder):
        project = make_project(folder)
        ran = project.deliver("--as-of", FIRST)
        assert ran.code == 0, ran.err
        return project

    return prepared("delivered", make)


@pytest.fixture(scope="session")
def trained(pristine, prepared):
    """The same, and what the stages of its next delivery put out is known already."""

    def make(folder):
        project = pristine.copy(folder)
        ahead = project.copy(folder.parent / "ahead")
        ran = ahead.deliver("--as-of", SECOND)
        assert ran.code == 0, ran.err
        project.learn(ahead)
        return project

    return prepared("trained", make)


@pytest.fixture(scope="session")
def rents(prepared, zygote):
    """A project as `interlock init` leaves it; for copying, never for changing."""

    def make(folder):
        project = Project(folder=folder, config=folder.parent / "config", zygote=zygote)
        ran = project.run("init", folder, at=folder.parent)
        assert ran.code == 0, ran.err
        return project

    return prepared("rents", make)


@pytest.fixture
def project(make_project, tmp_path):
    """A project of one's own that never delivered."""
    return make_project(tmp_path / "houses")


@pytest.fixture
def delivered(pristine, tmp_path):
    """A project of one's own that delivered once."""
    return pristine.copy(tmp_path / "houses")


@pytest.fixture
def continued(trained, tmp_path):
    """A project of one's own that delivered once, and whose next delivery finds its stages done."""
    return trained.copy(tmp_path / "houses")


@pytest.fixture(scope="session")
def days():
    """As of when the first and the second delivery are."""
    return FIRST, SECOND


def code_of(text):
    """The codes of the errors that a command printed."""
    return re.findall(r"^error\[(\w+)\]", text, re.MULTILINE)


@pytest.fixture(scope="session")
def codes():
    return code_of
