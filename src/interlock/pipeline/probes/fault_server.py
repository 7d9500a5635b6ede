"""The online store on a server: stopped, slow, or answering with flipped bits, behind a proxy.

The server itself is left as it is. The gate fills a place of its own on it, under another namespace
than any environment's, and empties it again; where it is killed before, the server does, in time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from msgspec import structs

from interlock.gates.service.faults import STORE_SLOW, STORE_STOPPED, STORE_WRONG
from interlock.gates.service.stress import FaultOutcome
from interlock.pipeline.probes.client import Client
from interlock.pipeline.probes.fault_stage import Sorted, Stage, recovery, slowest
from interlock.pipeline.probes.proxy import Proxy
from interlock.store.online_place import OnlineAccess

_REFUSAL = "S122"
_PORT = 6379
_ROUNDS = 3
_PATIENCE = 10.0  # times the wait that the settings allow


@dataclass(frozen=True, kw_only=True)
class StoreServer:
    """A place on the environments' own server: where, and how it is filled and emptied."""

    url: str
    access: OnlineAccess
    fill: Callable[[], None]
    empty: Callable[[], None]

    def proxy(self, seed: str = "") -> Proxy:
        """A proxy in front of it."""
        parts = urlsplit(self.url)
        return Proxy(
            str(parts.hostname), parts.port or _PORT, tls=parts.scheme == "rediss", seed=seed
        )

    def behind(self, proxy: Proxy) -> str:
        """Its URL by way of the proxy, which speaks no TLS on this machine."""
        parts = urlsplit(self.url)
        user = f"{parts.username}@" if parts.username else ""
        return f"redis://{user}127.0.0.1:{proxy.port}{parts.path}"


def server_stopped(stage: Stage, server: StoreServer) -> FaultOutcome:
    """Gone before anything was asked of it, back, and gone once more."""

    def fail(proxy: Proxy, ask: Callable[[], None], well: Callable[[], None]) -> None:
        proxy.close_all()
        ask()
        well()
        proxy.close_all()
        ask()

    return _played(STORE_STOPPED, stage, server, fail)


def server_slow(stage: Stage, server: StoreServer) -> FaultOutcome:
    """Every answer held back for longer than the settings wait."""

    def fail(proxy: Proxy, ask: Callable[[], None], well: Callable[[], None]) -> None:
        proxy.slow(server.access.timeout_seconds * _PATIENCE)
        ask()

    return _played(STORE_SLOW, stage, server, fail)


def server_wrong(stage: Stage, server: StoreServer, *, seed: str) -> FaultOutcome:
    """A bit flipped in every answer, from the first on and again when tables are known."""

    def fail(proxy: Proxy, ask: Callable[[], None], well: Callable[[], None]) -> None:
        for _ in range(_ROUNDS):
            proxy.spoil()
            ask()
            well()

    return _played(STORE_WRONG, stage, server, fail, seed=seed)


def _played(
    fault: str,
    stage: Stage,
    server: StoreServer,
    fail: Callable[[Proxy, Callable[[], None], Callable[[], None]], None],
    *,
    seed: str = "",
) -> FaultOutcome:
    found = Sorted(refusals={_REFUSAL}, defaults=stage.plan.history_unavailable == "defaults")
    recovered: list[float | None] = []
    with server.proxy(seed) as proxy:
        plan = structs.replace(
            stage.plan,
            online=server.behind(proxy),
            online_access=server.access,
            log=str(stage.place / "log"),
        )
        with stage.launch(plan) as service, Client(service.url) as client:

            def ask() -> None:
                found.ask_all(client, stage.known)

            def well() -> None:
                proxy.well()
                recovered.append(recovery(client, stage.known))

            fail(proxy, ask, well)
            well()
    return found.outcome(fault, slowest(recovered))
