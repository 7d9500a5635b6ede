"""What an exported release costs to start: until it answers, and the memory it then holds.

The valuation product is delivered once (and kept in the temporary folder between runs) and
exported; its worker is started again and again in a process of its own, as a machine that only
serves would start it.
*Seconds* are waited from the start of the process to its first answer over HTTP, *processor
seconds* those that it worked for it; the least of the starts counts. *Memory* is what the worker
ever held, the most of the starts, after so many requests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import msgspec
import valuation
from figures import Figure, parser, show

from interlock.clock import now
from interlock.release.keys import PublicKey
from interlock.serve.plan import ServePlan, plan_bytes
from interlock.serve.workers.process import worker_environment
from interlock.use_cases.exported import exported_plan
from interlock.workspace import Workspace

PRODUCT = "valuation"
REQUESTS = 500
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Start:
    """One start: seconds to the first answer, the worker's own, and its megabytes in the end."""

    seconds: float
    processor: float
    megabytes: float


def main() -> int:
    """Print the figures; 1 when a goal does not hold."""
    options = parser("Measure how an exported release starts.")
    options.add_argument("--starts", type=int, default=9, help="of the worker")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="interlock-bench-start-") as place:
        plan = exported(Path(place) / "release")
        bodies = valuation.bodies(valuation.rows(REQUESTS))
        starts = [
            started(plan, Path(place) / f"start-{number}", bodies) for number in range(asked.starts)
        ]
    return show(figures(starts), as_json=asked.json)


def figures(starts: list[Start]) -> list[Figure]:
    """Both goals, and the processor's part."""
    megabytes = max(one.megabytes for one in starts)
    return [
        Figure(name="start to first answer, s", value=min(s.seconds for s in starts), goal=1.0),
        Figure(name="the same, processor s", value=min(s.processor for s in starts)),
        Figure(name=f"memory after {REQUESTS} requests, MB", value=megabytes, goal=150.0),
    ]


def exported(out: Path) -> ServePlan:
    """How the delivered release is served out of its export alone."""
    project = valuation.project()
    command = [valuation.INTERLOCK, "export", "--out", str(out)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    workspace = Workspace.open(project, os.environ)
    live = workspace.deployer(workspace.bound(PRODUCT), now()).live.current("prod")
    assert live is not None
    keys = [PublicKey.from_pem(path.read_bytes()) for path in sorted((out / "keys").glob("*.pem"))]
    return exported_plan(out, PRODUCT, live.bundle, keys)


def started(plan: ServePlan, folder: Path, bodies: list[bytes]) -> Start:
    """Starts the worker, asks it, and ends it."""
    folder.mkdir()
    path = folder / "plan.json"
    path.write_bytes(plan_bytes(msgspec.structs.replace(plan, log=str(folder / "log"))))
    command = [sys.executable, "-m", "interlock.serve", str(path)]
    begun = time.perf_counter()
    worker = subprocess.Popen(
        command, env=worker_environment(), stdout=subprocess.PIPE, text=True, cwd=folder
    )
    try:
        assert worker.stdout is not None
        ready = worker.stdout.readline()
        if not ready.startswith("ready "):
            raise SystemExit(f"the worker said {ready!r}")
        url = ready.split()[1]
        answer(url, bodies[0])
        seconds, processor = time.perf_counter() - begun, worked(worker.pid)
        for body in bodies[1:]:
            answer(url, body)
        return Start(seconds=seconds, processor=processor, megabytes=held(worker.pid))
    finally:
        worker.terminate()
        worker.wait(20)


def answer(url: str, body: bytes) -> None:
    """Ask for one prediction. Raises HTTPError for what is not 200."""
    asked = urllib.request.Request(f"{url}/v1/predict", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=60) as reply:
        reply.read()


def worked(pid: int) -> float:
    """The processor's seconds of a process so far."""
    numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(numbers[11]) + int(numbers[12])) / TICKS


def held(pid: int) -> float:
    """The most megabytes that a process held at a time."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    sys.exit(main())
