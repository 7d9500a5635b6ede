import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.stats.bootstrap import (
    Means,
    Quantile,
    Ranked,
    bootstrap,
    bootstrap_parts,
    percentile_interval,
    value_of,
)
from interlock.stats.resamples import Resamples

values_lists = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


def _expanded(resamples, values):
    """Every resample written out, the slow and obvious way."""
    for counts in resamples.chunks():
        for row in counts:
            yield np.repeat(values, row[resamples.unit_of_row].astype(int))


@given(values_lists, st.floats(0, 1), st.booleans())
@settings(max_examples=60, deadline=None)
def test_quantiles_and_means_equal_those_of_the_rows_written_out(values, share, clustered):
    array = np.array(values)
    clusters = np.arange(len(values)) // 3 if clustered else None
    resamples = Resamples.of(len(values), seed=3, clusters=clusters, count=20)
    drawn = bootstrap([Quantile(array, share), Means(array[:, None])], resamples)
    for row, rows in enumerate(_expanded(resamples, array)):
        assert drawn[row, 0] == pytest.approx(np.quantile(rows, share), rel=1e-9, abs=1e-6)
        assert drawn[row, 1] == pytest.approx(rows.mean(), rel=1e-9, abs=1e-6)


def test_the_median_of_an_even_number_is_the_exact_midpoint():
    assert value_of(Quantile(np.array([0.1, 0.4, 0.2, 0.9]), 0.5), 4) == (0.2 + 0.4) / 2


def test_few_big_clusters_reach_outside_the_window_of_likely_ranks():
    values = np.arange(40_000.0)
    clusters = np.arange(40_000) // 10_000  # a resample may hold the lowest cluster four times
    resamples = Resamples.of(40_000, seed=5, clusters=clusters, count=60)
    drawn = bootstrap([Quantile(values, 0.5)], resamples)[:, 0]
    expected = [np.median(rows) for rows in _expanded(resamples, values)]
    assert drawn == pytest.approx(expected)
    assert drawn.min() < 12_000  # far from the window around 20,000


def test_the_same_seed_gives_the_same_counts_and_another_seed_others():
    def counts(seed):
        return np.vstack([c.copy() for c in Resamples.of(50, seed=seed, count=9).chunks()])

    assert (counts(1) == counts(1)).all()
    assert (counts(1) != counts(2)).any()
    assert (counts(1).sum(axis=1) == 50).all()


def test_chunks_of_any_size_hold_the_same_resamples(monkeypatch):
    whole = np.vstack(list(Resamples.of(30, seed=1, count=50).chunks()))
    monkeypatch.setattr("interlock.stats.resamples._CHUNK_CELLS", 70)
    chunks = list(Resamples.of(30, seed=1, count=50).chunks())
    assert len(chunks) == 25
    assert (np.vstack(chunks) == whole).all()


def test_very_many_units_are_dealt_into_groups_without_changing_the_interval(monkeypatch):
    values = np.random.default_rng(2).exponential(size=6_000)
    statistics = [Means(values[:, None]), Quantile(values, 0.5)]
    alone = bootstrap(statistics, Resamples.of(6_000, seed=1))
    monkeypatch.setattr("interlock.stats.resamples.MOST_UNITS", 1_000)
    resamples = Resamples.of(6_000, seed=1)
    assert (resamples.n_units, resamples.independent) == (1_000, 6_000)
    assert set(np.bincount(resamples.unit_of_row)) == {6}
    grouped = bootstrap(statistics, resamples)
    assert grouped.std(axis=0) == pytest.approx(alone.std(axis=0), rel=0.1)
    for column in (0, 1):
        expected = percentile_interval(alone[:, column])
        assert percentile_interval(grouped[:, column]) == pytest.approx(expected, rel=0.01)


def test_rows_of_one_cluster_stay_together_when_clusters_are_grouped(monkeypatch):
    monkeypatch.setattr("interlock.stats.resamples.MOST_UNITS", 10)
    resamples = Resamples.of(90, seed=1, clusters=np.arange(90) // 3)
    assert (resamples.n_units, resamples.independent) == (10, 30)
    assert (resamples.unit_of_row.reshape(30, 3).std(axis=1) == 0).all()


def test_clusters_are_drawn_whole():
    resamples = Resamples.of(6, seed=0, clusters=["a", "b", "a", "c", "c", "a"], count=50)
    for counts in resamples.chunks():
        rows = counts[:, resamples.unit_of_row]
        assert (rows[:, 0] == rows[:, 2]).all()
        assert (rows[:, 3] == rows[:, 4]).all()
        assert (counts.sum(axis=1) == 3).all()


@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=60),
    seed=st.integers(0, 1_000),
    clustered=st.booleans(),
    share=st.floats(0, 1),
)
@settings(max_examples=60, deadline=None)
def test_a_part_is_seen_through_the_draws_of_the_whole(values, seed, clustered, share):
    array = np.array(values)
    rows = np.random.default_rng(seed).random(len(array)) < 0.5
    rows[0] = True
    clusters = np.arange(len(array)) // 3 if clustered else None
    whole = Resamples.of(len(array), seed=seed, clusters=clusters, count=15)
    part = whole.within(rows)
    statistics = [Quantile(array[rows], share), Means(array[rows][:, None])]
    found = bootstrap_parts([(s, rows) for s in statistics], whole)
    assert part.n_rows == rows.sum()
    assert part.independent == whole.independent_in(rows)
    assert found == pytest.approx(bootstrap(statistics, part), rel=1e-9, abs=1e-6, nan_ok=True)
    for row, counts in enumerate(np.vstack(list(whole.chunks()))[:, whole.unit_of_row][:, rows]):
        drawn = np.repeat(array[rows], counts.astype(int))
        expected = [np.quantile(drawn, share), drawn.mean()] if len(drawn) else [np.nan, np.nan]
        assert found[row] == pytest.approx(expected, rel=1e-9, abs=1e-6, nan_ok=True)


def test_a_part_must_keep_a_row():
    drawn = Resamples.of(4, seed=1)
    for rows in (np.zeros(4, dtype=bool), np.ones(3, dtype=bool)):
        with pytest.raises(ValueError, match="a part needs a mask of 4 rows"):
            drawn.within(rows)


def test_independent_clusters_in_a_part_are_counted_before_grouping(monkeypatch):
    monkeypatch.setattr("interlock.stats.resamples.MOST_UNITS", 10)
    whole = Resamples.of(90, seed=1, clusters=np.arange(90) // 3)
    rows = np.arange(90) < 45
    assert (whole.independent_in(rows), whole.within(rows).independent) == (15, 15)
    assert whole.within(rows).n_units <= 10


@pytest.mark.parametrize(
    ("sizes", "least"),
    [
        ([30] * 30, 0.90),  # as few clusters as are judged by
        ([500] + [1] * 500, 0.87),  # one of them holds half of the rows
        ([60] * 200, 0.92),
    ],
)
def test_few_or_dominant_clusters_widen_the_interval_as_they_must(sizes, least):
    rng = np.random.default_rng(11)
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    covered = 0
    for seed in range(200):
        values = rng.normal(0, 0.6, len(sizes))[clusters] + rng.normal(0, 0.8, len(clusters))
        drawn = Resamples.of(len(values), seed=seed, clusters=clusters, count=300)
        low, high = percentile_interval(bootstrap([Means(values[:, None])], drawn)[:, 0])
        covered += low <= 0 <= high
    assert least <= covered / 200 <= 0.99


def test_clusters_of_one_row_each_change_nothing():
    values = np.random.default_rng(0).normal(size=80)
    statistic = [Means(values[:, None])]
    ids = [f"house {k}" for k in reversed(range(80))]
    rows = bootstrap(statistic, Resamples.of(80, seed=4))
    assert (rows == bootstrap(statistic, Resamples.of(80, seed=4, clusters=ids))).all()


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(7)
    covered = 0
    for seed in range(200):
        sample = rng.exponential(size=150)
        drawn = bootstrap([Quantile(sample, 0.5)], Resamples.of(150, seed=seed, count=400))
        low, high = percentile_interval(drawn[:, 0])
        covered += low <= np.log(2) <= high
    assert 180 <= covered <= 199  # 190 expected of 200


def test_cluster_intervals_are_wider_where_rows_of_a_cluster_agree():
    values = np.repeat(np.random.default_rng(1).normal(size=60), 20)
    clusters = np.repeat(np.arange(60), 20)

    def width(ids):
        drawn = bootstrap([Means(values[:, None])], Resamples.of(1_200, seed=1, clusters=ids))
        low, high = percentile_interval(drawn[:, 0])
        return high - low

    assert width(clusters) > 3.5 * width(None)  # √20 is 4.5


def test_undefined_resamples_widen_the_interval():
    values = np.linspace(0, 1, 2_000)
    values[500:510] = np.nan
    low, high = percentile_interval(values)
    assert low < np.nanquantile(values, 0.025)
    assert high > np.nanquantile(values, 0.975)
    values[:60] = np.nan
    assert percentile_interval(values) == (-np.inf, np.inf)


def test_a_function_of_ranked_rows_sees_counts_in_its_own_order():
    order = np.array([2, 0, 1])
    resamples = Resamples.of(3, seed=2, count=30)
    counts = np.vstack([c.copy() for c in resamples.chunks()])
    first = Ranked(lambda first, others: first[:, 0], order, 1)
    rest = Ranked(lambda first, others: others[:, 1] * 10 + others[:, 0], order, 1)
    drawn = bootstrap([first, rest], resamples)
    assert (drawn[:, 0] == counts[:, 2]).all()
    assert (drawn[:, 1] == 10 * (counts[:, 0] + counts[:, 1]) + counts[:, 0]).all()


def test_functions_of_one_order_share_their_counts_and_those_of_others_do_not():
    given = []

    def seen(first, others):
        given.append(id(others))
        return first[:, 0]

    resamples = Resamples.of(3, seed=2, count=1)
    orders = [[2, 0, 1], [2, 0, 1], [0, 1, 2], [2, 0, 1]]
    made = [Ranked(seen, np.array(o), n) for o, n in zip(orders, (1, 1, 1, 2), strict=True)]
    keep = []
    alive = [
        Ranked(lambda f, o, s=s: (keep.append(o), s.function(f, o))[1], s.order, s.n_first)
        for s in made
    ]
    counts = next(resamples.chunks())
    drawn = bootstrap(alive, resamples)
    assert drawn[0].tolist() == [counts[0, 2], counts[0, 2], counts[0, 0], counts[0, 2]]
    assert len(set(given)) == 3


@pytest.mark.parametrize("clustered", [False, True])
def test_ranked_parts_equal_the_part_seen_alone(clustered):
    rng = np.random.default_rng(3)
    clusters = rng.integers(0, 20, 60) if clustered else None
    resamples = Resamples.of(60, seed=2, count=40, clusters=clusters)
    rows = rng.random(60) < 0.5
    n = int(rows.sum())
    made = Ranked(lambda first, others: first @ np.arange(5) + others[:, -1], rng.permutation(n), 5)
    everywhere = bootstrap_parts([(made, rows)], resamples)
    assert np.array_equal(everywhere, bootstrap([made], resamples.within(rows)))


def test_what_cannot_be_resampled_is_refused():
    with pytest.raises(ValueError, match="at least one row, got none"):
        Resamples.of(0, seed=1)
    with pytest.raises(ValueError, match=r"clusters must have shape \(3,\), got \(2,\)"):
        Resamples.of(3, seed=1, clusters=[1, 2])


def test_a_million_rows_keep_50_mb():
    resamples = Resamples.of(1_000_000, seed=1)
    largest = max(chunk.nbytes for chunk in resamples.chunks())
    assert resamples._counts.nbytes == 2_000 * 25_000
    assert largest <= 2**20
