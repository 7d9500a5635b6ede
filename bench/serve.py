"""How fast a release answers, beside what it cannot do without, and beside other servers.

The valuation product is delivered once (and kept in the temporary folder between runs), then served
by one real worker with everything on: validation, request features, look-ups in the online store,
coverage, interval, post-processing, and a record on file before each answer. One row a request.

- *served*: the worker on core 0, the loader (bench/load.py) on core 1, in slices of a fifth of a
  second that take turns with a bare Granian RSGI server that decodes and encodes the same body
  (bench/echo_server.py), and with the same worker without its log (bench/unlogged_server.py);
- *in process*: one row after another through the predictor and its log, by phase, in blocks between
  the rounds, and the model call beside the same ONNX Runtime call alone;
- with ``--peers``, other servers with a model for the same requests (MLflow, BentoML, MLServer, and
  FastAPI with scikit-learn or ONNX Runtime), each in a virtual environment of its own that is made
  here with uv, in rounds that take turns with the service. They get less to do: no history look-up,
  no interval, no coverage, no log.

A shared machine says little about seconds: what is judged is the median of the rounds' ratios; only
the microseconds of a row are absolute, and told of the quickest block, as the others say what the
machine did besides. Processor time an answer is told beside the rates, for it changes less when
others work on the machine, too. Where the time of a request goes at 32 connections is read from the
records in the log.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median
from time import perf_counter, perf_counter_ns, sleep
from typing import Any, NamedTuple

import msgspec
import valuation
from figures import Figure, parser, show
from load import Asked, Load, Refused, contest, request
from peer_servers import PEERS, Peer, PeerMissing, peer_server

from interlock.clock import now
from interlock.serve.ids import PredictionIds
from interlock.serve.loaded.load import load as load_release
from interlock.serve.log.prediction_log import PredictionLog
from interlock.serve.log.read import read_log
from interlock.serve.log.record import read_record
from interlock.serve.plan import LEASH, ServePlan, plan_bytes
from interlock.serve.predictor import Predictor
from interlock.serve.rollout.target import target_reader
from interlock.serve.workers.listen import reserve_port
from interlock.serve.workers.process import worker_environment
from interlock.workspace import Workspace

HERE = Path(__file__).resolve().parent
SERVER_CORE, LOAD_CORE = 0, 1
ROWS = 2_000
SLICE = 0.2  # seconds that a server is asked before another has its turn
STOP_SECONDS = 10.0
LOAD_SECONDS = 60.0
ECHO, SERVICE, UNLOGGED = "echo", "service", "service without its log"
PHASES = ("decode", "features", "history", "encode", "score", "answer")
BESIDE_PHASES = ("reply and record", "log", "total")
BLOCK = 2_000  # rows answered in process at a time
Rounds = dict[str, list[Load]]


class Served(NamedTuple):
    """A server: its port and its process."""

    port: int
    pid: int | None = None


def main() -> int:
    """Print the figures; 1 when a goal does not hold."""
    options = parser("Measure the prediction service.")
    options.add_argument("--rounds", type=int, default=9, help="of which the median is told")
    options.add_argument("--seconds", type=float, default=2.0, help="of every server in a round")
    options.add_argument("--peers", nargs="*", choices=PEERS, help="other servers (all, or named)")
    asked = options.parse_args()
    peers = () if asked.peers is None else asked.peers or tuple(PEERS)
    figures = measured(asked.rounds, asked.seconds, peers)
    return show(figures, as_json=asked.json)


def measured(n_rounds: int, seconds: float, peers: Sequence[str]) -> list[Figure]:
    """All figures, in one run."""
    os.sched_setaffinity(0, {LOAD_CORE})
    plan = prod_plan()
    with (
        tempfile.TemporaryDirectory(prefix="interlock-bench-serve-") as folder,
        ExitStack() as stack,
    ):
        place = Path(folder)
        bodies = covered(plan, place, valuation.bodies(valuation.rows(ROWS)))
        requests = [request("/v1/predict", body) for body in bodies]
        alone = InProcess(*stack.enter_context(predictor(plan, place / "in-process")), bodies)
        gc.collect()
        gc.freeze()  # as a worker does once it is loaded
        servers = {
            name: stack.enter_context(worker(plan, place, name)) for name in (SERVICE, UNLOGGED)
        }
        servers[ECHO] = stack.enter_context(echo_server())
        log = place / SERVICE / "log"
        beside = served(servers, requests, n_rounds, seconds, log, alone.block)
        model = target_reader(plan)().directory / "model.onnx"
        theirs = beside_peers(servers[SERVICE], requests, bodies, model, peers, n_rounds, seconds)
    return alone.figures() + beside + theirs


def prod_plan() -> ServePlan:
    """How the delivered product is served in prod."""
    workspace = Workspace.open(valuation.project(), os.environ)
    deployer = workspace.deployer(workspace.bound(None), now())
    return deployer.plan(workspace.environment("prod"))


# --- in process -------------------------------------------------------------------------------


@contextmanager
def predictor(plan: ServePlan, log_folder: Path) -> Iterator[tuple[Predictor, PredictionLog]]:
    """The release as a worker loads it."""
    target = target_reader(plan)()
    release = load_release(target.directory, plan, digest=target.digest, label=target.label)
    with PredictionLog.open(log_folder, "bench") as log:
        yield Predictor(release, log, plan, PredictionIds()), log


def covered(plan: ServePlan, place: Path, bodies: Sequence[bytes]) -> list[bytes]:
    """The requests that the release answers for: the others are cheaper."""
    with predictor(plan, place / "covered") as (one, _):
        kept = [body for body in bodies if json.loads(one.predict(body)[1]).get("covered")]
    if len(kept) < len(bodies) // 2:
        raise SystemExit(f"the release answers for {len(kept)} of {len(bodies)} requests only")
    return kept


class InProcess:
    """One row after another through the predictor and its log, on core 0, in blocks.

    A block that others disturb is slower, and none is quicker than the code allows: what a row
    takes is told of the quickest block, by the p50 of its rows.
    """

    def __init__(self, one: Predictor, log: PredictionLog, bodies: Sequence[bytes]) -> None:
        self._one, self._log, self._bodies = one, log, bodies
        self._blocks: list[dict[str, float]] = []
        self._model_calls: list[tuple[float, float]] = []

    def block(self) -> None:
        """Ask ``BLOCK`` rows, and the model alone about some."""
        one, log, bodies = self._one, self._log, self._bodies
        spent: dict[str, list[float]] = {name: [] for name in (*PHASES, *BESIDE_PHASES)}
        os.sched_setaffinity(0, {SERVER_CORE})
        for i in range(BLOCK):
            body = bodies[i % len(bodies)]
            begun = perf_counter_ns()
            reply = one.prepare(body)
            made = perf_counter_ns()
            log.append(reply.records)
            ended = perf_counter_ns()
            phases = read_record(reply.records[0]).phases
            known = {name: getattr(phases, name) for name in PHASES}
            for name, value in known.items():
                spent[name].append(value)
            spent["reply and record"].append((made - begun) / 1e3 - sum(known.values()))
            spent["log"].append((ended - made) / 1e3)
            spent["total"].append((ended - begun) / 1e3)
        self._blocks.append({name: median(values) for name, values in spent.items()})
        self._model_calls.append(model_call(one, bodies, BLOCK // 4))
        os.sched_setaffinity(0, {LOAD_CORE})

    def figures(self) -> list[Figure]:
        """p50 of one row, by phase, in microseconds."""
        quickest = min(self._blocks, key=lambda block: block["total"])
        called = median(ours / bare for ours, bare in self._model_calls)
        beside = median(
            block["total"] / bare
            for block, (_, bare) in zip(self._blocks, self._model_calls, strict=True)
        )
        parts = {name: value for name, value in quickest.items() if name != "total"}
        return [
            Figure(name="one row in process, p50, µs", value=quickest["total"], goal=60.0),
            *(Figure(name=f"{name}, µs", value=value) for name, value in parts.items()),
            Figure(
                name="one row in process, the median block, µs",
                value=median(block["total"] for block in self._blocks),
            ),
            Figure(name="one row in process ÷ a bare ONNX Runtime call", value=beside),
            Figure(name="the model call ÷ a bare ONNX Runtime call", value=called, goal=1.2),
            Figure(
                name="a bare ONNX Runtime call, µs",
                value=min(bare for _, bare in self._model_calls),
            ),
        ]


def model_call(one: Predictor, bodies: Sequence[bytes], calls: int) -> tuple[float, float]:
    """p50 of the scorer's call and of ``run_with_iobinding`` , row by row in turns, µs."""
    release = one.release
    scorer: Any = release.scorer
    run, bound = scorer._run, scorer._one
    ours, bare = [], []
    for i in range(calls):
        ((values,), at) = release.decoder.decode(bodies[i % len(bodies)]).rows, now()
        own = release.packed.row(values, at)
        (found,) = release.history.rows([(values + own, at)])
        row = release.encode(values + own + found.values)
        if i % 2:  # a row's second call would find all its nodes in the cache
            begun = perf_counter_ns()
            release.score_one(row)
            ours.append(perf_counter_ns() - begun)
        else:
            bound.pack(bound.memory, 0, *row)
            begun = perf_counter_ns()
            run(bound.binding, None)
            bare.append(perf_counter_ns() - begun)
    return median(ours) / 1e3, median(bare) / 1e3


# --- served -----------------------------------------------------------------------------------


@contextmanager
def started(
    command: Sequence[str], stdout: Any = subprocess.PIPE, **options: Any
) -> Iterator[subprocess.Popen[str]]:
    """A server on the server's core, ended by the end of its input."""
    os.sched_setaffinity(0, {SERVER_CORE})
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=stdout,
            text=True,
            start_new_session=True,  # a server may be several processes, and all are to end
            **options,
        )
    finally:
        os.sched_setaffinity(0, {LOAD_CORE})
    with process:
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """End a server with all that it started; some do not go when they are asked."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)


@contextmanager
def worker(plan: ServePlan, place: Path, name: str) -> Iterator[Served]:
    """A worker of the service."""
    folder = place / name.replace(" ", "-")
    folder.mkdir()
    path = folder / "plan.json"
    path.write_bytes(plan_bytes(msgspec.structs.replace(plan, log=str(folder / "log"))))
    module = [str(HERE / "unlogged_server.py")] if name == UNLOGGED else ["-m", "interlock.serve"]
    command = [sys.executable, *module, str(path), LEASH]
    with started(command, env=worker_environment()) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        if not ready.startswith("ready "):
            raise SystemExit(f"the worker said {ready!r}")
        yield Served(int(ready.split()[1].rpartition(":")[2]), process.pid)


@contextmanager
def echo_server() -> Iterator[Served]:
    """The bare echo."""
    with reserve_port("127.0.0.1", 0) as reserved:
        port = reserved.getsockname()[1]
        with started([sys.executable, str(HERE / "echo_server.py"), str(port)]) as process:
            assert process.stdout is not None
            process.stdout.readline()
            reserved.close()
            yield Served(port, process.pid)


def rounds(
    servers: Mapping[str, Asked],
    connections: int,
    n: int,
    seconds: float,
    *,
    one: float = SLICE,
    between: Callable[[], None] = lambda: None,
) -> Rounds:
    """Rounds in which each server is asked for so long, in slices of ``one`` second or so."""
    found: Rounds = {name: [] for name in servers}
    slices = max(1, round(seconds / one))
    for _ in range(n):
        loads = contest(
            list(servers.values()), connections=connections, seconds=seconds, slices=slices
        )
        for name, each in zip(servers, loads, strict=True):
            found[name].append(each)
        between()
    return found


def ratio(found: Rounds, what: str, name: str, beside: str) -> float:
    """The median of the rounds' ratios."""
    pairs = zip(found[name], found[beside], strict=True)
    return median(getattr(a, what) / getattr(b, what) for a, b in pairs)


def served(
    found: Mapping[str, Served],
    requests: Sequence[bytes],
    n: int,
    seconds: float,
    log: Path,
    between: Callable[[], None],
) -> list[Figure]:
    """The service, which writes ``log``, beside the echo and beside itself without a log."""
    servers = {name: Asked(one.port, requests, one.pid) for name, one in found.items()}
    many = rounds(servers, 32, n, seconds, between=between)
    together = ticks(log)
    pair = {name: servers[name] for name in (SERVICE, ECHO)}
    alone = rounds(pair, 1, n, seconds, between=between)
    return [
        Figure(
            name="32 connections: rate ÷ echo's",
            value=ratio(many, "rate", SERVICE, ECHO),
            goal=0.6,
            side="≥",
        ),
        Figure(
            name="32 connections: rate with the log ÷ without",
            value=ratio(many, "rate", SERVICE, UNLOGGED),
            goal=0.9,
            side="≥",
        ),
        Figure(
            name="32 connections: echo's processor time ÷ the service's",
            value=1.0 / ratio(many, "processor", SERVICE, ECHO),
        ),
        *told(many, "32 connections"),
        *together,
        Figure(
            name="1 connection: p50 ÷ echo's", value=ratio(alone, "p50", SERVICE, ECHO), goal=1.6
        ),
        Figure(
            name="1 connection: p99 ÷ echo's", value=ratio(alone, "p99", SERVICE, ECHO), goal=4.0
        ),
        *told(alone, "1 connection"),
    ]


def ticks(log: Path) -> list[Figure]:
    """How many requests were answered together, and the p50 of a request's part by phase.

    Requests of one turn of the loop have the same time and the same part of what they shared.
    """
    records = [read_record(entry.payload) for entry in read_log(log)]
    turns = {(one.time, one.phases.history, one.phases.score) for one in records}
    phases = {name: median(getattr(one.phases, name) for one in records) for name in PHASES}
    return [
        Figure(name="32 connections: requests answered together", value=len(records) / len(turns)),
        *(Figure(name=f"32 connections: {name}, µs", value=p50) for name, p50 in phases.items()),
    ]


def told(found: Rounds, how: str) -> list[Figure]:
    """Medians of the rounds, as told: on a busy machine they are no promise."""
    units = {
        "rate": "answers/s",
        "p50": "p50, ms",
        "p99": "p99, ms",
        "processor": "processor time an answer, µs",
    }
    return [
        Figure(name=f"{how}: {name}, {unit}", value=value)
        for name, loads in found.items()
        for what, unit in units.items()
        if (value := median(getattr(one, what) for one in loads))
    ]


# --- peers ------------------------------------------------------------------------------------


def beside_peers(
    service: Served,
    requests: Sequence[bytes],
    bodies: Sequence[bytes],
    model: Path,
    peers: Sequence[str],
    n: int,
    seconds: float,
) -> list[Figure]:
    """The service's rate ÷ each peer's, at 32 connections; why, where a peer cannot be had."""
    figures: list[Figure] = []
    for name in peers:
        peer = PEERS[name]
        try:
            with peer_server(peer, model, started) as theirs:
                asked = [request(peer.path, peer.body(body)) for body in bodies[:200]]
                _answers(theirs, peer, bodies[0])
                servers = {
                    SERVICE: Asked(service.port, requests, service.pid),
                    name: Asked(theirs, asked),
                }
                found = rounds(servers, 32, min(n, 5), max(seconds, peer.seconds), one=peer.seconds)
        except (PeerMissing, Refused, OSError) as error:
            print(f"{name}: not measured: {error}", file=sys.stderr, flush=True)
            continue
        figures.append(
            Figure(
                name=f"32 connections: rate ÷ {name}'s",
                value=ratio(found, "rate", SERVICE, name),
                goal=peer.goal,
                side="≥",
            )
        )
        figures += told({name: found[name]}, "32 connections")
    return figures


def _answers(port: int, peer: Peer, body: bytes) -> None:
    """Wait until the peer answers with 200: some listen well before they have loaded.

    Raises OSError when it does not in time.
    """
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}{peer.path}",
        data=peer.body(body),
        headers={"content-type": "application/json"},
    )
    end = perf_counter() + LOAD_SECONDS
    while True:
        try:
            with urllib.request.urlopen(asked, timeout=LOAD_SECONDS) as answer:
                answer.read()
                return
        except OSError:
            if perf_counter() > end:
                raise
            sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
