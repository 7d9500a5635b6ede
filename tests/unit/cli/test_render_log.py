"""What an erasure says: what went, what stays, and what to do about it."""

from pathlib import Path

from interlock.cli.render_log import erase_lines
from interlock.pipeline.erasing.bundles import HeldBundle
from interlock.pipeline.erasing.removing import Removed
from interlock.use_cases.log_erase import EraseReport

ONLINE = (
    "! what online stores answer from now stays: erase it in the sources, run `interlock refresh` "
    "in each environment, then run this again"
)
ENDING = [
    "  erase it in the sources, too: deliveries and refreshes would take it again",
    "  not looked at: exported releases, exports of the log, backups, what models learned",
]


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
    lines = erase_lines(
        report(
            searched=True,
            removed=removed,
            reports=(Path("deliveries/houses/3/report.html"),),
            unsearched=("weather",),
            grid_points=1_204,
        )
    )
    assert lines == [
        "✔ removed 2 records from the log of houses in prod",
        "✔ erased 2 snapshots that held it, and 1,234 files that stages had made",
        "  not reproducible any more: 1.1.0, 1.0.0",
        "✔ withdrew releases that held it: 1.0.0",
        "✔ deleted 1,204 earlier tables of online stores",
        "! source weather has no column of the unit's key: its snapshots stay",
        "! release 1.1.0, live in staging and prod, holds it in golden.json and background.json: "
        "deliver anew without it, then run this again",
        "! may name it, and stays: deliveries/houses/3/report.html",
        ONLINE,
        *ENDING,
    ]


def test_an_online_store_without_earlier_tables_still_answers():
    assert erase_lines(report(searched=True, grid_points=0)) == [
        "✔ removed 2 records from the log of houses in prod",
        ONLINE,
        *ENDING,
    ]


def test_a_key_of_another_length_is_said_not_to_be_searched():
    assert erase_lines(report(searched=False)) == [
        "✔ removed 2 records from the log of houses in prod",
        "! stored snapshots were not searched: the declared unit has not so many parts",
        *ENDING,
    ]


def test_retention_is_of_the_log_alone():
    assert erase_lines(report()) == ["✔ removed 2 records from the log of houses in prod"]
