"""One order out of several, and what a majority says."""

import numpy as np
import pytest
from scipy.stats import norm

from tests.trainer.statistics.random_data import judgements_of
from trainer.statistics.consensus import Consensus, consensus, majority, plurality
from trainer.statistics.crowd import majority_classes
from trainer.statistics.reliability import reliabilities


def test_uncertainty_makes_ties_and_certainty_orders():
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


def test_ranks_that_stand_as_they_are_order_the_answers_and_worths_those_that_are_tied():
    found = reliabilities(judgements_of([np.array([[1, 2, 3]] * 6), np.array([[2, 1, 1]])]))
    by_task = consensus(found, alone={0: {0: 1, 1: 1, 2: 1}, 1: {100: 2, 101: 1, 102: 1}})
    assert (by_task[0].answers, by_task[0].ranks) == ([0, 1, 2], [1, 1, 1])
    assert (by_task[1].answers[2], by_task[1].ranks) == (100, [1, 1, 3])


def test_the_order_of_a_single_answer_is_certain():
    assert Consensus([7], [1], [0.0], [1.0], [], 0.0).certainty == 1


def test_a_plurality_counts_the_last_ranking_too():
    assert plurality(judgements_of([np.array([[1, 2], [2, 1], [2, 1]])])).tolist() == [-1]
