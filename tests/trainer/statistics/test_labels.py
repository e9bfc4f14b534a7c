"""Labels of several people on the same items, and how often people agree."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from tests.trainer.statistics.random_data import ALL, EXACT, PACKAGES, label_tables, labels_of
from trainer.statistics.bootstrap import Resamples
from trainer.statistics.estimates import Counts, Undefined
from trainer.statistics.kappa import cohen_kappa
from trainer.statistics.labels import Labels, positive_agreement, raw_agreement

TWO_RATERS = ALL | {"cohen": cohen_kappa}


@PACKAGES
@given(label_tables(raters=st.just(2), categories=st.just(2), missing=False))
def test_positive_agreement_of_two_people_is_their_f1(drawn):
    table, _ = drawn
    ours = positive_agreement(labels_of(table, 2))
    if table.any():
        assert ours.value == pytest.approx(f1_score(*table.T), abs=EXACT)
    else:
        assert ours.undefined == Undefined.NO_POSITIVE


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
def test_what_says_nothing_is_undefined_for_a_reason(table, undefined):
    labels = labels_of(table, 2)
    for resamples in (None, Resamples(len(table), seed=1, draws=5)):
        found = {name: measure(labels, resamples=resamples) for name, measure in TWO_RATERS.items()}
        assert {name for name, one in found.items() if one.value is None} == undefined
        for one in found.values():
            assert (one.value is None) == (one.undefined is not None)
            assert one.why == (one.undefined if one.value is None else one.no_interval)
            assert one.value is None or np.isfinite(one.value)


def test_of_a_label_given_twice_the_first_counts():
    labels = Labels.of([0, 0, 0], [0, 0, 1], [1, 0, 1], 2)
    assert raw_agreement(labels).value == 1
    assert labels.counts == Counts(items=1, raters=2, pairs=1, prompts=1)


def test_a_label_outside_the_categories_is_refused():
    with pytest.raises(ValueError, match="outside"):
        Labels.of([0], [0], [2], 2)


def test_a_flag_is_one_category_against_the_others():
    labels = labels_of(np.array([[0, 2], [1, 1], [2, 2]]), 3).as_flag(2)
    assert raw_agreement(labels).value == pytest.approx(2 / 3)
    assert positive_agreement(labels).value == pytest.approx(2 / 3)


def test_labels_keep_their_numbers_where_some_are_left_out():
    labels = Labels.of([0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 0, 1], 2)
    assert labels.clusters.tolist() == [0, 1]
    rest = labels.only(np.array([False, True, True, True]))
    assert (rest.items.tolist(), rest.raters.tolist(), rest.values.tolist()) == ([0, 1, 1], [1, 0, 1], [1, 0, 1])
    assert (rest.clusters.tolist(), raw_agreement(rest).value) == ([0, 1], 0)


def test_an_item_without_a_label_counts_for_nothing():
    labels = Labels.of([0, 0], [0, 1], [1, 1], 2, [4, 4])
    assert labels.counts == Counts(items=1, raters=2, pairs=1, prompts=1)


def test_shares_on_which_all_draws_agree_have_wilsons_interval():
    labels = labels_of(np.ones((4, 2), dtype=int), 2)
    for measure in (raw_agreement, positive_agreement):
        assert measure(labels, resamples=Resamples(4, seed=1, draws=20)).by_wilson
