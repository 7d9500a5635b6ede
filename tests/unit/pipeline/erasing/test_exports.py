"""What was written out of the project on record is looked into, named, and left alone."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interlock.pipeline.erasing.exports import (
    LOG_EXPORTED,
    RELEASE_EXPORTED,
    Exports,
    logs_beside,
    search_exports,
)

KEY = ("17", "north")
BUNDLE = "b" * 64


@pytest.fixture
def written(stores, tmp_path):
    def record(name, kind=LOG_EXPORTED, subject="prod"):
        path = tmp_path / name
        body = {"where": str(path), "by": "ann"}
        stores.ledger.append(kind, subject=subject, product="houses", body=body, at=1)
        return path

    return record


def test_files_are_read_as_what_they_are(stores, written):
    rows = {
        "with": [{"entity": ["16", "north"]}, {"entity": ["17", "north"]}],
        "without": [{"entity": ["171", "north"]}, {"entity": ["17", "south"]}],
    }
    hold = []
    for name, listed in rows.items():
        parquet, lines = written(f"{name}.parquet"), written(f"{name}.jsonl")
        pq.write_table(pa.Table.from_pylist(listed), parquet)
        lines.write_text("".join(json.dumps(row) + "\n" for row in listed))
        hold += [parquet, lines] if name == "with" else []
    found = search_exports(stores, KEY, held=())
    assert found == Exports(searched=4, gone=0, hold=tuple(hold))
    assert all(path.exists() for path in hold), "they are named, not deleted"


def test_what_cannot_be_read_may_hold_it_and_what_is_gone_does_not(stores, written):
    broken, folder = written("broken.parquet"), written("folder.csv")
    broken.write_bytes(b"nothing of the kind")
    folder.mkdir()
    written("gone.csv")
    written("gone.csv")
    assert search_exports(stores, KEY, held=()) == Exports(
        searched=2, gone=1, hold=(broken, folder)
    )


def test_an_exported_release_is_named_for_its_rows_or_its_online_store(stores, written):
    held = written("held", RELEASE_EXPORTED, BUNDLE)
    looking_up = written("looking-up", RELEASE_EXPORTED, "c" * 64)
    clean = written("clean", RELEASE_EXPORTED, "c" * 64)
    for folder in (held, looking_up / "online", clean):
        folder.mkdir(parents=True)
    found = search_exports(stores, KEY, held={BUNDLE})
    assert found == Exports(searched=3, gone=0, hold=(held, looking_up))


def test_logs_beside_exported_releases_are_named(stores, written, tmp_path):
    served, unserved = (written(name, RELEASE_EXPORTED) for name in ("served", "unserved"))
    written("gone", RELEASE_EXPORTED)
    for folder in (served, unserved):
        (folder / "log").mkdir(parents=True)
    (served / "log" / "w0.tally").touch()
    assert list(logs_beside(stores.ledger, "houses")) == [tmp_path / "served" / "log"]
    assert list(logs_beside(stores.ledger, "flats")) == []


def test_exports_of_another_product_are_not_asked_about(stores, tmp_path):
    stores.ledger.append(
        LOG_EXPORTED, subject="prod", product="flights", body={"where": str(tmp_path)}, at=1
    )
    assert search_exports(stores, KEY, held=()) == Exports()
