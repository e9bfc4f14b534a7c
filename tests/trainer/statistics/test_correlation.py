import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.statistics.correlation import correlation_within


def test_what_differs_between_clusters_does_not_count():
    clusters = np.array([0, 0, 1, 1])
    assert correlation_within([1, 0, 9, 8], [10, 20, 900, 910], clusters) == pytest.approx(-1)
    assert correlation_within([1, 1, 9, 9], [10, 20, 900, 910], clusters) is None
    # Nothing varies within a cluster of one.
    assert correlation_within([1, 0, 5], [10, 20, 900], np.array([0, 0, 1])) == pytest.approx(-1)


@given(st.integers(0, 10**6))
def test_it_is_the_partial_correlation_given_the_clusters(seed):
    random = np.random.default_rng(seed)
    clusters = random.integers(3, size=20) * 2  # numbers without a cluster are left free
    one, other = random.random((2, 20))
    dummies = (clusters[:, None] == np.unique(clusters)).astype(float)
    residuals = [values - dummies @ np.linalg.lstsq(dummies, values, rcond=None)[0] for values in (one, other)]
    assert correlation_within(one, other, clusters) == pytest.approx(np.corrcoef(*residuals)[0, 1])
