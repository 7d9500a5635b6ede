"""A small project on real sales, and commands run on it as processes of their own."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq
import pytest

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
    service_gate=[il.P99Below("1s")],
    on_failure="cp /dev/stdin called.json",
)
"""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a command ended: a negative code is the signal that killed it."""

    code: int
    out: str
    err: str
    seconds: float
    pid: int = 0

    @property
    def json(self):
        return json.loads(self.out)


@dataclass
class Zygote:
    """The process that forks; one command at a time."""

    process: subprocess.Popen = field(init=False)

    def __post_init__(self):
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "zygote.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n", "the command line cannot be imported"

    def run(self, arguments, folder, environ, *, kill_after):
        with tempfile.TemporaryDirectory() as place:
            out, err = Path(place) / "out", Path(place) / "err"
            row = {
                "arguments": list(map(str, arguments)),
                "folder": str(folder),
                "environ": environ,
                "stdout": str(out),
                "stderr": str(err),
            }
            begun = time.monotonic()
            self.process.stdin.write(json.dumps(row) + "\n")
            self.process.stdin.flush()
            pid = int(self.process.stdout.readline())
            timer = threading.Timer(kill_after, os.kill, (pid, signal.SIGKILL))
            timer.start()
            status = int(self.process.stdout.readline())
            timer.cancel()
            return Ran(
                code=os.waitstatus_to_exitcode(status),
                out=out.read_text(),
                err=err.read_text(),
                seconds=time.monotonic() - begun,
                pid=pid,
            )


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project's folder, and the settings folder (the signing key) of who works in it."""

    folder: Path
    config: Path
    zygote: Zygote

    def environ(self, **more):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("INTERLOCK", "GIT_"))}
        return {**kept, "XDG_CONFIG_HOME": str(self.config), **more}

    def run(self, *arguments, kill_after=60, **environ):
        """A command in a forked process, killed after so many seconds."""
        return self.zygote.run(
            arguments, self.folder, self.environ(**environ), kill_after=kill_after
        )

    def spawn(self, *arguments, **environ):
        """A command as a user starts it, in the background."""
        return subprocess.Popen(
            [sys.executable, "-m", "interlock", *map(str, arguments)],
            cwd=self.folder,
            env=self.environ(**environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def call(self, *arguments, **environ):
        """A command as a user starts it, to its end."""
        begun = time.monotonic()
        process = self.spawn(*arguments, **environ)
        timer = threading.Timer(200, process.kill)
        timer.start()
        out, err = process.communicate()
        timer.cancel()
        seconds = time.monotonic() - begun
        return Ran(code=process.returncode, out=out, err=err, seconds=seconds)

    def deliver(self, *arguments, **environ):
        return self.run("deliver", "--json", *arguments, **environ)

    def change(self, old, new, file="product.py"):
        """Change a text of the project that must stand there."""
        path = self.folder / file
        text = path.read_text()
        assert old in text, old
        path.write_text(text.replace(old, new))

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

    def copy(self, folder):
        """The same project with the same state elsewhere, and the same key."""
        shutil.copytree(self.folder, folder)
        return self.at(folder)

    def at(self, folder):
        """The project in that folder, worked on by the same person."""
        return Project(folder=folder, config=self.config, zygote=self.zygote)


@pytest.fixture(scope="session")
def zygote():
    found = Zygote()
    yield found
    found.process.stdin.close()
    found.process.wait(10)


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
        pq.write_table(data, folder / "data" / "sales.parquet")
        return project

    return make


@pytest.fixture(scope="session")
def pristine(make_project, tmp_path_factory):
    """A project that delivered once, as of the first day; for copying, never for changing."""
    project = make_project(tmp_path_factory.mktemp("delivered") / "houses")
    ran = project.deliver("--as-of", FIRST)
    assert ran.code == 0, ran.err
    return project


@pytest.fixture
def project(make_project, tmp_path):
    """A project of one's own that never delivered."""
    return make_project(tmp_path / "houses")


@pytest.fixture
def delivered(pristine, tmp_path):
    """A project of one's own that delivered once."""
    return pristine.copy(tmp_path / "houses")


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
