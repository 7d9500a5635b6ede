"""Environments: declared as tables, checked to the key."""

import pytest

from interlock.deploy.environment import (
    environment_named,
    environments,
    passed,
    path_to,
    waivable,
)
from interlock.errors import OperatorError, StoreError


def test_without_settings_there_are_three():
    dev, staging, prod = environments({})
    assert [e.order for e in (dev, staging, prod)] == [0, 1, 2]
    assert dev.policy.allow_dirty
    assert staging.policy.gates == prod.policy.gates == ("data", "model", "service")
    assert prod.policy.post_deploy_in == "staging"
    assert prod.policy.present_champion
    assert [e.policy.full_service_gate for e in (dev, staging, prod)] == [False, False, True]
    assert not prod.policy.allow_dirty
    assert prod.policy.trusted == ()


def test_a_table_changes_what_it_says_and_keeps_the_rest():
    *_, prod = environments({"prod": {"allow_dirty": True, "gates": ["data"], "trusted": ["k"]}})
    assert prod.policy.allow_dirty
    assert prod.policy.gates == ("data",)
    assert prod.policy.trusted == ("k",)
    assert prod.policy.post_deploy_in == "staging"
    *_, prod = environments({"prod": {"post_deploy_in": ""}})
    assert prod.policy.post_deploy_in is None


def test_an_environment_says_which_gates_may_be_waived():
    dev, staging, prod = environments({"prod": {"waivable": []}, "staging": {"waivable": ["data"]}})
    assert dev.policy.waivable == ("data", "model", "service")
    assert (staging.policy.waivable, prod.policy.waivable) == (("data",), ())
    assert waivable([dev, staging]) == ("data",)
    assert waivable(passed([dev, staging, prod])) == ()
    assert passed([dev, staging, prod]) == (staging, prod)
    assert passed([dev, staging]) == (staging,)


def test_a_project_may_have_its_own():
    found = environments({"lab": {}, "live": {"post_deploy_in": "lab"}})
    assert [e.name for e in found] == ["lab", "live"]
    assert not found[0].policy.allow_dirty


def test_a_delivery_passes_those_before_its_goal():
    found = environments({})
    assert [e.name for e in path_to(found, "staging")] == ["dev", "staging"]
    with pytest.raises(OperatorError) as caught:
        environment_named(found, "production")
    assert str(caught.value) == (
        "error[E106]: there is no such environment\n"
        "  expected: one of dev, staging, prod\n"
        "  got: 'production'\n"
        "  fix: use one of these names, or declare the environment in pyproject.toml"
    )


@pytest.mark.parametrize(
    "table",
    [
        {"allow_dirt": True},
        {"allow_dirty": "yes"},
        {"allow_dirty": 1},
        {"full_service_gate": "no"},
        {"gates": "model"},
        {"gates": [1]},
        {"trusted": {}},
        {"waivable": False},
        {"waivable": "model"},
        {"waivable": ["post-deploy tests"]},
        {"post_deploy_in": ["staging"]},
        {"post_deploy_in": "prod"},
        {"post_deploy_in": "nowhere"},
        [],
    ],
)
def test_a_mistake_is_named(table):
    with pytest.raises(OperatorError) as caught:
        environments({"prod": table})
    assert caught.value.code == "E105"
    assert "[tool.interlock.environments.prod]" in str(caught.value)


def test_a_climbing_name_is_refused():
    with pytest.raises(StoreError) as caught:
        environments({"../x": {}})
    assert caught.value.code == "L104"
