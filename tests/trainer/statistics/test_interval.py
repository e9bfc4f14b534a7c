import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from trainer.statistics.interval import LEVEL, NORMAL, hanley_mcneil, wilson


def test_the_level_and_its_quantile_belong_together():
    assert stats.norm.ppf((1 + LEVEL) / 2) == pytest.approx(NORMAL, abs=1e-15)
    assert LEVEL == 0.95


def test_wilson_gives_the_printed_interval():
    """Newcombe 1998, table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15 / 148, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
    assert wilson(1 / 29, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_that_of_statsmodels(pair):
    k, n = pair
    assert wilson(k / n, n) == pytest.approx(proportion_confint(k, n, method="wilson"), abs=1e-9)


@given(st.floats(0, 1), st.floats(0.5, 1e6), st.floats(0.5, 13))
def test_the_ends_are_the_shares_that_lie_just_so_many_errors_away(share, n, quantile):
    """What Wilson's interval is: all true shares π with |p - π| ≤ z √(π (1 - π) / n)."""
    low, high = wilson(share, n, quantile)
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1
    for end in (low, high):
        assert abs(share - end) == pytest.approx(quantile * math.sqrt(end * (1 - end) / n), rel=1e-5, abs=1e-7)


@given(st.floats(0, 1), st.floats(1, 1000))
def test_the_interval_of_the_other_side_is_its_mirror(share, n):
    low, high = wilson(share, n)
    assert wilson(1 - share, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_a_share_that_rounding_has_pushed_out_counts_as_the_end():
    assert wilson(1 + 1e-12, 7) == wilson(1, 7)
    assert wilson(-1e-12, 7) == wilson(0, 7)


def test_the_ends_of_nothing_and_all_are_exact():
    for n in range(1, 300):
        assert wilson(0.0, n)[0] == 0.0
        assert wilson(1.0, n)[1] == 1.0


@pytest.mark.parametrize(("share", "n"), [(0.5, 0), (0.5, -1), (-1e-6, 5), (1 + 1e-6, 5), (math.nan, 5)])
def test_what_is_no_share_of_trials_is_refused(share, n):
    with pytest.raises(ValueError, match="has no interval"):
        wilson(share, n)


def test_hanley_and_mcneil_by_hand():
    """A = 0.8, 3 negatives, 2 positives: Q1 = 2/3, Q2 = 0.7111; variance (0.16 + 0.0266667 + 0.1422222) / 6."""
    error = math.sqrt((0.16 + (2 / 3 - 0.64) + 2 * (1.28 / 1.8 - 0.64)) / 6)
    assert hanley_mcneil(0.8, 3, 2) == pytest.approx((0.8 - 1.959964 * error, 1.0), abs=1e-6)
    low, high = hanley_mcneil(0.6, 300, 200)
    q1, q2 = 0.6 / 1.4, 0.72 / 1.6
    error = math.sqrt((0.24 + 199 * (q1 - 0.36) + 299 * (q2 - 0.36)) / 60_000)
    assert (low, high) == pytest.approx((0.6 - 1.959964 * error, 0.6 + 1.959964 * error), abs=1e-6)


@given(st.floats(0, 1), st.integers(1, 40), st.integers(1, 40))
def test_the_interval_of_an_area_holds_it_and_mirrors(area, negatives, positives):
    low, high = hanley_mcneil(area, negatives, positives)
    assert 0 <= low <= area <= high <= 1
    # Which side is called the positive one changes the sign of the question.
    assert hanley_mcneil(1 - area, positives, negatives) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_sides_told_apart_without_an_error_are_not_certain():
    low, high = hanley_mcneil(1.0, 3, 2)
    assert high == 1
    inside = 1 - 0.5 / 6
    assert low == pytest.approx(hanley_mcneil(inside, 3, 2)[0])
    assert hanley_mcneil(0.0, 2, 3) == pytest.approx((0, 1 - low))


def test_the_interval_of_an_area_covers_the_truth_about_as_often_as_it_says():
    truth, covered = 0.7602, 0  # of two normals one deviation apart: Φ(1/√2)
    random = np.random.default_rng(1)
    for _ in range(400):
        negative, positive = random.normal(size=30), random.normal(size=20) + 1
        area = (negative[:, None] < positive).mean()
        low, high = hanley_mcneil(float(area), 30, 20)
        covered += low <= truth <= high
    assert 0.91 <= covered / 400 <= 0.985
