"""Win rates and mean ratings with intervals that respect that labels of one prompt hang together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from app.language import mark

DRAWS = 2_000
LEVEL = 0.95
METHOD_WORDS = mark(
    "Each pair of answers by different models in one person's ranking counts 1, ½ (tie) or 0; pairs are averaged per "
    "prompt, then over prompts, so every prompt weighs the same. The 95 %% interval comes from drawing prompts anew "
    "%(draws)s times (percentile bootstrap clustered by prompt)."
)
METHOD = METHOD_WORDS % {"draws": f"{DRAWS:,}"}
"""For programs; pages say it in the reader's language."""


@dataclass(frozen=True)
class Estimate:
    """A mean over prompts with its 95 % interval; what is empty is explained by ``undefined``.

    ``standard_error`` is that of a mean of independent prompts, s / √n with n - 1 in the variance.
    """

    mean: float | None
    low: float | None
    high: float | None
    prompts: int
    observations: int
    undefined: str = ""
    standard_error: float | None = None


@dataclass(frozen=True)
class WinRate:
    """How often one model's answer is preferred to the other's; ``estimate.mean`` ½ is even."""

    estimate: Estimate
    ties: int

    @property
    def tie_share(self) -> float | None:
        return self.ties / self.estimate.observations if self.estimate.observations else None


def clustered_mean(clusters: Sequence[int], values: Sequence[float], *, seed: int, draws: int = DRAWS) -> Estimate:
    """Mean of cluster means with a percentile bootstrap over clusters.

    Args:
        clusters: the prompt of each observation, shape [n].
        values: the observations, shape [n].
        seed: of the bootstrap; the same data and seed give the same interval.
        draws: bootstrap samples.
    """
    if len(clusters) != len(values):
        raise ValueError(f"{len(clusters)} clusters but {len(values)} values")
    if not values:
        return Estimate(None, None, None, 0, 0, mark("undefined, because nobody has compared them yet"))
    _, index = np.unique(np.asarray(clusters), return_inverse=True)
    means: NDArray[np.float64] = np.bincount(index, weights=np.asarray(values, dtype=float)) / np.bincount(index)
    mean = float(means.mean())
    if len(means) < 2:
        why = mark("interval undefined, because there is only one prompt")
        return Estimate(mean, None, None, 1, len(values), why)
    generator = np.random.default_rng(seed)
    drawn = np.array([generator.choice(means, len(means)).mean() for _ in range(draws)])
    tail = (1 - LEVEL) / 2
    low, high = (float(q) for q in np.quantile(drawn, [tail, 1 - tail]))
    error = float(means.std(ddof=1)) / math.sqrt(len(means))
    return Estimate(mean, low, high, len(means), len(values), standard_error=error)


def outcome(rank: int, other: int) -> float:
    """1 if the first answer is preferred (lower rank), ½ for a tie, 0 otherwise."""
    return 0.5 if rank == other else float(rank < other)


def outcomes(ranks_a: Sequence[int], ranks_b: Sequence[int]) -> list[float]:
    """All cross pairs of two models' answers in one weak order."""
    return [outcome(a, b) for a, b in product(ranks_a, ranks_b)]


def win_rate(prompts: Sequence[int], results: Sequence[float], *, seed: int = 0) -> WinRate:
    """Win rate from outcomes of cross pairs (``outcomes``), each with its prompt."""
    return WinRate(clustered_mean(prompts, results, seed=seed), sum(result == 0.5 for result in results))
