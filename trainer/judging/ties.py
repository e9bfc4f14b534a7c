"""Whether the model gives close scores to answers that people found equally good."""

from __future__ import annotations

import numpy as np

from trainer.contract.judging import Share, TieFigures
from trainer.judging.intervals import Resamples
from trainer.judging.scored import ScoredRankings
from trainer.statistics.area import placements
from trainer.statistics.bootstrap import percentile_interval


def tie_figures(scored: ScoredRankings, resamples: Resamples) -> TieFigures:
    """Compare |Δr| of tied and of strict pairs; a model that has D > C > A = B sees A close to B."""
    on_ties = np.abs(scored.tied.margins(scored.rewards))
    on_strict = np.abs(scored.strict.margins(scored.rewards))
    return TieFigures(
        tied_pairs=len(on_ties),
        gap_on_ties=float(on_ties.mean()) if len(on_ties) else None,
        gap_on_strict=float(on_strict.mean()) if len(on_strict) else None,
        separation=separation(
            on_ties, scored.clusters_of(scored.tied), on_strict, scored.clusters_of(scored.strict), resamples
        ),
    )


def separation(
    small: np.ndarray,
    small_clusters: np.ndarray,
    large: np.ndarray,
    large_clusters: np.ndarray,
    resamples: Resamples,
) -> Share:
    """Chance that a random value of one sample is below a random one of another; equal values count one half.

    This is the area under the ROC curve (Mann–Whitney U over the product of the sizes). Pairs of
    one prompt depend on each other, also across the samples, so whole prompts are drawn. What is
    resampled is the area's linear form: each value's *placement*, the share of the other sample
    on its right side, averaged within its sample, the sum of both averages minus the area
    (DeLong et al. 1988; for clusters Obuchowski 1997). That needs one sort instead of one per
    draw and has the same spread up to terms that vanish with the number of prompts.

    Args:
        small: (N,) values expected to be smaller, e.g. |Δr| of tied pairs.
        small_clusters: (N,) their prompts.
        large: (M,) the others.
        large_clusters: (M,) their prompts.
        resamples: of the prompts.

    Returns:
        n counts the values of ``small``; all None when a sample is empty.
    """
    if not len(small) or not len(large):
        return Share()
    above = 1 - placements(large, small)
    below = placements(small, large)
    columns = [
        np.bincount(clusters, weights=weights, minlength=resamples.clusters)
        for clusters, weights in (
            (small_clusters, above),
            (small_clusters, None),
            (large_clusters, below),
            (large_clusters, None),
        )
    ]
    sums = resamples.sums_of_part(np.arange(resamples.clusters), np.stack(columns, axis=1))
    sums = sums[(sums[:, 1] > 0) & (sums[:, 3] > 0)]
    area = float(above.mean())
    met = (columns[1] > 0) | (columns[3] > 0)
    figures = {"value": area, "n": len(small), "prompts": int(met.sum())}
    if not len(sums):
        return Share(**figures)
    drawn = np.clip(sums[:, 0] / sums[:, 1] + sums[:, 2] / sums[:, 3] - area, 0, 1)
    low, high = percentile_interval(drawn)
    return Share(**figures, low=low, high=high)
