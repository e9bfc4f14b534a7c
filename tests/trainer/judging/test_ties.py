from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.judging.builds import judgements, scored
from trainer.contract.judging import Share, TieFigures
from trainer.judging.intervals import Resamples
from trainer.judging.ties import separation, tie_figures


def figures(rankings):
    return tie_figures(rankings, Resamples(rankings.cluster_count, 0))


def test_four_answers_by_hand():
    # D > C > A = B with scores 3, 1, 0, 0.5: the tie has a gap of 0.5, the strict pairs 2, 3, 2.5, 1, 0.5.
    found = figures(scored([[3.0, 1.0, 0.0, 0.5]], [[1, 2, 3, 3]]))
    assert (found.tied_pairs, found.gap_on_ties, found.gap_on_strict) == (1, 0.5, pytest.approx(9 / 5))
    # Smaller than four of five, equal to one.
    assert found.separation.value == pytest.approx(4.5 / 5)
    assert (found.separation.n, found.separation.prompts) == (1, 1)


@settings(deadline=None, max_examples=60)
@given(drawn=judgements())
def test_separation_equals_every_tied_pair_against_every_strict_one(drawn):
    gaps = {True: [], False: []}
    for row, places in zip(drawn["rewards"], drawn["ranks"], strict=True):
        for i in range(len(row)):
            for j in range(i):
                gaps[places[i] == places[j]].append(abs(row[i] - row[j]))
    below = [1.0 if t < s else 0.5 if t == s else 0.0 for t in gaps[True] for s in gaps[False]]
    found = figures(scored(**drawn))
    assert found.separation.value == (pytest.approx(np.mean(below)) if below else None)
    assert found.tied_pairs == len(gaps[True])
    for name, tied in (("gap_on_ties", True), ("gap_on_strict", False)):
        assert getattr(found, name) == (pytest.approx(np.mean(gaps[tied])) if gaps[tied] else None)


def test_without_ties_or_without_preferences_nothing_is_separated():
    assert figures(scored([[1.0, 0.0]], [[1, 2]])) == TieFigures(gap_on_strict=1.0)
    assert figures(scored([[1.0, 0.0]], [[1, 1]])) == TieFigures(tied_pairs=1, gap_on_ties=1.0)


def simulated(random, prompts, effect, common):
    """Two samples N(0, 1 + common²) and N(effect, 1 + common²) whose members share a part with their prompt."""
    shared = common * random.normal(size=prompts)

    def sample(mean):
        sizes = random.integers(1, 6, size=prompts)
        clusters = np.repeat(np.arange(prompts), sizes)
        return mean + shared[clusters] + random.normal(size=len(clusters)), clusters

    return *sample(0.0), *sample(effect)


@pytest.mark.parametrize(("effect", "common"), [(0.0, 0.0), (1.0, 1.0), (1.0, 2.0)])
def test_nineteen_of_twenty_intervals_hold_the_true_area(effect, common):
    # Y − X has the variance 2 + 2·common² where the prompts differ and 2 within one of the 60 prompts.
    random, prompts, trials = np.random.default_rng(3), 60, 400
    apart, together = NormalDist(effect, (2 + 2 * common**2) ** 0.5), NormalDist(effect, 2**0.5)
    truth = 1 - ((prompts - 1) * apart.cdf(0) + together.cdf(0)) / prompts
    found = [
        separation(*simulated(random, prompts, effect, common), Resamples(prompts, seed)) for seed in range(trials)
    ]
    assert np.mean([share.value for share in found]) == pytest.approx(truth, abs=0.01)
    # 380 ± 4.4 of 400.
    assert sum(share.low <= truth <= share.high for share in found) / trials == pytest.approx(0.945, abs=0.03)


def test_the_interval_is_that_of_resampling_prompts_and_counting_anew():
    """The linear form against the bootstrap that it stands for."""
    random = np.random.default_rng(0)
    small, small_clusters, large, large_clusters = simulated(random, 40, 0.7, 0.5)
    found = separation(small, small_clusters, large, large_clusters, Resamples(40, 0))
    areas = []
    for _ in range(500):
        drawn = random.integers(40, size=40)
        tied = np.concatenate([small[small_clusters == c] for c in drawn])
        strict = np.concatenate([large[large_clusters == c] for c in drawn])
        areas.append((tied[:, None] < strict).mean())
    low, high = np.quantile(areas, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.15 * (high - low))


@given(shift=st.floats(0.1, 5))
def test_equal_spread_means_one_half_and_none_means_one(shift):
    clusters = np.arange(4)
    same = separation(np.full(4, shift), clusters, np.full(4, shift), clusters, Resamples(4, 0))
    assert (same.value, same.low, same.high) == (0.5, 0.5, 0.5)
    apart = separation(np.zeros(4), clusters, np.full(4, shift), clusters, Resamples(4, 0))
    assert (apart.value, apart.low, apart.high) == (1.0, 1.0, 1.0)


def test_an_empty_sample_has_no_area():
    assert separation(np.zeros(0), np.zeros(0, int), np.ones(2), np.zeros(2, int), Resamples(1, 0)) == Share()
