"""What scores mean beside one another, and where they stand in a picture; pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trainer.statistics.weak_orders import dense_ranks

MOST_ANSWERS = 200_000
MOST_BYTES = 128 << 20
"""Text of one request, as UTF-8, each prompt counted once."""

SOURCES = ("page", "file", "api", "command")
FORMATS = ("jsonl", "csv", "parquet")
LONGEST_ID = 200


def ranks_of_scores(scores: Sequence[float | None]) -> list[int | None]:
    """Rank of each score among the others: 1 = highest, equal scores share a rank, none is skipped."""
    known = iter(dense_ranks([-score for score in scores if score is not None]))
    return [None if score is None else next(known) for score in scores]


def chance_preferred(score: float, other: float) -> float:
    """Chance that people prefer the first answer, σ(Δr): what the model was trained to say (InstructGPT §3.5)."""
    gap = score - other
    return 1 / (1 + math.exp(-gap)) if gap >= 0 else math.exp(gap) / (1 + math.exp(gap))


@dataclass(frozen=True)
class Axis:
    """A horizontal axis that several small pictures share; zero is always on it.

    Attributes:
        low: score at the left end.
        high: score at the right end.
        width: of the picture in its own units; ``margin`` of them stay free at each end.
    """

    low: float
    high: float
    width: int = 240
    margin: int = 10

    def at(self, score: float) -> float:
        """Where a score stands, in the units of the picture; what lies outside stands at the end."""
        share = (min(max(score, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.margin + share * (self.width - 2 * self.margin), 1)


def shared_axis(scores: Iterable[float | None], deviations: Iterable[float | None] = ()) -> Axis:
    """An axis on which all these scores find room, with the widest deviation at either side."""
    known = [score for score in scores if score is not None]
    widest = max((deviation for deviation in deviations if deviation is not None), default=0.0)
    low, high = min(0.0, *known, 0.0) - widest, max(0.0, *known, 0.0) + widest
    return Axis(low, high) if high - low > 1e-9 else Axis(-1.0, 1.0)
