"""interlock deliver: what is found before anything runs, and what a delivery remembers."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from interlock.clock import parse_instant
from interlock.deploy.environment import environments as declared
from interlock.errors import OperatorError, StoreError
from interlock.pipeline.delivery import delivery
from interlock.pipeline.delivery.revision import Revision
from interlock.pipeline.narrator import Silent
from interlock.pipeline.places import Places
from interlock.report.documents import JUNIT
from interlock.store.ledger import Ledger
from interlock.store.rows import DeliveryRow
from interlock.use_cases import deliver as use_case
from interlock.use_cases.deliver import deliver


class Untouched:
    """A workspace of which nothing may be asked."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"asked for {name}")


def test_a_copy_must_have_a_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "file" / "checks.xml"):
        with pytest.raises(StoreError) as found:
            deliver(Untouched(), copies={JUNIT: place})  # type: ignore[arg-type]
        assert found.value.code == "L102"
        assert found.value.mistakes[0].where == str(place)


AS_OF, LATER = parse_instant("1997-07-01T00:00:00Z"), parse_instant("1997-07-02T09:00:00Z")
FILES = Revision(commit="c", dirty=False)
ROW = DeliveryRow(
    id="d1", product="houses", number=0, as_of=AS_OF, status="interrupted", git_commit="c",
    dirty=False, goal="staging", hold=True, full=True, started=AS_OF,
)  # fmt: skip


@pytest.fixture
def resumed(tmp_path, monkeypatch):
    """Resumes the newest delivery as the command does, up to its first step."""
    places, environments = Places(tmp_path), declared({"prod": {"full_service_gate": False}})
    ledger, runs = Ledger.open(places.ledger), []

    def deployer(bound, as_of):
        context = SimpleNamespace(ledger=ledger, as_of=as_of, narrator=Silent())
        notary = SimpleNamespace(keys=())
        return SimpleNamespace(context=context, product="houses", places=places, notary=notary)

    def ran(run):
        runs.append(run)
        return SimpleNamespace(missing=())

    monkeypatch.setattr(delivery, "_run", ran)
    monkeypatch.setattr(use_case, "revision_of", lambda folder: FILES)
    monkeypatch.setattr(use_case, "require_known", lambda folder, products: None)
    monkeypatch.setattr(use_case, "now", lambda: LATER)
    workspace = SimpleNamespace(
        environments=environments,
        products=("houses",),
        settings=SimpleNamespace(project_dir=tmp_path, log=SimpleNamespace(full="refuse")),
        bound=lambda name: SimpleNamespace(zone="UTC"),
        deployer=deployer,
    )

    def resume(row, **asked):
        if row is not None:
            ledger.deliveries.start(row)
        deliver(workspace, resume=True, **asked)
        (run,) = runs
        return run

    return resume


@pytest.mark.parametrize("row", [ROW, replace(ROW, goal="prod", hold=False, full=False)])
def test_what_is_resumed_remembers_what_it_was_begun_for(resumed, row):
    run = resumed(row)
    goal = run.goal
    assert (goal.last.name, goal.hold, goal.full) == (row.goal, row.hold, row.full)
    assert run.context.as_of == AS_OF


def test_the_same_may_be_said_again_and_the_full_form_asked_for(resumed):
    run = resumed(replace(ROW, full=False), to="staging", hold=True, as_of="1997-07-01", full=True)
    assert (run.row.number, run.goal.full) == (1, True)


@pytest.mark.parametrize(
    ("begun", "asked", "got"),
    [
        (ROW, {"to": "prod"}, "to prod, held, as of 1997-07-01T00:00:00Z"),
        (
            replace(ROW, hold=False),
            {"hold": True},
            "to staging, held, as of 1997-07-01T00:00:00Z",
        ),
        (ROW, {"as_of": "1997-07-02"}, "to staging, held, as of 1997-07-02T00:00:00Z"),
    ],
)
def test_what_says_otherwise_is_refused(resumed, begun, asked, got):
    with pytest.raises(OperatorError) as caught:
        resumed(begun, **asked)
    held = ", held" if begun.hold else ""
    assert str(caught.value) == (
        "error[E123]: the delivery that is resumed was begun for something else\n"
        "  where: delivery 1\n"
        f"  expected: to staging{held}, as of 1997-07-01T00:00:00Z\n"
        f"  got: {got}\n"
        "  fix: run `interlock deliver --resume` without further options, or begin anew without "
        "--resume\n"
        "  untouched: what is live"
    )


@pytest.mark.parametrize(
    ("row", "got"),
    [
        (None, "none: it was never delivered"),
        (replace(ROW, status="delivered"), "delivery 1, which came to its end"),
    ],
)
def test_nothing_to_resume_says_what_there_is(resumed, row, got):
    with pytest.raises(OperatorError) as caught:
        resumed(row)
    (mistake,) = caught.value.mistakes
    assert (mistake.code, mistake.where, mistake.got) == ("E120", "product houses", got)
