"""True classes and error rates, by hand and on simulated raters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tests.trainer.statistics.simulated import flagged
from trainer.statistics.crowd import dawid_skene, majority_classes
from trainer.statistics.estimates import Undefined


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.5]))
def test_the_likelihood_never_falls_and_chances_are_chances(seed, smoothing):
    random = np.random.default_rng(seed)
    items, raters, values = random.integers(6, size=30), random.integers(4, size=30), random.integers(3, size=30)
    found = dawid_skene(items, raters, values, shape=(7, 5, 3), smoothing=smoothing)
    assert (np.diff(found.log_likelihoods) >= -1e-9).all()
    if found.converged:
        assert np.diff(found.log_likelihoods)[-1] <= 1e-9 * max(1, abs(found.log_likelihoods[-1]))
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
    # Those who answer at random are told from the others, and probable errors are where the mistakes are.
    assert roc_auc_score(np.arange(40) < 12, -found.skill) >= 0.95
    assert roc_auc_score(found.classes != truth, found.error_probability) >= 0.75


def test_dawid_skene_without_labels_is_undefined():
    nothing = np.zeros(0, dtype=np.int64)
    found = dawid_skene(nothing, nothing, nothing, shape=(2, 1, 2))
    assert found.undefined == Undefined.NO_JUDGEMENTS
    assert found.posterior == pytest.approx(0.5)
    assert found.confusion == pytest.approx(0.5)


def test_a_single_label_is_a_whole_vote():
    found = dawid_skene(np.array([0, 1]), np.array([0, 0]), np.array([1, 0]), shape=(2, 1, 2), steps=1)
    assert found.log_likelihoods == [pytest.approx(2 * np.log(0.5))]
