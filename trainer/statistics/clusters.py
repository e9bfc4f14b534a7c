"""Shares and means of observations that hang together in clusters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.statistics.arrays import Floats, Integers, by_group
from trainer.statistics.bootstrap import Resamples, percentile_interval
from trainer.statistics.estimates import Counts, Estimate, Undefined


@dataclass(frozen=True)
class ClusteredShares:
    """The share r = Σ successes / Σ trials in each of several parts of the data, arrays (count,).

    ``worth`` is how many independent trials the data of a part are worth, ``clusters`` how many it has with a trial.
    Without any, all three are 0.
    """

    share: Floats
    worth: Floats
    clusters: Integers


def clustered_shares(
    parts: Integers, clusters: Integers, successes: Floats, trials: Floats, count: int
) -> ClusteredShares:
    """Shares with the number of independent trials that they are worth.

    Variance of r: that of a ratio of cluster totals, Σ_c (y_c - r n_c)² / (Σ n_c)² · C / (C - 1) (Cochran 1977, §6.3).
    Worth: r (1 - r) / variance (Rao & Scott 1992; Korn & Graubard 1998), at most as many as there are trials. Where no
    spread is seen (r = 0, r = 1, one cluster) the data do not say how the trials hang together: a cluster is one.

    Args:
        parts: (M,) part of each row, 0 … count - 1.
        clusters: (M,) what hangs together, any integers of at least 0.
        successes: (M,) from 0 to ``trials``.
        trials: (M,)
        count: number of parts.
    """
    width = int(clusters.max(initial=0)) + 1
    cells, place = np.unique(parts * width + clusters, return_inverse=True)
    columns = [np.asarray(column, dtype=np.float64) for column in (successes, trials)]
    table = by_group(place, np.stack(columns, axis=1), len(cells))
    tried = table[:, 1] > 0
    table, owner = table[tried], (cells // width)[tried]
    (done, total), met = by_group(owner, table, count).T, np.bincount(owner, minlength=count)
    divisor = np.where(total > 0, total, 1)
    share = done / divisor
    residuals = np.bincount(owner, weights=(table[:, 0] - share[owner] * table[:, 1]) ** 2, minlength=count)
    variance = residuals / divisor**2 * met / np.maximum(met - 1, 1)
    # Rounding may leave a residual of one cluster, or of shares that are all 1.
    seen = (variance > 0) & (met > 1) & (share < 1)
    worth = np.where(seen, np.minimum(share * (1 - share) / np.where(seen, variance, 1), total), met)
    return ClusteredShares(share, worth, met)


def cluster_mean(clusters: Sequence[int], values: Sequence[float], *, seed: int, draws: int = 2_000) -> Estimate:
    """The mean of cluster means, so that every cluster weighs the same, with a percentile bootstrap over clusters.

    Its standard error is that of a mean of independent clusters, s / √C with the divisor C - 1 in s². Undefined
    (``NO_TRIALS``) without a value; one cluster has no interval.

    Args:
        clusters: (n,) the cluster of each observation, e.g. its prompt.
        values: (n,) the observations.
        seed: of the bootstrap; the same data and seed give the same interval.
        draws: of the bootstrap.

    Raises:
        ValueError: there are not as many clusters as values.
    """
    if len(clusters) != len(values):
        raise ValueError(f"{len(clusters)} clusters but {len(values)} values")
    if not len(values):
        return Estimate(None, undefined=Undefined.NO_TRIALS)
    index = np.unique(np.asarray(clusters), return_inverse=True)[1]
    means = np.bincount(index, weights=np.asarray(values, dtype=np.float64)) / np.bincount(index)
    counts = Counts(pairs=len(values), prompts=len(means))
    if len(means) < 2:
        return Estimate(float(means[0]), counts=counts, no_interval=Undefined.ONE_CLUSTER)
    drawn = Resamples(len(means), seed=seed, draws=draws).sums_of_part(np.arange(len(means)), means[:, None])
    low, high = percentile_interval(drawn[:, 0] / len(means))
    error = float(means.std(ddof=1)) / math.sqrt(len(means))
    return Estimate(float(means.mean()), low, high, counts, draws, standard_error=error)
