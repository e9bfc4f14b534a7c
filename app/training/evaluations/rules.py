"""Win rates and mean ratings with intervals that respect that labels of one prompt hang together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from app.language import mark
from trainer.statistics.clusters import cluster_mean
from trainer.statistics.estimates import Estimate, Undefined

DRAWS = 2_000
METHOD_WORDS = mark(
    "Each pair of answers by different models in one person's ranking counts 1, ½ (tie) or 0; pairs are averaged per "
    "prompt, then over prompts, so every prompt weighs the same. The 95 %% interval comes from drawing prompts anew "
    "%(draws)s times (percentile bootstrap clustered by prompt)."
)
METHOD = METHOD_WORDS % {"draws": f"{DRAWS:,}"}
"""For programs; pages say it in the reader's language."""


@dataclass(frozen=True)
class WinRate:
    """How often one model's answer is preferred to the other's; ``estimate.value`` ½ is even."""

    estimate: Estimate
    ties: int

    @property
    def tie_share(self) -> float | None:
        return self.ties / self.estimate.n if self.estimate.n else None


def mean_over_prompts(prompts: Sequence[int], values: Sequence[float], *, seed: int) -> Estimate:
    """The mean over prompts of their means; what nobody has compared yet is undefined."""
    estimate = cluster_mean(prompts, values, seed=seed, draws=DRAWS)
    return replace(estimate, undefined=Undefined.NO_COMPARISONS) if estimate.undefined else estimate


def outcome(rank: int, other: int) -> float:
    """1 if the first answer is preferred (lower rank), ½ for a tie, 0 otherwise."""
    return 0.5 if rank == other else float(rank < other)


def outcomes(ranks_a: Sequence[int], ranks_b: Sequence[int]) -> list[float]:
    """All cross pairs of two models' answers in one weak order."""
    return [outcome(a, b) for a, b in product(ranks_a, ranks_b)]


def win_rate(prompts: Sequence[int], results: Sequence[float], *, seed: int = 0) -> WinRate:
    """Win rate from outcomes of cross pairs (``outcomes``), each with its prompt."""
    return WinRate(mean_over_prompts(prompts, results, seed=seed), sum(result == 0.5 for result in results))
