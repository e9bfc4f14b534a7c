"""Krippendorff's α for any number of raters, missing labels and four metrics."""

from typing import Literal

import numpy as np

from trainer.statistics.arrays import Floats
from trainer.statistics.bootstrap import Resamples, estimate
from trainer.statistics.estimates import Estimate, Undefined
from trainer.statistics.labels import Labels

Metric = Literal["nominal", "ordinal", "interval", "ratio"]


def krippendorff_alpha(
    labels: Labels, metric: Metric = "nominal", resamples: Resamples | None = None, *, mirrored: bool = False
) -> Estimate:
    """Krippendorff's α = 1 - D_o / D_e (Krippendorff 2011, 2019 ch. 12).

    With coincidences o_ck = Σ_u (ordered pairs of labels c, k by two raters of item u) / (m_u - 1) over items with
    m_u ≥ 2 labels, n_c = Σ_k o_ck, n = Σ_c n_c and squared differences δ²_ck:
    α = 1 - (n - 1) Σ o_ck δ²_ck / Σ n_c n_k δ²_ck.

    * nominal: δ² = 1 for c ≠ k;
    * ordinal: δ = Σ_{g=c…k} n_g - (n_c + n_k) / 2;
    * interval: δ = c - k;
    * ratio: δ = (c - k) / (c + k), for categories of at least 0.

    Undefined if no item has two labels or if only one category was used on such items. Bootstrap exact: everything is
    a function of the summed coincidences.

    Args:
        labels: of the raters.
        metric: ordinal, interval and ratio need categories in ascending order.
        resamples: of the prompts.
        mirrored: for signs of pairs, categories -1, 0, 1: which answer of a pair comes first is arbitrary, so D_e uses
            marginals averaged with their mirror image. The value then does not depend on the order of the answers.
    """
    categories = labels.categories
    if metric == "ratio" and (categories < 0).any():
        return Estimate(None, None, None, labels.counts, undefined=Undefined.NEGATIVE_RATIO)
    tallies, q = labels.tallies, len(categories)
    judged = tallies.sum(axis=1)
    tallies, judged, clusters = tallies[judged >= 2], judged[judged >= 2], labels.clusters[judged >= 2]
    together = tallies[:, :, None] * tallies[:, None, :]
    together[:, range(q), range(q)] -= tallies
    stats = (together / np.maximum(judged - 1, 1)[:, None, None]).reshape(len(tallies), q * q)

    def measure(sums: Floats) -> Floats:
        coincidences = sums.reshape(*sums.shape[:-1], q, q)
        if mirrored:
            coincidences = (coincidences + coincidences[..., ::-1, ::-1]) / 2
        marginals = coincidences.sum(axis=-1)
        apart = squared_differences(metric, categories, marginals)
        total = marginals.sum(axis=-1)
        observed = (coincidences * apart).sum(axis=(-1, -2))
        expected = (marginals[..., :, None] * marginals[..., None, :] * apart).sum(axis=(-1, -2))
        found: Floats = np.where(expected > 0, 1 - (total - 1) * observed / np.where(expected > 0, expected, 1), np.nan)
        return found

    return estimate(
        measure,
        lambda sums: Undefined.ONE_CATEGORY if sums.any() else Undefined.NO_PAIRS,
        stats,
        clusters,
        labels.counts,
        resamples,
    )


def squared_differences(metric: Metric, categories: Floats, marginals: Floats) -> Floats:
    """δ²_ck of a metric.

    Args:
        metric: see ``krippendorff_alpha``.
        categories: (q,) as numbers.
        marginals: (…, q) how often each occurs, which the ordinal metric needs.

    Returns:
        (q, q), or (…, q, q) for the ordinal metric.
    """
    if metric == "nominal":
        return 1 - np.eye(len(categories))
    if metric == "ordinal":
        reached = np.cumsum(marginals, axis=-1) - marginals / 2
        return (reached[..., :, None] - reached[..., None, :]) ** 2
    apart = categories[:, None] - categories[None, :]
    if metric == "interval":
        return apart**2
    both = categories[:, None] + categories[None, :]
    return np.where(both > 0, apart / np.where(both > 0, both, 1), 0.0) ** 2
