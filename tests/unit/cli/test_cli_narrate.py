"""What is told while a command runs, on a terminal and elsewhere."""

import io
import time

from interlock.cli.narrate import Log, Terminal, narrator
from interlock.report.content import Step, StepStatus
from interlock.verdict import Check, GateResult, Verdict

STEP = Step(name="features", status=StepStatus.RAN, seconds=0.3, detail="9 request, 6 history")
LINE = "✔ features       9 request, 6 history                                   0.3 s"
GATE = GateResult(
    gate="data",
    checks=(
        Check(name="minimum rows", verdict=Verdict.PASSED),
        Check(name="fresh", verdict=Verdict.FAILED, reason="3 d old"),
    ),
)
GATE_STEP = Step(name="data", status=StepStatus.FAILED, seconds=0.1)


class _Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_each_change_of_state_is_one_line():
    stream = io.StringIO()
    told = Log(stream)
    told.started("features")
    told.progress("features", 5, 10)
    told.finished(STEP)
    told.close()
    assert stream.getvalue() == f"… features started\n{LINE}\n"


def test_elsewhere_each_part_of_a_long_step_is_told_as_it_begins():
    stream = io.StringIO()
    told = Log(stream)
    told.started("service")
    for part in ("start", "contracts", "parity"):
        told.doing("service", part)
    told.close()
    assert stream.getvalue().splitlines() == [
        "… service gate started",
        "… service gate: start",
        "… service gate: contracts",
        "… service gate: parity",
    ]


def test_a_gate_shows_what_keeps_it_shut_and_all_when_asked():
    stream = io.StringIO()
    Log(stream).finished(GATE_STEP, GATE)
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("✖ data gate      1 passed, 1 failed")
    assert lines[1:] == ["    ✖ fresh               failed · 3 d old"]
    stream = io.StringIO()
    Log(stream, verbose=True).finished(GATE_STEP, GATE)
    assert stream.getvalue().splitlines()[2:] == ["    ✔ minimum rows        passed"]


def test_a_quick_step_has_no_bar(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    stream = _Tty()
    told = Terminal(stream)
    told.started("features")
    told.progress("features", 5, 10)
    told.finished(STEP)
    assert stream.getvalue() == LINE + "\n"


def test_a_long_step_has_a_bar_with_n_of_n_that_is_taken_away(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    stream = _Tty()
    told = Terminal(stream, after_seconds=0.0)
    told.started("train")
    told.progress("train", 30, 120)
    end = time.monotonic() + 60
    while "30/120" not in stream.getvalue() and time.monotonic() < end:
        time.sleep(0.02)
    told.close()
    assert "30/120" in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[1A\x1b[2K")  # the line of the bar is erased


def test_a_failure_takes_the_bar_away(monkeypatch):
    stream = _Tty()
    monkeypatch.setattr("sys.stderr", stream)
    try:
        with narrator() as told:
            told.started("train")
            raise ValueError
    except ValueError:
        pass
    assert told._bar is None


def test_a_gate_is_begun_by_the_name_that_its_end_has():
    stream = io.StringIO()
    Log(stream).started("model")
    assert stream.getvalue() == "… model gate started\n"


def test_what_is_good_to_know_at_once_is_a_line_of_its_own():
    stream = io.StringIO()
    Log(stream).noted("the contract of \x1b[5mbroker is broken")
    assert stream.getvalue() == "! the contract of \\x1b[5mbroker is broken\n"


def test_it_stands_above_the_bar(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    stream = _Tty()
    told = Terminal(stream, after_seconds=0.0)
    told.noted("before any step")
    told.started("service")
    end = time.monotonic() + 60
    while "service gate" not in stream.getvalue() and time.monotonic() < end:
        time.sleep(0.02)
    told.noted("the contract of broker is broken")
    told.close()
    said = stream.getvalue()
    assert "before any step\n" in said
    assert "the contract of broker is broken\n" in said
    assert "service gate" in said.partition("broker is broken\n")[2]  # the bar is drawn again
