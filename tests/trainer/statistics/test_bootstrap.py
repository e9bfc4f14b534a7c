"""The bootstrap over clusters: exact sums, intervals that cover, and what stands where there is none."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.trainer.statistics.random_data import ALL, EXACT, PACKAGES, label_tables, labels_of
from trainer.statistics.arrays import by_group, ratio
from trainer.statistics.bootstrap import (
    PartMeasure,
    Parts,
    Resamples,
    estimates_of_parts,
    percentile_interval,
    percentiles,
    resampled_shares,
)
from trainer.statistics.estimates import Counts, Undefined
from trainer.statistics.interval import wilson
from trainer.statistics.kappa import fleiss_kappa
from trainer.statistics.labels import raw_agreement


@PACKAGES
@given(label_tables(), st.integers(0, 3))
def test_a_weighted_prompt_is_a_prompt_that_stands_in_the_data_more_than_once(drawn, seed):
    """What makes the bootstrap exact: each draw equals the measure computed anew on the drawn data."""
    table, q = drawn
    clusters = np.arange(len(table)) // 2
    labels, resamples = labels_of(table, q, clusters), Resamples(clusters.max() + 1, seed=seed, draws=4)
    assume(labels.counts.prompts >= 2)
    for name, measure in ALL.items():
        found = measure(labels, resamples=resamples)
        if found.value is None:
            continue
        again = []
        for times in resamples.times.T:
            rows = np.repeat(np.arange(len(table)), times[clusters])
            if len(rows):
                again.append(measure(labels_of(table[rows], q)).value)
        defined = [value for value in again if value is not None]
        assert found.draws == len(defined), name
        if found.by_wilson or found.no_interval == Undefined.SAME_IN_ALL_DRAWS:
            assert np.ptp(defined) < EXACT, name
        elif defined:
            expected = np.quantile(defined, [0.025, 0.975])
            assert [found.low, found.high] == pytest.approx(expected, abs=EXACT), name


def test_where_every_draw_gives_the_same_share_wilsons_interval_stands():
    """Ten prompts and not one disagreement are no proof that nobody ever disagrees (Wilson 1927: 10 of 10)."""
    table = np.array([[0, 0], [1, 1]] * 5)
    found = raw_agreement(labels_of(table, 2), Resamples(10, seed=1, draws=50))
    assert (found.value, found.by_wilson) == (1.0, True)
    assert (found.low, found.high) == pytest.approx((0.7224672, 1.0), abs=1e-7)


def test_a_coefficient_that_is_the_same_in_every_draw_has_no_interval_and_says_so():
    found = fleiss_kappa(labels_of(np.array([[0, 0], [1, 1]] * 5), 2), Resamples(10, seed=1, draws=50))
    assert (found.value, found.low, found.no_interval) == (1.0, None, Undefined.SAME_IN_ALL_DRAWS)


def test_the_labels_of_one_prompt_give_a_value_but_no_interval():
    table = np.array([[0, 0], [0, 1], [1, 1]])
    found = fleiss_kappa(labels_of(table, 2, np.zeros(3, dtype=int)), Resamples(1, seed=1))
    assert found.value is not None
    assert (found.low, found.high, found.no_interval) == (None, None, Undefined.ONE_CLUSTER)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    """Items of a prompt share their difficulty; an interval over items would be far too narrow."""
    random = np.random.default_rng(5)
    truth, covered = np.mean([1.0, 0.6**2 + 0.4**2]), 0
    for trial in range(150):
        skill = np.repeat(random.choice([1.0, 0.6], size=60), 5)  # the five items of a prompt are easy or hard together
        right = random.random((300, 2)) < skill[:, None]
        clusters = np.arange(300) // 5
        found = raw_agreement(labels_of(right.astype(int), 2, clusters), Resamples(60, seed=trial, draws=300))
        covered += found.low <= truth <= found.high
    assert 0.88 <= covered / 150 <= 0.99


def test_every_draw_has_as_many_clusters_as_there_are():
    for clusters in (1, 7, 300):
        sums = Resamples(clusters, seed=1, draws=50).sums(np.arange(clusters), np.ones((clusters, 1)))
        assert sums.shape == (50, 1)
        assert (sums == clusters).all()


def test_every_cluster_is_drawn_equally_often():
    sums = Resamples(7, seed=0, draws=2000).sums(np.arange(7), np.eye(7))
    assert sums.mean(0) == pytest.approx(np.ones(7), abs=0.1)
    # Multinomial: variance of a count is 1 - 1/7.
    assert sums.var(0) == pytest.approx(np.full(7, 6 / 7), abs=0.1)


def test_draws_do_not_depend_on_how_many_are_made_at_once_nor_on_how_many_follow(monkeypatch):
    whole = Resamples(7, seed=3, draws=40).times
    # The draws that everybody would write down first.
    drawn = np.random.default_rng(3).integers(7, size=(40, 7))
    assert ([np.bincount(one, minlength=7) for one in drawn] == whole.T).all()
    assert (Resamples(7, seed=3, draws=25).times == whole[:, :25]).all()
    monkeypatch.setattr("trainer.statistics.bootstrap._AT_ONCE", 100)  # 14 draws at a time, the last chunk less
    assert (Resamples(7, seed=3, draws=40).times == whole).all()


def test_sums_of_parts_are_the_same_in_large_and_small_portions(monkeypatch):
    random = np.random.default_rng(2)
    parts, clusters, values = random.integers(5, size=60), random.integers(9, size=60), random.random((60, 2))
    parts[parts == 3] = 2  # one part has nothing
    resamples = Resamples(9, seed=0, draws=20)
    expected = {
        part: resamples.times.T.astype(float) @ by_group(clusters[parts == part], values[parts == part], 9)
        for part in (0, 1, 2, 4)
    }
    for at_once in (1 << 20, 200, 40):
        monkeypatch.setattr("trainer.statistics.bootstrap._AT_ONCE", at_once)
        found = {}
        for some, sums in Parts(parts, clusters, values, 5).draws(resamples):
            found |= {int(part): sums[:, place] for place, part in enumerate(some)}
        assert set(found) == set(expected)
        for part, sums in found.items():
            assert sums == pytest.approx(expected[part])


@given(st.lists(st.floats(-5, 5) | st.just(math.nan), min_size=1, max_size=30))
def test_percentiles_are_those_of_numpy_over_the_draws_that_are_defined(draws):
    low, high, defined = percentiles(np.array([draws, draws]).T)
    kept = [one for one in draws if not math.isnan(one)]
    assert defined.tolist() == [len(kept)] * 2
    if kept:
        expected = np.quantile(kept, [0.025, 0.975])
        assert (low[0], high[1]) == pytest.approx(tuple(expected), abs=1e-12)
        assert percentile_interval(np.array(draws)) == (low[0], high[0])
    else:
        assert np.isnan([*low, *high]).all()


def test_shares_of_parts_by_hand():
    """Part 0: 1 of 4 in one cluster. Part 1: everything right in three. Part 2: nothing counted. Part 3: mixed."""
    successes = np.array([1.0, 2, 2, 2, 0, 3, 1])
    trials = np.array([4.0, 2, 2, 2, 0, 3, 3])
    clusters, parts = np.array([0, 0, 1, 2, 3, 4, 5]), np.array([0, 1, 1, 1, 2, 3, 3])
    one, right, nothing, mixed = resampled_shares(successes, trials, clusters, parts, 4, Resamples(6, seed=0))
    assert (one.value, one.low, one.n, one.no_interval) == (0.25, None, 4, Undefined.ONE_CLUSTER)
    assert (right.value, right.n, right.counts.prompts, right.by_wilson) == (1, 6, 3, True)
    assert (right.low, right.high) == wilson(1, 3)
    assert (nothing.value, nothing.undefined) == (None, Undefined.NO_TRIALS)
    assert mixed.value == pytest.approx(4 / 6)
    # Each draw that meets the part has one cluster or both: ⅓, ⅔ or 1, the middle 95 % reaching to both ends.
    assert (mixed.low, mixed.high) == pytest.approx((1 / 3, 1))
    assert mixed.draws < 1000


def test_a_part_without_a_value_has_its_counts_and_the_reason_of_its_own_sums():
    table = Parts(np.array([0, 1]), np.array([0, 1]), np.array([[0.0, 0.0], [7.0, 0.0]]), 3)
    counts = [Counts(items=number) for number in range(3)]

    def why(sums):
        return Undefined.NO_STRICT_PAIR if sums[0] else Undefined.NO_PAIRS

    measure = PartMeasure(lambda sums: ratio(sums[..., 0], sums[..., 1]), why, counts)
    for resamples in (None, Resamples(2, seed=0, draws=10)):
        found = estimates_of_parts({"any": measure}, table, resamples)["any"]
        assert [one.undefined for one in found] == [Undefined.NO_PAIRS, Undefined.NO_STRICT_PAIR, Undefined.NO_PAIRS]
        assert [one.counts for one in found] == counts


def test_parts_reach_clusters_by_weights_of_any_size_and_the_last_part_may_reach_none():
    table = Parts(np.array([0, 0, 0, 1]), np.array([0, 1, 2, 2]), np.array([[0.5], [0.0], [3.0], [0.0]]), 3)
    assert table.reached(0).tolist() == [2, 0, 0]


def test_without_resamples_a_share_of_a_part_has_no_interval():
    table = Parts(np.array([0, 0]), np.array([0, 1]), np.array([[1.0, 2.0], [1.0, 2.0]]), 1)
    measure = PartMeasure(
        lambda sums: ratio(sums[..., 0], sums[..., 1]), lambda _: Undefined.NO_TRIALS, [Counts(prompts=2)], share=True
    )
    (found,) = estimates_of_parts({"any": measure}, table, None)["any"]
    assert (found.value, found.low, found.high, found.draws, found.by_wilson) == (0.5, None, None, 0, False)
