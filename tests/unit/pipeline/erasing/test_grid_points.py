"""An erasure leaves online stores what they answer from, and nothing earlier."""

from contextlib import closing
from dataclasses import replace

import pytest

from interlock.digest import canonical_json, digest_bytes
from interlock.features.definition import FeatureSet, HistoryDefinition
from interlock.features.lookup import view_name
from interlock.pipeline.deploying.online import OnlineStores
from interlock.pipeline.deploying.refreshing import table_source
from interlock.pipeline.erasing.bundles import HeldBundle
from interlock.pipeline.erasing.finding import Copies
from interlock.pipeline.erasing.grid_points import forget_grid_points
from interlock.pipeline.places import Places
from interlock.pipeline.rows.snapshots import take_snapshots
from interlock.pipeline.rows.tombstones import StoredSnapshot
from interlock.settings import OnlineSettings


def history(letter):
    return HistoryDefinition(
        name="market",
        source="sales",
        entity=(("built", "int"),),
        refresh=1,
        landing=0,
        aggregates=(),
        digest=letter * 64,
    )


OLD, NEW = history("a"), history("b")


@pytest.fixture
def online(bench):
    return OnlineStores(places=Places(bench.folder), settings=OnlineSettings(), environ={})


def released(bench, label, *histories, live=(), before=None):
    features = FeatureSet(request=(), histories=histories, inputs=())
    files = {"features.json": canonical_json(features.to_row())}
    bench.release(label, files, live=live, before=before)


def fill(online, environment, definition, *, current):
    """Three grid points, of which the first two hold the unit."""
    view = view_name(definition)
    with closing(online.writer(environment, "houses")) as writer:
        for grid, built in ((1, 1954), (2, 1954), (3, 1960)):
            writer.write(
                view,
                grid,
                key=(("built", "int"),),
                values=(("n", "int"),),
                rows=[(built, 1)],
                digest=definition.digest,
            )
        writer.publish(view, current)


def left(online, environment, definition):
    with closing(online.writer(environment, "houses")) as writer:
        view = view_name(definition)
        return writer.grids(view), writer.current(view)


def test_only_what_is_answered_from_stays(bench, stores, online):
    released(bench, "1.0.0", OLD, live=["staging"])
    released(bench, "2.0.0", NEW, live=["prod"])
    fill(online, "staging", OLD, current=3)
    fill(online, "prod", OLD, current=3)
    fill(online, "prod", NEW, current=2)
    fill(online, "replay", NEW, current=3)
    fill(online, "export", NEW, current=3)
    found = forget_grid_points(stores, online)
    assert found.deleted == 2 + 3 + 2 + 3 + 3
    assert [(one.environment, one.history, one.grid) for one in found.staying] == [
        ("staging", "market", 3),
        ("prod", "market", 2),
    ]
    assert left(online, "staging", OLD) == ((3,), 3)
    assert left(online, "prod", NEW) == ((2,), 2)
    for environment, definition in (("prod", OLD), ("replay", NEW), ("export", NEW)):
        assert left(online, environment, definition) == ((), None)
    assert forget_grid_points(stores, online).deleted == 0


def test_a_product_that_looks_nothing_up_asks_no_store(bench, stores, online):
    assert forget_grid_points(stores, online) is None
    released(bench, "1.0.0", live=["prod"])
    assert forget_grid_points(stores, None) is None


@pytest.mark.parametrize(("held", "stays"), [((), (3,)), (("1" * 64,), ())])
def test_a_rollback_finds_its_release_answering_unless_it_is_withdrawn(
    bench, stores, online, held, stays
):
    released(bench, "1.0.0", OLD)
    released(bench, "2.0.0", NEW, live=["prod"], before="1" * 64)
    fill(online, "prod", OLD, current=3)
    copies = Copies(
        bundles=tuple(
            HeldBundle(bundle=bundle, label="1.0.0", files=("golden.json",), live_in=())
            for bundle in held
        )
    )
    forget_grid_points(stores, online, copies)
    assert left(online, "prod", OLD)[0] == stays


def test_a_withdrawn_release_is_passed_over(bench, stores, online):
    released(bench, "1.0.0", OLD)
    released(bench, "2.0.0", NEW, live=["prod"])
    bench.artifacts.delete_tree("1" * 64)
    fill(online, "prod", NEW, current=3)
    assert forget_grid_points(stores, online).deleted == 2


def test_a_table_made_of_rows_without_the_unit_may_stay(bench, stores, online):
    context = bench.context(unit=("built",))
    taken = take_snapshots(context)
    ((source, kept),) = taken.output.items()
    files = {
        "features.json": canonical_json(
            FeatureSet(request=(), histories=(replace(OLD, source=source),), inputs=()).to_row()
        ),
        "packed/product.py": b"one = 1",
    }
    bench.release("1.0.0", files, live=["prod"])
    code = {"product": digest_bytes(b"one = 1")}
    rows = kept["manifest"]["digest"]

    def staying(copies, made_of):
        with closing(online.writer("prod", "houses")) as writer:
            view = view_name(OLD)
            writer.write(
                view, 3, key=(("built", "int"),), values=(("n", "int"),), rows=[(1, 1)],
                digest=OLD.digest, source=made_of,
            )  # fmt: skip
            writer.publish(view, 3)
        return len(forget_grid_points(stores, online, copies).staying)

    held = Copies(snapshots=(StoredSnapshot(snapshot="a" * 64, sources={source: (kept["rows"],)}),))
    assert staying(Copies(), table_source(rows, code)) == 0
    assert staying(held, table_source(rows, code)) == 1, "computed from rows that hold it"
    assert staying(Copies(), table_source("f" * 64, code)) == 1, "from rows that nobody stored"
    assert staying(Copies(), table_source(rows, {})) == 1, "by other code"
    assert staying(Copies(), "") == 1
    bench.artifacts.delete(kept["rows"])
    assert staying(Copies(), table_source(rows, code)) == 1, "the rows were erased before"
