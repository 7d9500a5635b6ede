"""One unit leaves a delivered project; all that told of it says so, and a new release comes."""

import json

import pyarrow.compute as pc
import pyarrow.parquet as pq

from interlock.store.ledger import Ledger


def blobs_with(project, unit):
    """The stored Parquet files that hold the unit."""
    found = []
    for path in (project.state / "artifacts" / "blobs").rglob("*"):
        if path.is_file() and path.read_bytes()[:4] == b"PAR1":
            table = pq.read_table(path)
            for prefix in ("", "request."):
                names = [f"{prefix}easting_m", f"{prefix}northing_m"]
                if set(names) <= set(table.column_names) and table.num_rows:
                    same = [pc.equal(table[n], v) for n, v in zip(names, unit, strict=True)]
                    found += [path] * bool(pc.any(pc.and_(*same)).as_py())
    return found


def test_a_unit_is_erased_from_all_that_a_delivery_stored(delivered, days, codes):
    golden = delivered.state / "artifacts" / "bundles" / delivered.live() / "golden.json"
    request = json.loads(golden.read_bytes())[0]["request"]
    unit = request["easting_m"], request["northing_m"]
    assert len(blobs_with(delivered, unit)) >= 2  # the snapshot, the examples
    part = delivered.run("log", "erase", "--entity", str(unit[0]), "--reason", "request 17")
    assert (part.code, codes(part.err)) == (2, ["S187"])
    assert "  expected: every part of the unit's key: 2\n  got: 1 part\n" in part.err
    assert len(blobs_with(delivered, unit)) >= 2, "nothing is erased"
    key = ("--entity", *map(str, unit), "--reason", "request 17")

    erased = delivered.run("log", "erase", *key)
    assert erased.code == 8, erased.err
    assert "✔ erased 2 snapshots that held it, and" in erased.out  # one is of the refresh
    assert "  not reproducible any more: 1.0.0" in erased.out
    assert "! release 1.0.0, live in staging and prod, holds it in golden.json" in erased.out
    assert "✔ computed 2 tables that online stores answer from again, without it" in erased.out
    assert "! source sales still holds it: the next delivery or refresh brings it" in erased.out
    assert "✖ not done: 2 places named above still hold it, or may" in erased.out
    assert blobs_with(delivered, unit) == []

    for command in (("show",), ("card",), ("history",), ("diff", "1.0.0"), ("verify",)):
        told = delivered.run(*command)
        assert told.code == 0, told.err
        assert "not reproducible: snapshot" in told.out, command
    again = delivered.deliver("--as-of", days[0])
    assert codes(again.err) == ["D116"]
    assert delivered.live() == golden.parent.name
    # Other rows are delivered than those erased, and the refresh before prod would take just those.
    later = delivered.deliver("--as-of", days[1])
    assert codes(later.err) == ["D116"]
    assert [step["name"] for step in later.json["steps"]] == ["snapshot"]
    assert "  fix: remove the unit from the source, then deliver again\n" in later.err
    assert blobs_with(delivered, unit) == []

    sales = delivered.folder / "data" / "sales.parquet"
    table = pq.read_table(sales)
    same = pc.and_(pc.equal(table["easting_m"], unit[0]), pc.equal(table["northing_m"], unit[1]))
    pq.write_table(table.filter(pc.invert(same)), sales)
    anew = delivered.deliver("--as-of", days[0])
    assert anew.code == 0, anew.err
    assert blobs_with(delivered, unit) == []
    withdrew = delivered.run("log", "erase", *key)
    assert withdrew.code == 0, withdrew.err
    assert "✔ withdrew releases that held it: 1.0.0" in withdrew.out
    assert not golden.parent.exists()
    assert "✔ done: no place that was searched holds it" in withdrew.out, withdrew.out
    verified = delivered.run("verify")
    assert verified.code == 0, verified.err
    assert "withdrawn on" in verified.out
    rolled = delivered.run("rollback")
    assert (rolled.code, codes(rolled.err)) == (2, ["E145"])

    ledger = Ledger.open(delivered.state / "ledger.sqlite")
    stone = ledger.events(kind="snapshot erased")[0]
    ledger.append(
        stone.kind, subject="a" * 64, product=stone.product, body=dict(stone.body), at=stone.at
    )
    for command in ("verify", "history"):
        told = delivered.run(command)
        assert (told.code, codes(told.err)) == (5, ["R171"]), command
