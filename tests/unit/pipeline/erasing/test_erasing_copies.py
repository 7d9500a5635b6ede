"""One unit leaves what deliveries stored: snapshots, what stages made of them, bundles."""

import json
import os
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from interlock.deploy.challenger import start, stop
from interlock.deploy.rollout import Target
from interlock.digest import canonical_json, digest_bytes
from interlock.errors import AuthorError, IntegrityError, OperatorError
from interlock.pipeline.erasing import removing
from interlock.pipeline.erasing.finding import Copies, find
from interlock.pipeline.erasing.removing import remove
from interlock.pipeline.erasing.unit import Unit
from interlock.pipeline.rows.examples import make_examples
from interlock.pipeline.rows.kept_snapshots import KeptSnapshots
from interlock.pipeline.rows.snapshots import load_snapshots, take_snapshots
from interlock.pipeline.rows.tombstones import (
    erased_of,
    require_not_withdrawn,
    snapshot_identity,
    tombstones,
)
from interlock.release.keys import SigningKey
from interlock.store.rows import StageRow

UNIT = ("built",)
KEY = ("1954",)
AT = 1_700_000_000_000_000  # 2023-11-14


@pytest.fixture
def taken(bench):
    """A snapshot of ten sales and the examples made of it."""
    context = bench.context(unit=UNIT)
    snapshots = take_snapshots(context)
    return snapshots, make_examples(context, snapshots)


def unit_of(bench, key=KEY, unit=UNIT):
    return Unit.of(bench.context(unit=unit).bound, key)


def erase(bench, stores, key=KEY, unit=UNIT):
    return remove(
        stores,
        find(stores, unit_of(bench, key, unit)),
        entity="e" * 64,
        at=AT,
        by="ann",
        reason="request 17",
    )


def release(bench, label="1.0.0", *, snapshot="", golden=(), background=None, live=()):
    files = {"golden.json": json.dumps([{"request": request} for request in golden]).encode()}
    if background is not None:
        files["background.json"] = canonical_json({"columns": background})
    return bench.release(label, files, {"data": {"snapshot": snapshot}}, live)


def kept_of(bench, stores):
    return KeptSnapshots.of(bench.ledger, bench.artifacts, "houses", stores.notary.keys)


def blobs_of(outcome):
    text = canonical_json(dict(outcome.output)).decode()
    return [part for part in text.split('"') if len(part) == 64]


def test_a_snapshot_that_holds_the_unit_is_deleted_with_all_that_stages_made_of_it(
    bench, stores, taken
):
    snapshots, examples = taken
    (kept,) = snapshots.output.values()
    assert bench.artifacts.has(kept["rows"])
    done = erase(bench, stores)
    assert done.snapshots == (snapshot_identity(snapshots.output),)
    assert done.files == 2  # the examples and those set aside
    assert not bench.artifacts.has(kept["rows"])
    assert bench.artifacts.has(kept["quarantined"])  # nothing of the unit is in it
    assert not bench.artifacts.has(examples.output["table"])
    assert bench.ledger.stages.get(snapshots.key) is None
    assert bench.ledger.stages.get(examples.key) is None
    assert bench.ledger.verify_chain() is None
    assert bench.ledger.altered_projections() == ()


def test_the_unit_is_named_nowhere_in_what_is_recorded(bench, stores, taken):
    before = bench.ledger.head().sequence
    erase(bench, stores)
    events = bench.ledger.events(after=before)
    assert [event.kind for event in events] == ["snapshot erased", "stages forgotten"]
    assert events[0].body["by"] == "ann"
    assert events[0].body["reason"] == "request 17"
    assert all("1954" not in canonical_json(dict(event.body)).decode() for event in events)


def test_another_unit_takes_nothing_away(bench, stores, taken):
    copies = find(stores, unit_of(bench, ("1999",)))
    assert copies == Copies()
    erase(bench, stores, ("1999",))
    assert bench.ledger.stages.get(taken[0].key) is not None
    assert tombstones(bench.ledger, "houses", stores.notary.keys) == {}


def test_a_snapshot_without_the_unit_stays_and_what_stages_made_is_made_again(bench, stores, taken):
    rows = pq.read_table(bench.folder / "sales.parquet")
    pq.write_table(rows.slice(5), bench.folder / "sales.parquet")
    context = bench.context(unit=UNIT)
    clean = take_snapshots(context)
    made = make_examples(context, clean)
    erase(bench, stores)
    again = take_snapshots(bench.context(unit=UNIT))
    assert again.cached
    (taken_again,) = load_snapshots(bench.context(unit=UNIT), again.output).values()
    assert taken_again.table.num_rows == 5
    anew = make_examples(bench.context(unit=UNIT), again)
    assert not anew.cached
    assert anew.output["table"] == made.output["table"]
    assert bench.artifacts.has(anew.output["table"])


def test_the_same_rows_are_not_taken_again(bench, stores, taken):
    erase(bench, stores)
    with pytest.raises(AuthorError) as caught:
        take_snapshots(bench.context(unit=UNIT))
    assert caught.value.mistakes[0].code == "D116"
    assert "erased on 2023-11-14" in str(caught.value)
    (kept,) = taken[0].output.values()
    assert not bench.artifacts.has(kept["rows"])
    rows = pq.read_table(bench.folder / "sales.parquet")
    without = rows.filter([year != 1954 for year in rows["built"].to_pylist()])
    pq.write_table(without, bench.folder / "sales.parquet")
    assert take_snapshots(bench.context(unit=UNIT)).output != taken[0].output


def test_an_erasure_that_died_is_finished_by_the_next(bench, stores, taken, monkeypatch):
    deleted = type(bench.artifacts).delete

    def die(store, digest):
        monkeypatch.setattr(type(bench.artifacts), "delete", deleted)
        raise KeyboardInterrupt

    monkeypatch.setattr(type(bench.artifacts), "delete", die)
    with pytest.raises(KeyboardInterrupt):
        erase(bench, stores)
    (kept,) = taken[0].output.values()
    assert bench.artifacts.has(kept["rows"])
    assert len(tombstones(bench.ledger, "houses", stores.notary.keys)) == 1
    erase(bench, stores)
    assert not bench.artifacts.has(kept["rows"])
    assert not bench.artifacts.has(taken[1].output["table"])
    assert len(bench.ledger.events(kind="snapshot erased")) == 1


def test_what_other_records_refer_to_stays(bench, stores, taken):
    table = taken[1].output["table"]
    bench.ledger.append("noted", subject="s", product="other", body={"blob": table}, at=1)
    erase(bench, stores)
    assert bench.artifacts.has(table)


def test_without_a_declared_unit_the_key_of_the_source_names_it(bench, stores):
    take_snapshots(bench.context())
    make_examples(bench.context(), take_snapshots(bench.context()))
    request = {"valued_on": "1997-01-05", "built": 1954, "zone": "south"}
    release(bench, golden=[request])
    release(bench, "2.0.0", golden=[request | {"built": 1955}])
    done = erase(bench, stores, ("4",), unit=())
    assert len(done.snapshots) == 1
    assert done.withdrawn == ("1.0.0",)


def test_a_source_without_the_units_columns_is_named(bench, stores, taken):
    unit = Unit(fields=("floor",), columns=(("floor", "request.floor"),), key=("1",))
    copies = find(stores, unit)
    assert (copies.snapshots, copies.unsearched) == ((), tuple(taken[0].output))
    assert copies.renamed == ()
    assert not replace(unit, key=("1", "2")).complete


def test_snapshots_of_before_the_unit_was_declared_like_that_may_hold_it(bench, stores, taken):
    """The examples' source has the unit's columns, and any that has them in another snapshot."""
    floor = Unit(fields=("floor",), columns=(("floor",),), key=("1",), source="sales")
    assert find(stores, floor).renamed == ("sales",)
    bench.write(floor=["1"] * 10)
    later = take_snapshots(bench.context())
    found = find(stores, replace(floor, source=""))
    assert (found.renamed, found.unsearched) == (("sales",), ())
    assert [one.snapshot for one in found.snapshots] == [snapshot_identity(later.output)]
    assert find(stores, unit_of(bench)).renamed == ()


def test_a_release_says_that_it_is_not_reproducible(bench, stores, taken):
    identity = snapshot_identity(taken[0].output)
    made = release(bench, snapshot=identity)
    other = release(bench, "2.0.0", snapshot="f" * 64)
    kept = kept_of(bench, stores)
    kept.verify(made)
    kept.verify(other)  # the ledger never saw its snapshot
    assert erase(bench, stores).unreproducible == ("1.0.0",)
    said = f"not reproducible: snapshot {identity[:12]} was erased on 2023-11-14"
    assert erased_of(bench.ledger, "houses", stores.notary.keys) == {made.bundle: (said,)}
    kept_of(bench, stores).verify(made)


def test_a_snapshot_that_is_gone_unrecorded_is_a_defect(bench, stores, taken):
    made = release(bench, snapshot=snapshot_identity(taken[0].output))
    (kept,) = taken[0].output.values()
    bench.artifacts.delete(kept["rows"])
    with pytest.raises(IntegrityError) as caught:
        kept_of(bench, stores).verify(made)
    assert caught.value.mistakes[0].code == "R169"


def test_erased_rows_that_come_back_are_a_defect(bench, stores, taken):
    made = release(bench, snapshot=snapshot_identity(taken[0].output))
    (kept,) = taken[0].output.values()
    rows = bench.artifacts.get(kept["rows"])
    erase(bench, stores)
    bench.artifacts.put(rows)
    with pytest.raises(IntegrityError) as caught:
        kept_of(bench, stores).verify(made)
    assert caught.value.mistakes[0].code == "R170"


def forge(bench, event, **changes):
    """Record another event made of one: who can write to the ledger can do that."""
    body = dict(event.body) | changes.pop("body", {})
    facts = {"kind": event.kind, "subject": event.subject, "at": event.at} | changes
    bench.ledger.append(facts.pop("kind"), product="houses", body=body, **facts)


def told(bench, stores):
    with pytest.raises(IntegrityError) as caught:
        erased_of(bench.ledger, "houses", stores.notary.keys)
    assert bench.ledger.verify_chain() is None
    return caught.value.mistakes[0].code


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "a" * 64},
        {"at": AT + 1},
        {"kind": "release withdrawn"},
        {"body": {"blobs": ["b" * 64]}},
        {"body": {"by": "bob"}},
        {"body": {"more": 1}},
        {"body": {"envelope": None}},
    ],
)
def test_an_erasure_that_was_not_signed_like_that_is_told(bench, stores, taken, changes):
    erase(bench, stores)
    (event,) = bench.ledger.events(kind="snapshot erased")
    assert erased_of(bench.ledger, "houses", stores.notary.keys) == {}
    forge(bench, event, **changes)
    assert told(bench, stores) == "R171"
    with pytest.raises(IntegrityError):
        kept_of(bench, stores) if "kind" not in changes else remove(
            stores, Copies(), entity="e" * 64, at=AT, by="ann", reason="request 18"
        )


def test_an_erasure_signed_by_another_key_is_told(bench, stores, taken):
    other = replace(stores, notary=replace(stores.notary, key=SigningKey.generate()))
    erase(bench, other)
    assert told(bench, stores) == "R122"


def test_a_forged_mark_deletes_no_release(bench, stores, taken):
    clean = release(bench, golden=[{"built": 1955}])
    body = {"files": ["golden.json"], "by": "eve", "reason": "none"}
    bench.ledger.append(
        "release holds erased rows", subject=clean.bundle, product="houses", body=body, at=AT
    )
    with pytest.raises(IntegrityError):
        erase(bench, stores)
    assert bench.artifacts.has_tree(clean.bundle)
    (kept,) = taken[0].output.values()
    assert bench.artifacts.has(kept["rows"]), "nothing was deleted before that was seen"


def test_a_release_that_holds_the_unit_and_is_not_live_is_withdrawn(bench, stores, taken):
    golden = release(bench, "1.0.0", golden=[{"built": 1954, "zone": "north"}])
    explained = release(
        bench, "2.0.0", background={"built": [1951.0, 1954.0], "zone": ["north", "south"]}
    )
    clean = release(
        bench, "3.0.0", golden=[{"built": 1955}], background={"built": [1954.0], "zone": ["north"]}
    )
    done = erase(bench, stores)
    assert sorted(done.withdrawn) == ["1.0.0", "2.0.0"]
    assert not bench.artifacts.has_tree(golden.bundle)
    assert not bench.artifacts.has_tree(explained.bundle)
    assert bench.artifacts.has_tree(clean.bundle)
    with pytest.raises(OperatorError) as caught:
        require_not_withdrawn(bench.ledger, "houses", golden.bundle, "1.0.0")
    assert caught.value.mistakes[0].code == "E145"
    said = "withdrawn on 2023-11-14: it held an erased unit's row"
    assert erased_of(bench.ledger, "houses", stores.notary.keys)[golden.bundle] == (said,)


def test_a_live_release_stays_until_another_is_live(bench, stores, taken):
    held = release(bench, golden=[{"built": 1954}], background={"built": [1954.0]}, live=["prod"])
    done = erase(bench, stores)
    assert done.withdrawn == ()
    (live,) = done.live
    assert (live.label, live.files, live.live_in) == (
        "1.0.0",
        ("golden.json", "background.json"),
        ("prod",),
    )
    assert bench.artifacts.has_tree(held.bundle)
    said = (
        "holds an erased unit's row in golden.json and background.json: "
        "deliver anew, then erase again"
    )
    assert erased_of(bench.ledger, "houses", stores.notary.keys)[held.bundle] == (said,)
    anew = release(bench, "2.0.0", live=["prod"])
    assert erase(bench, stores).withdrawn == ("1.0.0",)
    assert not bench.artifacts.has_tree(held.bundle)
    assert bench.artifacts.has_tree(anew.bundle)
    assert erase(bench, stores).withdrawn == ()


def test_a_live_release_is_named_again_when_what_it_was_recognised_by_is_gone(bench, stores, taken):
    """The rows it explains answers with are recognised by examples, which the first run deletes."""
    held = release(bench, background={"built": [1954.0], "zone": ["south"]}, live=["prod"])
    for _ in range(2):
        (live,) = erase(bench, stores).live
        assert (live.bundle, live.files) == (held.bundle, ("background.json",))
    assert len(bench.ledger.events(kind="release holds erased rows")) == 1
    other = remove(stores, Copies(), entity="f" * 64, at=AT, by="ann", reason="request 18")
    assert other.live == (), "it holds another unit"
    release(bench, "2.0.0", live=["prod"])
    assert erase(bench, stores).withdrawn == ("1.0.0",)


def test_a_release_that_is_returned_to_at_that_moment_is_not_deleted(
    bench, stores, taken, monkeypatch
):
    held = release(bench, golden=[{"built": 1954}])
    signed_in = removing.bury

    def bury(notary, kind, **facts):
        signed_in(notary, kind, **facts)
        if kind == "release withdrawn":
            bench.deploy(held.bundle, "1.0.0", "prod")

    monkeypatch.setattr(removing, "bury", bury)
    erase(bench, stores)
    assert bench.artifacts.has_tree(held.bundle), "it answers"


def test_an_erasure_that_dies_while_it_deletes_knows_the_releases_again(
    bench, stores, taken, monkeypatch
):
    held = release(bench, background={"built": [1954.0], "zone": ["south"]})
    deleted = []

    def delete(store, digest):
        deleted.append(digest)
        kept(store, digest)
        if not store.has(taken[1].output["table"]):
            raise KeyboardInterrupt

    kept = type(bench.artifacts).delete
    with monkeypatch.context() as patched:
        patched.setattr(type(bench.artifacts), "delete", delete)
        with pytest.raises(KeyboardInterrupt):
            erase(bench, stores)
    assert deleted
    assert erase(bench, stores).withdrawn == ("1.0.0",)
    assert not bench.artifacts.has_tree(held.bundle)


def test_a_bundle_of_a_delivery_that_made_no_release_goes(bench, stores, taken):
    def sealed(product):
        golden = json.dumps([{"request": {"built": 1954}}]).encode()
        manifest = canonical_json({"product": product})
        digest = digest_bytes(manifest + product.encode())
        bench.artifacts.put_tree(digest, {"golden.json": golden, "manifest.json": manifest})
        return digest

    own, others = sealed("houses"), sealed("flats")
    unreadable = "9" * 64
    bench.artifacts.put_tree(unreadable, {"manifest.json": b"{"})
    kept = release(bench, "7.0.0", golden=[{"built": 1955}])
    built = StageRow(key="a" * 64, stage="bundle", output={"digest": own}, seconds=1.0, at=1)
    bench.ledger.stages.put(built, product="houses")
    assert erase(bench, stores).files == 2 + 2
    there = [bench.artifacts.has_tree(one) for one in (own, unreadable, others, kept.bundle)]
    assert there == [False, False, True, True]
    assert bench.ledger.stages.get("a" * 64) is None, "the next delivery builds it again"


def test_bundles_stay_where_nothing_held_the_unit(bench, stores, taken):
    bench.artifacts.put_tree("9" * 64, {"manifest.json": b"{}"})
    erase(bench, stores, key=("1800",))
    assert bench.artifacts.has_tree("9" * 64)


def test_what_killed_writers_left_goes(bench, stores, taken):
    left = bench.folder / "artifacts" / "blobs" / ".partial-0123"
    left.write_bytes(b"1954")
    os.utime(left, (AT / 1e6 - 90, AT / 1e6 - 90))
    erase(bench, stores)
    assert not left.exists()


def test_a_challenger_that_runs_stays(bench, stores, taken):
    release(bench, live=["prod"])
    held = release(bench, "2.0.0", golden=[{"built": 1954}])
    champion = bench.ledger.deployments.last("houses", "prod")
    target = Target(bundle=held.bundle, label="2.0.0", delivery="d1")
    beside = start(champion, None, target, buckets=100, at=1)
    bench.ledger.rollouts.record(beside)
    assert [(h.label, h.live_in) for h in erase(bench, stores).live] == [("2.0.0", ("prod",))]
    assert bench.artifacts.has_tree(held.bundle)
    bench.ledger.rollouts.record(stop(champion, beside, where="prod", at=2))
    assert erase(bench, stores).withdrawn == ("2.0.0",)


def test_reports_that_may_name_the_unit_are_named(bench, stores, taken):
    bench.deliver()
    folder = stores.places.delivery("houses", 1)
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<td>built 1954</td>")
    (folder / "report.md").write_text("19540, 11954, 3.1954")
    blob = bench.artifacts.put(b'{"worst": [[1954, 0.5]]}')
    bench.ledger.append("gate shut", subject="d1", product="houses", body={"output": blob}, at=1)
    assert find(stores, unit_of(bench)).reports == (
        folder / "report.html",
        type(folder)(bench.artifacts.path(blob)),
    )


def test_a_report_names_a_unit_however_its_format_writes_it():
    unit = Unit(fields=(), columns=(), key=("17", 'A"B & Söhne'))
    for text in ("<td>17.0</td><td>A&quot;B &amp; S&ouml;hne</td>", '[17, "A\\"B & S\\u00f6hne"]'):
        assert unit.may_be_named(text)
    assert not unit.may_be_named("<td>17.5</td><td>A&quot;B &amp; S&ouml;hne</td>")
