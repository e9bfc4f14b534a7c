"""Random labels and rankings with gaps, as hypothesis draws them."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from trainer.statistics.alpha import krippendorff_alpha
from trainer.statistics.kappa import brennan_prediger, conger_kappa, fleiss_kappa, gwet_ac1, gwet_ac2
from trainer.statistics.labels import Labels, positive_agreement, raw_agreement
from trainer.statistics.rankings import Judgements

EXACT = 1e-9
"""How near to each other two ways of one sum in float64 come."""

PACKAGES = settings(max_examples=60, deadline=None)
"""Of a property that is held to another package's figure."""

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
"""Every measure of labels, by name."""


@st.composite
def label_tables(draw, *, raters=st.integers(2, 5), categories=st.integers(2, 5), missing=True):
    """Items × raters, -1 where missing, and the number of categories."""
    shape = draw(st.integers(1, 20)), draw(raters)
    q = draw(categories)
    cells = st.integers(-1 if missing else 0, q - 1)
    values = draw(st.lists(cells, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
    return np.array(values).reshape(shape), q


def labels_of(table, categories, clusters=None):
    """Long form; items without a label at the end keep their place by ``clusters``."""
    items, raters = np.nonzero(table >= 0)
    clusters = np.arange(len(table)) if clusters is None else clusters
    return Labels.of(items, raters, table[items, raters], categories, clusters)


@st.composite
def rank_tables(draw, *, tasks=st.integers(1, 4), labelers=st.integers(2, 4), answers=st.integers(2, 6), missing=True):
    """A list of tasks, each labelers × answers of ranks, 0 where an answer was not ranked."""
    number, people = draw(tasks), draw(labelers)
    low = 0 if missing else 1
    tables = []
    for _ in range(number):
        size = draw(answers)
        ranks = draw(st.lists(st.integers(low, 4), min_size=people * size, max_size=people * size))
        tables.append(np.array(ranks).reshape(people, size))
    return tables


def judgements_of(tables, **options):
    """Every row of every table a ranking; row number is the labeler, table number the task."""
    rows = [
        (number * 10 + labeler, number * 100 + answer, rank)
        for number, table in enumerate(tables)
        for labeler, ranks in enumerate(table)
        for answer, rank in enumerate(ranks)
        if rank > 0
    ]
    ranking, item, rank = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    task, labeler = (one.ravel() for one in np.indices((len(tables), 10)))
    return Judgements.of_rankings(ranking, item, rank, task=task, labeler=labeler, **options)
