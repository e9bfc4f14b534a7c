"""Agreement beyond chance, by hand and against independent packages."""

import warnings
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats import inter_rater

from tests.trainer.statistics.random_data import EXACT, PACKAGES, label_tables, labels_of
from trainer.statistics.bootstrap import Resamples
from trainer.statistics.estimates import Undefined
from trainer.statistics.kappa import brennan_prediger, cohen_kappa, conger_kappa, fleiss_kappa, gwet_ac1, gwet_ac2
from trainer.statistics.labels import positive_agreement, raw_agreement


@PACKAGES
@given(label_tables(missing=False))
def test_fleiss_and_brennan_prediger_are_those_of_statsmodels(drawn):
    table, q = drawn
    counts = np.stack([(table == category).sum(axis=1) for category in range(q)], axis=1)
    labels = labels_of(table, q)
    assert brennan_prediger(labels).value == pytest.approx(inter_rater.fleiss_kappa(counts, "randolph"), abs=EXACT)
    if len(np.unique(table)) < 2:
        assert fleiss_kappa(labels).undefined == Undefined.ONE_CATEGORY
        return
    assert fleiss_kappa(labels).value == pytest.approx(inter_rater.fleiss_kappa(counts, "fleiss"), abs=EXACT)


@PACKAGES
@given(label_tables(raters=st.just(2)), st.sampled_from(["identity", "linear", "quadratic"]))
def test_cohen_and_conger_are_those_of_scikit_learn(drawn, weights):
    table, q = drawn
    both = table[(table >= 0).all(axis=1)]
    assume(len(both))
    ours = cohen_kappa(labels_of(both, q), weights=weights)
    conger = conger_kappa(labels_of(both, q), weights=weights)
    if len(np.unique(both)) < 2:
        assert ours.undefined == conger.undefined == Undefined.ONE_CATEGORY
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = cohen_kappa_score(*both.T, labels=range(q), weights=None if weights == "identity" else weights)
    assert ours.value == pytest.approx(theirs, abs=EXACT)
    assert conger.value == pytest.approx(theirs, abs=EXACT)
    # Items that one of the two did not see are left out of Cohen's κ.
    if len(np.unique(table[table >= 0] if (table >= 0).any(axis=0).all() else both)) >= 2:
        assert cohen_kappa(labels_of(table, q), weights=weights).value == pytest.approx(theirs, abs=EXACT)


@PACKAGES
@given(label_tables(), st.sampled_from(["identity", "linear", "quadratic"]))
def test_gwets_coefficients_follow_their_definition_item_by_item(drawn, weights):
    """Straight from Gwet (2014), with loops; no package that installs beside ours has them."""
    table, q = drawn
    rows = [row[row >= 0] for row in table]
    agreements = []
    for row in rows:
        if len(row) < 2:
            continue
        gap = {"identity": lambda a, b: float(a != b), "linear": lambda a, b: abs(a - b) / (q - 1)}.get(
            weights, lambda a, b: ((a - b) / (q - 1)) ** 2
        )
        met = [1 - gap(row[i], row[j]) for i in range(len(row)) for j in range(len(row)) if i != j]
        agreements.append(np.mean(met))
    ours = gwet_ac2(labels_of(table, q), weights=weights)
    if not agreements:
        assert ours.undefined == Undefined.NO_PAIRS
        return
    shares = np.mean([[np.mean(row == k) for k in range(q)] for row in rows if len(row)], axis=0)
    total = sum(1 - gap(k, l) for k in range(q) for l in range(q))  # noqa: E741
    chance = total / (q * (q - 1)) * (shares * (1 - shares)).sum()
    assert ours.value == pytest.approx((np.mean(agreements) - chance) / (1 - chance), abs=EXACT)


def test_rare_flags_show_the_paradox_of_kappa():
    """1 % prevalence, 98 % raw agreement, no joint positive."""
    table = np.zeros((100, 2), dtype=int)
    table[0, 0] = table[1, 1] = 1
    labels = labels_of(table, 2)
    assert raw_agreement(labels).value == 0.98
    assert positive_agreement(labels).value == 0
    assert round(fleiss_kappa(labels).value, 2) == -0.01
    assert round(gwet_ac1(labels).value, 2) == 0.98


def test_a_single_category_to_choose_from_leaves_gwet_undefined():
    assert gwet_ac2(labels_of(np.zeros((3, 2), dtype=int), 1)).undefined == Undefined.ONE_DECLARED


def test_three_people_have_no_cohen():
    assert cohen_kappa(labels_of(np.zeros((3, 3), dtype=int), 2)).undefined == Undefined.NOT_TWO_RATERS


def test_brennan_and_predigers_chance_with_linear_weights():
    """Three categories: weights add up to 3 + 4 / 2 = 5 of 9; one pair of labels one step apart agrees by half."""
    found = brennan_prediger(labels_of(np.array([[0, 1]]), 3), weights="linear")
    assert found.value == pytest.approx((1 / 2 - 5 / 9) / (1 - 5 / 9))


def test_congers_chance_of_three_people_is_the_mean_over_every_two_of_them():
    table = np.array([[0, 0, 1], [1, 1, 1], [2, 0, 2], [0, 0, 0], [2, 1, 0]])
    met = list(combinations(table.T, 2))
    agreed = np.mean([(one == other).mean() for one, other in met])
    chance = np.mean([sum((one == k).mean() * (other == k).mean() for k in range(3)) for one, other in met])
    assert conger_kappa(labels_of(table, 3)).value == pytest.approx((agreed - chance) / (1 - chance))


def test_one_person_alone_has_no_conger():
    assert conger_kappa(labels_of(np.array([[0], [1]]), 2)).undefined == Undefined.NO_PAIRS


@pytest.mark.parametrize("measure", [fleiss_kappa, conger_kappa, brennan_prediger, gwet_ac2, cohen_kappa])
def test_under_a_draw_a_coefficient_is_that_of_the_items_drawn(measure):
    table, resamples = np.array([[0, 0], [1, 2], [2, 2], [0, 1]]), Resamples(4, seed=1, draws=9)
    found = measure(labels_of(table, 3), resamples)
    again = [measure(labels_of(np.repeat(table, times, axis=0), 3)).value for times in resamples.times.T]
    expected = np.quantile([value for value in again if value is not None], [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx(tuple(expected))
