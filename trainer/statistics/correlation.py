"""Correlation within clusters."""

from __future__ import annotations

import math

import numpy as np

from trainer.statistics.arrays import Floats, Integers


def correlation_within(one: Floats, other: Floats, clusters: Integers) -> float | None:
    """Pearson's correlation of two quantities after taking from each its mean over the cluster.

    Otherwise it would also say that some clusters are high in both. None where nothing varies within a cluster.

    Args:
        one: (N,).
        other: (N,).
        clusters: (N,) integers of at least 0.
    """
    one, other = (_from_cluster_mean(np.asarray(values, dtype=np.float64), clusters) for values in (one, other))
    spread = math.sqrt(float((one**2).sum() * (other**2).sum()))
    return float((one * other).sum() / spread) if spread else None


def _from_cluster_mean(values: Floats, clusters: Integers) -> Floats:
    sizes = np.bincount(clusters)
    means = np.bincount(clusters, weights=values) / np.maximum(sizes, 1)
    found: Floats = values - means[clusters]
    return found
