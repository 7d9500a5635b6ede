import base64
import csv
import json
import re
import shutil

import pyarrow.parquet as pq
import pytest

from interlock.cli.main import run
from interlock.serve.log.outcome import Outcome, outcome_bytes
from interlock.serve.log.prediction_log import LogOptions, PredictionLog
from interlock.serve.log.record import Record, record_bytes
from interlock.use_cases import log_removal
from interlock.workspace import Workspace


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A new project with a log: answers, a refusal, a row that is not covered."""
    folder = tmp_path_factory.mktemp("log") / "shop"
    assert run(["init", str(folder)]) == 0
    (product,) = Workspace.open(folder, {}).products
    log = folder / ".interlock" / "environments" / "prod" / product / "log"
    known = {"product": product, "label": "1.0.0", "digest": "ab" * 32}
    records = [
        Record(id=f"id{n}", time=1_700_000_000_000_000 + n, status=200, entity=(f"u{n}",), **known)
        for n in range(3)
    ]
    records.append(
        Record(
            id="id3",
            time=1_700_000_001_000_000,
            status=422,
            error="S110",
            message="wrong\x1b[31m",
            request=b"\xff{",
            **known,
        )
    )
    records.append(
        Record(
            id="id4",
            time=1_700_000_002_000_000,
            status=200,
            entity=("u4", 7),
            not_covered="area is too large",
            **known,
        )
    )
    with PredictionLog.open(log, "w0", LogOptions(segment_bytes=100)) as writer:
        for record in records:
            writer.append([record_bytes(record)])
    return folder


def test_the_newest_come_first(interlock, project):
    done = interlock("log", "-C", str(project), "--limit", "2")
    assert done.err == ""
    lines = done.out.splitlines()
    assert lines[0].split() == "time id status release arm entity prediction said".split()
    assert lines[1].split()[:6] == ["2023-11-14", "22:13:22", "id4", "200", "1.0.0", "champion"]
    assert lines[1].endswith("u4 7                area is too large")
    assert "\x1b" not in done.out
    assert "S110 wrong" in lines[2]
    assert lines[-1].endswith("in prod: 2 of 5 records")


@pytest.mark.parametrize(
    ("flags", "ids"),
    [
        (["--id", "id1", "--id", "id2"], ["id2", "id1"]),
        (["--entity", "u4", "7"], ["id4"]),
        (["--status", "422"], ["id3"]),
        (["--covered"], ["id2", "id1", "id0"]),
        (["--rejected"], ["id4", "id3"]),
        (["--since", "2023-11-15"], []),
        (["--until", "2023-11-14T22:13:21+00:00"], ["id2", "id1", "id0"]),
        (["--since", "1h"], []),
        (["--release", "9.9.9"], []),
        (["--arm", "champion", "--release", "abab"], ["id4", "id3", "id2", "id1", "id0"]),
    ],
)
def test_filters(interlock, project, flags, ids):
    answer = json.loads(interlock("log", "-C", str(project), "--json", *flags).out)
    assert [row["id"] for row in answer["rows"]] == ids
    assert answer["found"] == len(ids)


def test_exports(interlock, project, tmp_path):
    for name in ("rows.parquet", "rows.csv", "rows.jsonl"):
        done = interlock("log", "-C", str(project), "--out", str(tmp_path / name))
        assert done.out.splitlines()[-1] == f"✔ wrote 5 rows to {tmp_path / name}"
    expected = ["id4", "id3", "id2", "id1", "id0"]
    assert pq.read_table(tmp_path / "rows.parquet")["id"].to_pylist() == expected
    with (tmp_path / "rows.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["id"] for row in rows] == expected
    assert rows[0]["entity"] == '["u4","7"]'
    lines = (tmp_path / "rows.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["id"] for line in lines] == expected
    wrong = interlock("log", "-C", str(project), "--out", str(tmp_path / "rows.xls"))
    assert wrong.code == 2
    assert "S186" in wrong.err


@pytest.mark.parametrize("command", [(), ("ship",), ("compact",), ("retain", "--older-than", "1d")])
def test_an_environment_that_is_none_is_refused_with_all_that_can_be_asked(
    interlock, project, command
):
    wrong = interlock("log", *command, "-C", str(project), "--environment", "production")
    assert wrong.code == 2
    assert (
        "error[E106]: there is no such environment\n"
        "  expected: one of dev, staging, prod, replay\n"
        "  got: 'production'\n"
    ) in wrong.err
    assert interlock("log", *command, "-C", str(project), "--environment", "replay").code == 0


def test_sql(interlock, project):
    query = "SELECT status, count(*) AS n FROM predictions GROUP BY 1 ORDER BY 1"
    done = interlock("log", "-C", str(project), "--sql", query)
    assert done.out.splitlines()[:3] == ["  status  n", "  200     4", "  422     1"]
    wrong = interlock("log", "-C", str(project), "--sql", "DELETE FROM predictions")
    assert wrong.code == 2
    assert "S185" in wrong.err


def test_a_moment_that_cannot_be_read_may_be_a_span_too(interlock, project):
    wrong = interlock("log", "-C", str(project), "--since", "yesterday")
    assert wrong.code == 2
    assert "1996-12-31T00:00:00Z, or a span before now such as 1h\n  got: 'yesterday'" in wrong.err


@pytest.fixture
def told(project, tmp_path):
    """The same project with outcomes: one corrected, one disputed, one of nothing known."""
    folder = tmp_path / "told"
    shutil.copytree(project, folder)
    (product,) = Workspace.open(folder, {}).products
    at = 1_700_000_100_000_000
    with PredictionLog.open(
        folder / ".interlock" / "environments" / "prod" / product / "log", "w1"
    ) as writer:
        for prediction, value, revision, observed in (
            ("id1", 12.5, 0, at),
            ("id1", 13.0, 1, at + 1_000_000),
            ("id0", "sold\x1b[31m", 0, at),
            ("id0", "not sold", 0, at),
            ("nowhere", True, 0, at),
        ):
            sent = Outcome(
                prediction=prediction, name="rent", value=value, event_time=at,
                observed_at=observed, source="office", revision=revision, time=observed,
            )  # fmt: skip
            writer.append([outcome_bytes(sent)])
    return folder


def test_a_prediction_is_shown_with_its_outcomes(interlock, told):
    done = interlock("log", "-C", str(told), "--id", "id1", "--id", "nowhere")
    lines = [line.rstrip() for line in done.out.splitlines()]
    assert lines[2:-3] == [
        "",
        "  observed             id       outcome  value  source  revision  said",
        "  2023-11-14 22:15:00  id1      rent     12.5   office  0         "
        "superseded 2023-11-14 22:15:01",
        "  2023-11-14 22:15:01  id1      rent     13     office  1",
        "  2023-11-14 22:15:00  nowhere  rent     True   office  0         "
        "its prediction is not in this log",
    ]
    assert lines[-2] == "! 1 outcome of predictions that are not in this log"
    assert lines[-1].endswith("in prod: 1 record")
    other = interlock("log", "-C", str(told), "--id", "id0").out
    assert "disputed: sent with another value too" in other
    assert "\x1b" not in other


def test_outcomes_are_in_json_and_in_sql(interlock, told):
    answer = json.loads(interlock("log", "-C", str(told), "--json", "--id", "id1").out)
    assert [(o["value"], o["revision"], o["superseded_at"]) for o in answer["outcomes"]] == [
        (12.5, 0, "2023-11-14T22:15:01+00:00"),
        (13.0, 1, None),
    ]
    assert answer["unknown"] == 1
    query = (
        "SELECT p.id, o.value FROM predictions p JOIN outcomes o ON o.prediction_id = p.id "
        "WHERE o.superseded_at IS NULL AND o.value IS NOT NULL"
    )
    found = json.loads(interlock("log", "-C", str(told), "--json", "--sql", query).out)
    assert found["rows"] == [{"id": "id1", "value": 13.0}]


def test_shipping_leaves_every_row_readable_once(interlock, project):
    before = interlock("log", "-C", str(project), "--json").out
    done = interlock("log", "ship", "-C", str(project))
    assert done.code == 0
    assert re.search(r"✔ shipped 4 records of 4 segments to .*/log-parquet$", done.out.strip())
    assert interlock("log", "-C", str(project), "--json").out == before
    again = json.loads(interlock("log", "ship", "-C", str(project), "--json").out)
    assert again["shipped"]["rows"] == 0
    assert interlock("verify", "-C", str(project)).code == 0


def test_compacting_is_on_record_and_leaves_every_row(interlock, project):
    before = interlock("log", "-C", str(project), "--json").out
    interlock("log", "ship", "-C", str(project))
    done = interlock("log", "compact", "-C", str(project))
    assert (done.code, done.out.strip()) == (0, "✔ compacted 4 files of 4 records to 1 file")
    assert interlock("log", "-C", str(project), "--json").out == before
    again = interlock("log", "compact", "-C", str(project))
    assert again.out.startswith("= nothing to compact")
    (event,) = Workspace.open(project, {}).ledger.events(kind="log.compacted")
    assert event.body == {"files": 4, "made": 1, "rows": 4}
    assert interlock("verify", "-C", str(project)).code == 0


def test_a_units_rows_are_erased_on_record(interlock, project):
    flags = ("-C", str(project), "--entity", "u1", "--reason", "request 17")
    done = interlock("log", "erase", *flags)
    assert (done.code, done.err) == (8 if "✖ not done" in done.out else 0, "")
    exports = "! an export holds it, or may: "  # those of other tests
    lines = [line for line in done.out.splitlines() if not line.startswith(exports)]
    assert lines[0] == "✔ removed 1 record from the log of rents in prod"
    assert lines[1].startswith("  searched: this log, stored snapshots and what was made of them")
    assert lines[2:-1] == [
        "  not searched: the sources, copies of exports, files of predictions, logs of exported "
        "releases that were not named (--log), backups, what disks keep of deleted files, what "
        "models learned",
    ]
    assert json.loads(interlock("log", "-C", str(project), "--json").out)["found"] == 4
    again = json.loads(interlock("log", "erase", *flags, "--json").out)
    assert (again["rows"], again["resumed"]) == (0, False)
    (first, _) = Workspace.open(project, {}).ledger.events(kind="log.erased")[:2]
    assert set(first.body) == {"id", "entity", "by", "reason", "rows", "envelope"}
    assert (first.body["reason"], len(first.body["entity"])) == ("request 17", 64)
    named = interlock("log", "erase", "-C", str(project), "--entity", "u1", "--reason", "for u1")
    assert named.code == 2
    assert "S187" in named.err


def test_an_erasure_that_died_is_finished_and_recorded_once(interlock, project, monkeypatch):
    def die(log):
        raise KeyboardInterrupt

    flags = ("-C", str(project), "--entity", "u2", "--reason", "request 18")
    with monkeypatch.context() as patched:
        patched.setattr(log_removal, "end", die)
        assert interlock("log", "erase", *flags).code == 130
    done = interlock("log", "erase", *flags)
    assert done.out.splitlines()[0] == "! finished an erasure that had been interrupted"
    events = Workspace.open(project, {}).ledger.events(kind="log.erased")
    asked = [e.body["rows"] for e in events if e.body["reason"] == "request 18"]
    assert sorted(asked) == [0, 1]


def test_logs_outside_the_project_are_erased_from_when_they_are_named(interlock, project, tmp_path):
    (product,) = Workspace.open(project, {}).products
    logs = [tmp_path / name / "log" for name in ("a", "b")]
    for log in logs:
        with PredictionLog.open(log, "w0") as writer:
            for n in (5, 6):
                one = Record(id=f"o{n}", time=1, product=product, status=200, entity=(f"unit-{n}",))
                writer.append([record_bytes(one)])
    foreign = tmp_path / "a" / "shadow" / "mine"
    foreign.mkdir(parents=True)

    def erase(unit, *named):
        flags = ("-C", str(project), "--entity", unit, "--reason", "request 19")
        return interlock("log", "erase", *flags, *(f"--log={log}" for log in named))

    refused = erase("unit-5", logs[0], tmp_path)
    assert (refused.code, "S192" in refused.err) == (2, True)
    assert b"unit-5" in (logs[0] / "w0-00000000.log").read_bytes(), (
        "nothing is erased before all are"
    )
    done = erase("unit-5", *logs, logs[0] / ".." / "log")
    assert done.out.splitlines()[:3] == [
        f"✔ removed 0 records from the log of {product} in prod",
        *(f"✔ removed 1 record from the log in {log}" for log in logs),
    ]
    assert "  searched: 3 logs, " in done.out
    for log in logs:
        assert b"unit-5" not in (log / "w0-00000000.log").read_bytes()
        assert b"unit-6" in (log / "w0-00000000.log").read_bytes()
    assert foreign.is_dir(), "what lies beside a log is somebody's own"
    events = Workspace.open(project, {}).ledger.events(kind="log.erased")[-3:]
    assert [event.subject for event in events] == ["prod", *map(str, logs)]
    for event in events:
        said = base64.b64decode(json.loads(event.body["envelope"])["payload"]).decode()
        assert event.subject in said
        assert "unit-5" not in said + str(event.body)

    other = erase("unit-6", logs[0])
    named = f"! the log in {logs[1]} was not searched: run this with --log {logs[1]}"
    assert named in other.out.splitlines()
    assert named not in erase("unit-6", logs[1]).out.splitlines()
    shutil.rmtree(tmp_path / "b")
    assert named not in erase("unit-7").out.splitlines(), "it is gone"


def test_old_records_are_removed(interlock, project):
    assert interlock("log", "retain", "-C", str(project), "--older-than", "36500d").code == 0
    assert json.loads(interlock("log", "-C", str(project), "--json").out)["found"] == 3
    assert interlock("log", "retain", "-C", str(project), "--older-than", "90d").code == 0
    assert json.loads(interlock("log", "-C", str(project), "--json").out)["found"] == 0
    assert interlock("verify", "-C", str(project)).code == 0


def test_an_export_is_on_record_and_looked_into_by_an_erasure(interlock, project, tmp_path):
    flags = ("-C", str(project), "--entity", "u77", "--reason", "request 17")

    def erased():
        found = json.loads(interlock("log", "erase", *flags, "--json").out)["exports"]
        own = [path for path in found["hold"] if path.startswith(str(tmp_path))]
        return own, found["searched"], found["gone"]

    _, searched, gone = erased()
    files = [tmp_path / f"out{ending}" for ending in (".parquet", ".csv", ".jsonl")]
    asked = "SELECT 'u77' AS unit, 1 AS \"one\""
    for path in files:
        interlock("log", "-C", str(project), "--sql", asked, "--out", str(path))
    other = tmp_path / "other.csv"
    interlock("log", "-C", str(project), "--sql", "SELECT 'u7' AS unit", "--out", str(other))
    assert erased() == ([str(path) for path in files], searched + 4, gone)
    left = interlock("log", "erase", *flags)
    assert (
        left.code,
        json.loads(interlock("log", "erase", *flags, "--json").out)["exit_code"],
    ) == (8, 8)
    done = left.out.splitlines()
    assert f"! an export holds it, or may: {files[0]}" in done
    assert done[-1].startswith("✖ not done: ")
    for path in files[1:]:
        path.unlink()
    files[0].write_bytes(b"no Parquet any more")
    assert erased() == ([str(files[0])], searched + 2, gone + 2)
    files[0].unlink()
    assert erased() == ([], searched + 1, gone + 3)
