"""A library that never comes back: the service gate stays shut without it, and nothing is left."""

import re
import subprocess
import sys

COMMAND = """
import ctypes
import threading
from functools import partial

from interlock.apart import Apart
from interlock.cli.main import main
from interlock.pipeline.probes import allotted

ordinary = allotted.Allotted.part


def pause():
    begun.set(); ctypes.CDLL(None).pause()


def part(gate, name, work):
    if name != "edges":
        return ordinary(gate, name, work)
    allotted.Apart = partial(EndsInIt, gate)
    return ordinary(gate, name, pause)


class EndsInIt(Apart):
    def __init__(self, gate, call):
        self.gate = gate
        super().__init__(call)

    def result(self, seconds):
        begun.wait()
        end = threading.Timer(0.3, self.gate._expire)
        end.start()
        end.join()
        return super().result(0.3)


begun = threading.Event()
allotted.Allotted.part = part
main()
"""


def processes(session):
    asked = ["ps", "-s", str(session), "-o", "stat=,args="]
    said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    return [line for line in said.splitlines() if not line.startswith("Z")]


def test_the_gate_stays_shut_and_the_command_ends(continued, days):
    live, stages = continued.live(), continued.stages()
    (continued.folder / "contracts").mkdir()
    asked = '{"consumer": "broker", "interactions": [{"request": {}, "response": {"status": 422}}]}'
    (continued.folder / "contracts" / "broker.json").write_text(asked)
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, "deliver", "--as-of", days[1], "--verbose"],
        cwd=continued.folder, env=continued.environ(), stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    ) as command:  # fmt: skip
        _, told = command.communicate(timeout=280)
    assert command.returncode == 3, told
    assert "error[V100]: the service gate stays shut" in told
    hung = r"edges: did not come back in \d+\.\d s from pause \(<string>:14\)"
    before = ", ".join(
        rf"{part} \d+\.\d s"
        for part in ("online store", "history recomputed", "start", "contracts", "parity")
    )
    assert re.search(f"not measured within 60 s: {hung}; before it {before}", told), told
    assert processes(command.pid) == []

    assert continued.live() == live
    assert continued.stages() == stages, "what was not measured is no stage's result"
    (row, *_) = continued.workspace().ledger.deliveries.newest(product="houses")
    assert (row.status, row.finished is not None) == ("blocked", True)
    assert continued.run("verify").code == 0
