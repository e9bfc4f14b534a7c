"""Rates with intervals that know that the pairs of one prompt are not independent."""

from __future__ import annotations

import numpy as np

from trainer.contract.judging import Share
from trainer.statistics.interval import LEVEL, wilson

DRAWS = 2000
SAME = 1e-12
"""Draws that differ by less are the same rate, rounding apart."""

_CELLS = 1 << 20
"""Numbers handled at once while drawing and summing: 8 MB, whatever the number of prompts."""


class Resamples:
    """Bootstrap samples of whole clusters, drawn once and used for every rate of a judging.

    The pairs of one prompt share its answers and are not independent. Drawing whole prompts with
    replacement (the cluster bootstrap: Efron & Tibshirani 1993, ch. 8 and 13; Davison & Hinkley
    1997, §3.8) keeps intervals as wide as they must be. A draw is kept as the number of times
    that each cluster came up: a rate of any part of the data under that draw is then a ratio of
    two weighted sums, and all draws of many parts are one matrix product.

    A part that holds only some of the clusters (one labeler's prompts) meets a random number of
    them in each draw, as it would if the data were collected anew; draws that meet none are left
    out. Where all clusters agree (one prompt only, or everything right) every draw gives the same
    rate, which would look like certainty; Wilson's interval for so many clusters stands instead.

    Memory: ``DRAWS`` bytes per cluster (66 MB for 33,000 prompts) and 8 MB at work.
    """

    def __init__(self, clusters: int, seed: int) -> None:
        """Draw.

        Args:
            clusters: how many there are; they are numbered from 0.
            seed: of the draws.
        """
        self.clusters = clusters
        self._chunk = max(1, _CELLS // max(clusters, 1))
        # A byte is enough: of 255 clusters or fewer none can come up more than 255 times, and of
        # more it never will (256 hits of a binomial with mean 1 have a chance below 1e-500).
        self._times = np.zeros((DRAWS, clusters), dtype=np.uint8)
        random = np.random.default_rng(seed)
        for start in range(0, DRAWS, self._chunk):
            rows = self._times[start : start + self._chunk]
            drawn = random.integers(clusters, size=rows.shape)
            drawn += clusters * np.arange(len(rows))[:, None]
            rows[:] = np.bincount(drawn.ravel(), minlength=rows.size).reshape(rows.shape)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums of per-cluster values under every draw.

        Args:
            values: (C, S).

        Returns:
            (DRAWS, S).
        """
        values = np.asarray(values, dtype=np.float64)
        sums = np.empty((DRAWS, values.shape[1]))
        for start in range(0, DRAWS, self._chunk):
            rows = slice(start, start + self._chunk)
            sums[rows] = self._times[rows].astype(np.float64) @ values
        return sums

    def shares(self, correct: np.ndarray, total: np.ndarray) -> list[Share]:
        """The rates Σ correct / Σ total of G parts of the data, with percentile intervals.

        Args:
            correct: (C, G) what counts, per cluster and part.
            total: (C, G) what was counted.

        Returns:
            G shares; one with nothing counted has neither value nor interval.
        """
        parts = total.shape[1]
        sums = self.sums(np.concatenate([correct, total], axis=1))
        found = []
        for part in range(parts):
            counted = total[:, part].sum()
            if not counted:
                found.append(Share())
                continue
            met = sums[:, parts + part] > 0
            low, high = percentiles(sums[met, part] / sums[met, parts + part])
            value, prompts = float(correct[:, part].sum() / counted), int((total[:, part] > 0).sum())
            if high - low < SAME:
                low, high = wilson(value, prompts)
            found.append(Share(value=value, low=low, high=high, n=round(counted), prompts=prompts))
        return found

    def shares_by(self, credit: np.ndarray, clusters: np.ndarray, parts: np.ndarray, count: int) -> list[Share]:
        """Mean credit of the items of each part.

        Args:
            credit: (N,) what each item earned, 0 to 1.
            clusters: (N,) cluster of each item.
            parts: (N,) part of each item, 0 … count − 1.
            count: number of parts.
        """
        cells, size = clusters * count + parts, self.clusters * count
        correct = np.bincount(cells, weights=credit, minlength=size).reshape(self.clusters, count)
        total = np.bincount(cells, minlength=size).reshape(self.clusters, count)
        return self.shares(correct, total)

    def share(self, credit: np.ndarray, clusters: np.ndarray) -> Share:
        """Mean credit of N items with their clusters: two arrays (N,)."""
        return self.shares_by(credit, clusters, np.zeros(len(credit), dtype=np.int64), 1)[0]


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
    right = np.bincount(place, weights=np.asarray(correct)[counted], minlength=len(names))
    all_of = np.bincount(place, weights=np.asarray(total)[counted], minlength=len(names))
    return Resamples(len(names), seed).shares(right[:, None], all_of[:, None])[0]


def percentiles(draws: np.ndarray) -> tuple[float, float]:
    """The middle ``LEVEL`` of the draws (D,), D > 0."""
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
