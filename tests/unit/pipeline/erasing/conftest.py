"""Where an erasure looks: the stores of the bench's product."""

import pytest

from interlock.pipeline.erasing.stores import Stores
from interlock.pipeline.notary import Notary
from interlock.pipeline.places import Places
from interlock.release.keys import SigningKey


@pytest.fixture
def stores(bench):
    key, places = SigningKey.generate(), Places(bench.folder)
    return Stores(
        product="houses",
        ledger=bench.ledger,
        artifacts=bench.artifacts,
        places=places,
        environments=("staging", "prod"),
        notary=Notary(
            key=key,
            keys=(key.public,),
            places=places,
            artifacts=bench.artifacts,
            ledger=bench.ledger,
        ),
    )
