"""Worths of answers and habits of labelers, on simulated people of known kinds."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score

from tests.trainer.statistics.random_data import judgements_of
from tests.trainer.statistics.simulated import ranked
from trainer.statistics.consensus import consensus, majority
from trainer.statistics.estimates import Undefined
from trainer.statistics.paired import probabilities
from trainer.statistics.rankings import Judgements
from trainer.statistics.reliability import reliabilities


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

    mode = minimize(loss, np.zeros(5), tol=1e-10).x
    assert found.worth[found.task == task] == pytest.approx(mode, abs=0.02)
    curvature = differences(lambda at: differences(loss, at, 1e-4), mode, 1e-4)
    assert found.covariance.shape == (40, 5, 5)
    assert found.covariance[task] == pytest.approx(np.linalg.inv(curvature), abs=0.01)


def test_errors_are_what_numerical_slopes_of_the_likelihood_give():
    """Slopes and curvatures by differences, expectations by a finer rule; the rest as ``_errors`` says in words."""
    tasks, answers, step = 12, 3, 1e-4
    _, _, judgements = ranked(1, tasks=tasks, answers=answers, per_task=2, honest=3, spammers=1, biased=0, careless=0)
    found = reliabilities(judgements)
    habits = np.stack([found.discrimination, found.position, found.log_tie], axis=1)
    nodes, shares = np.polynomial.hermite_e.hermegauss(30)
    people, task_of = judgements.labeler, judgements.task
    errors = []
    for person in range(4):
        information, squares = np.eye(3), np.eye(3)
        for ranking in np.flatnonzero(people == person):
            rows = judgements.ranking == ranking
            sign, shown, task = judgements.sign[rows], judgements.shown[rows], task_of[ranking]
            one, other = judgements.answers[judgements.pair[rows]].T % answers
            worth, covariance = found.worth.reshape(tasks, answers)[task], found.covariance[task]
            spread = np.sqrt(covariance[one, one] + covariance[other, other] - 2 * covariance[one, other])

            def of(habit, gap, sign=sign, shown=shown):
                """The weighted log-likelihood of the ranking, for gaps (3, N)."""
                chances = probabilities(habit[0] * gap + habit[1] * shown[:, None], habit[2])
                spoken = np.take_along_axis(chances, np.select([sign > 0, sign < 0], [0, 1], 2)[:, None, None], axis=2)
                return np.sqrt(2 / answers) * np.log(spoken[..., 0]).sum(axis=0)

            def expected(habit, of=of, worth=worth, spread=spread, one=one, other=other):
                return of(habit, (worth[one] - worth[other])[:, None] + spread[:, None] * nodes) @ shares / shares.sum()

            def at_mode(both, of=of, one=one, other=other):
                return of(both[:3], (both[3:][one] - both[3:][other])[:, None])[0]

            slopes = differences(expected, habits[person], step)
            curvature = differences(lambda at, of=expected: differences(of, at, step), habits[person], step)
            both = np.concatenate([habits[person], worth])
            by_worth = differences(lambda at, of=at_mode: differences(of, at, step), both, step)[:3, 3:]
            information -= curvature + by_worth @ covariance @ by_worth.T
            squares += np.outer(slopes, slopes)
        inverse = np.linalg.inv(information)
        errors.append(np.sqrt(np.maximum(np.diag(inverse @ squares @ inverse), np.diag(inverse))))
    assert found.errors == pytest.approx(np.array(errors), rel=1e-3)


def differences(function, at, step):
    """The derivatives of a function in each of its arguments, by central differences: (arguments, …)."""
    return np.array([(function(at + one) - function(at - one)) / (2 * step) for one in np.eye(len(at)) * step])


def test_a_single_shared_pair_tells_something_of_a_person():
    _, _, judgements = ranked(2, tasks=30, answers=2, honest=6, spammers=0, biased=0, careless=0)
    newcomer = np.array([6])
    more = Judgements(
        **vars(judgements)
        | {
            "ranking": np.append(judgements.ranking, len(judgements.task)),
            "pair": np.append(judgements.pair, 0),
            "sign": np.append(judgements.sign, -np.sign(judgements.sign[judgements.pair == 0].sum())),
            "shown": np.append(judgements.shown, 1),
            "task": np.append(judgements.task, judgements.task[0]),
            "labeler": np.append(judgements.labeler, newcomer),
            "prompt": np.append(judgements.prompt, judgements.prompt[0]),
        }
    )
    found = reliabilities(more)
    assert found.judged[6] == 1
    assert found.discrimination[6] < found.discrimination[:6].mean() - 0.05


def test_nobody_judged_anything():
    found = reliabilities(judgements_of([]))
    assert found.undefined == Undefined.NO_JUDGEMENTS
    assert consensus(found) == {}
