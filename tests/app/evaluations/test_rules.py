import numpy as np
import pytest

from app.evaluations.rules import clustered_mean, outcomes, win_rate


def test_cross_pairs_count_one_half_and_nothing():
    assert outcomes([1, 2], [2, 3]) == [1.0, 1.0, 0.5, 1.0]
    assert outcomes([4], [1, 4]) == [0.0, 0.5]


def test_each_prompt_weighs_the_same_however_many_pairs_it_has():
    rate = win_rate([1, 1, 1, 1, 2], [1.0, 1.0, 1.0, 1.0, 0.0])
    assert rate.estimate.mean == pytest.approx(0.5)
    assert (rate.estimate.prompts, rate.estimate.observations, rate.ties) == (2, 5, 0)


def test_without_data_the_rate_is_undefined_and_says_why():
    rate = win_rate([], [])
    assert rate.estimate.mean is None
    assert rate.tie_share is None
    assert "nobody has compared" in rate.estimate.undefined


def test_one_prompt_gives_a_rate_without_an_interval():
    estimate = win_rate([7, 7], [1.0, 0.5]).estimate
    assert estimate.mean == pytest.approx(0.75)
    assert estimate.low is None
    assert "only one prompt" in estimate.undefined


def test_the_same_seed_gives_the_same_interval_around_the_mean():
    rng = np.random.default_rng(3)
    prompts, values = list(rng.integers(0, 40, 200)), list(rng.choice([0.0, 0.5, 1.0], 200))
    first, again = (clustered_mean(prompts, values, seed=5) for _ in range(2))
    assert first == again
    assert first.low < first.mean < first.high


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """400 made-up evaluations of 40 prompts with truth 0.6: between 90 and 98 of 100 intervals hold it."""
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(400):
        chance = rng.beta(6, 4, 40)
        prompts = np.repeat(np.arange(40), 4)
        values = (rng.random(160) < np.repeat(chance, 4)).astype(float)
        estimate = clustered_mean(list(prompts), list(values), seed=trial, draws=300)
        hits += estimate.low <= 0.6 <= estimate.high
    assert 0.90 <= hits / 400 <= 0.98


def test_swapping_the_models_mirrors_the_rate():
    one = win_rate([1, 2, 2], outcomes([1], [2]) + outcomes([1], [1]) + outcomes([3], [2]))
    other = win_rate([1, 2, 2], outcomes([2], [1]) + outcomes([1], [1]) + outcomes([2], [3]))
    assert one.estimate.mean == pytest.approx(1 - other.estimate.mean)
