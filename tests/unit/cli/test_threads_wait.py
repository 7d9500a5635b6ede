"""Threads of a fit sleep while they wait, unless the user says otherwise."""

import os

import pytest

from interlock.cli import main


@pytest.mark.parametrize(("given", "kept"), [(None, "passive"), ("active", "active")])
def test_the_command_sets_how_threads_wait(monkeypatch, given, kept):
    monkeypatch.setenv("OMP_WAIT_POLICY", "")  # noted, and so put back at the end
    monkeypatch.delenv("OMP_WAIT_POLICY")
    if given:
        monkeypatch.setenv("OMP_WAIT_POLICY", given)
    monkeypatch.setattr("sys.argv", ["interlock", "--help"])
    ended = []
    monkeypatch.setattr(main, "_end", ended.append)
    main.main()
    assert ended == [0]
    assert os.environ["OMP_WAIT_POLICY"] == kept
