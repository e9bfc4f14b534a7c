import numpy as np
import pytest

from tests.trainer.statistics.random_data import judgements_of
from trainer.statistics.estimates import Undefined
from trainer.statistics.rankings import Judgements
from trainer.statistics.wmt import between_annotators, within_annotators


def judged(rows):
    """Rows of (ranking, first on the screen, second, sign); rankings 0 and 2 are Ann's, 1 is Ben's, all of one task."""
    ranking, first, second, sign = np.array(rows).T
    answers = np.stack([first, second], axis=1)
    return Judgements.of_pairs(
        ranking, answers, sign, task=np.zeros(3, dtype=int), labeler=np.array([0, 1, 0]), ordered=True
    )


ROWS = [(0, 1, 2, 1), (1, 1, 2, 1), (2, 1, 2, 0), (0, 3, 4, -1), (1, 4, 3, 1)]


def test_pairs_meet_only_in_the_same_order_on_the_screen_whoever_judged_them():
    """1 and 2 thrice, of which Ann twice: one of three comparisons agrees. 3 and 4 stood in two orders."""
    found = between_annotators(judged(ROWS))
    assert (found.agreeing, found.comparable, found.tied, found.judged) == (1, 3, 1, 5)
    chance = 0.2**2 + 2 * 0.4**2
    assert found.kappa.value == pytest.approx((1 / 3 - chance) / (1 - chance))


def test_within_counts_the_ties_of_tasks_that_somebody_judged_twice():
    found = within_annotators(judged(ROWS))
    assert (found.agreeing, found.comparable, found.tied, found.judged) == (0, 1, 1, 3)
    chance = (1 / 3) ** 2 + 2 * (1 / 3) ** 2
    assert found.kappa.value == pytest.approx((0 - chance) / (1 - chance))


def test_who_judged_twice_is_known_by_task_and_annotator_together():
    """Twice: annotator 0 in task 2 alone; their other task and another annotator's count for nothing."""
    found = within_annotators(
        Judgements.of_pairs(
            np.arange(4),
            np.array([[1, 2], [1, 2], [3, 4], [3, 4]]),
            np.array([1, 1, 0, 0]),
            task=np.array([2, 2, 0, 0]),
            labeler=np.array([0, 0, 1, 0]),
            ordered=True,
        )
    )
    assert (found.agreeing, found.comparable, found.tied, found.judged) == (1, 1, 0, 2)


def test_without_a_judgement_there_is_nothing_to_compare():
    for found in (between_annotators(judgements_of([])), within_annotators(judgements_of([]))):
        assert (found.kappa.undefined, found.comparable, found.judged) == (Undefined.NO_PAIRS, 0, 0)
