"""Golden answers are given again where a release is loaded, of what JSON keeps of their rows."""

from dataclasses import replace
from datetime import date

import pytest
from msgspec import structs

from interlock.clock import DAY
from interlock.errors import IntegrityError
from interlock.features.definition import Aggregate, FeatureDefinition, HistoryDefinition
from interlock.release.bundle import Bundle
from interlock.serve.loaded.golden import check_golden, golden_bytes, golden_row, read_golden
from interlock.serve.loaded.pick import picker
from interlock.serve.loaded.release import assemble
from interlock.train.postprocess import PostProcessing

SOLD = Aggregate(
    name="sold_on", function="latest", column="sold_on", window=None, ttl=None, default=None,
    kind="date",
)  # fmt: skip
MARKET = HistoryDefinition(
    name="market", source="sales", entity=(("zone", "str"),), refresh=DAY, landing=0,
    aggregates=(SOLD,), digest="5" * 64,
)  # fmt: skip
AFTER = FeatureDefinition(
    name="aged", arguments=("prediction", "sold_on"), nullable_arguments=(), kind="float",
    optional=False, module="after", function="aged",
)  # fmt: skip


@pytest.fixture
def release(support):
    """One whose answers are post-processed by a day of its history."""
    files = support.bundle_files()
    bundle = Bundle(digest="0" * 64, directory=None, manifest=support.MANIFEST, files=files)
    plain = assemble(bundle, support.plan_for(None))
    aged = PostProcessing([AFTER], [lambda prediction, sold_on: prediction + sold_on.year])
    pick = picker((*plain.fields, *plain.names, "sold_on"), aged.arguments)
    return replace(plain, histories=(MARKET,), postprocessing=aged, pick_after=pick)


def kept(release, support):
    made = golden_row(release, support.REQUEST, as_of=support.CLOCK, history=(date(1996, 5, 31),))
    return read_golden(golden_bytes([made]))


def test_a_date_of_the_history_is_one_again(release, support):
    check_golden(release, kept(release, support))


def test_what_is_no_value_of_the_history_is_a_difference(release, support):
    (row,) = kept(release, support)
    for history in (("a day",), (7,), ()):
        with pytest.raises(IntegrityError) as caught:
            check_golden(release, [structs.replace(row, history=history)])
        mistake = caught.value.mistakes[0]
        assert (mistake.code, "its history cannot be read" in mistake.got) == ("S105", True)
