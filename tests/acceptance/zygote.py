"""Runs the command line in forked processes, so that a test need not pay for the imports again.

Both ends: :class:`Zygote` for the tests, and the process itself. That imports, and computes
nothing: the threads of its libraries wait idle and hold no lock when it forks. A child is a
process like any other: it has its own exit code and its own session, and kill -9 works on it.

One JSON line a command on standard input; a JSON line when it has begun (its process id), and one
when it has ended (its wait status). Several may run at once.
"""

import gc
import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

IMPORTED = (
    "interlock.cli.render",
    "interlock.cli.render_delivery",
    "interlock.cli.render_diff",
    "interlock.cli.render_show",
    "interlock.cli.render_status",
    "interlock.features.historysql",
    "interlock.pipeline.judging.champion",
    "interlock.pipeline.training.exporting",
    "interlock.pipeline.judging.misfit",
    "interlock.pipeline.training.packaging",
    "interlock.pipeline.probing",
    "interlock.store.migrate",
    "interlock.use_cases.deliver",
    "interlock.use_cases.diff",
    "interlock.use_cases.export",
    "interlock.use_cases.rollback",
    "interlock.use_cases.verify",
    "interlock.workspace",
    "onnx",
    "pyarrow.pandas_compat",
    "sklearn.calibration",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sqlalchemy.dialects.sqlite",
    "sqlglot.dialects.duckdb",
)


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a command ended: a negative code is the signal that killed it."""

    code: int
    out: str
    err: str
    seconds: float
    pid: int = 0

    @property
    def json(self):
        return json.loads(self.out)


@dataclass(frozen=True, kw_only=True)
class Started:
    """A command that runs, with what subprocess.Popen has of it."""

    pid: int
    stdout: object
    stderr: object
    ended: Future

    def poll(self):
        return self.ended.result() if self.ended.done() else None

    def wait(self, timeout=None):
        return self.ended.result(timeout)

    @property
    def returncode(self):
        return self.poll()

    def communicate(self, timeout=None):
        out = self.stdout.read()
        self.wait(timeout)
        return out, self.stderr.read()

    def send_signal(self, number):
        if not self.ended.done():
            os.kill(self.pid, number)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)


@dataclass
class Zygote:
    """The process that forks, as the tests see it."""

    process: subprocess.Popen = field(init=False)
    place: tempfile.TemporaryDirectory = field(init=False)
    begun: dict = field(default_factory=dict)
    ended: dict = field(default_factory=dict)
    numbers: count = field(default_factory=count)

    def __post_init__(self):
        self.place = tempfile.TemporaryDirectory(prefix="zygote-")
        self.process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout.readline() == "ready\n", "the command line cannot be imported"
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.place.cleanup()

    def run(self, arguments, folder, environ, *, kill_after, file_limit=None):
        """A command to its end; no file that it writes may grow beyond so many bytes."""
        number = next(self.numbers)
        out, err = self._files(number)
        started = time.monotonic()
        pid, ended = self._ask(number, arguments, folder, environ, out, err, file_limit)
        timer = threading.Timer(kill_after, os.kill, (pid, signal.SIGKILL))
        timer.start()
        code = ended.result()
        timer.cancel()
        seconds = time.monotonic() - started
        return Ran(code=code, out=out.read_text(), err=err.read_text(), seconds=seconds, pid=pid)

    def spawn(self, arguments, folder, environ):
        """A command in the background."""
        number = next(self.numbers)
        out, err = self._files(number)
        os.mkfifo(out)
        reading = os.open(out, os.O_RDONLY | os.O_NONBLOCK)  # before anybody writes
        pid, ended = self._ask(number, arguments, folder, environ, out, err)
        os.set_blocking(reading, True)
        return Started(pid=pid, stdout=os.fdopen(reading), stderr=err.open(), ended=ended)

    def _files(self, number):
        return tuple(Path(self.place.name) / f"{number}.{name}" for name in ("out", "err"))

    def _ask(self, number, arguments, folder, environ, out, err, file_limit=None):
        """(process id, the exit code to come)."""
        begun, ended = self.begun[number], self.ended[number] = Future(), Future()
        row = {
            "number": number,
            "arguments": list(map(str, arguments)),
            "folder": str(folder),
            "environ": environ,
            "stdout": str(out),
            "stderr": str(err),
            "file_limit": file_limit,
        }
        self.process.stdin.write(json.dumps(row) + "\n")
        self.process.stdin.flush()
        return begun.result(200), ended

    def _listen(self):
        for line in self.process.stdout:
            said = json.loads(line)
            if "pid" in said:
                self.begun.pop(said["number"]).set_result(said["pid"])
            else:
                code = os.waitstatus_to_exitcode(said["status"])
                self.ended.pop(said["number"]).set_result(code)


# --- the process ------------------------------------------------------------------------------


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    warm()
    waking, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    answers.write("ready\n")
    commands, running = os.fdopen(0, "rb", buffering=0), {}
    while True:
        ready, _, _ = select.select([commands, waking], [], [])
        if waking in ready:
            os.read(waking, 4_096)
        for pid in list(running):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                answers.write(json.dumps({"number": running.pop(pid), "status": status}) + "\n")
        if commands in ready:
            line = commands.readline()
            if not line:
                return
            command = json.loads(line)
            streams = opened(command)  # before anybody is told of the process
            pid = os.fork()
            if pid == 0:
                child(command, streams)
            for number in streams:
                os.close(number)
            running[pid] = command["number"]
            answers.write(json.dumps({"number": command["number"], "pid": pid}) + "\n")


def warm():
    """Import what commands need."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as the command line does, before OpenMP
    cli = importlib.import_module("interlock.cli.main")
    commands = (f"interlock.cli.{name}" for name in cli.COMMANDS)
    for name in ("cyclopts", *commands, *IMPORTED):
        importlib.import_module(name)
    gc.set_threshold(1_000_000)  # as the command line does
    gc.freeze()  # children look for garbage among their own objects


def opened(command):
    """Its standard input, output and error."""
    writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    named = (os.devnull, os.O_RDONLY), (command["stdout"], writing), (command["stderr"], writing)
    return [os.open(name, flags, 0o644) for name, flags in named]


def child(command, streams):
    from interlock.cli.main import run

    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.chdir(command["folder"])
    os.environ.clear()
    os.environ.update(command["environ"])
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    if (most := command["file_limit"]) is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    sys.argv = ["interlock", *command["arguments"]]
    code = 1
    try:
        code = run(command["arguments"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
