"""An erasure leaves online stores what they answer from, without the unit, and nothing earlier."""

from contextlib import closing
from dataclasses import replace

import pytest
from redis_server import RedisServer

from interlock.digest import canonical_json, digest_bytes
from interlock.features.assemble import history_rows
from interlock.features.definition import Aggregate, FeatureDefinition, FeatureSet
from interlock.features.definition import HistoryDefinition as History
from interlock.features.lookup import HistoryLookup, view_name
from interlock.features.refresh import refresh
from interlock.features.request import PackedFeatures
from interlock.pipeline.deploying.online import OnlineStores
from interlock.pipeline.deploying.refreshing import table_source
from interlock.pipeline.erasing import answered
from interlock.pipeline.erasing.bundles import HeldBundle
from interlock.pipeline.erasing.finding import Copies, find
from interlock.pipeline.erasing.grid_points import GridPoints, Staying, forget_grid_points
from interlock.pipeline.erasing.removing import remove
from interlock.pipeline.erasing.unit import Unit, entity_digest
from interlock.pipeline.places import Places
from interlock.pipeline.rows.snapshots import load_snapshots, take_snapshots
from interlock.release.manifest import MODELS, REQUIRED, seal
from interlock.settings import OnlineSettings
from interlock.store.online_place import open_reader
from interlock.store.online_sqlite import SqliteReader
from interlock.store.rows import ReleaseRow

PACKED = b"def decade(built: int) -> int:\n    return built // 10\n"
CODE = {"product": digest_bytes(PACKED)}
DECADE = FeatureDefinition(
    name="decade", arguments=("built",), nullable_arguments=(), kind="int", optional=False,
    module="product", function="decade",
)  # fmt: skip
SALES = Aggregate(
    name="sales", function="count", column=None, window=None, ttl=None, default=0, kind="int"
)
UNIT = Unit(fields=("built",), columns=(("built",),), key=("1954",))
ENTITY = entity_digest("houses", UNIT.key)
DAY = 86_400_000_000
GRID = 9_900 * DAY  # in February 1997, when all ten sales were known


def history(letter, entity="built", **changes):
    """Sales counted by the unit's own field, unless told otherwise."""
    return History(
        name="market",
        source="sales",
        entity=((entity, "int"),),
        refresh=DAY,
        landing=0,
        aggregates=(SALES,),
        digest=letter * 64,
        **changes,
    )


OLD, NEW, BY_DECADE = history("a"), history("b"), history("c", "decade")


@pytest.fixture
def online(bench):
    return OnlineStores(places=Places(bench.folder), settings=OnlineSettings(), environ={})


@pytest.fixture
def rows(bench):
    """Ten sales in a snapshot, of 1950 to 1959: their identity."""
    taken = take_snapshots(bench.context(unit=("built",)))
    ((source, kept),) = taken.output.items()
    assert source == "sales"
    return kept


def released(bench, label, *histories, live=(), before=None):
    """A sealed release that looks these up."""
    features = FeatureSet(request=(DECADE,), histories=histories, inputs=())
    schema = bench.context().bound.schema
    files = {
        "features.json": canonical_json(features.to_row()),
        "request.json": canonical_json(schema.to_row()),
        "packed/product.py": PACKED,
    }
    if not histories:
        files["features.json"] = canonical_json(replace(features, request=()).to_row())
    inputs = dict.fromkeys(("snapshot", "code", "candidate"), label[0] * 64)
    digest, whole = seal(
        {**{name: label.encode() for name in (*REQUIRED, MODELS[0])}, **files},
        product="houses", inputs=inputs, candidate="mean", schema="5" * 64,
    )  # fmt: skip
    bench.artifacts.put_tree(digest, whole)
    bench.ledger.releases.add(
        ReleaseRow(bundle=digest, product="houses", label=label, delivery="d1", facts={}, created=1)
    )
    for environment in live:
        bench.deploy(digest, label, environment, previous_bundle=before)
    return digest


def fill(online, environment, definition, *, current):
    """Three grid points, of which the first two hold the unit."""
    view = view_name(definition)
    with closing(online.writer(environment, "houses")) as writer:
        for grid, built in ((1, 1954), (2, 1954), (3, 1960)):
            writer.write(
                view,
                grid,
                key=definition.entity,
                values=(("n", "int"),),
                rows=[(built, 1), (1970, 2)],
                digest=definition.digest,
            )
        writer.publish(view, current)


def computed(bench, online, kept, definition, *, source=None, environment="prod"):
    """A real refresh of the stored rows."""
    taken = load_snapshots(bench.context(), {"sales": kept})["sales"].revisions
    features = FeatureSet(request=(DECADE,), histories=(definition,), inputs=())
    packed = PackedFeatures.load(
        {"product": PACKED.decode()}, features, fields=["valued_on", "built", "zone"], name="test"
    )
    made_of = table_source(kept["manifest"]["digest"], CODE) if source is None else source
    with closing(online.writer(environment, "houses")) as writer:
        refresh(writer, definition, history_rows(definition, packed, taken), [GRID], source=made_of)


def left(online, environment, definition):
    with closing(online.writer(environment, "houses")) as writer:
        view = view_name(definition)
        return writer.grids(view), writer.current(view)


def look(online, definition, key, environment="prod"):
    """What a live request is answered with."""
    with closing(SqliteReader(online.places.online(environment, "houses"))) as reader:
        lookup = HistoryLookup(reader, [definition], replay=False)
        return lookup.row([(key,)], GRID + DAY)[0]


def found(stores):
    return find(stores, UNIT)


def test_only_what_is_answered_from_stays(bench, stores, online):
    released(bench, "1.0.0", OLD, live=["staging"])
    released(bench, "2.0.0", NEW, live=["prod"])
    fill(online, "staging", OLD, current=3)
    fill(online, "prod", OLD, current=3)
    fill(online, "prod", NEW, current=2)
    fill(online, "replay", NEW, current=3)
    fill(online, "export", NEW, current=3)
    unknown = history("f")  # of a release that the ledger never saw
    fill(online, "prod", unknown, current=3)
    done = forget_grid_points(stores, online, Copies(), UNIT)
    assert done == GridPoints(deleted=2 + 3 + 2 + 3 + 3 + 3, rows=1)
    assert left(online, "staging", OLD) == ((3,), 3)
    assert left(online, "prod", NEW) == ((2,), 2)
    for environment, definition in (
        ("prod", OLD), ("replay", NEW), ("export", NEW), ("prod", unknown)
    ):  # fmt: skip
        assert left(online, environment, definition) == ((), None)
    assert forget_grid_points(stores, online, Copies(), UNIT) == GridPoints()


def test_a_product_that_looks_nothing_up_asks_no_store(bench, stores, online):
    assert forget_grid_points(stores, online, Copies(), UNIT) is None
    released(bench, "1.0.0", live=["prod"])
    assert forget_grid_points(stores, None, Copies(), UNIT) is None


@pytest.mark.parametrize(("held", "stays"), [(False, (3,)), (True, ())])
def test_a_rollback_finds_its_release_answering_unless_it_is_withdrawn(
    bench, stores, online, held, stays
):
    before = released(bench, "1.0.0", OLD)
    released(bench, "2.0.0", NEW, live=["prod"], before=before)
    fill(online, "prod", OLD, current=3)
    bundle = HeldBundle(bundle=before, label="1.0.0", files=("golden.json",), live_in=())
    forget_grid_points(stores, online, Copies(bundles=(bundle,) * held), UNIT)
    assert left(online, "prod", OLD)[0] == stays


def test_a_withdrawn_release_is_passed_over(bench, stores, online):
    old = released(bench, "1.0.0", OLD)
    released(bench, "2.0.0", NEW, live=["prod"])
    bench.artifacts.delete_tree(old)
    fill(online, "prod", NEW, current=3)
    assert forget_grid_points(stores, online, Copies(), UNIT).deleted == 2


def test_a_units_own_row_is_taken_out_and_answered_like_that_of_an_unknown_one(
    bench, stores, online, rows
):
    released(bench, "1.0.0", OLD, live=["prod"])
    computed(bench, online, rows, OLD)
    assert (look(online, OLD, 1954), look(online, OLD, 1955)) == ((1,), (1,))
    place = online.places.online("prod", "houses") / view_name(OLD)
    (place / ".partial-killed").write_bytes(b"1954")
    assert forget_grid_points(stores, online, found(stores), UNIT) == GridPoints(rows=1)
    assert look(online, OLD, 1954) == look(online, OLD, 1800) == (0,)
    assert look(online, OLD, 1955) == (1,)
    assert sorted(path.name for path in place.iterdir()) == [f"{GRID}.sqlite", "current"]
    assert forget_grid_points(stores, online, found(stores), UNIT) == GridPoints()


def test_a_worker_that_has_the_old_table_open_lets_go_of_it(bench, stores, online, rows):
    released(bench, "1.0.0", OLD, live=["prod"])
    computed(bench, online, rows, OLD)
    with closing(SqliteReader(online.places.online("prod", "houses"))) as reader:
        lookup = HistoryLookup(reader, [OLD], replay=False)
        assert lookup.row([(1954,)], GRID + DAY)[0] == (1,)
        forget_grid_points(stores, online, found(stores), UNIT)
        assert lookup.row([(1954,)], GRID + DAY)[0] == (0,)


def test_a_row_of_a_key_that_has_the_unit_and_more_goes(bench, stores, online):
    definition = replace(OLD, entity=(("zone", "str"), ("built", "int")))
    released(bench, "1.0.0", definition, live=["prod"])
    with closing(online.writer("prod", "houses")) as writer:
        writer.write(
            view_name(definition), GRID, key=definition.entity, values=(("n", "int"),),
            rows=[("north", 1954, 1), ("south", 1954, 2), ("north", 1955, 3)],
            digest=definition.digest,
        )  # fmt: skip
        writer.publish(view_name(definition), GRID)
    assert forget_grid_points(stores, online, Copies(), UNIT).rows == 2


def test_values_that_the_unit_went_into_are_computed_again_of_the_stored_rows(
    bench, stores, online, rows
):
    released(bench, "1.0.0", BY_DECADE, live=["prod"])
    computed(bench, online, rows, BY_DECADE)
    assert look(online, BY_DECADE, 195) == (10,)
    assert forget_grid_points(stores, online, found(stores), UNIT) == GridPoints(remade=1)
    assert look(online, BY_DECADE, 195) == (9,)
    with closing(online.writer("prod", "houses")) as writer:
        table = writer.table(view_name(BY_DECADE), GRID)
    assert table.source != table_source(rows["manifest"]["digest"], CODE), "it is another table"


def test_a_server_is_erased_from_in_every_environment_that_has_the_unit(
    bench, stores, rows, tmp_path
):
    released(bench, "1.0.0", OLD, BY_DECADE, live=["staging", "prod"])
    with RedisServer(tmp_path / "redis") as server:
        shared = OnlineStores(
            places=Places(bench.folder), settings=OnlineSettings(url=server.url), environ={}
        )
        for environment in ("staging", "prod"):
            for definition in (OLD, BY_DECADE):
                computed(bench, shared, rows, definition, environment=environment)
        server.client().hset("{interlock:prod:houses}:market:1:partial:0", "u", "killed")
        reader = open_reader(server.url, shared.access("prod", "houses"), {})
        with closing(reader):
            lookup = HistoryLookup(reader, [OLD, BY_DECADE], replay=False)
            assert lookup.row([(1954,), (195,)], GRID + DAY)[0] == (1, 10)
            done = forget_grid_points(stores, shared, found(stores), UNIT)
            assert done == GridPoints(rows=2, remade=2, server=True)
            assert lookup.row([(1954,), (195,)], GRID + DAY)[0] == (0, 9)
        assert server.client().keys("*partial*") == []
        assert forget_grid_points(stores, shared, found(stores), UNIT) == GridPoints(server=True)


@pytest.mark.parametrize("dies_in", ["write", "publish"])
def test_a_computation_that_dies_is_done_by_the_next_erasure(
    bench, stores, online, rows, dies_in, monkeypatch
):
    released(bench, "1.0.0", BY_DECADE, live=["prod"])
    computed(bench, online, rows, BY_DECADE)
    place = online.places.online("prod", "houses")
    with closing(SqliteReader(place)) as reader, monkeypatch.context() as patched:
        lookup = HistoryLookup(reader, [BY_DECADE], replay=False)
        assert lookup.row([(195,)], GRID + DAY)[0] == (10,)
        writer = type(online.writer("prod", "houses"))
        patched.setattr(writer, dies_in, lambda *given, **more: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            forget_grid_points(stores, online, found(stores), UNIT)
        assert look(online, BY_DECADE, 195) == ((10,) if dies_in == "write" else (9,))
        patched.undo()
        forget_grid_points(stores, online, found(stores), UNIT)
        assert lookup.row([(195,)], GRID + DAY)[0] == (9,)
    assert look(online, BY_DECADE, 195) == (9,)


def test_after_the_rows_are_gone_a_table_without_the_unit_is_known_again(
    bench, stores, online, rows
):
    released(bench, "1.0.0", BY_DECADE, live=["prod"])
    computed(bench, online, rows, BY_DECADE)
    copies = found(stores)
    forget_grid_points(stores, online, copies, UNIT)
    remove(stores, copies, entity=ENTITY, at=1, by="ann", reason="request 17")
    assert forget_grid_points(stores, online, found(stores), UNIT) == GridPoints()
    other = replace(UNIT, key=("1955",))
    staying = Staying(environment="prod", history="market", grid=GRID)
    again = forget_grid_points(stores, online, find(stores, other), other)
    assert again == GridPoints(staying=(staying,)), "of another unit that is not known"


def test_a_query_written_by_hand_is_computed_again_whatever_its_keys(
    bench, stores, online, rows, monkeypatch
):
    asked = []
    monkeypatch.setattr(answered, "refresh", lambda *given, **more: asked.append(given[1].name))
    by_hand = replace(OLD, sql="SELECT 1")
    released(bench, "1.0.0", by_hand, live=["prod"])
    computed(bench, online, rows, OLD)
    assert forget_grid_points(stores, online, found(stores), UNIT).remade == 1
    assert asked == ["market"]


def test_a_table_stays_that_nobody_knows_the_rows_of(bench, stores, online, rows):
    released(bench, "1.0.0", BY_DECADE, live=["prod"])
    digest = rows["manifest"]["digest"]

    def staying(copies, source=None):
        computed(bench, online, rows, BY_DECADE, source=source)
        return len(forget_grid_points(stores, online, copies, UNIT).staying)

    assert staying(Copies()) == 0, "of rows without the unit"
    assert staying(found(stores), table_source("f" * 64, CODE)) == 1, "from rows nobody stored"
    assert staying(found(stores), table_source(digest, {})) == 1, "by other code"
    assert staying(found(stores), "unknown") == 1
    copies, kept = found(stores), bench.artifacts.get(rows["rows"])
    bench.artifacts.delete(rows["rows"])
    with closing(online.writer("prod", "houses")) as writer:
        view = view_name(BY_DECADE)
        table = writer.table(view, GRID)
        writer.write(
            view, GRID, key=table.key, values=table.values, rows=[(195, 10)], digest=table.digest,
            source=table_source(digest, CODE),
        )  # fmt: skip
    assert len(forget_grid_points(stores, online, copies, UNIT).staying) == 1, "they were erased"
    bench.artifacts.put(kept)
    assert forget_grid_points(stores, online, copies, UNIT).remade == 1


def test_a_table_that_is_not_whole_goes(bench, stores, online, rows):
    released(bench, "1.0.0", OLD, live=["prod"])
    computed(bench, online, rows, OLD)
    file = online.places.online("prod", "houses") / view_name(OLD) / f"{GRID}.sqlite"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert forget_grid_points(stores, online, found(stores), UNIT) == GridPoints(deleted=1)
    assert not file.exists()
