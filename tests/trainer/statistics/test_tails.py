import itertools
import math
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from trainer.statistics.tails import binomial, binomial_tail, holm, kolmogorov_tail, median_interval, normal_tail


@given(st.floats(-37, 37))
def test_the_normal_tail_is_scipys(z):
    assert normal_tail(z) == pytest.approx(stats.norm.sf(z), rel=1e-12)


@settings(deadline=None)
@given(st.integers(0, 900), st.integers(0, 900), st.floats(0, 1))
def test_the_binomial_tail_is_scipys(successes, trials, chance):
    """As far as scipy's own is exact: at 10⁻²⁵⁰ it is wrong in the sixth digit, as fractions tell."""
    expected = stats.binom.sf(successes - 1, trials, chance)
    assert binomial_tail(successes, [(trials, chance)]) == pytest.approx(expected, rel=1e-8, abs=1e-100)


@pytest.mark.parametrize(("successes", "trials", "chance"), [(618, 654, 0.3125), (900, 900, 0.5), (3, 7, 0.25)])
def test_far_tails_are_those_of_fractions(successes, trials, chance):
    of_one, sides = Fraction(chance), range(successes, trials + 1)
    exact = sum(comb(trials, k) * of_one**k * (1 - of_one) ** (trials - k) for k in sides)
    assert binomial_tail(successes, [(trials, chance)]) == pytest.approx(float(exact), rel=1e-10, abs=0)


@pytest.mark.parametrize(
    ("chance", "mass"), [(0, [1, 0, 0, 0]), (1, [0, 0, 0, 1]), (0.5, [1 / 8, 3 / 8, 3 / 8, 1 / 8])]
)
def test_the_chances_of_three_trials(chance, mass):
    assert binomial(3, chance) == pytest.approx(mass)


def test_trials_of_different_chance_add_up():
    chances = [0.1, 0.1, 0.5, 0.7]
    for least in range(-1, 6):
        expected = sum(
            math.prod(c if hit else 1 - c for c, hit in zip(chances, hits, strict=True))
            for hits in itertools.product((0, 1), repeat=4)
            if sum(hits) >= least
        )
        assert binomial_tail(least, [(2, 0.1), (1, 0.5), (0, 0.3), (1, 0.7)]) == pytest.approx(expected)
    assert binomial_tail(0, []) == 1
    # Rounding adds up to no more than certainty.
    assert all(0.999_999 < binomial_tail(0, [(trials, 0.3)]) <= 1 for trials in range(60))
    assert binomial_tail(1, []) == 0


@settings(deadline=None)
@given(st.floats(-1, 4))
def test_kolmogorovs_tail_is_scipys(x):
    assert kolmogorov_tail(x) == pytest.approx(stats.kstwobign.sf(x), abs=1e-12)


def test_kolmogorovs_tail_at_the_printed_line():
    assert kolmogorov_tail(1.3581) == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize("count", [1, 5, 6, 7, 20, 61])
def test_the_interval_of_a_median_is_scipys(count):
    values = np.random.default_rng(count).random(count)
    theirs = stats.quantile_test(values, p=0.5).confidence_interval(0.95)
    left_out = median_interval(count)
    if left_out is None:
        assert count < 6
        assert np.isnan([theirs.low, theirs.high]).any()
    else:
        ordered = np.sort(values)
        assert (ordered[left_out], ordered[-1 - left_out]) == (theirs.low, theirs.high)


@pytest.mark.parametrize("count", [1, 2, 30])
def test_holm_is_statsmodels(count):
    chances = np.random.default_rng(count).random(count) ** 6
    chances[count // 2 :] = chances[count // 2]  # some are equal
    assert holm(chances) == pytest.approx(multipletests(chances, method="holm")[1])


def test_holm_by_hand_keeps_the_order_given():
    assert holm([0.04, 0.01, 0.03, 0.5]) == pytest.approx([0.09, 0.04, 0.09, 0.5])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
