"""The report on one question is its measures, put together; which ones depends on what can be answered."""

import numpy as np

from app.quality.agreement.rules.label_report import (
    ALPHA_ORDINAL,
    FLEISS,
    MEASURES,
    POSITIVE,
    RAW,
    WEIGHTED_KAPPA,
    label_report,
)
from tests.trainer.statistics.random_data import labels_of
from trainer.statistics.bootstrap import Resamples
from trainer.statistics.estimates import Undefined

TABLE = np.array([[0, 0, 1], [1, 1, 1], [0, 1, -1], [0, 0, 0], [1, -1, -1]])


def test_a_flag_has_positive_agreement_and_no_order():
    found = label_report(labels_of(TABLE, 2), ["no", "yes"], positive=1, resamples=Resamples(5, seed=1, draws=20))
    assert found.chosen == {"no": 6, "yes": 6}
    assert found.given == 12
    # On shared items yes was chosen 1, 3, 1 and 0 times by 3, 3, 2 and 3 people: 0 + 6 + 0 of 2 + 6 + 1.
    assert found.figures[POSITIVE].value == 6 / 9
    assert found.figures[RAW].value == (1 / 3 + 1 + 0 + 1) / 4
    assert found.figures[RAW].counts.items == 4
    assert WEIGHTED_KAPPA not in found.figures


def test_a_scale_has_measures_of_order_and_no_positive_answer():
    found = label_report(labels_of(TABLE, [1, 7]), ["1", "7"], ordered=True)
    assert POSITIVE not in found.figures
    assert set(found.figures) == set(MEASURES) - {POSITIVE}
    # With two categories every weight is all or nothing.
    assert found.figures[ALPHA_ORDINAL].value == found.figures["alpha_nominal"].value
    assert found.figures[FLEISS].low is None


def test_a_question_that_one_person_alone_answered_says_why_it_has_no_figures():
    found = label_report(labels_of(np.array([[0, -1], [1, -1]]), 2), ["no", "yes"], positive=1)
    assert {one.undefined for one in found.figures.values()} == {Undefined.NO_PAIRS}
