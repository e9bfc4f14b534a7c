"""The median under the draws of a bootstrap, which is no function of sums, from running counts."""

from __future__ import annotations

import numpy as np

from trainer.statistics.arrays import Floats, Integers
from trainer.statistics.bootstrap import Resamples


def medians(values: Floats, clusters: Integers, resamples: Resamples) -> Floats:
    """The median of all values of the clusters drawn, for each draw; of an even number the mean of the middle two.

    By bisection over the distinct values, with the weighted number of values up to each, so that nothing is sorted
    again.

    Args:
        values: (N,).
        clusters: (N,) the cluster of each; every cluster has a value.
        resamples: of the clusters.

    Returns:
        (draws,).
    """
    distinct, place = np.unique(values, return_inverse=True)
    counts = np.zeros((resamples.clusters, len(distinct)))
    np.add.at(counts, (clusters, place), 1)
    up_to, drawn = counts.cumsum(axis=1), resamples.times.T.astype(np.float64)
    total = drawn @ up_to[:, -1]
    below, above = (distinct[_place_of(up_to, drawn, rank)] for rank in ((total - 1) // 2, total // 2))
    middle: Floats = (below + above) / 2
    return middle


def _place_of(up_to: Floats, drawn: Floats, rank: Floats) -> Integers:
    """The first distinct value with more than ``rank`` values up to it, in each draw."""
    low = np.zeros(len(drawn), dtype=np.int64)
    high = np.full(len(drawn), up_to.shape[1] - 1)
    while (low < high).any():
        middle = (low + high) // 2
        enough = (drawn * up_to[:, middle].T).sum(axis=1) > rank
        low, high = np.where(enough, low, middle + 1), np.where(enough, middle, high)
    return low
