import pytest

from app.training.evaluations.rules import outcomes, win_rate
from trainer.statistics.estimates import Undefined


def test_cross_pairs_count_one_half_and_nothing():
    assert outcomes([1, 2], [2, 3]) == [1.0, 1.0, 0.5, 1.0]
    assert outcomes([4], [1, 4]) == [0.0, 0.5]


def test_each_prompt_weighs_the_same_however_many_pairs_it_has():
    rate = win_rate([1, 1, 1, 1, 2], [1.0, 1.0, 1.0, 1.0, 0.0])
    assert rate.estimate.value == pytest.approx(0.5)
    assert (rate.estimate.counts.prompts, rate.estimate.n, rate.ties) == (2, 5, 0)


def test_without_data_the_rate_is_undefined_and_says_why():
    rate = win_rate([], [])
    assert rate.estimate.value is None
    assert rate.tie_share is None
    assert rate.estimate.undefined == Undefined.NO_COMPARISONS


def test_one_prompt_gives_a_rate_without_an_interval():
    estimate = win_rate([7, 7], [1.0, 0.5]).estimate
    assert estimate.value == pytest.approx(0.75)
    assert estimate.low is None
    assert estimate.no_interval == Undefined.ONE_CLUSTER


def test_swapping_the_models_mirrors_the_rate():
    one = win_rate([1, 2, 2], outcomes([1], [2]) + outcomes([1], [1]) + outcomes([3], [2]))
    other = win_rate([1, 2, 2], outcomes([2], [1]) + outcomes([1], [1]) + outcomes([2], [3]))
    assert one.estimate.value == pytest.approx(1 - other.estimate.value)
