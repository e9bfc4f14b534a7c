"""Davidson's model, by hand, against a general optimiser and on repeated data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from trainer.statistics.estimates import Undefined
from trainer.statistics.paired import davidson, probabilities


@st.composite
def comparisons(draw):
    """Everybody has won and lost and tied against everybody, and more."""
    items = draw(st.integers(2, 4))
    pairs = [(i, j) for i in range(items) for j in range(i)]
    counts = np.array(draw(st.lists(st.integers(1, 9), min_size=3 * len(pairs), max_size=3 * len(pairs))))
    first, second = np.array(pairs).T.repeat(3, axis=1)
    return items, first, second, np.tile([1, -1, 0], len(pairs)), counts


@settings(max_examples=15, deadline=None)
@given(comparisons(), st.sampled_from([None, 0.7]))
def test_davidson_is_where_a_general_optimiser_finds_the_maximum(drawn, prior):
    items, first, second, sign, counts = drawn

    def loss(theta):
        worth = theta[:-1] - theta[:-1].mean()
        chances = probabilities(worth[first] - worth[second], theta[-1])
        spoken = chances[np.arange(len(sign)), np.select([sign > 0, sign < 0], [0, 1], 2)]
        penalty = 0 if prior is None else (worth**2).sum() / (2 * prior**2)
        # What the data leave open is pinned, so that the optimiser has one place to go.
        return -(counts * np.log(spoken)).sum() + penalty + theta[:-1].mean() ** 2

    theirs = minimize(loss, np.zeros(items + 1), tol=1e-12).x
    ours = davidson(first, second, sign, items=items, weights=counts, prior=prior)
    assert ours.log_worth == pytest.approx(theirs[:-1] - theirs[:-1].mean(), abs=1e-5)
    assert ours.log_tie == pytest.approx(theirs[-1], abs=1e-5)
    if prior is None:
        assert ours.log_likelihood == pytest.approx(-loss(np.append(ours.log_worth, ours.log_tie)), abs=1e-9)


def test_standard_errors_are_the_spread_of_repeated_data():
    random = np.random.default_rng(3)
    worth, log_tie = np.array([0.5, 0.0, -0.5]), -0.3
    first, second = np.array([0, 0, 1]).repeat(200), np.array([1, 2, 2]).repeat(200)
    chances = probabilities(worth[first] - worth[second], log_tie).cumsum(axis=1)
    fits = []
    for _ in range(150):
        said = (random.random(len(first))[:, None] > chances).sum(axis=1)
        fits.append(davidson(first, second, np.array([1, -1, 0])[said], items=3))
    gaps = [fit.log_worth[0] - fit.log_worth[2] for fit in fits]
    assert np.mean(gaps) == pytest.approx(1, abs=0.03)
    assert np.std(gaps) == pytest.approx(np.mean([fit.error_of_difference(0, 2) for fit in fits]), rel=0.15)
    ties = [fit.log_tie for fit in fits]
    assert np.std(ties) == pytest.approx(np.mean([fit.covariance[3, 3] ** 0.5 for fit in fits]), rel=0.15)


def test_two_answers_give_the_odds_of_their_wins():
    fit = davidson(np.zeros(4, dtype=int), np.ones(4, dtype=int), np.array([1, 1, 1, -1]), items=2)
    assert fit.log_worth[0] - fit.log_worth[1] == pytest.approx(np.log(3))
    assert fit.log_tie is None  # nobody said so
    assert fit.error_of_difference(0, 1) == pytest.approx((1 / 3 + 1) ** 0.5)


def test_half_a_win_for_a_tie_or_nothing():
    one, other, sign = np.zeros(4, dtype=int), np.ones(4, dtype=int), np.array([1, 1, -1, 0])
    assert davidson(one, other, sign, items=2, ties="half").worth == pytest.approx([2.5 / 4, 1.5 / 4])
    assert davidson(one, other, sign, items=2, ties="drop").worth == pytest.approx([2 / 3, 1 / 3])


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([[0, 1, 1], [1, 0, 1], [2, 3, 1], [3, 2, 1]], Undefined.NOT_COMPARED),
        ([[0, 1, 1], [1, 0, 1]], Undefined.NOT_COMPARED),
        ([[0, 1, 1], [1, 2, 1], [2, 3, 1]], Undefined.SEPARATED),
        ([[0, 1, 1], [1, 0, 1], [2, 3, 0], [0, 2, 1], [1, 3, 1]], Undefined.SEPARATED),
    ],
)
def test_what_the_comparisons_leave_open_is_undefined_and_a_prior_settles_it(rows, why):
    first, second, sign = np.array(rows).T
    fit = davidson(first, second, sign, items=4)
    assert (fit.log_worth, fit.worth, fit.error_of_difference(0, 1), fit.undefined) == (None, None, None, why)
    settled = davidson(first, second, sign, items=4, prior=1.0)
    assert np.isfinite(settled.log_worth).all()
    assert settled.log_worth[0] >= settled.log_worth[3] - 1e-9


def test_nothing_but_ties_makes_all_alike():
    fit = davidson(np.array([0, 1]), np.array([1, 2]), np.array([0, 0]), items=3)
    assert fit.log_worth == pytest.approx([0, 0, 0])


def test_standard_errors_are_the_curvature_of_the_likelihood():
    """By differences of the log-likelihood in (λ₀ - λ₂, λ₁ - λ₂, log ν)."""
    first, second = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2]), np.array([1, 1, 1, 2, 2, 2, 2, 2, 0, 0, 1])
    sign = np.array([1, 1, 0, 1, 1, 1, 0, -1, -1, 1, -1])
    fit = davidson(first, second, sign, items=3)

    def likelihood(free):
        worth = np.array([free[0], free[1], 0.0])
        chances = probabilities(worth[first] - worth[second], free[2])
        return np.log(chances[np.arange(len(sign)), np.select([sign > 0, sign < 0], [0, 1], 2)]).sum()

    at = np.array([*(fit.log_worth[:2] - fit.log_worth[2]), fit.log_tie])
    step = 1e-3 * np.eye(3)
    curvature = [
        [
            sum(a * b * likelihood(at + a * one + b * other) for a in (1, -1) for b in (1, -1)) / (4 * 1e-6)
            for one in step
        ]
        for other in step
    ]
    covariance = np.linalg.inv(-np.array(curvature))
    assert fit.error_of_difference(0, 2) ** 2 == pytest.approx(covariance[0, 0], rel=1e-4)
    assert fit.covariance[3, 3] == pytest.approx(covariance[2, 2], rel=1e-4)
    assert fit.covariance[0, 3] - fit.covariance[2, 3] == pytest.approx(covariance[0, 2], rel=1e-4)


def test_chances_stand_in_the_last_column_whatever_the_shape_of_the_gaps():
    found = probabilities(np.zeros((2, 4)), 0.0)
    assert found.shape == (2, 4, 3)
    assert found == pytest.approx(1 / 3)
