import numpy as np

from trainer.statistics.arrays import by_group, ratio


def test_sums_of_groups_by_hand_and_empty_ones_are_nothing():
    values = np.array([[1.0, 10], [2, 20], [4, 40]])
    assert by_group(np.array([2, 0, 2]), values, 4).tolist() == [[2, 20], [0, 0], [5, 50], [0, 0]]
    assert by_group(np.zeros(0, dtype=int), np.zeros((0, 2)), 2).tolist() == [[0, 0], [0, 0]]


def test_a_quotient_by_nothing_says_nothing():
    with np.errstate(all="raise"):
        found = ratio(np.array([1.0, 0, 3]), np.array([4.0, 0, -1]))
    assert found[0] == 0.25
    assert np.isnan(found[1:]).all()


def test_a_denominator_may_lie_below_one():
    assert ratio(np.array([1.0, 3]), np.array([0.5, 1])).tolist() == [2, 3]
