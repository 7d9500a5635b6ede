"""The log ships itself, is retained by the settings, and says how that stands."""

import sys

import pytest
from service_runs import wait_for

from interlock.clock import DAY, now
from interlock.errors import StoreError
from interlock.serve.log.prediction_log import LogOptions, PredictionLog
from interlock.serve.log.record import Record, read_record, record_bytes
from interlock.serve.log.shipping import read_all
from interlock.serve.log.shipping_state import read_state, standing
from interlock.store.rows import DeliveryRow
from interlock.use_cases import log_keeper, log_keeping
from interlock.use_cases.log_erase import retain
from interlock.use_cases.log_keeper import LogKeeper, keep
from interlock.use_cases.log_keeping import LogKeeping, log_kept
from interlock.workspace import Workspace


def open_workspace(folder, settings):
    (folder / "pyproject.toml").write_text(f"[tool.interlock.log]\n{settings}")
    workspace = Workspace.open(folder, {})
    if not workspace.ledger.deliveries.products():
        workspace.ledger.deliveries.start(
            DeliveryRow(
                id="d1",
                product="rents",
                number=0,
                as_of=1,
                status="running",
                git_commit="c",
                dirty=False,
                goal="prod",
                started=1,
            )
        )
    return workspace


def keeper(folder, settings='ship = "parquet"\n'):
    workspace = open_workspace(folder, settings)
    return LogKeeper(workspace=workspace, environment="prod", product="rents")


@pytest.fixture
def log(tmp_path):
    """Twenty records, one a day until now; the newest ones in a segment that stays open."""
    place = tmp_path / ".interlock" / "environments" / "prod" / "rents" / "log"
    first = now() - 20 * DAY
    with PredictionLog.open(place, "w0", LogOptions(segment_bytes=500)) as writer:
        for n in range(20):
            record = Record(id=f"id{n:02d}", time=first + n * DAY, product="rents", status=200)
            writer.append([record_bytes(record)])
    return place


def ids(log):
    return sorted(read_record(entry.payload).id for entry in read_all(log))


def test_what_is_finished_is_shipped_and_the_ledger_is_not_filled(tmp_path, log):
    keeping = keeper(tmp_path)
    before, begun = keeping.workspace.ledger.head().sequence, now()
    keeping.look()
    keeping.look()
    assert list((log.parent / "log-parquet").rglob("w0-*.parquet"))
    assert ids(log) == [f"id{n:02d}" for n in range(20)]
    found = standing(log)
    assert (found.failures, found.problem) == (0, "")
    assert begun <= found.shipped_at <= now()
    assert found.unshipped_bytes == sum(p.stat().st_size for p in log.glob("*.log")) < 1_000
    assert keeping.workspace.ledger.head().sequence == before


def test_days_that_are_over_are_compacted_once_a_day(tmp_path, log, monkeypatch):
    asked, moment = [], now()
    monkeypatch.setattr(log_keeper, "now", lambda: moment)
    real = log_keeper.compact_log
    monkeypatch.setattr(log_keeper, "compact_log", lambda *a, **k: asked.append(1) or real(*a, **k))
    keeping = keeper(tmp_path)
    before = keeping.workspace.ledger.head().sequence
    keeping.look()
    keeping.look()
    assert len(asked) == 1
    assert len(list((log.parent / "log-parquet" / "predictions").glob("*.parquet"))) <= 20
    assert ids(log) == [f"id{n:02d}" for n in range(20)]
    assert keeping.workspace.ledger.head().sequence == before
    monkeypatch.setattr(log_keeper, "now", lambda: moment + DAY)
    keeping.look()
    assert len(asked) == 2
    keeper(tmp_path, 'ship = "parquet"\ncompact = false\n').look()
    assert len(asked) == 2


def test_the_settings_name_the_folder_by_environment_and_product(tmp_path, log):
    keeper(tmp_path, 'ship = "parquet"\ndirectory = "shipped"\n').look()
    assert list((tmp_path / "shipped" / "prod" / "rents").rglob("w0-*.parquet"))


def test_what_is_too_old_is_removed_once_a_day(tmp_path, log, monkeypatch):
    keeping = keeper(tmp_path, 'ship = "parquet"\nretain = "5d"\n')
    keeping.look()
    keeping.look()
    assert ids(log) == [f"id{n:02d}" for n in range(16, 20)]
    assert len(keeping.workspace.ledger.events(kind="log.retained")) == 1
    monkeypatch.setattr(log_keeper, "now", lambda: now() + 2 * DAY)
    keeping.look()
    assert len(keeping.workspace.ledger.events(kind="log.retained")) == 2


def test_what_is_too_old_goes_though_nothing_can_be_shipped(tmp_path, log, capfd):
    (tmp_path / "taken").write_text("a file")
    keeper(tmp_path, 'ship = "parquet"\ndirectory = "taken"\nretain = "5d"\n').look()
    assert ids(log) == [f"id{n:02d}" for n in range(16, 20)]
    found = read_state(log)
    assert (found.failures, found.shipped_at) == (1, None)
    assert "error[L102]" in found.problem
    assert capfd.readouterr().err == f"shipping the prediction log: {found.problem}\n"


def test_scores_of_ended_rollouts_go_with_what_is_too_old(tmp_path, log):
    ended = log.parent / "shadow" / "ended"
    with PredictionLog.open(ended, "shadow") as scores:
        of = Record(id="", time=1, product="rents", status=200, shadows=("w0", 0, 48))
        scores.append([record_bytes(of)])
    keeper(tmp_path, 'retain = "30d"\n').look()
    assert ended.is_dir()
    retain(keeper(tmp_path).workspace, "rents", older_than="5d")
    assert not ended.exists()


def test_a_problem_is_left_for_the_service_told_once_and_tried_again(
    tmp_path, log, monkeypatch, capfd
):
    keeping = keeper(tmp_path)

    def fail(*_, **__):
        raise StoreError("L101", "there is no space", where="/disk")

    with monkeypatch.context() as patched:
        patched.setattr(log_keeper, "ship_log", fail)
        keeping.look()
        keeping.look()
    assert capfd.readouterr().err.count("there is no space") == 1
    assert read_state(log).failures == 2
    assert "there is no space" in standing(log).problem
    assert standing(log).shipped_at is None
    keeping.look()
    assert (standing(log).failures, standing(log).problem) == (0, "")


def test_it_looks_at_once_and_after_each_span_until_its_input_ends(tmp_path, log):
    keeping = keeper(tmp_path, 'ship = "parquet"\nevery = "90s"\n')
    asked = []
    keep(keeping, lambda seconds: asked.append(seconds) or len(asked) == 2)
    assert asked == [90.0, 90.0]
    assert read_state(log) is not None


def test_a_log_that_nobody_ships_says_nothing(tmp_path, log):
    assert standing(log) is None
    with log_kept(open_workspace(tmp_path, ""), "prod", "rents") as keeping:
        assert keeping is None


def test_the_process_ships_and_ends_with_its_starter(tmp_path, log, monkeypatch):
    monkeypatch.setattr(log_keeping, "_STOP_SECONDS", 60.0)  # it ends by itself, and is not killed
    workspace = open_workspace(tmp_path, 'ship = "parquet"\nevery = "1h"\n')
    with log_kept(workspace, "prod", "rents") as keeping:
        wait_for(lambda: read_state(log), seconds=200)  # of the lower priority
        assert standing(log).problem == ""
        process = keeping.process
    assert process.returncode == 0
    assert ids(log) == [f"id{n:02d}" for n in range(20)]


def test_a_process_that_cannot_be_started_is_tried_again_later():
    keeping = LogKeeping(command=("/no/such/program",))
    keeping.tick()
    keeping.due = 0.0
    keeping.tick()
    assert (keeping.process, keeping.failures) == (None, 2)
    keeping.stop()


def test_a_process_that_ends_is_started_again_after_a_pause():
    keeping = LogKeeping(command=(sys.executable, "-c", "raise SystemExit(3)"))
    keeping.tick()
    first = keeping.process
    first.wait()
    keeping.tick()
    assert (keeping.process, keeping.failures) == (None, 1)
    keeping.due = 0.0
    keeping.tick()
    assert keeping.process is not first
    keeping.process.wait()
    keeping.tick()
    assert keeping.failures == 2
    keeping.stop()
