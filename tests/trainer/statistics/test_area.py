import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import auc, precision_recall_curve, roc_auc_score

from trainer.statistics.area import placements, pr_auc, roc_auc


@pytest.mark.parametrize("levels", [3, 10, 10_000])
def test_areas_equal_those_of_scikit_learn_with_ties(levels):
    for seed in range(20):
        random = np.random.default_rng(seed)
        negatives = random.integers(levels, size=random.integers(1, 40)).astype(float).tolist()
        positives = (random.integers(levels, size=random.integers(1, 40)) + levels / 5).round().tolist()
        truth, scores = [0] * len(negatives) + [1] * len(positives), negatives + positives
        assert roc_auc(negatives, positives) == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
        precision, recall, _ = precision_recall_curve(truth, scores)
        assert pr_auc(negatives, positives) == pytest.approx(auc(recall, precision), abs=1e-12)


def test_ties_count_half_and_an_empty_side_has_no_area():
    assert roc_auc([1, 2], [2, 3]) == (1 + 1 + 0.5 + 1) / 4
    assert roc_auc([], [1.0]) is roc_auc([1.0], []) is pr_auc([], [1.0]) is pr_auc([1.0], []) is None


def test_precision_and_recall_by_hand():
    """From the highest: 5 is positive (recall ½, precision 1), 4 negative (½, ½), 3 positive (1, ⅔)."""
    assert pr_auc([4], [5, 3]) == pytest.approx(0.5 * 1 + 0 + 0.5 * (1 / 2 + 2 / 3) / 2)


def test_placements_by_hand_whatever_the_order_of_the_sample():
    assert placements([3, 1, 2], [0, 2, 2.5, 9]).tolist() == pytest.approx([0, 0.5, 2 / 3, 1])


numbers = st.lists(st.integers(-3, 3), min_size=1, max_size=8)


@given(numbers, numbers)
def test_the_mean_placement_is_the_share_of_all_pairs(sample, values):
    pairs = np.array(values)[:, None] - np.array(sample)
    expected = ((pairs > 0) + (pairs == 0) / 2).mean(axis=1)
    assert placements(sample, values) == pytest.approx(expected)
    assert roc_auc(sample, values) == pytest.approx(expected.mean())
    assert roc_auc(values, sample) == pytest.approx(1 - expected.mean())
