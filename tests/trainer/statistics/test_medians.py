import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.statistics.bootstrap import Resamples
from trainer.statistics.medians import medians


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), min_size=1, max_size=12), st.integers(0, 99))
def test_medians_are_those_of_the_values_drawn(rows, seed):
    names, clusters = np.unique([cluster for cluster, _ in rows], return_inverse=True)
    values = np.array([value / 2 for _, value in rows])
    resamples = Resamples(len(names), seed=seed, draws=30)
    expected = [np.median(np.repeat(values, times[clusters])) for times in resamples.times.T]
    assert medians(values, clusters, resamples) == pytest.approx(expected)
