"""What a swap of releases under load costs those who ask meanwhile.

One worker answers examples/valuation on core 0, the loader (bench/load.py) asks from core 1. After
seconds of steady load come as many in whose middle another release is made live: the pointer names
the same bundle under another label, which a worker loads anew beside the old one, as any other. No
request may fail; *p99* of these seconds stands beside that of the steady ones. The rounds take
turns, and what is judged is the median of their ratios.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from statistics import median

import msgspec
import valuation
from figures import Figure, parser, show
from load import load, request
from serve import LOAD_CORE, ROWS, SERVICE, covered, prod_plan, worker

from interlock.clock import now
from interlock.deploy.pointer import pointer_path, publish
from interlock.release.attest import sign
from interlock.release.keys import SigningKey
from interlock.release.statements import deployment_statement
from interlock.store.rows import DeploymentRow
from interlock.workspace import Workspace

CONNECTIONS = 4
PATIENCE = 30.0  # seconds until the other release must answer
GOAL = 2.0


def main() -> int:
    """Print the figures; 1 when a goal does not hold."""
    options = parser("Measure a swap of releases under load.")
    options.add_argument("--rounds", type=int, default=3, help="swaps")
    options.add_argument("--seconds", type=float, default=10.0, help="around a swap")
    asked = options.parse_args()
    return show(measured(asked.rounds, asked.seconds), as_json=asked.json)


def measured(n_rounds: int, seconds: float) -> list[Figure]:
    """p99 with a swap ÷ without, and both."""
    os.sched_setaffinity(0, {LOAD_CORE})
    plan = prod_plan()
    workspace = Workspace.open(valuation.project(), os.environ)
    deployer = workspace.deployer(workspace.bound(None), now())
    live = deployer.live.current("prod")
    assert live is not None
    with tempfile.TemporaryDirectory(prefix="interlock-bench-swap-") as place:
        root = Path(place)
        publish(root, live)
        path = str(pointer_path(root, live.environment, live.product))
        signed = root / "attestations"
        shutil.copytree(deployer.places.all_attestations, signed)
        plan = msgspec.structs.replace(plan, pointer=path, attestations=str(signed))
        bodies = covered(plan, root, valuation.bodies(valuation.rows(ROWS)))
        requests = [request("/v1/predict", body) for body in bodies]
        steady, around = [], []
        with worker(plan, root, SERVICE) as served:
            for number in range(1, n_rounds + 1):
                other = replace(live, generation=live.generation + number, label=f"0.0.{number}")
                _sign(other, deployer.notary.key, signed)
                steady.append(load(served.port, requests, connections=CONNECTIONS, seconds=seconds))
                swap = threading.Timer(seconds / 2, publish, (root, other))
                swap.start()
                around.append(load(served.port, requests, connections=CONNECTIONS, seconds=seconds))
                swap.join()
                answers_with(served.port, bodies[0], other.label)
    ratios = [b.p99 / a.p99 for a, b in zip(steady, around, strict=True)]
    return [
        Figure(
            name=f"p99 in {seconds:g} s around a swap ÷ steady", value=median(ratios), goal=GOAL
        ),
        Figure(name="p99, steady, ms", value=median(one.p99 for one in steady)),
        Figure(name="p99 around a swap, ms", value=median(one.p99 for one in around)),
        Figure(name="requests a second, steady", value=median(one.rate for one in steady)),
    ]


def _sign(row: DeploymentRow, key: SigningKey, folder: Path) -> None:
    """A worker follows the pointer only to what is signed as live."""
    statement = deployment_statement(
        bundle=row.bundle,
        product=row.product,
        environment=row.environment,
        generation=row.generation,
        act=row.act,
        reason=row.reason,
        at=now(),
        ledger_sequence=1,
        ledger_hash="0" * 64,
    )
    (folder / row.bundle / f"{row.generation}.json").write_bytes(sign(statement, key))


def answers_with(port: int, body: bytes, label: str) -> None:
    """Ends the bench unless the release of that label comes to answer."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/predict", body, {"Content-Type": "application/json"}
    )
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as reply:
            if json.load(reply)["release"] == label:
                return
        time.sleep(0.1)
    raise SystemExit(f"{label} did not come to answer within {PATIENCE:g} s")


if __name__ == "__main__":
    sys.exit(main())
