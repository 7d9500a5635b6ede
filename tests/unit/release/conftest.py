"""A small bundle and a key to try them with."""

import pytest

from interlock.release import bundle as bundles
from interlock.release.keys import SigningKey
from interlock.store.artifacts import ArtifactStore

FILES = {
    "request.json": b'{"fields":[]}',
    "features.json": b'{"inputs":[]}',
    "candidate.json": b'{"name":"ridge"}',
    "packed/features.py": b"def age(y):\n    return y\n",
    "model.onnx": bytes(range(64)),
}


@pytest.fixture
def files():
    return dict(FILES)


@pytest.fixture
def artifacts(tmp_path):
    return ArtifactStore.open(tmp_path / "artifacts")


@pytest.fixture
def make_bundle(artifacts):
    def make(files=FILES, **changes):
        named = {
            "product": "valuation",
            "inputs": {"snapshot": "5" * 64},
            "candidate": "ridge",
            "schema": "6" * 64,
        }
        return bundles.build(artifacts, files, **{**named, **changes})

    return make


@pytest.fixture(scope="session")
def key():
    return SigningKey.generate()
