"""A pytest plugin for post-deploy tests: the fixture ``base_url``. Only pytest imports it."""

import os

import pytest


@pytest.fixture(scope="session")
def base_url() -> str:
    """The address of the service under test, for example ``http://127.0.0.1:8080``."""
    return os.environ["INTERLOCK_BASE_URL"]
