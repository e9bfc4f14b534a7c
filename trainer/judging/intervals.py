"""Rates with intervals that know that the pairs of one prompt are not independent, as the contract says them."""

from __future__ import annotations

import numpy as np

from trainer.contract.judging import Share
from trainer.statistics import bootstrap
from trainer.statistics.estimates import Estimate, Undefined
from trainer.statistics.interval import wilson

DRAWS = 2000


class Resamples(bootstrap.Resamples):
    """Draws of whole prompts, made once and used for every rate of a judging.

    Draws that meet none of a part's prompts are left out. Where all of them agree (one prompt only, or everything
    right) every draw gives the same rate, which would look like certainty; Wilson's interval for so many prompts
    stands instead.

    Memory: ``DRAWS`` bytes per prompt (66 MB for 33,000) and some 30 MB at work.
    """

    def __init__(self, clusters: int, seed: int) -> None:
        super().__init__(clusters, seed=seed, draws=DRAWS)

    def shares(self, correct: np.ndarray, total: np.ndarray) -> list[Share]:
        """The rates Σ correct / Σ total of G parts of the data, with percentile intervals.

        Args:
            correct: (C, G) what counts, per prompt and part.
            total: (C, G) what was counted.

        Returns:
            G shares; one with nothing counted has neither value nor interval.
        """
        cluster, part = np.nonzero(total)
        return self.shares_of(correct[cluster, part], total[cluster, part], cluster, part, total.shape[1])

    def shares_by(self, credit: np.ndarray, clusters: np.ndarray, parts: np.ndarray, count: int) -> list[Share]:
        """Mean credit of the items of each part.

        Args:
            credit: (N,) what each item earned, 0 to 1.
            clusters: (N,) prompt of each item.
            parts: (N,) part of each item, 0 … count − 1.
            count: number of parts.
        """
        return self.shares_of(credit, np.ones(len(credit)), clusters, parts, count)

    def share(self, credit: np.ndarray, clusters: np.ndarray) -> Share:
        """Mean credit of N items with their prompts: two arrays (N,)."""
        return self.shares_by(credit, clusters, np.zeros(len(credit), dtype=np.int64), 1)[0]

    def shares_of(
        self, correct: np.ndarray, total: np.ndarray, clusters: np.ndarray, parts: np.ndarray, count: int
    ) -> list[Share]:
        """The rates Σ correct / Σ total of the rows of each part: four arrays (N,)."""
        return [told(one) for one in bootstrap.resampled_shares(correct, total, clusters, parts, count, self)]


def told(found: Estimate) -> Share:
    """An estimate as the contract's share; one prompt shows no spread and counts as one trial."""
    if found.value is None:
        return Share()
    low, high = found.low, found.high
    if found.no_interval == Undefined.ONE_CLUSTER:
        low, high = wilson(found.value, 1)
    return Share(value=found.value, low=low, high=high, n=found.n, prompts=found.counts.prompts)


def share(correct: np.ndarray, total: np.ndarray, clusters: np.ndarray, seed: int) -> Share:
    """The rate Σ correct / Σ total with its interval over clusters, for a single question.

    Args:
        correct: (N,) what counts of each item, e.g. correct pairs of a ranking.
        total: (N,) what was counted of it, e.g. its strict pairs.
        clusters: (N,) any integers; items with the same one are drawn together.
        seed: of the draws.

    Returns:
        All None when nothing was counted. Clusters in which nothing was counted are not drawn.
    """
    counted = np.asarray(total) > 0
    names, place = np.unique(np.asarray(clusters)[counted], return_inverse=True)
    whole, resamples = np.zeros(len(place), dtype=np.int64), Resamples(len(names), seed)
    return resamples.shares_of(np.asarray(correct)[counted], np.asarray(total)[counted], place, whole, 1)[0]
