import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.contract.judging import Share
from trainer.judging.intervals import Resamples, share
from trainer.statistics.interval import wilson

WIDTH = 0.03
"""How far a bootstrap bound may lie from the normal approximation."""


def test_the_interval_of_independent_pairs_is_that_of_a_proportion():
    correct = np.array([1.0] * 30 + [0.0] * 10)
    found = share(correct, np.ones(40), np.arange(40), seed=0)
    # Normal approximation: 0.75 ± 1.96·√(0.75·0.25/40) = 0.75 ± 0.134
    assert found.low == pytest.approx(0.616, abs=WIDTH)
    assert found.high == pytest.approx(0.884, abs=WIDTH)
    assert (found.value, found.n, found.prompts) == (0.75, 40, 40)


def test_pairs_of_one_prompt_are_drawn_together():
    correct = np.array([1.0] * 30 + [0.0] * 10)
    alone = share(correct, np.ones(40), np.arange(40), seed=0)
    # Ten prompts of four pairs that are all right or all wrong know as much as ten pairs.
    together = share(correct, np.ones(40), np.arange(40) // 4, seed=0)
    ten = share(correct[::4], np.ones(10), np.arange(10), seed=0)
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
    assert (together.low, together.high, together.prompts) == (ten.low, ten.high, 10)


@settings(deadline=None, max_examples=30)
@given(
    items=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.integers(0, 5)), min_size=1, max_size=12),
    seed=st.integers(0, 99),
)
def test_rankings_of_a_prompt_are_summed_first(items, seed):
    """The rows of a prompt may come apart, in any order, and rows without a pair may be missing."""
    correct = np.array([min(right, total) for _, right, total in items], dtype=float)
    total = np.array([total for *_, total in items], dtype=float)
    clusters = np.array([cluster * 7 - 3 for cluster, *_ in items])
    counted = sorted({c for c, t in zip(clusters, total, strict=True) if t})
    summed = [(correct[clusters == c].sum(), total[clusters == c].sum()) for c in counted]
    expected = share(np.array([s for s, _ in summed]), np.array([t for _, t in summed]), np.arange(len(counted)), seed)
    assert share(correct, total, clusters, seed) == expected


def test_a_seed_gives_its_interval_and_another_seed_another():
    correct = np.random.default_rng(0).random(30)
    one, again, other = (share(correct, np.ones(30), np.arange(30), seed) for seed in (3, 3, 4))
    assert one == again
    assert (one.low, one.high) != (other.low, other.high)


def test_nothing_counted_says_nothing():
    assert share(np.zeros(2), np.zeros(2), np.arange(2), 0) == Share()
    assert share(np.zeros(0), np.zeros(0), np.zeros(0, dtype=int), 0) == Share()


def test_prompts_that_agree_are_not_taken_for_certainty():
    """Every draw has the same rate; the interval is that of so many prompts, wide for one."""
    found = share(np.array([2.0, 1.0]), np.array([3.0, 3.0]), np.array([8, 8]), 0)
    assert (found.value, found.n, found.prompts) == (0.5, 6, 1)
    assert (found.low, found.high) == pytest.approx((0.0546, 0.9454), abs=1e-4)
    always = share(np.full(10, 6.0), np.full(10, 6.0), np.arange(10), 0)
    assert (always.value, always.low, always.high) == pytest.approx((1.0, 0.7225, 1.0), abs=1e-4)
    never = share(np.zeros(10), np.full(10, 6.0), np.arange(10), 0)
    assert (never.low, never.high) == pytest.approx((0.0, 0.2775), abs=1e-4)


def test_a_part_that_few_draws_meet_has_the_interval_of_those_that_do():
    resamples = Resamples(50, seed=0)
    correct, total = np.zeros((50, 2)), np.zeros((50, 2))
    total[3, 0] = 4
    correct[3, 0] = 1  # a single prompt; a third of the draws do not meet it
    found, empty = resamples.shares(correct, total)
    assert (found.value, found.low, found.high) == (0.25, *wilson(0.25, 1))
    assert (found.n, found.prompts) == (4, 1)
    assert empty == Share()


@pytest.mark.parametrize("part", [1.0, 0.3])
def test_nineteen_of_twenty_intervals_hold_the_truth(part):
    """Simulated data: prompts differ in difficulty (beta), K differs, a part holds some of the prompts."""
    random = np.random.default_rng(5)
    trials, prompts = 400, 80
    hits = naive_hits = 0
    for trial in range(trials):
        pairs = random.integers(1, 20, size=prompts) * (random.random(prompts) < part)
        correct = random.binomial(pairs, random.beta(2.8, 1.2, size=prompts))  # mean 0.7
        found = Resamples(prompts, trial).shares(correct[:, None], pairs[:, None])[0]
        hits += found.low <= 0.7 <= found.high
        half = 1.96 * math.sqrt(found.value * (1 - found.value) / found.n)
        naive_hits += abs(found.value - 0.7) <= half
    # 95 % of 400 are 380 ± 4.4; the percentile bootstrap of few clusters is a little short.
    assert 0.90 <= hits / trials <= 0.98
    assert naive_hits / trials < 0.8  # pairs taken as independent promise too much


def test_thirty_three_thousand_prompts_stay_small_and_quick():
    prompts = 33_207
    total = np.full(prompts, 18.0)
    correct = np.random.default_rng(0).integers(0, 19, size=prompts).astype(float)
    tracemalloc.start()
    found = share(correct, total, np.arange(prompts), seed=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
    half = 1.96 * (correct / 18).std() / math.sqrt(prompts)
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=half / 5)
