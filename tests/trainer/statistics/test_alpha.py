"""Krippendorff's α, against its package and its published example."""

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.statistics.random_data import EXACT, PACKAGES, label_tables, labels_of
from trainer.statistics.alpha import krippendorff_alpha
from trainer.statistics.bootstrap import Resamples
from trainer.statistics.estimates import Undefined


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


def test_ratios_of_negative_categories_are_undefined():
    assert krippendorff_alpha(labels_of(np.eye(2, dtype=int), [-1, 1]), "ratio").undefined == Undefined.NEGATIVE_RATIO


def test_mirrored_signs_by_hand():
    """Two people, once alike and once opposed: mirrored marginals are 2 and 2, so α = 1 - (1/2) / (2/3)."""
    labels = labels_of(np.array([[2, 2], [2, 0]]), (-1, 0, 1))
    assert krippendorff_alpha(labels, mirrored=True).value == pytest.approx(0.25)
    # Alike once more: marginals 3 and 3, D_o = 2 / 6, D_e = 18 / (6 · 5).
    more = labels_of(np.array([[2, 2], [2, 2], [2, 0]]), (-1, 0, 1))
    assert krippendorff_alpha(more, mirrored=True).value == pytest.approx(4 / 9)


@pytest.mark.parametrize("metric", ["nominal", "ordinal", "interval", "ratio"])
def test_under_a_draw_alpha_is_that_of_the_items_drawn(metric):
    table, resamples = np.array([[0, 0], [1, 2], [2, 2], [0, 1]]), Resamples(4, seed=1, draws=9)
    found = krippendorff_alpha(labels_of(table, 3), metric, resamples)
    again = [
        krippendorff_alpha(labels_of(np.repeat(table, times, axis=0), 3), metric).value for times in resamples.times.T
    ]
    expected = np.quantile([value for value in again if value is not None], [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx(tuple(expected))
