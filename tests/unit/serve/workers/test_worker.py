"""What a worker asks of the system before it serves."""

import resource

import pytest

from interlock.serve.workers import worker

WITHOUT = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "allowed", "raised"),
    [
        (4_096, 4_096, 1_000, 1_000, None),
        (WITHOUT, WITHOUT, 1_000, 1_000, None),
        (1_024, WITHOUT, 1_000, 1_000, (1_256, WITHOUT)),
        (1_024, 1_048_576, 1_000, 1_000, (1_256, 1_048_576)),
        (1_024, 1_024, 1_000, 768, (1_024, 1_024)),
        (256, 256, 1_000, 128, (256, 256)),
        (256, 512, 10, 10, (266, 512)),
    ],
)
def test_connections_leave_files_for_the_log(monkeypatch, soft, hard, wanted, allowed, raised):
    found = []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, pair: found.append(pair))
    assert worker.allowed_connections(wanted) == allowed
    assert found == ([] if raised is None else [raised])
