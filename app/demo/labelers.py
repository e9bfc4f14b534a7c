"""Simulated labelers: a hidden taste, and people who see it through noise.

The taste stands for what real people would want; the loop never sees it, only rankings.
The noise is adjustable, and so is how close two answers must look to be called equal.
"""

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "to",
        "in",
        "for",
        "and",
        "or",
        "is",
        "if",
        "on",
        "by",
        "as",
        "it",
        "this",
        "that",
        "with",
        "from",
        "be",
        "are",
    ]
)


def utility(text: str) -> float:
    """How good an answer truly is, from about −1 (nothing said) to about 3.

    Liked: enough words, up to fourteen (1.4); words that carry meaning and are not said twice (0.8); telling what comes
    back, a "return" (0.6); a sentence that ends (0.4). Smooth enough to be learned, and not one single trick.
    """
    words = re.findall(r"[a-z]+", text.lower())
    if not words:
        return -1.0
    telling = [word for word in words if word not in STOP_WORDS]
    enough = min(len(words), 14) / 14
    fresh = len(set(telling)) / max(len(telling), 6)
    returns = any(word.startswith("return") for word in words)
    ends = text.rstrip().endswith(".")
    return 1.4 * enough + 0.8 * fresh + 0.6 * returns + 0.4 * ends


@dataclass(frozen=True)
class SimulatedLabeler:
    """Somebody who perceives the utility with an error and calls close answers equal.

    Attributes:
        name: seeds this person's errors: the same person makes the same error on the same answer.
        noise: standard deviation of the error, in units of utility.
        tie_threshold: neighbours closer than this, as perceived, share a rank.
    """

    name: str
    noise: float
    tie_threshold: float
    seed: int

    def perceive(self, text: str) -> float:
        error = random.Random(f"{self.seed} {self.name} {text}").gauss(0, 1)
        return utility(text) + self.noise * error

    def rank(self, answers: Sequence[str]) -> list[int]:
        """One rank per answer, 1 = best; each answer close to its better neighbour joins its rank."""
        seen = [self.perceive(text) for text in answers]
        order = sorted(range(len(answers)), key=lambda i: -seen[i])
        ranks = [0] * len(answers)
        rank = 0
        for position, i in enumerate(order):
            if position == 0 or seen[order[position - 1]] - seen[i] > self.tie_threshold:
                rank += 1
            ranks[i] = rank
        return ranks

    def rate(self, text: str) -> int:
        """Likert 1–7 of the perceived utility."""
        return max(1, min(7, 1 + math.floor((self.perceive(text) + 0.3) / 3.3 * 7)))
