"""What many people say together: strengths, true classes, labelers' reliability, consensus."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from app.quality.rules import estimates
from app.quality.rules.consensus import consensus, majority, majority_classes
from app.quality.rules.davidson import davidson, probabilities
from app.quality.rules.dawid_skene import dawid_skene
from app.quality.rules.rankings import Judgements
from app.quality.rules.reliability import reliabilities
from tests.app.quality.random_data import judgements_of
from tests.app.quality.simulated import flagged, ranked

BEST_OF_THREE = np.array([[0, 1, 1], [1, 0, -1], [0, 1, -1], [0, 1, 0], [1, 2, 1], [1, 2, 0], [0, 2, 1], [2, 0, 1]])


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
        ([[0, 1, 1], [1, 0, 1], [2, 3, 1], [3, 2, 1]], estimates.NOT_COMPARED),
        ([[0, 1, 1], [1, 0, 1]], estimates.NOT_COMPARED),
        ([[0, 1, 1], [1, 2, 1], [2, 3, 1]], estimates.SEPARATED),
        ([[0, 1, 1], [1, 0, 1], [2, 3, 0], [0, 2, 1], [1, 3, 1]], estimates.SEPARATED),
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


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.5]))
def test_the_likelihood_never_falls_and_chances_are_chances(seed, smoothing):
    random = np.random.default_rng(seed)
    items, raters, values = random.integers(6, size=30), random.integers(4, size=30), random.integers(3, size=30)
    found = dawid_skene(items, raters, values, shape=(7, 5, 3), smoothing=smoothing)
    assert (np.diff(found.log_likelihoods) >= -1e-9).all()
    assert found.posterior.sum(axis=1) == pytest.approx(1)
    assert found.confusion.sum(axis=2) == pytest.approx(1)
    assert found.posterior[6] == pytest.approx(found.marginals)  # nobody labelled it
    assert found.confusion[4] == pytest.approx(1 / 3)  # labelled nothing


def test_three_labels_by_hand_give_the_first_step_of_em():
    """Two items, two raters: item 0 has labels 1 1, item 1 has 0 1."""
    found = dawid_skene(
        np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([1, 1, 0, 1]), shape=(2, 2, 2), steps=1
    )
    # From shares of votes the marginals are (1/4, 3/4); rater 0 says 0 always on class 0 and in a third of class 1.
    item_0 = np.array([0.25 * 0 * 1, 0.75 * (1 / 1.5) * 1])
    item_1 = np.array([0.25 * 1 * 1, 0.75 * (0.5 / 1.5) * 1])
    assert found.log_likelihoods == [pytest.approx(np.log(item_0.sum()) + np.log(item_1.sum()))]
    assert found.posterior[1] == pytest.approx(item_1 / item_1.sum())


@pytest.mark.parametrize("seed", range(3))
def test_dawid_skene_beats_the_majority_on_hidden_truth(seed):
    truth, items, raters, values = flagged(seed)
    found = dawid_skene(items, raters, values, shape=(len(truth), 40, 2), smoothing=0.5)
    votes = majority_classes(items, values, (len(truth), 2))
    assert found.converged
    assert (found.classes == truth).mean() >= (votes == truth).mean() + 0.02
    # Those who answer at random are told from the others, and doubt is where the mistakes are.
    assert roc_auc_score(np.arange(40) < 12, -found.skill) >= 0.95
    assert roc_auc_score(found.classes != truth, found.doubt) >= 0.75


def test_dawid_skene_without_labels_is_undefined():
    nothing = np.zeros(0, dtype=np.int64)
    found = dawid_skene(nothing, nothing, nothing, shape=(2, 1, 2))
    assert found.undefined == estimates.NO_JUDGEMENTS
    assert found.posterior == pytest.approx(0.5)


@pytest.fixture(scope="module", params=range(3))
def workforce(request):
    kinds, worth, judgements = ranked(request.param)
    return kinds, worth, judgements, reliabilities(judgements)


def test_consensus_beats_the_majority_on_hidden_truth(workforce):
    _, worth, judgements, found = workforce
    one, other = judgements.answers.T
    truth = np.sign(worth.ravel()[one] - worth.ravel()[other])
    votes, _ = majority(judgements)
    value = np.zeros(worth.size)
    value[found.answer] = found.worth
    by_majority = ((votes == truth) + (votes == 0) / 2).mean()
    by_consensus = (np.sign(value[one] - value[other]) == truth).mean()
    assert found.converged
    assert by_consensus >= by_majority + 0.025


def test_who_guesses_and_who_goes_by_the_place_are_found(workforce):
    kinds, _, _, found = workforce
    guess = np.isin(kinds, ["spammer", "biased"])
    honest = kinds == "honest"
    assert roc_auc_score(guess[guess | honest], -found.discrimination[guess | honest]) >= 0.98
    assert found.position[kinds == "biased"].min() > 1
    assert np.abs(found.position[kinds != "biased"]).max() < 1
    assert found.discrimination[kinds == "careless"].mean() < found.discrimination[honest].mean() - 0.5


def test_the_consensus_is_as_sure_as_it_is_right(workforce):
    _, worth, _, found = workforce
    steps = [
        (chance, worth.ravel()[better] > worth.ravel()[worse])
        for one in consensus(found).values()
        for better, worse, chance in zip(one.answers, one.answers[1:], one.better, strict=False)
    ]
    chance, right = np.array(steps, dtype=float).T
    for low, high in ((0.5, 0.7), (0.7, 0.85), (0.85, 1)):
        some = (chance >= low) & (chance < high)
        assert some.sum() > 100
        assert right[some].mean() == pytest.approx(chance[some].mean(), abs=0.1)


def test_who_ranks_upside_down_has_a_negative_discrimination():
    _, _, judgements = ranked(7, tasks=100, honest=9, spammers=0, biased=0, careless=0)
    reversed_ = judgements.labeler[judgements.ranking] == 4
    turned = judgements.sign.copy()
    turned[reversed_] *= -1
    found = reliabilities(Judgements(**(vars(judgements) | {"sign": turned})))
    assert found.discrimination[4] < -0.5
    assert np.delete(found.discrimination, 4).min() > 0.5


def test_the_worths_of_a_prompt_are_the_mode_of_their_posterior():
    """Against a general optimiser, at the habits that were found."""
    _, _, judgements = ranked(1, tasks=40, honest=8, spammers=2, biased=2, careless=0)
    found = reliabilities(judgements)
    task = 3
    rows = judgements.task[judgements.ranking] == task
    labeler = judgements.labeler[judgements.ranking[rows]]
    answers = found.answer[found.task == task]
    one, other = np.searchsorted(answers, judgements.answers[judgements.pair[rows]]).T

    def loss(worth):
        gap = found.discrimination[labeler] * (worth[one] - worth[other])
        chances = probabilities(gap + found.position[labeler] * judgements.shown[rows], found.log_tie[labeler])
        spoken = chances[
            np.arange(rows.sum()), np.select([judgements.sign[rows] > 0, judgements.sign[rows] < 0], [0, 1], 2)
        ]
        return -np.sqrt(2 / 5) * np.log(spoken).sum() + (worth**2).sum() / 2

    assert found.worth[found.task == task] == pytest.approx(minimize(loss, np.zeros(5), tol=1e-10).x, abs=0.02)


def test_doubt_makes_ties_and_certainty_orders():
    tables = [np.array([[1, 2, 3]] * 6), np.array([[1, 2, 2], [2, 1, 2]])]
    found = reliabilities(judgements_of(tables))
    by_task = consensus(found)
    assert (by_task[0].answers, by_task[0].ranks) == ([0, 1, 2], [1, 2, 3])
    assert by_task[0].certainty > by_task[1].certainty
    assert by_task[1].ranks[:2] == [1, 1]
    assert consensus(found, certain=0.5)[1].ranks == [1, 2, 3]
    gap = by_task[0].worths[0] - by_task[0].worths[1]
    cov = found.covariance[0]
    assert by_task[0].better[0] == pytest.approx(norm.cdf(gap / np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])))


def test_a_majority_is_what_most_said_and_a_draw_is_a_tie():
    tables = [np.array([[1, 2], [1, 2], [2, 1]]), np.array([[1, 2], [2, 1]]), np.array([[1, 1], [1, 1], [2, 1]])]
    signs, shares = majority(judgements_of(tables))
    assert signs.tolist() == [1, 0, 0]
    assert shares == pytest.approx([2 / 3, 1 / 2, 2 / 3])
    assert majority_classes(np.array([0, 0, 0, 1, 1]), np.array([1, 1, 0, 1, 0]), (3, 2)).tolist() == [1, 0, 0]


def test_nobody_judged_anything():
    found = reliabilities(judgements_of([]))
    assert found.undefined == estimates.NO_JUDGEMENTS
    assert consensus(found) == {}
