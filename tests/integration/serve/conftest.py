"""Real workers, real HTTP, on the small release that the unit tests use."""

import importlib.util
from pathlib import Path

import plain_http
import pytest

from interlock.deploy.pointer import pointer_path, publish
from interlock.deploy.policy import Policy
from interlock.release.attest import BUILD, Statement, sign
from interlock.release.keys import SigningKey
from interlock.release.statements import deployment_statement
from interlock.serve.plan import ServePlan
from interlock.serve.workers.process import start
from interlock.store.rows import DeploymentRow, RolloutRow

UNIT = Path(__file__).parents[2] / "unit" / "serve"


@pytest.fixture(scope="session")
def support():
    spec = importlib.util.spec_from_file_location("small_release", UNIT / "small_release.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def place(support, tmp_path_factory):
    """Two releases on disk, attested by one key, and a pointer that names none yet."""
    return Place(support, tmp_path_factory.mktemp("place"))


SALT = "a rollout"


def label_of(digest):
    """A release keeps its label when it comes back."""
    return f"1.{int(digest[:4], 16)}.0"


class Place:
    def __init__(self, support, root):
        self.root = root
        self.key = SigningKey.generate()
        self.boosting = support.write_bundle(root / "bundles", support.bundle_files())
        self.ridge = support.write_bundle(root / "bundles", support.bundle_files("ridge"))
        for directory in (self.boosting, self.ridge):
            self.attest(directory.name)
        self.generation = self.revision = 0
        self.deployment = None

    def attest(self, digest, key=None):
        said = {"product": "valuation", "delivery": "d1", "at": 1, "dirty": False}
        said["snapshot"] = "5" * 64
        envelope = sign(
            Statement(subject=digest, name="valuation", predicate_type=BUILD, predicate=said),
            key or self.key,
        )
        path = self.root / "attestations" / digest / "build.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(envelope)

    def sign(self, digest, act, at, trial=None):
        """What whoever holds the key signs when a release is made live, or set beside that."""
        statement = deployment_statement(
            bundle=digest,
            product="valuation",
            environment="dev",
            generation=self.generation,
            act=act,
            reason="",
            at=at,
            ledger_sequence=1,
            ledger_hash="0" * 64,
            trial=trial,
        )
        path = self.root / "attestations" / digest / f"{self.generation}-{self.revision}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sign(statement, self.key))

    def point(self, digest, environment="dev", signed=True):
        """Make it live, alone."""
        self.generation, self.revision = self.generation + 1, 0
        self.deployment = DeploymentRow(
            product="valuation",
            environment=environment,
            generation=self.generation,
            bundle=digest,
            label=label_of(digest),
            act="promote",
            pinned=False,
            reason="",
            delivery="d1",
            since=0,
        )
        if signed:
            self.sign(digest, "promote", 0)
        publish(self.root / "live", self.deployment)
        return self.generation

    def try_out(self, digest, buckets, act="start", mode="split", signed=True):
        """Set it beside what is live; 0 buckets stop it."""
        self.revision += 1
        rollout = RolloutRow(
            product="valuation",
            environment=self.deployment.environment,
            generation=self.generation,
            revision=self.revision,
            bundle=digest,
            label=label_of(digest),
            delivery="d1",
            act=act,
            mode=mode,
            buckets=buckets,
            salt=SALT,
            reason="",
            began=0,
            at=0,
        )
        if signed:
            trial = {"revision": self.revision, "buckets": buckets, "salt": SALT, "began": 0}
            self.sign(digest, {"split": "rollout"}.get(mode, mode), 0, trial)
        publish(self.root / "live", self.deployment, rollout)
        return self.revision

    def live_plan(self, log, **changes):
        fields = {
            "product": "valuation",
            "environment": "dev",
            "bundles": str(self.root / "bundles"),
            "pointer": str(pointer_path(self.root / "live", "dev", "valuation")),
            "attestations": str(self.root / "attestations"),
            "policy": Policy(gates=(), trusted=(self.key.public.keyid,)),
            "trusted_keys": (self.key.public.pem().decode(),),
            "log": str(log),
            "poll_seconds": 0.05,
        }
        return ServePlan(**(fields | changes))


@pytest.fixture(scope="session")
def service(support, place, tmp_path_factory):
    """A worker that replays the boosted release."""
    plan = support.plan_for(place.boosting, log=tmp_path_factory.mktemp("service") / "log")
    with start(plan) as service:
        yield service


@pytest.fixture
def client(service):
    with plain_http.Client(base_url=service.url) as client:
        yield client
