"""What the settings and the command line make of a service's plan."""

from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from interlock.serve.plan import ServePlan
from interlock.settings import load_settings
from interlock.use_cases.serve import _configured

PLAN = ServePlan(product="houses", bundle="/b", log="/log")


@pytest.fixture
def configured(tmp_path):
    def make(text="", host=None, port=None, workers=None):
        (tmp_path / "pyproject.toml").write_text(f"[tool.interlock.service]\n{text}")
        workspace = SimpleNamespace(settings=load_settings(tmp_path, {}))
        return _configured(PLAN, workspace, host=host, port=port, workers=workers)

    return make


def test_without_settings_a_service_is_as_it_is(configured):
    assert configured() == replace(PLAN, log_segment_bytes=64_000_000)


def test_what_was_set_is_in_the_plan_and_the_command_line_counts_more(configured):
    text = 'host = "::1"\nport = 9000\nworkers = 3\nack = "disk"\nchallenger_ms = 250\n'
    plan = configured(text)
    assert (plan.host, plan.port, plan.workers, plan.ack) == ("::1", 9000, 3, "disk")
    assert plan.challenger_seconds == 0.25
    plan = configured(text, host="localhost", port=0, workers=1)
    assert (plan.host, plan.port, plan.workers) == ("localhost", 0, 1)
