"""What an erasure says: what went, what stays, and what to do about it."""

from pathlib import Path

from interlock.cli.render_log import erase_lines
from interlock.pipeline.erasing.bundles import HeldBundle
from interlock.pipeline.erasing.exports import Exports
from interlock.pipeline.erasing.grid_points import GridPoints, Staying
from interlock.pipeline.erasing.removing import Removed
from interlock.use_cases.log_erase import EraseReport

NOT_SEARCHED = (
    "  not searched: the sources (erase it there, too: deliveries and refreshes would take it "
    "again), copies of exports, logs of exported releases, backups, what models learned"
)
SEARCHED = (
    "  searched: this log, stored snapshots and what was made of them, releases, reports, "
    "online stores, "
)


def report(**facts):
    return EraseReport(product="houses", environment="prod", rows=2, resumed=False, **facts)


def test_all_that_went_and_all_that_stays():
    live = HeldBundle(
        bundle="b" * 64,
        label="1.1.0",
        files=("golden.json", "background.json"),
        live_in=("staging", "prod"),
    )
    removed = Removed(
        snapshots=("a" * 64, "c" * 64),
        files=1_234,
        unreproducible=("1.1.0", "1.0.0"),
        withdrawn=("1.0.0",),
        live=(live,),
    )
    staying = Staying(environment="prod", history="market", grid=5)
    found = report(
        searched=True,
        removed=removed,
        reports=(Path("deliveries/houses/3/report.html"),),
        unsearched=("weather",),
        grid_points=GridPoints(deleted=1_204, staying=(staying,)),
        exports=Exports(searched=2, gone=1, hold=(Path("/out/may.csv"),)),
        logs=("staging",),
    )
    assert found.left == 5
    assert erase_lines(found) == [
        "✔ removed 2 records from the log of houses in prod",
        "✔ erased 2 snapshots that held it, and 1,234 files that stages had made",
        "  not reproducible any more: 1.1.0, 1.0.0",
        "✔ withdrew releases that held it: 1.0.0",
        "✔ deleted 1,204 tables of online stores",
        "! source weather has no column of the unit's key: its snapshots stay",
        "! release 1.1.0, live in staging and prod, holds it in golden.json and background.json: "
        "deliver anew without it, then run this again",
        "! may name it, and stays: deliveries/houses/3/report.html",
        "! prod answers from history market, made of rows that held it or may have: erase it in "
        "the sources, run `interlock refresh --environment prod`, then this again",
        "! an export holds it, or may: /out/may.csv",
        "! the log of staging was not searched: run this with --environment staging",
        SEARCHED + "2 recorded exports (1 more are gone)",
        NOT_SEARCHED,
        "✖ not done: 5 places named above still hold it, or may",
    ]


def test_that_it_is_done_is_said_where_nothing_is_known_to_be_left():
    found = report(searched=True, grid_points=GridPoints(deleted=0))
    assert found.left == 0
    assert erase_lines(found) == [
        "✔ removed 2 records from the log of houses in prod",
        SEARCHED + "0 recorded exports",
        NOT_SEARCHED,
        "✔ done: no place that was searched holds it",
    ]


def test_a_key_of_another_length_is_said_not_to_be_searched():
    assert erase_lines(report(searched=False)) == [
        "✔ removed 2 records from the log of houses in prod",
        "! stored snapshots were not searched: the declared unit has not so many parts",
        "  searched: this log, 0 recorded exports",
        NOT_SEARCHED,
        "✖ not done: 1 place named above still hold it, or may",
    ]


def test_retention_is_of_the_log_alone():
    assert erase_lines(report()) == ["✔ removed 2 records from the log of houses in prod"]
