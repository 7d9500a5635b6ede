"""Where an erasure looks: the stores of the bench's product."""

import pytest

from interlock.pipeline.erasing.stores import Stores
from interlock.pipeline.places import Places


@pytest.fixture
def stores(bench):
    return Stores(
        product="houses",
        ledger=bench.ledger,
        artifacts=bench.artifacts,
        places=Places(bench.folder),
        environments=("staging", "prod"),
    )
