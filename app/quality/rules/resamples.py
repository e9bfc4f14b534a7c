"""The bootstrap over prompts, by weighting sufficient statistics instead of computing anything again."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.statistics.interval import LEVEL

Floats = NDArray[np.float64]
Integers = NDArray[Any]
"""Of any width: narrow ones where many are kept."""
Mask = NDArray[np.bool_]

DRAWS = 1_000

_AT_ONCE = 1 << 21
"""Numbers handled at once while drawing and summing: 16 MB, whatever the number of prompts."""


class Resamples:
    """Draws of whole prompts with replacement, made once and used for every figure of a report.

    The labels of one prompt hang together, so prompts are drawn, not labels (cluster bootstrap: Davison & Hinkley
    1997, §3.8). A draw is kept as the number of times that each prompt came up, which is one multinomial vector of
    weights. Every measure of this room is a function of sums over prompts (agreeing and compared pairs, coincidences,
    marginals); its value under a draw is the same function of the *weighted* sums. That is exact, not an
    approximation: a prompt with weight two is a prompt that stands in the data twice. All draws of a measure are one
    matrix product. What cannot be done so are fits (Davidson, Dawid–Skene), which have standard errors of their own.

    A part of the data that lies in some of the prompts only (one pair of labelers) meets a random number of them, as
    it would if the data were collected anew. The interval is the middle 95 % of the draws in which the measure is
    defined.

    Memory: one byte per draw and prompt.
    """

    def __init__(self, clusters: int, *, seed: int, draws: int = DRAWS) -> None:
        """Draw.

        Args:
            clusters: number of prompts; they are numbered from 0.
            seed: of the draws.
            draws: how many.
        """
        self.clusters, self.draws = clusters, draws
        # A byte is enough: that one of more than 255 prompts comes up more than 255 times has a chance below 1e-500.
        # One row per prompt, as parts of the data are picked out by prompts.
        self._times = np.zeros((clusters, draws), dtype=np.uint8)
        random = np.random.default_rng(seed)
        step = max(1, _AT_ONCE // max(clusters, 1))
        for start in range(0, draws if clusters else 0, step):
            width = min(step, draws - start)
            drawn = random.integers(clusters, size=(clusters, width), dtype=np.int32).astype(np.int64) * width
            drawn += np.arange(width)
            times = np.bincount(drawn.ravel(), minlength=clusters * width)
            self._times[:, start : start + width] = times.reshape(clusters, width)

    def sums(self, clusters: Integers, values: Floats) -> Floats:
        """Sums of values under every draw.

        Args:
            clusters: (N,) the prompt of each row.
            values: (N, S).

        Returns:
            (draws, S).
        """
        return self.sums_of_part(np.arange(self.clusters), by_group(clusters, values, self.clusters))

    def sums_of_part(self, clusters: Integers, values: Floats) -> Floats:
        """The same for rows each of which has a prompt of its own."""
        found = np.zeros((self.draws, values.shape[1]))
        step = max(1, _AT_ONCE // self.draws)
        for start in range(0, len(clusters), step):
            rows = slice(start, start + step)
            found += self._times[clusters[rows]].astype(np.float64).T @ values[rows]
        return found

    def sums_of_small_parts(self, clusters: Integers, values: Floats, bounds: Integers) -> Floats:
        """The same for several parts of at least one row that follow one another, part p from ``bounds[p]`` on.

        Returns:
            (draws, parts, S).
        """
        times = self._times[clusters].astype(np.float64)
        found = np.empty((len(bounds) - 1, self.draws, values.shape[1]))
        for part, (start, end) in enumerate(pairwise(bounds)):
            np.matmul(times[start:end].T, values[start:end], out=found[part])
        return found.transpose(1, 0, 2)


class Parts:
    """Sufficient statistics of many parts of the data (slices, pairs of labelers) over the same prompts.

    Rows of one part and prompt are added up on the way in, so that what is kept is as small as the data allow.
    """

    def __init__(self, parts: Integers, clusters: Integers, values: Floats, count: int) -> None:
        """Sort and add up.

        Args:
            parts: (N,) part of each row, 0 … count - 1.
            clusters: (N,) prompt of each row.
            values: (N, S) its statistics.
            count: number of parts; those without a row have sums of zero.
        """
        width = int(clusters.max(initial=0)) + 1
        cells, place = np.unique(parts * width + clusters, return_inverse=True)
        self.count = count
        self.values = by_group(place, values, len(cells))
        self.clusters = cells % width
        self.parts = cells // width
        self.bounds = np.searchsorted(self.parts, np.arange(count + 1))
        self.totals = by_group(self.parts, self.values, count)

    def reached(self, column: int) -> Integers:
        """In how many prompts each part has something in a column of its statistics, which must not be negative."""
        return np.bincount(self.parts[self.values[:, column] > 0], minlength=self.count)

    def draws(self, resamples: Resamples) -> Iterator[tuple[Integers, Floats]]:
        """Sums under every draw, for some parts at a time: their numbers, and (draws, parts, S).

        Parts without a row are left out.
        """
        sizes = np.diff(self.bounds)
        large = sizes * resamples.draws > _AT_ONCE
        for part in np.flatnonzero(large):
            rows = slice(self.bounds[part], self.bounds[part + 1])
            yield np.array([part]), resamples.sums_of_part(self.clusters[rows], self.values[rows])[:, None, :]
        small = np.flatnonzero((sizes > 0) & ~large)
        # As many parts at a time as have about _AT_ONCE weights.
        batch = np.cumsum(sizes[small]) * resamples.draws // _AT_ONCE
        for some in np.split(small, np.flatnonzero(np.diff(batch)) + 1) if len(small) else []:
            theirs = np.concatenate([np.arange(self.bounds[part], self.bounds[part + 1]) for part in some])
            bounds = np.concatenate([[0], np.cumsum(sizes[some])])
            yield some, resamples.sums_of_small_parts(self.clusters[theirs], self.values[theirs], bounds)


def by_group(groups: Integers, values: Floats, count: int) -> Floats:
    """Sums of the rows of each group: (N,), (N, S) -> (count, S)."""
    found = np.empty((count, values.shape[1]))
    for column in range(values.shape[1]):
        found[:, column] = np.bincount(groups, weights=values[:, column], minlength=count)
    return found


def percentiles(draws: Floats) -> tuple[Floats, Floats, Integers]:
    """The middle ``LEVEL`` of each column of (D, P) and how many of its draws are defined (not NaN).

    Linear between neighbouring draws, as ``numpy.quantile``; NaN where no draw is defined.
    """
    ordered = np.sort(draws, axis=0)  # NaN last
    defined = np.isfinite(ordered).sum(axis=0)
    low, high = (_quantile(ordered, defined, share) for share in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return low, high, defined


def _quantile(ordered: Floats, defined: Integers, share: float) -> Floats:
    place = np.maximum(defined - 1, 0) * share
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(defined - 1, 0))
    columns = np.arange(ordered.shape[1])
    left, right = ordered[below, columns], ordered[above, columns]
    return left + (right - left) * (place - below)
