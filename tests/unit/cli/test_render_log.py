"""What the log and an erasure say: what was found, what went, what stays, and what to do."""

from pathlib import Path

import pytest

from interlock.cli.render_log import erase_lines, log_lines, query_lines
from interlock.pipeline.erasing.bundles import HeldBundle
from interlock.pipeline.erasing.exports import Exports
from interlock.pipeline.erasing.grid_points import GridPoints, Staying
from interlock.pipeline.erasing.removing import Removed
from interlock.pipeline.erasing.sources import Sources
from interlock.use_cases.log import LogReport
from interlock.use_cases.log_erase import EraseReport
from interlock.use_cases.log_removal import Gone

NOT_SEARCHED = (
    "  not searched: copies of exports, files of predictions, logs of exported releases that were "
    "not named (--log), backups, what disks keep of deleted files, what models learned"
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
        renamed=("deeds",),
        sources=Sources(hold=("sales",), unreadable=("tax",)),
        grid_points=GridPoints(deleted=1_204, rows=1, remade=2, staying=(staying,), server=True),
        exports=Exports(searched=2, gone=1, hold=(Path("/out/may.csv"),)),
        outside=(
            Gone(where="/srv/a/log", rows=3, resumed=False, unclear=1),
            Gone(where="/srv/b/log", rows=0, resumed=True),
        ),
        logs=("staging", "/srv/c d/log"),
        unclear=1_200,
    )
    assert found.left == 11
    assert erase_lines(found) == [
        "✔ removed 2 records from the log of houses in prod",
        "✔ removed 3 records from the log in /srv/a/log",
        "! finished an erasure that had been interrupted there",
        "✔ removed 0 records from the log in /srv/b/log",
        "✔ erased 2 snapshots that held it, and 1,234 files that stages had made",
        "  not reproducible any more: 1.1.0, 1.0.0",
        "✔ withdrew releases that held it: 1.0.0",
        "✔ deleted 1,204 tables of online stores",
        "✔ took 1 row out of what online stores answer from",
        "✔ computed 2 tables that online stores answer from again, without it",
        "  a Redis server keeps what it deleted in its append-only file until BGREWRITEAOF, in its "
        "dump until the next BGSAVE, and in their copies",
        "! 1,200 answers in the log of prod may be about it: of no unit, or one of other parts, "
        "and the request names it",
        "! 1 answer in the log in /srv/a/log may be about it: of no unit, or one of other parts, "
        "and the request names it",
        "! source weather has no column of the unit's key: its snapshots stay",
        "! source deeds was stored without the columns of the unit's key, too, as it is declared "
        "now: those snapshots stay, and may hold it; declare it as it was, then run this again",
        "! release 1.1.0, live in staging and prod, holds it in golden.json and background.json: "
        "deliver anew without it, then run this again",
        "! may name it, and stays: deliveries/houses/3/report.html",
        "! source sales still holds it: the next delivery or refresh brings it back unless it is "
        "erased there",
        "! source tax cannot be read, and may hold it",
        "! prod answers from history market, made of rows that held it or may have, and that are "
        "not stored: erase it in the sources, run `interlock refresh --environment prod`, then "
        "this again",
        "! an export holds it, or may: /out/may.csv",
        "! the log of staging was not searched: run this with --environment staging",
        "! the log in /srv/c d/log was not searched: run this with --log '/srv/c d/log'",
        "  searched: 3 logs, stored snapshots and what was made of them, releases, reports, "
        "online stores, the sources, 2 recorded exports (1 more is gone)",
        NOT_SEARCHED,
        "✖ not done: 11 places named above still hold it, or may",
    ]


def test_that_it_is_done_is_said_where_nothing_is_known_to_be_left():
    found = report(searched=True, grid_points=GridPoints(deleted=0), sources=Sources())
    assert found.left == 0
    assert erase_lines(found) == [
        "✔ removed 2 records from the log of houses in prod",
        "  searched: this log, stored snapshots and what was made of them, releases, reports, "
        "online stores, the sources, 0 recorded exports",
        NOT_SEARCHED,
        "✔ done: no place that was searched holds it",
    ]


def test_a_key_of_another_length_is_said_not_to_be_searched():
    assert erase_lines(report(searched=False)) == [
        "✔ removed 2 records from the log of houses in prod",
        "! stored snapshots were not searched: the declared unit has not so many parts",
        "  searched: this log, 0 recorded exports",
        NOT_SEARCHED.replace("searched: ", "searched: the sources, "),
        "✖ not done: 1 place named above still holds it, or may",
    ]


def test_retention_is_of_the_log_alone():
    assert erase_lines(report()) == ["✔ removed 2 records from the log of houses in prod"]


def listed(**facts) -> LogReport:
    return LogReport(product="cancels", environment="prod", **facts)


def test_a_statement_gives_rows_and_not_records():
    asked = listed(found=2, rows=({"status": 200, "n": 8}, {"status": 422, "n": 2}))
    assert query_lines(asked) == [
        "  status  n",
        "  200     8",
        "  422     2",
        "cancels in prod: 2 rows",
    ]
    assert log_lines(listed(found=1)) == ["cancels in prod: 0 of 1 record"]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ((2,), "! the key has not as many parts as the unit: 2 parts"),
        ((0, 1), "! the key has not as many parts as the unit: no unit is declared or 1 part"),
    ],
)
def test_a_key_with_other_parts_than_the_unit_is_said_to_have_them(parts, said):
    assert log_lines(listed(found=0, parts=parts)) == [
        f"{said}; a part is a word after --entity",
        "cancels in prod: 0 records",
    ]
