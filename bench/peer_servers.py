"""Other servers of a model for the same requests, each in a virtual environment of its own.

They get what their documentation shows: a scikit-learn pipeline of the same trees behind FastAPI
and behind ``mlflow models serve``, as many LightGBM trees in MLServer's runtime for them, and the
release's own ONNX graph, with one ONNX Runtime thread, behind FastAPI, BentoML and, tuned and with
a runtime written for it, MLServer. None looks up a history, gives an interval or keeps a log.
"""

from __future__ import annotations

import hashlib
import json
import math
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import valuation
from peers.fields import encoded

HERE = Path(__file__).resolve().parent
UV = str(Path(sys.executable).with_name("uv"))
READY_SECONDS = 120.0
INSTALL_SECONDS = 600.0
Started = Callable[..., AbstractContextManager["subprocess.Popen[str]"]]


class PeerMissing(Exception):  # noqa: N818 - an outcome, told and passed over
    """A peer that cannot be had here, and why."""


def _record(body: bytes) -> bytes:
    return json.dumps({"dataframe_records": [json.loads(body)]}).encode()


def _tensors(body: bytes) -> bytes:
    """The fields as the V2 protocol has them, a tensor each; it knows no null, so none is sent."""
    given = {name: value for name, value in json.loads(body).items() if value is not None}
    inputs = [
        {"name": name, "shape": [1], "datatype": _DATATYPES[type(value)], "data": [value]}
        for name, value in given.items()
    ]
    return json.dumps({"inputs": inputs}).encode()


def _matrix(body: bytes) -> bytes:
    """The fields as one tensor, the texts encoded and 0 for what is missing: JSON has no NaN."""
    row = [0.0 if math.isnan(value) else value for value in encoded(json.loads(body))]
    tensor = {"name": "rows", "shape": [1, len(row)], "datatype": "FP64", "data": row}
    return json.dumps({"inputs": [tensor]}).encode()


_DATATYPES: dict[type, str] = {str: "BYTES", int: "INT64", float: "FP64"}


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A server: what it is made of, how it is asked, and how many times faster the service is."""

    script: str
    requirements: tuple[str, ...]
    goal: float | None = None
    path: str = "/predict"
    body: Callable[[bytes], bytes] = bytes
    seconds: float = 2.0  # of a round at least: slow servers need some for a median


_SKLEARN = ("scikit-learn", "pandas", "pyarrow")
_ORT = ("uvloop", "httptools", "onnxruntime", "numpy")
PEERS = {
    "fastapi-sklearn": Peer(
        script="fastapi_sklearn.py",
        requirements=("fastapi", "uvicorn", "uvloop", "httptools", *_SKLEARN),
        goal=50.0,
        seconds=4.0,
    ),
    "fastapi-ort": Peer(
        script="fastapi_ort.py",
        requirements=("fastapi", "uvicorn", *_ORT),
        goal=2.5,
    ),
    "bentoml": Peer(
        script="bentoml_serve.py",
        requirements=("bentoml>=1.4", *_ORT),
        goal=12.0,
    ),
    "mlserver": Peer(
        script="mlserver_lightgbm.py",
        requirements=("mlserver>=1.7", "mlserver-lightgbm", "pandas", "pyarrow", "uvloop<0.22"),
        goal=7.0,
        path="/v2/models/valuation/infer",
        body=_matrix,
    ),
    "mlserver-ort": Peer(
        script="mlserver_ort.py",
        requirements=("mlserver>=1.7", *_ORT),
        path="/v2/models/valuation/infer",
        body=_tensors,
    ),
    "mlflow": Peer(
        script="mlflow_serve.py",
        requirements=("mlflow", *_SKLEARN),
        goal=50.0,
        path="/invocations",
        body=_record,
        seconds=4.0,
    ),
}


@contextmanager
def peer_server(peer: Peer, model: Path, started: Started) -> Iterator[int]:
    """The peer, answering; its port. ``model`` is the release's graph. Raises PeerMissing."""
    folder = valuation.kept(f"peer-{Path(peer.script).stem}-{_digest(peer.requirements)}")
    python = _environment(folder, peer.requirements)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sales = valuation.EXAMPLE / "data" / "sales.parquet"
    script = str(HERE / "peers" / peer.script)
    command = [str(python), script, str(port), str(folder), str(sales), str(model)]
    with (folder / "said").open("w") as said, started(command, stdout=said, stderr=said) as process:
        _wait(port, process, folder / "said")
        yield port


def _digest(requirements: Sequence[str]) -> str:
    return hashlib.sha256(" ".join(requirements).encode()).hexdigest()[:8]


def _environment(folder: Path, requirements: Sequence[str]) -> Path:
    """The Python of an environment with these packages, made once."""
    python, done = folder / "venv" / "bin" / "python", folder / "installed"
    if done.exists():
        return python
    commands = (
        [UV, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder / "venv")],
        [UV, "pip", "install", "--quiet", "--python", str(python), *requirements],
    )
    for command in commands:
        _ran(command)
    done.touch()
    return python


def _ran(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.CalledProcessError as error:
        raise PeerMissing(_last(error.stderr)) from error
    except (subprocess.TimeoutExpired, OSError) as error:
        raise PeerMissing(str(error)) from error


def _wait(port: int, process: subprocess.Popen[Any], said: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise PeerMissing(_last(said.read_text()))
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise PeerMissing(f"not ready in {READY_SECONDS:g} s")


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1]
