"""Plans, ports, and what a worker's end says."""

import socket

import msgspec
import pytest
from redis_server import free_port

from interlock.deploy.policy import Policy
from interlock.errors import BlockedError, IntegrityError, OperatorError
from interlock.serve.plan import ServePlan, plan_bytes, read_plan, read_plan_bytes
from interlock.serve.printed import printed_error
from interlock.serve.rollout.trial import try_apart
from interlock.serve.workers.listen import may_listen, reserve_port

PLAN = ServePlan(product="valuation", bundle="/b", log="/log")


def test_a_plan_survives_its_file(tmp_path):
    plan = msgspec.structs.replace(PLAN, policy=Policy(gates=("data",), trusted=("k",)), clock=7)
    path = tmp_path / "plan.json"
    path.write_bytes(plan_bytes(plan))
    assert read_plan(path) == plan


@pytest.mark.parametrize(
    "changes",
    [
        {"bundle": None},
        {"pointer": "/p"},
        {"bundle": None, "pointer": "/p"},
        {"bundles": "/bs"},
        {"port": "80"},
        {"unknown": 1},
        {"history_unavailable": "guess"},
    ],
)
def test_a_plan_that_says_too_little_or_too_much_is_refused(changes):
    row = msgspec.json.decode(plan_bytes(PLAN)) | changes
    with pytest.raises(OperatorError) as caught:
        read_plan_bytes(msgspec.json.encode(row))
    assert caught.value.code == "S103"


def test_no_replay_in_prod():
    plan = msgspec.structs.replace(PLAN, replay=True, environment="prod")
    with pytest.raises(OperatorError, match="a service cannot replay in prod"):
        read_plan_bytes(plan_bytes(plan))


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
    ],
)
def test_what_loopback_is(host, local):
    assert msgspec.structs.replace(PLAN, host=host).on_loopback is local


def test_port_zero_is_a_free_one_and_a_taken_one_is_refused():
    first = reserve_port("127.0.0.1", 0)
    port = first.getsockname()[1]
    with pytest.raises(OperatorError) as caught:
        reserve_port("127.0.0.1", port)
    assert caught.value.code == "S101"
    with pytest.raises(OperatorError, match="the port is in use"):
        may_listen(msgspec.structs.replace(PLAN, port=port))
    first.close()
    port = free_port()
    reserve_port("127.0.0.1", port).close()
    may_listen(msgspec.structs.replace(PLAN, port=port))
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(OperatorError):
            reserve_port("127.0.0.1", port)


@pytest.mark.parametrize(
    ("status", "kind"), [(2, OperatorError), (3, BlockedError), (5, IntegrityError)]
)
def test_a_printed_error_is_read_back(status, kind):
    error = kind(
        "S101", "what", where="where: there", expected="a", got="b", fix="c", untouched="d"
    )
    again = printed_error(status, f"noise\n{error}\n")
    assert type(again) is kind
    assert str(again) == str(error)
    assert printed_error(status, "Traceback\n") is None


def test_a_trial_says_what_loading_said_or_how_the_process_ended(tmp_path):
    plan = tmp_path / "plan.json"
    plan.write_bytes(plan_bytes(msgspec.structs.replace(PLAN, replay=True)))
    with pytest.raises(IntegrityError) as caught:
        try_apart(plan, tmp_path / ("0" * 64))
    assert caught.value.code.startswith("R1")
    with pytest.raises(IntegrityError) as caught:
        try_apart(plan, tmp_path / "my releases", seconds=0.01)
    assert (caught.value.code, caught.value.mistakes[0].got) == (
        "S134",
        "nothing within 0.01 seconds",
    )
    again = f"-m interlock.serve --try PLAN.json '{tmp_path}/my releases'`"
    assert caught.value.mistakes[0].fix.endswith(again)
