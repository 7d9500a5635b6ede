"""A native model in a process of its own: the same numbers, and what happens when it fails."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from interlock.errors import IntegrityError
from interlock.release.scorers.opening import open_scorer
from interlock.serve.errors import ServiceError
from interlock.serve.loaded.isolate import LENGTH, Model, Question, Scores
from interlock.serve.loaded.isolated import IsolatedScorer, open_isolated

LOADED = msgspec.msgpack.encode(Scores())


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(1).normal(size=(50, 3))


@pytest.fixture(scope="module")
def payload(rows):
    import skops.io
    from sklearn.neighbors import KNeighborsRegressor

    return skops.io.dumps(KNeighborsRegressor().fit(rows, rows[:, 0]))


def patient(scorer):
    """A busy machine is no model that hangs."""
    scorer._seconds = 60.0
    return scorer


def model_of(payload, memory=4 << 30):
    return Model(
        format="skops", payload=payload, n_columns=3, inputs=(), memory=memory, seconds=60.0
    )


@pytest.fixture(scope="module")
def there(payload):
    """A model that several tests ask and harm: its process is started again, which takes seconds.

    The service that it is of has a secret.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("REDIS_PASSWORD", "secret")
        yield patient(open_isolated("skops", payload, n_columns=3))


def test_the_process_is_not_told_the_services_secrets(there):
    told = Path(f"/proc/{there.pid}/environ").read_bytes()
    assert b"PATH=" in told
    assert b"secret" not in told


def test_the_numbers_are_those_of_the_model_in_process(there, payload, rows):
    here = open_scorer("skops", payload, n_columns=3)
    assert np.array_equal(there.raw(rows), here.raw(rows))
    assert there.raw_one(rows[0].tolist()) == here.raw_one(rows[0].tolist())
    assert there.needs == here.needs


def test_it_answers_where_a_service_has_a_thousand_connections(payload, rows):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(4_096, hard)), hard))
    others = [os.open(os.devnull, os.O_RDONLY) for _ in range(1_100)]
    try:
        there = patient(open_isolated("skops", payload, n_columns=3))
        assert there._child.process.stdout.fileno() > 1_100
        assert len(there.raw(rows)) == len(rows)
    finally:
        for each in others:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_booster_gives_its_contributions_too(rows):
    import lightgbm

    data = lightgbm.Dataset(rows, rows[:, 0])
    booster = lightgbm.train({"verbose": -1, "min_data_in_leaf": 5}, data, num_boost_round=3)
    payload = booster.model_to_string().encode()
    there = patient(open_isolated("lightgbm", payload, n_columns=3))
    here = open_scorer("lightgbm", payload, n_columns=3)
    assert np.array_equal(there.contributions(rows), here.contributions(rows))


def without_memory(pid):
    """As where a model has eaten all that its process may have."""
    resource.prlimit(pid, resource.RLIMIT_AS, (1 << 20, 1 << 20))


@pytest.mark.parametrize(
    ("harm", "most"),
    [
        (lambda pid: os.kill(pid, signal.SIGKILL), 1),
        (lambda pid: os.kill(pid, signal.SIGSTOP), 1),
        (without_memory, 2),  # it may have enough in hand for one more answer
    ],
    ids=["dies", "hangs", "has no memory left"],
)
def test_one_that_fails_is_refused_and_started_again(there, rows, monkeypatch, harm, most):
    before, pid = there.raw(rows), there.pid
    harm(pid)
    with monkeypatch.context() as patched:
        patched.setattr(there, "_seconds", 0.5)
        with pytest.raises(ServiceError) as caught:  # noqa: PT012 - which of them meets it is open
            for _ in range(most):
                there.raw(rows)
    assert caught.value.code == "S141"
    end = time.monotonic() + 60
    while there.pid is None and time.monotonic() < end:
        time.sleep(0.02)
    assert there.pid not in (pid, None)
    assert np.array_equal(there.raw(rows), before)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_process_ends_by_itself_where_nobody_is_left_to_end_it(rows):
    """As when whoever asked was killed: the input ends only after a question that takes ages."""
    import skops.io
    from sklearn.neighbors import KNeighborsRegressor

    many = np.random.default_rng(2).normal(size=(20_000, 3))
    slow = KNeighborsRegressor(algorithm="brute").fit(many, many[:, 0])
    question = Question(matrix=np.tile(many, (100, 1)).tobytes(), n_columns=3, seconds=0.2)
    messages = [msgspec.msgpack.encode(m) for m in (model_of(skops.io.dumps(slow)), question)]
    done = subprocess.run(
        [sys.executable, "-m", "interlock.serve.loaded.isolate"],
        input=b"".join(LENGTH.pack(len(message)) + message for message in messages),
        stdout=subprocess.PIPE,
        check=False,
    )
    assert done.returncode == -signal.SIGALRM
    assert done.stdout == LENGTH.pack(len(LOADED)) + LOADED, "it was loaded, and nothing answered"


@pytest.mark.parametrize("said", [b"\xc1garbage", None])
def test_a_process_that_answers_nonsense_is_ended(tmp_path, monkeypatch, said):
    """None announces an answer that no memory holds."""
    length = 1 << 62 if said is None else len(said)
    program = tmp_path / "python"
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys, struct, time\n"
        "read, write = sys.stdin.buffer.read, sys.stdout.buffer.write\n"
        "read(*struct.unpack('<Q', read(8)))\n"
        f"write(struct.pack('<Q', {len(LOADED)}) + {LOADED!r})\n"
        "sys.stdout.flush()\n"
        "read(*struct.unpack('<Q', read(8)))\n"
        f"write(struct.pack('<Q', {length}) + {said or b''!r})\n"
        "sys.stdout.flush()\n"
        "time.sleep(600)\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr("interlock.serve.loaded.isolated.sys.executable", str(program))
    scorer = IsolatedScorer(model_of(b""), seconds=300.0)
    pid = scorer.pid
    with pytest.raises(ServiceError, match="S141"):
        scorer.raw(np.zeros((1, 3)))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_request_that_the_model_refuses_ends_nothing(there, rows):
    pid = there.pid
    with pytest.raises(RuntimeError, match="ValueError"):
        there.raw(np.full((1, 3), np.nan))
    assert (there.pid, there.raw(rows).shape) == (pid, (50, 1))


@pytest.mark.parametrize(("content", "memory"), [(b"no model", 4 << 30), (None, 200 << 20)])
def test_what_cannot_be_loaded_is_said(payload, content, memory):
    with pytest.raises(IntegrityError) as caught:
        IsolatedScorer(model_of(payload if content is None else content, memory))
    assert caught.value.code == "S142"


def test_an_exchange_that_is_broken_off_answers_no_later_question(
    there, payload, rows, monkeypatch
):
    first = there.pid

    def interrupted(message, seconds):
        there._child._send(memoryview(LENGTH.pack(len(message)) + message), time.monotonic() + 60)
        raise KeyboardInterrupt

    monkeypatch.setattr(there._child, "ask", interrupted)
    with pytest.raises(KeyboardInterrupt):
        there.raw(rows[:1])
    end = time.monotonic() + 60
    while there.pid is None and time.monotonic() < end:
        time.sleep(0.01)
    assert there.pid != first
    assert np.array_equal(there.raw(rows), open_scorer("skops", payload, n_columns=3).raw(rows))
