"""The plan of a service: all that a worker is told, as one JSON file.

Invariants: a plan names either one bundle or a pointer to follow, never both; the worker asks
nothing else (no project, no ledger, no environment variable) but the secrets that it names: a plan
holds none.

>>> plan = ServePlan(product="valuation", bundle="/releases/" + "0" * 64, log="/state/log")
>>> read_plan_bytes(plan_bytes(plan)) == plan
True
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from interlock.deploy.policy import Policy
from interlock.errors import OperatorError
from interlock.store.online_place import OnlineAccess

MOST_WORKERS = 256
STDERR = 2  # as the file descriptor of an access log
LEASH = "--until-stdin-ends"  # a worker's argument: stop with the process that started it


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one client may cost."""

    body_bytes: int = 1 << 20
    rows: int = 1_000  # in one request
    in_flight: int = 256  # requests that are all there and not yet answered
    kept_bytes: int = 64 << 20  # of bodies that wait for their rest, of all clients together
    body_seconds: float = 10.0  # until a body must have arrived
    connections: int = 1_000  # open at once
    stop_seconds: float = 30.0  # that a stopping worker gives requests in flight
    stuck_seconds: float = 60.0  # that a worker may attend to nothing, and a row in shadow take


class ServePlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to serve, from where, how, and to whom.

    ``bundle`` is one bundle's directory; or ``bundles`` the directory of all and ``pointer`` the
    file that names the live one. ``attestations`` holds one directory a bundle, named by its
    digest; ``policy`` is the environment's, ``trusted_keys`` are public keys in PEM. ``digest``
    pins the only bundle that may be served. ``tolerance`` and ``clock`` are microseconds; with
    ``replay`` the clock stands still at ``clock``. ``online`` is a folder or a server's URL.
    ``group`` is the folder through which the ``workers`` of one service agree, for those that a
    parent started; a plan with several and without a group is the parent's.
    """

    product: str
    environment: str = "dev"
    worker: str = "w0"
    workers: int = 1  # processes that share the port
    group: str | None = None
    bundle: str | None = None
    bundles: str | None = None
    pointer: str | None = None
    digest: str | None = None
    label: str = ""
    arm: str = "champion"
    attestations: str | None = None
    policy: Policy | None = None
    trusted_keys: tuple[str, ...] = ()
    online: str | None = None
    online_access: OnlineAccess = OnlineAccess()
    history_unavailable: Literal["refuse", "defaults"] = "refuse"
    log: str
    ack: Literal["process", "disk"] = "process"
    log_full: Literal["refuse", "drop"] = "refuse"
    log_segment_bytes: int = 64 << 20
    log_segment_seconds: float = 3_600.0
    replay: bool = False
    clock: int | None = None
    tolerance: int | None = None
    server: Literal["interlock", "granian"] = "interlock"  # what speaks HTTP
    host: str = "127.0.0.1"
    port: int = 0  # 0: any that is free
    token_file: str | None = None
    pinned_arms: bool = False  # whether callers without a token may choose the arm
    access_log: int | None = None  # file descriptor of one JSON line a request
    telemetry: bool = False  # a trace of each request, sent where OTEL_* variables say
    resident: int = 3  # releases kept loaded, so that a rollback is a flip back
    poll_seconds: float = 0.15
    challenger_seconds: float = 1.0  # that a challenger on trial has for an answer
    limits: Limits = Limits()

    @property
    def hanging_seconds(self) -> float:
        """Until a challenger that is asked in process has hung: less than until its worker has."""
        return self.limits.stuck_seconds / 2

    @property
    def shadow_load_seconds(self) -> float:
        """Until a challenger in shadow has to be loaded, and give its golden answers."""
        return self.limits.stuck_seconds * 2

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


def plan_bytes(plan: ServePlan) -> bytes:
    """The plan as JSON."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=2)


def read_plan(path: Path) -> ServePlan:
    """The plan in a file. Raises OperatorError S103."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(str(error), where=str(path)) from None
    return read_plan_bytes(data, where=str(path))


def read_plan_bytes(data: bytes, *, where: str = "") -> ServePlan:
    """The plan in JSON bytes. Raises OperatorError S103."""
    try:
        plan = msgspec.json.decode(data, type=ServePlan)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(str(error), where=where) from None
    fixed, followed = plan.bundle is not None, plan.pointer is not None
    if fixed == followed or followed != (plan.bundles is not None):
        raise _unreadable("not exactly one of 'bundle', or 'bundles' and 'pointer'", where=where)
    if not 1 <= plan.workers <= MOST_WORKERS:
        raise _unreadable(f"workers: {plan.workers}, not 1 to {MOST_WORKERS}", where=where)
    if plan.replay and plan.environment == "prod":
        raise OperatorError(
            "S104",
            "a service cannot replay in prod",
            where=where,
            expected="replay in another environment, or live requests",
            got="replay: true, environment: prod",
            fix="replay in dev or staging",
        )
    return plan


def _unreadable(problem: str, *, where: str) -> OperatorError:
    return OperatorError(
        "S103",
        "the plan of the service cannot be read",
        where=where,
        expected="a plan as Interlock writes it",
        got=problem,
        fix="start the service with 'interlock serve', which writes the plan",
    )
