"""Run a command in this process, and look at what it said."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from interlock.cli.main import run
from interlock.clock import DAY, parse_instant
from interlock.errors import ExitCode, Mistake
from interlock.pipeline.delivery.ending import Delivered
from interlock.report.content import Command, Content
from interlock.store.rows import DeliveryRow
from interlock.verdict import Check, GateResult, Verdict


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def interlock(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Said]:
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: str) -> Said:
        capsys.readouterr()
        code = run(arguments)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call


AS_OF = parse_instant("1997-06-30T00:00:00Z")


@pytest.fixture
def blocked() -> Delivered:
    """A delivery that the model gate stopped."""
    sentence = "the model gate stays shut; no release made, prod still runs 1.3.0"
    check = Check(name="mdape", verdict=Verdict.ERROR, measured=float("nan"), reason="no rows")
    return Delivered(
        row=DeliveryRow(
            id="d" * 32,
            product="rents",
            number=7,
            as_of=AS_OF,
            status="blocked",
            git_commit="c" * 40,
            dirty=False,
            goal="prod",
            started=AS_OF,
            finished=AS_OF,
            summary={"sentence": sentence, "label": None},
        ),
        content=Content(
            product="rents",
            number=7,
            as_of=AS_OF,
            status=sentence,
            champion="1.3.0",
            champion_live_for=12 * DAY,
            gates=(GateResult(gate="model", checks=(check,)),),
            next_commands=(
                Command(line="interlock explain M204", purpose="what it asks"),
                Command(line="interlock deliver", purpose="after mending it"),
            ),
        ),
        folder=Path("/state"),
        mistakes=(
            Mistake(code="M204", what="the model gate stays shut", expected="every check to pass"),
        ),
        exit_code=ExitCode.BLOCKED,
    )
