"""Agreement of ratings and flags, by hand and against other people's packages."""

import warnings

import krippendorff
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, f1_score
from statsmodels.stats import inter_rater

from app.language import speak
from app.quality.rules import estimates
from app.quality.rules.alpha import krippendorff_alpha
from app.quality.rules.kappas import (
    brennan_prediger,
    cohen_kappa,
    conger_kappa,
    fleiss_kappa,
    gwet_ac1,
    gwet_ac2,
)
from app.quality.rules.labels import Labels, positive_agreement, raw_agreement
from app.quality.rules.resamples import Resamples
from tests.app.quality.random_data import label_tables, labels_of

EXACT = 1e-9
PACKAGES = settings(max_examples=60, deadline=None)
ALL = {
    "raw": raw_agreement,
    "positive": positive_agreement,
    "fleiss": fleiss_kappa,
    "conger": conger_kappa,
    "brennan_prediger": brennan_prediger,
    "ac1": gwet_ac1,
    "ac2": gwet_ac2,
    "nominal": krippendorff_alpha,
    "ordinal": lambda labels, resamples=None: krippendorff_alpha(labels, "ordinal", resamples),
    "interval": lambda labels, resamples=None: krippendorff_alpha(labels, "interval", resamples),
    "ratio": lambda labels, resamples=None: krippendorff_alpha(labels, "ratio", resamples),
}
TWO_RATERS = ALL | {"cohen": cohen_kappa}


@PACKAGES
@given(label_tables(), st.sampled_from(["nominal", "ordinal", "interval", "ratio"]))
def test_alpha_is_that_of_the_krippendorff_package(drawn, metric):
    table, q = drawn
    ours = krippendorff_alpha(labels_of(table, q), metric)
    shared = table[(table >= 0).sum(axis=1) >= 2]
    if len(np.unique(shared[shared >= 0])) < 2:
        assert ours.value is None
        return
    data = np.where(table >= 0, table.astype(float), np.nan).T
    theirs = krippendorff.alpha(data, level_of_measurement=metric, value_domain=np.arange(q))
    assert ours.value == pytest.approx(theirs, abs=EXACT)


@PACKAGES
@given(label_tables(missing=False))
def test_fleiss_and_brennan_prediger_are_those_of_statsmodels(drawn):
    table, q = drawn
    counts = np.stack([(table == category).sum(axis=1) for category in range(q)], axis=1)
    labels = labels_of(table, q)
    assert brennan_prediger(labels).value == pytest.approx(inter_rater.fleiss_kappa(counts, "randolph"), abs=EXACT)
    if len(np.unique(table)) < 2:
        assert fleiss_kappa(labels).undefined == estimates.ONE_CATEGORY
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
        assert ours.undefined == conger.undefined == estimates.ONE_CATEGORY
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
@given(label_tables(raters=st.just(2), categories=st.just(2), missing=False))
def test_positive_agreement_of_two_people_is_their_f1(drawn):
    table, _ = drawn
    ours = positive_agreement(labels_of(table, 2))
    if table.any():
        assert ours.value == pytest.approx(f1_score(*table.T), abs=EXACT)
    else:
        assert ours.undefined == estimates.NO_POSITIVE


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
        assert ours.undefined == estimates.NO_PAIRS
        return
    shares = np.mean([[np.mean(row == k) for k in range(q)] for row in rows if len(row)], axis=0)
    total = sum(1 - gap(k, l) for k in range(q) for l in range(q))  # noqa: E741
    chance = total / (q * (q - 1)) * (shares * (1 - shares)).sum()
    assert ours.value == pytest.approx((np.mean(agreements) - chance) / (1 - chance), abs=EXACT)


@PACKAGES
@given(label_tables(), st.integers(0, 3))
def test_a_weighted_prompt_is_a_prompt_that_stands_in_the_data_more_than_once(drawn, seed):
    """What makes the bootstrap exact: each draw equals the measure computed anew on the drawn data."""
    table, q = drawn
    clusters = np.arange(len(table)) // 2
    labels, resamples = labels_of(table, q, clusters), Resamples(clusters.max() + 1, seed=seed, draws=4)
    assume(labels.counts.prompts >= 2)
    for name, measure in ALL.items():
        found = measure(labels, resamples=resamples)
        if found.value is None:
            continue
        again = []
        for times in resamples._times.T:
            rows = np.repeat(np.arange(len(table)), times[clusters])
            if len(rows):
                again.append(measure(labels_of(table[rows], q)).value)
        defined = [value for value in again if value is not None]
        assert found.draws == len(defined), name
        if found.by_wilson or found.no_interval == estimates.NO_SPREAD:
            assert np.ptp(defined) < EXACT, name
        elif defined:
            expected = np.quantile(defined, [0.025, 0.975])
            assert [found.low, found.high] == pytest.approx(expected, abs=EXACT), name


def test_krippendorffs_example_with_gaps_gives_the_published_figures():
    gap = -1
    table = np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, gap, gap, gap],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, gap, 3],
            [gap, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, gap],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, gap],
        ]
    ).T
    labels = labels_of(np.where(table > 0, table - 1, gap), [1, 2, 3, 4, 5])
    figures = {metric: round(krippendorff_alpha(labels, metric).value, 3) for metric in ("nominal", "ordinal")}
    figures |= {metric: round(krippendorff_alpha(labels, metric).value, 3) for metric in ("interval", "ratio")}
    assert figures == {"nominal": 0.743, "ordinal": 0.815, "interval": 0.849, "ratio": 0.797}


def test_rare_flags_show_the_paradox_of_kappa():
    """1 % prevalence, 98 % raw agreement, no joint positive."""
    table = np.zeros((100, 2), dtype=int)
    table[0, 0] = table[1, 1] = 1
    labels = labels_of(table, 2)
    assert raw_agreement(labels).value == 0.98
    assert positive_agreement(labels).value == 0
    assert round(fleiss_kappa(labels).value, 2) == -0.01
    assert round(gwet_ac1(labels).value, 2) == 0.98


@pytest.mark.parametrize(
    ("table", "undefined"),
    [
        # Everybody always said no: chance agrees completely, except where chance does not look at what was said.
        (
            np.zeros((4, 2), dtype=int),
            {"fleiss", "conger", "nominal", "ordinal", "interval", "ratio", "positive", "cohen"},
        ),
        # Nobody shares an item.
        (np.array([[0, -1], [-1, 1]]), set(TWO_RATERS)),
        # One person.
        (np.array([[0], [1]]), set(TWO_RATERS)),
        # Nothing.
        (np.full((2, 2), -1), set(TWO_RATERS)),
    ],
    ids=["one category", "nothing in common", "one person", "nothing"],
)
def test_what_says_nothing_is_undefined_with_a_sentence(table, undefined):
    labels = labels_of(table, 2)
    for resamples in (None, Resamples(len(table), seed=1, draws=5)):
        found = {name: measure(labels, resamples=resamples) for name, measure in TWO_RATERS.items()}
        assert {name for name, one in found.items() if one.value is None} == undefined
        for one in found.values():
            assert (one.value is None) == one.undefined.startswith("undefined, because ")
            assert (one.said != "") == (one.value is None or bool(one.no_interval))
            assert one.value is None or np.isfinite(one.value)


def test_ratios_of_negative_categories_are_undefined():
    assert krippendorff_alpha(labels_of(np.eye(2, dtype=int), [-1, 1]), "ratio").undefined == estimates.NEGATIVE_RATIO


def test_a_single_category_to_choose_from_leaves_gwet_undefined():
    assert gwet_ac2(labels_of(np.zeros((3, 2), dtype=int), 1)).undefined == estimates.ONE_DECLARED


def test_three_people_have_no_cohen():
    assert cohen_kappa(labels_of(np.zeros((3, 3), dtype=int), 2)).undefined == estimates.NOT_TWO_PEOPLE


def test_where_every_draw_gives_the_same_share_wilsons_interval_stands():
    """Ten prompts and not one disagreement are no proof that nobody ever disagrees (Wilson 1927: 10 of 10)."""
    table = np.array([[0, 0], [1, 1]] * 5)
    found = raw_agreement(labels_of(table, 2), Resamples(10, seed=1, draws=50))
    assert (found.value, found.by_wilson) == (1.0, True)
    assert (found.low, found.high) == pytest.approx((0.7224672, 1.0), abs=1e-7)


def test_a_coefficient_that_is_the_same_in_every_draw_has_no_interval_and_says_so():
    found = fleiss_kappa(labels_of(np.array([[0, 0], [1, 1]] * 5), 2), Resamples(10, seed=1, draws=50))
    assert (found.value, found.low, found.no_interval) == (1.0, None, estimates.NO_SPREAD)


def test_the_labels_of_one_prompt_give_a_value_but_no_interval():
    table = np.array([[0, 0], [0, 1], [1, 1]])
    found = fleiss_kappa(labels_of(table, 2, np.zeros(3, dtype=int)), Resamples(1, seed=1))
    assert found.value is not None
    assert (found.low, found.high, found.no_interval) == (None, None, estimates.ONE_PROMPT)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    """Items of a prompt share their difficulty; an interval over items would be far too narrow."""
    random = np.random.default_rng(5)
    truth, covered = np.mean([1.0, 0.6**2 + 0.4**2]), 0
    for trial in range(150):
        skill = np.repeat(random.choice([1.0, 0.6], size=60), 5)  # the five items of a prompt are easy or hard together
        right = random.random((300, 2)) < skill[:, None]
        clusters = np.arange(300) // 5
        found = raw_agreement(labels_of(right.astype(int), 2, clusters), Resamples(60, seed=trial, draws=300))
        covered += found.low <= truth <= found.high
    assert 0.88 <= covered / 150 <= 0.99


def test_of_a_label_given_twice_the_first_counts():
    labels = Labels.of([0, 0, 0], [0, 0, 1], [1, 0, 1], 2)
    assert raw_agreement(labels).value == 1
    assert labels.counts == estimates.Counts(items=1, raters=2, pairs=1, prompts=1)


def test_a_label_outside_the_categories_is_refused():
    with pytest.raises(ValueError, match="outside"):
        Labels.of([0], [0], [2], 2)


def test_a_flag_is_one_category_against_the_others():
    labels = labels_of(np.array([[0, 2], [1, 1], [2, 2]]), 3).as_flag(2)
    assert raw_agreement(labels).value == pytest.approx(2 / 3)
    assert positive_agreement(labels).value == pytest.approx(2 / 3)


def test_reasons_are_said_in_the_language_in_use(monkeypatch):
    monkeypatch.setattr(estimates, "_", lambda sentence: f"<{sentence}>")
    speak("en")
    assert fleiss_kappa(labels_of(np.zeros((3, 2), dtype=int), 2)).said == f"<{estimates.ONE_CATEGORY}>"


def test_brennan_and_predigers_chance_with_linear_weights():
    """Three categories: weights add up to 3 + 4 / 2 = 5 of 9; one pair of labels one step apart agrees by half."""
    found = brennan_prediger(labels_of(np.array([[0, 1]]), 3), weights="linear")
    assert found.value == pytest.approx((1 / 2 - 5 / 9) / (1 - 5 / 9))
