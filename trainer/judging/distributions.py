"""How the scores of the answers of each model or person are spread."""

from __future__ import annotations

import math

import numpy as np

from trainer.contract.judging import Distribution
from trainer.judging.accuracy import OTHERS, UNKNOWN
from trainer.judging.scored import ScoredRankings

MOST_BINS = 30
MOST_SOURCES = 20
"""Sources that are told apart, those with the most answers; the rest is one, ``others``."""

_QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95]


def score_distributions(scored: ScoredRankings) -> tuple[list[float], list[Distribution]]:
    """Scores by source over distinct answers (one that several people ranked counts once).

    Returns:
        The shared bin edges and one distribution per source, the most answers first. The first
        and the last bin also hold what lies beyond them, so that counts add up to the answers.
    """
    rows, places = scored.distinct
    if not len(rows):
        return [], []
    scores = scored.rewards[rows, places]
    edges = histogram_edges(scores)
    by_source: dict[str, list[int]] = {}
    for number, answer in enumerate(scored.answers[rows, places].tolist()):
        by_source.setdefault(scored.sources[answer] or UNKNOWN, []).append(number)
    names = sorted(by_source, key=lambda name: (-len(by_source[name]), name))
    members = {name: by_source[name] for name in names[:MOST_SOURCES]}
    if len(names) > MOST_SOURCES:
        members[OTHERS] = [number for name in names[MOST_SOURCES:] for number in by_source[name]]
    return edges, [_distribution(name, scores[numbers], edges) for name, numbers in members.items()]


def histogram_edges(scores: np.ndarray) -> list[float]:
    """At most 30 bins of a round width (1, 2, 2.5 or 5 times a power of ten) over the middle 99 % of the scores.

    A few extreme scores would otherwise squeeze all others into one bin.

    Args:
        scores: (N,), N > 0.
    """
    low, high = (float(end) for end in np.quantile(scores, [0.005, 0.995]))
    size = max(abs(low), abs(high))
    if high - low <= 1e-9 * size:  # all alike, as far as numbers can tell
        margin = max(0.5, 0.01 * size)
        return [low - margin, high + margin]
    step = next(width for width in _round_widths((high - low) / MOST_BINS) if _bins(low, high, width) <= MOST_BINS)
    first = math.floor(low / step)
    return [float(f"{(first + number) * step:.12g}") for number in range(_bins(low, high, step) + 1)]


def _bins(low: float, high: float, step: float) -> int:
    return math.ceil(high / step) - math.floor(low / step)


def _round_widths(least: float) -> list[float]:
    """Round numbers from ``least`` on; the ten times larger ones are always enough."""
    power = math.floor(math.log10(least))
    widths = (digit * 10.0**exponent for exponent in (power, power + 1) for digit in (1, 2, 2.5, 5))
    return [width for width in widths if width >= least]


def _distribution(source: str, scores: np.ndarray, edges: list[float]) -> Distribution:
    counts, _ = np.histogram(np.clip(scores, edges[0], edges[-1]), bins=edges)
    return Distribution(
        source=source,
        answers=len(scores),
        mean=float(scores.mean()),
        std=float(scores.std()),
        quantiles=[float(value) for value in np.quantile(scores, _QUANTILES)],
        counts=counts.tolist(),
    )
