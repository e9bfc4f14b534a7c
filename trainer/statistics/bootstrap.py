"""The bootstrap over clusters, by weighting sufficient statistics instead of computing anything again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from trainer.statistics.arrays import Floats, Integers, by_group, ratio
from trainer.statistics.estimates import Counts, Estimate, Undefined
from trainer.statistics.interval import LEVEL, wilson

DRAWS = 1_000
SAME = 1e-12
"""Draws that differ by less are the same value, rounding apart."""

_AT_ONCE = 1 << 20
"""Numbers handled at once while drawing and summing: 8 MB, whatever the number of clusters."""

Measure = Callable[[Floats], Floats]
"""From sums (…, S) to values (…); NaN, which never leaves this module, where they say nothing."""
Reason = Callable[[Floats], Undefined]
"""From the sums (S,) of data for which the measure is undefined to the code that says why."""


class Resamples:
    """Draws of whole clusters with replacement, made once and used for every figure of a report.

    The labels of one prompt hang together, so prompts are drawn, not labels (cluster bootstrap: Efron & Tibshirani
    1993, ch. 8 and 13; Davison & Hinkley 1997, §3.8). A draw is kept as the number of times that each cluster came up,
    which is one multinomial vector of weights. A measure that is a function of sums over clusters (agreeing and
    compared pairs, coincidences, marginals) has under a draw the same function of the *weighted* sums. That is exact,
    not an approximation: a prompt with weight two is a prompt that stands in the data twice. All draws of a measure are
    one matrix product. What cannot be done so are fits (Davidson, Dawid–Skene); they have standard errors of their own.

    A part of the data that lies in some of the clusters only (one pair of labelers) meets a random number of them, as
    it would if the data were collected anew. The interval is the middle 95 % of the draws in which the measure is
    defined.

    Attributes:
        clusters: how many there are, numbered from 0.
        draws: how many.
        times: (clusters, draws) how often each cluster came up; one byte each.
    """

    def __init__(self, clusters: int, *, seed: int, draws: int = DRAWS) -> None:
        """Draw; the same seed and number of clusters give the same draws, of which more begin like fewer."""
        self.clusters, self.draws = clusters, draws
        # A byte is enough: that one of more than 255 clusters comes up more than 255 times has a chance below 1e-500.
        # One row per cluster, as parts of the data are picked out by clusters.
        self.times = np.zeros((clusters, draws), dtype=np.uint8)
        random = np.random.default_rng(seed)
        step = max(1, _AT_ONCE // max(clusters, 1))
        for start in range(0, draws if clusters else 0, step):
            width = min(step, draws - start)
            drawn = random.integers(clusters, size=(width, clusters))
            drawn *= width
            drawn += np.arange(width)[:, None]
            times = np.bincount(drawn.ravel(), minlength=clusters * width)
            self.times[:, start : start + width] = times.reshape(clusters, width)

    def sums(self, clusters: Integers, values: Floats) -> Floats:
        """Sums of values under every draw.

        Args:
            clusters: (N,) the cluster of each row.
            values: (N, S).

        Returns:
            (draws, S).
        """
        return self.sums_of_part(np.arange(self.clusters), by_group(clusters, values, self.clusters))

    def sums_of_part(self, clusters: Integers, values: Floats) -> Floats:
        """The same for rows each of which has a cluster of its own."""
        found = np.zeros((self.draws, values.shape[1]))
        step = max(1, _AT_ONCE // self.draws)
        for start in range(0, len(clusters), step):
            rows = slice(start, start + step)
            found += self.times[clusters[rows]].astype(np.float64).T @ values[rows]
        return found

    def sums_of_small_parts(self, clusters: Integers, values: Floats, bounds: Integers) -> Floats:
        """The same for several parts of at least one row that follow one another, part p from ``bounds[p]`` on.

        Returns:
            (draws, parts, S).
        """
        times = self.times[clusters].astype(np.float64)
        found = np.empty((len(bounds) - 1, self.draws, values.shape[1]))
        for part, (start, end) in enumerate(pairwise(bounds)):
            np.matmul(times[start:end].T, values[start:end], out=found[part])
        return found.transpose(1, 0, 2)


class Parts:
    """Sufficient statistics of many parts of the data (slices, pairs of labelers) over the same clusters.

    Rows of one part and cluster are added up on the way in, so that what is kept is as small as the data allow.
    """

    def __init__(self, parts: Integers, clusters: Integers, values: Floats, count: int) -> None:
        """Sort and add up.

        Args:
            parts: (N,) part of each row, 0 … count - 1.
            clusters: (N,) cluster of each row.
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
        """In how many clusters each part has something in a column of its statistics, which must not be negative."""
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


def percentiles(draws: Floats) -> tuple[Floats, Floats, Integers]:
    """The middle ``LEVEL`` of each column of (D, P) and how many of its draws are defined (not NaN).

    Linear between neighbouring draws, as ``numpy.quantile``; NaN where no draw is defined.
    """
    ordered = np.sort(draws, axis=0)  # NaN last
    defined = np.isfinite(ordered).sum(axis=0)
    low, high = (_quantile(ordered, defined, share) for share in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return low, high, defined


def percentile_interval(draws: Floats) -> tuple[float, float]:
    """The middle ``LEVEL`` of the draws of a single number: (D,), at least one of them defined."""
    low, high, _defined = percentiles(draws[:, None])
    return float(low[0]), float(high[0])


def _quantile(ordered: Floats, defined: Integers, share: float) -> Floats:
    place = np.maximum(defined - 1, 0) * share
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(defined - 1, 0))
    columns = np.arange(ordered.shape[1])
    left, right = ordered[below, columns], ordered[above, columns]
    return left + (right - left) * (place - below)


def estimate(
    measure: Measure,
    why: Reason,
    stats: Floats,
    clusters: Integers,
    counts: Counts,
    resamples: Resamples | None,
    *,
    share: bool = False,
) -> Estimate:
    """Evaluate a measure on the data and under every draw of clusters.

    Args:
        measure: a function of sums.
        why: says why it is undefined.
        stats: (N, S) statistics to be summed.
        clusters: (N,) the cluster of each row.
        counts: told beside the value.
        resamples: None for no interval.
        share: the measure is a share, 0 to 1, to which Wilson's interval applies where all draws agree.
    """
    # With a single cluster every draw is the data themselves.
    draws = None if resamples is None or counts.prompts < 2 else resamples.sums(clusters, stats)
    found = evaluated(measure, why, stats.sum(axis=0), draws, counts, share=share)
    if resamples is not None and counts.prompts < 2 and not found.undefined:
        return replace(found, no_interval=Undefined.ONE_CLUSTER)
    return found


def evaluated(
    measure: Measure, why: Reason, total: Floats, draws: Floats | None, counts: Counts, *, share: bool = False
) -> Estimate:
    """The same from sums: (S,) of the data and (draws, S) of the resamples, if there are any."""
    value = _quietly(measure, total)
    if not np.isfinite(value):
        return Estimate(None, None, None, counts, undefined=why(total))
    if draws is None:
        return Estimate(float(value), None, None, counts)
    low, high, defined = percentiles(_quietly(measure, draws)[:, None])
    return _with_interval(float(value), low[0], high[0], int(defined[0]), counts, share=share)


@dataclass(frozen=True)
class PartMeasure:
    """A measure of many parts of the data at once, with the counts behind it in each; ``share`` as in ``estimate``."""

    of: Measure
    why: Reason
    counts: list[Counts]
    share: bool = False


def estimates_of_parts(
    measures: dict[str, PartMeasure], parts: Parts, resamples: Resamples | None
) -> dict[str, list[Estimate]]:
    """Several measures of the same sums for each of many parts of the data, under the same draws."""
    low, high, drawn = ({name: np.full(parts.count, empty) for name in measures} for empty in (np.nan, np.nan, 0.0))
    if resamples is not None:
        for some, sums in parts.draws(resamples):
            for name, measure in measures.items():
                low[name][some], high[name][some], drawn[name][some] = percentiles(_quietly(measure.of, sums))
    found: dict[str, list[Estimate]] = {}
    for name, measure in measures.items():
        values = _quietly(measure.of, parts.totals)
        found[name] = [
            _with_interval(
                value,
                low[name][part],
                high[name][part],
                int(drawn[name][part]),
                measure.counts[part],
                share=measure.share,
            )
            if np.isfinite(value)
            else Estimate(None, counts=measure.counts[part], undefined=measure.why(parts.totals[part]))
            for part, value in enumerate(values)
        ]
    return found


def _with_interval(value: float, low: float, high: float, defined: int, counts: Counts, *, share: bool) -> Estimate:
    value = float(value)
    if not defined:
        return Estimate(value, None, None, counts)
    if counts.prompts < 2:
        return Estimate(value, None, None, counts, no_interval=Undefined.ONE_CLUSTER)
    if high - low > SAME:
        return Estimate(value, float(low), float(high), counts, defined)
    if not share:
        return Estimate(value, None, None, counts, defined, no_interval=Undefined.SAME_IN_ALL_DRAWS)
    return Estimate(value, *wilson(value, counts.prompts), counts, defined, by_wilson=True)


def _quietly(measure: Measure, sums: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(measure(sums), dtype=np.float64)


def resampled_shares(
    successes: Floats, trials: Floats, clusters: Integers, parts: Integers, count: int, resamples: Resamples
) -> list[Estimate]:
    """The share Σ successes / Σ trials in each of many parts of the data, under the same draws.

    Args:
        successes: (N,) what counts of each row.
        trials: (N,) what was counted of it.
        clusters: (N,) its cluster.
        parts: (N,) its part, 0 … count - 1.
        count: number of parts; one in which nothing was counted is undefined.
        resamples: of the clusters.
    """
    stats = np.stack([np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)], axis=1)
    table = Parts(parts, clusters, stats, count)
    met, counted = table.reached(1).tolist(), table.totals[:, 1].tolist()
    counts = [Counts(pairs=round(n), prompts=reached) for n, reached in zip(counted, met, strict=True)]
    measure = PartMeasure(
        lambda sums: ratio(sums[..., 0], sums[..., 1]), lambda _: Undefined.NO_TRIALS, counts, share=True
    )
    return estimates_of_parts({"share": measure}, table, resamples)["share"]
