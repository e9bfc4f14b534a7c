"""Shares and means of clustered observations, by hand, against a weighted regression, and on made-up data."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.statistics.clusters import cluster_mean, clustered_shares
from trainer.statistics.estimates import Undefined


def shares(successes, trials, clusters, parts=None, count=1):
    parts = np.zeros(len(successes), dtype=int) if parts is None else np.array(parts)
    return clustered_shares(parts, np.array(clusters), np.array(successes), np.array(trials), count)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_a_share_of_clustered_trials_has_the_variance_of_a_weighted_regression(seed):
    """The share is the slope of successes on trials with weights 1 / trials; its sandwich variance is Cochran's."""
    random = np.random.default_rng(seed)
    cluster = random.integers(8, size=40)
    trials = random.integers(0, 5, size=40).astype(float)
    successes = random.binomial(trials.astype(int), random.random(8)[cluster]).astype(float)
    n, y = (np.bincount(cluster, weights=column, minlength=8) for column in (trials, successes))
    y, n = y[n > 0], n[n > 0]
    found = shares(successes, trials, cluster)
    assert (found.share[0], found.clusters[0]) == (pytest.approx(y.sum() / n.sum()), len(n))
    fit = sm.WLS(y, n, weights=1 / n).fit(cov_type="HC0")
    variance = fit.bse[0] ** 2 * len(n) / (len(n) - 1)
    share = y.sum() / n.sum()
    if variance > 1e-12 and 0 < share < 1:
        assert found.worth[0] == pytest.approx(min(share * (1 - share) / variance, n.sum()))


def test_what_trials_of_clusters_are_worth_by_hand():
    """Ten items of four trials each, all right in seven: as much as nine trials, r (1 - r) (C - 1) / (r (1 - r))."""
    together = shares([4] * 7 + [0] * 3, [4] * 10, range(10))
    assert (together.share[0], together.worth[0]) == (pytest.approx(0.7), pytest.approx(9))
    # Rows of one cluster may come apart; rows without a trial are nothing.
    apart = shares([2] * 14 + [0] * 6 + [0], [2] * 20 + [0], [*np.repeat(np.arange(10), 2), 17])
    assert (apart.share[0], apart.worth[0], apart.clusters[0]) == (pytest.approx(0.7), pytest.approx(9), 10)


def test_no_data_are_worth_more_than_their_trials():
    found = shares([1, 2, 1, 2], [2, 3, 2, 3], range(4))
    assert found.share[0] == pytest.approx(0.6)
    assert found.worth[0] == 10


@pytest.mark.parametrize(
    ("successes", "worth"),
    [([3, 3, 3], 3), ([0, 0, 0], 3), ([1, 1, 1], 3), ([2], 1)],
    ids=["all", "none", "alike", "one"],
)
def test_where_no_spread_is_seen_a_cluster_counts_as_one(successes, worth):
    assert shares(successes, [3] * len(successes), range(len(successes))).worth[0] == worth


def test_what_rounding_leaves_is_no_spread():
    assert 1 / 49 * 49 != 1
    assert shares([1], [49], [0]).worth[0] == 1
    right = shares([0.1 + 0.2, 0.3], [0.3, 0.1 + 0.2], [0, 1])
    assert (right.share[0], right.worth[0]) == (1, 2)


def test_weights_that_add_up_to_less_than_one_are_weights():
    found = shares([0.25, 0.125], [0.25, 0.25], [0, 1])
    assert (found.share[0], found.worth[0]) == (0.75, 0.5)


def test_no_rows_are_no_share():
    found = shares([], [], np.zeros(0, dtype=int), parts=np.zeros(0, dtype=int), count=2)
    assert (found.share.tolist(), found.worth.tolist(), found.clusters.tolist()) == ([0, 0], [0, 0], [0, 0])


def test_parts_are_told_apart_also_where_they_share_clusters_and_an_empty_one_has_nothing():
    found = shares([1, 0, 2, 1], [1, 1, 2, 2], [0, 1, 0, 1], parts=[0, 0, 2, 2], count=4)
    assert found.share.tolist() == [0.5, 0, 0.75, 0]
    assert found.clusters.tolist() == [2, 0, 2, 0]
    assert found.worth.tolist() == [pytest.approx(0.25 / (2 * 0.5 / 4)), 0, pytest.approx(0.1875 / (2 * 0.5 / 16)), 0]


def test_every_cluster_weighs_the_same_in_a_mean():
    found = cluster_mean([1, 1, 1, 5, 9], [1.0, 1.0, 1.0, 0.0, 0.5], seed=0)
    assert (found.value, found.n, found.counts.prompts, found.draws) == (pytest.approx(0.5), 5, 3, 2000)
    assert found.standard_error == pytest.approx(0.5 / np.sqrt(3))  # of 1, 0 and ½
    assert (found.low, found.high) == (0, 1)


def test_a_mean_of_nothing_is_undefined_and_that_of_one_cluster_has_no_interval():
    nothing = cluster_mean([], [], seed=0)
    assert (nothing.value, nothing.why) == (None, Undefined.NO_TRIALS)
    one = cluster_mean([7, 7], [1.0, 0.5], seed=0)
    assert (one.value, one.low, one.why, one.n, one.counts.prompts) == (0.75, None, Undefined.ONE_CLUSTER, 2, 1)
    with pytest.raises(ValueError, match="2 clusters but 1 values"):
        cluster_mean([1, 2], [1.0], seed=0)


def test_the_same_seed_gives_the_same_interval_around_the_mean():
    rng = np.random.default_rng(3)
    prompts, values = list(rng.integers(0, 40, 200)), list(rng.choice([0.0, 0.5, 1.0], 200))
    first, again = (cluster_mean(prompts, values, seed=5) for _ in range(2))
    assert first == again
    assert first.low < first.value < first.high


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """400 made-up evaluations of 40 prompts with truth 0.6: between 90 and 98 of 100 intervals hold it."""
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(400):
        chance = rng.beta(6, 4, 40)
        prompts = np.repeat(np.arange(40), 4)
        values = (rng.random(160) < np.repeat(chance, 4)).astype(float)
        estimate = cluster_mean(list(prompts), list(values), seed=trial, draws=300)
        hits += estimate.low <= 0.6 <= estimate.high
    assert 0.90 <= hits / 400 <= 0.98


def test_the_interval_of_a_mean_is_the_middle_of_means_of_drawn_clusters():
    values = [0.0, 1.0, 0.25, 0.75, 1.0]
    found = cluster_mean([3, 1, 4, 8, 5], values, seed=5, draws=60)
    means = np.array([1.0, 0.0, 0.25, 1.0, 0.75])  # in the order of their clusters
    drawn = means[np.random.default_rng(5).integers(5, size=(60, 5))].mean(axis=1)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))
    assert found.draws == 60


def test_two_clusters_have_an_interval():
    found = cluster_mean([1, 2], [0.0, 1.0], seed=0)
    assert (found.low, found.value, found.high, found.why) == (0, 0.5, 1, None)
