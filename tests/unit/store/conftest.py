"""A ledger in a folder of its own."""

import pytest

from interlock.store.ledger import Ledger


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a b" / "ledger.db"


@pytest.fixture
def ledger(path):
    return Ledger.open(path)
