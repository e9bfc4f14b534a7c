import math

import numpy as np
import pytest
from hypothesis import given, settings

from tests.trainer.judging.builds import judgements, scored, strict_pairs_of
from trainer.contract.judging import Calibration
from trainer.judging.calibration import calibration
from trainer.judging.intervals import Resamples

EXACT = 1e-12


def curve(rankings, seed=0):
    return calibration(rankings, Resamples(rankings.cluster_count, seed))


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def test_two_bins_by_hand():
    # |Δr| = ln 3 claims 0.75, which is the lower end of a bin; |Δr| = 0.1 claims 0.525; 0 claims one half.
    rewards = [[math.log(3) + 1e-9, 0.0]] * 4 + [[0.0, 0.1], [2.0, 2.0]]
    ranks = [[1, 2], [1, 2], [1, 2], [2, 1], [2, 1], [1, 2]]
    found = curve(scored(rewards, ranks))
    low, high = found.bins
    assert (low.low, low.high, high.low, high.high) == pytest.approx((0.5, 0.55, 0.75, 0.8))
    assert (low.observed.value, low.observed.n) == (0.75, 2)  # one right, one equal
    assert low.predicted == pytest.approx((sigmoid(0.1) + 0.5) / 2)
    assert (high.observed.value, high.observed.n) == (0.75, 4)
    assert high.predicted == pytest.approx(0.75)
    assert found.ece == pytest.approx(2 / 6 * (0.75 - low.predicted) + 0.0, abs=1e-8)


@settings(deadline=None, max_examples=60)
@given(drawn=judgements())
def test_the_curve_equals_plain_loops(drawn):
    bins = {}
    for r, i, j in strict_pairs_of(drawn["ranks"]):
        margin = drawn["rewards"][r][i] - drawn["rewards"][r][j]
        claimed = sigmoid(abs(margin))
        number = min(int((claimed - 0.5) / 0.05), 9)
        right = 0.5 if margin == 0 else float(margin > 0)
        bins.setdefault(number, []).append((claimed, right))
    found = curve(scored(**drawn))
    assert [round((part.low - 0.5) / 0.05) for part in found.bins] == sorted(bins)
    total, error = sum(map(len, bins.values())), 0.0
    for part, number in zip(found.bins, sorted(bins), strict=True):
        claimed, right = np.mean(bins[number], axis=0)
        assert (part.predicted, part.observed.value) == pytest.approx((claimed, right), abs=EXACT)
        assert part.observed.n == len(bins[number])
        error += len(bins[number]) / total * abs(claimed - right)
    assert found.ece == (pytest.approx(error, abs=EXACT) if total else None)


def test_a_model_that_knows_the_odds_is_calibrated_and_one_that_doubles_them_is_too_sure():
    random = np.random.default_rng(0)
    margins = random.normal(scale=1.5, size=8_000)
    first_wins = random.random(8_000) < 1 / (1 + np.exp(-margins))
    ranks = [[1, 2] if wins else [2, 1] for wins in first_wins]

    def of(factor):
        return curve(scored([[factor * margin, 0.0] for margin in margins], ranks))

    honest, sure, shy = of(1.0), of(2.0), of(0.5)
    assert honest.ece < 0.02
    assert sum(part.observed.low <= part.predicted <= part.observed.high for part in honest.bins) >= 8
    assert all(part.predicted > part.observed.high for part in sure.bins[3:])
    assert all(part.predicted < part.observed.low for part in shy.bins[3:-1])
    assert min(sure.ece, shy.ece) > 0.05


def test_certainty_itself_lies_in_the_last_bin():
    found = curve(scored([[1e4, -1e4]], [[1, 2]]))
    assert [(part.low, part.high, part.predicted) for part in found.bins] == [(0.95, 1.0, 1.0)]
    assert found.ece == 0.0


def test_no_strict_pair_gives_no_curve():
    assert curve(scored([[1.0, 2.0]], [[1, 1]])) == Calibration()
