"""An exported release answers where only the serving dependencies are installed."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = [sys.executable, "-m", "uv"]
TRAINING = "sklearn pandas lightgbm optuna scipy duckdb pyarrow onnx sqlalchemy skops".split()


@pytest.fixture
def exported(delivered, tmp_path):
    ran = delivered.run("export", "--out", tmp_path / "release")
    assert ran.code == 0, ran.err
    return tmp_path / "release"


@pytest.fixture(scope="module")
def serving_python(tmp_path_factory):
    """A Python with the packages of locks/serve.txt and nothing else."""
    place = tmp_path_factory.mktemp("venv") / "serve"
    subprocess.run([*UV, "venv", "-q", "--python", sys.executable, str(place)], check=True)
    python = place / "bin" / "python"
    lock = ROOT / "locks" / "serve.txt"
    install = [*UV, "pip", "sync", "-q", "--require-hashes", "--python", str(python), str(lock)]
    subprocess.run(install, check=True)
    return python


def test_a_release_is_verified_and_served_without_training_libraries(exported, serving_python):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    interlock = [str(serving_python), "-m", "interlock"]
    absent = subprocess.run(
        [str(serving_python), "-c", f"import importlib.util as u; "
         f"print([n for n in {TRAINING!r} if u.find_spec(n)])"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert absent.stdout.strip() == "[]"
    verified = subprocess.run(
        [*interlock, "verify", str(exported)], env=environment, capture_output=True, text=True
    )
    assert verified.returncode == 0, verified.stderr
    service = subprocess.Popen(
        [*interlock, "serve", "--bundle", str(exported), "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = service.stdout.readline()
        url = re.search(r"http://[\w.:]+", line)[0]
        with urllib.request.urlopen(f"{url}/v1/schema", timeout=60) as reply:
            example = json.load(reply)["example"]
        body = json.dumps(example).encode()
        request = urllib.request.Request(
            f"{url}/v1/predict", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            answer = json.load(reply)
        assert answer["prediction"] > 0
        assert answer["digest"] == next((exported / "bundle").iterdir()).name
    finally:
        service.send_signal(signal.SIGINT)
        assert service.wait(timeout=60) == 0, service.stderr.read()
