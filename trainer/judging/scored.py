"""What a judging reads: rankings with the scores that a reward model gave to their answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from trainer.judging.pairs import Pairs, strict_pairs, tied_pairs

Labels = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Scores (R, K), ranks (R, K) and which of them are present (R, K) of one head."""


@dataclass(frozen=True, eq=False)
class ScoredRankings:
    """R rankings of at most K answers each. What is absent may hold anything, also NaN.

    Attributes:
        rewards: (R, K) float64 scores; of an ensemble the mean over its members.
        ranks: (R, K) int; 1 is best, equal ranks are ties.
        present: (R, K) bool; False where a ranking has fewer than K answers.
        prompts: (R,) int; rankings of one prompt hold the same number, and are drawn together.
        labelers: (R) pseudonym of the person who ranked, None where unknown.
        groups: (R) labeler group, None where unknown.
        use_cases: (R) use case of the prompt, None where unknown.
        likert: (R, K) rating 1 to 7; NaN where there is none.
        shown: (R, K) place on the labeler's screen, from 0; NaN where unknown.
        strength: (R,) how much better the better answer is, on the collector's scale; NaN where not said.
        lengths: (R, K) int characters.
        answers: (R, K) int; number of the distinct answer, from 0. Rankings of one prompt share
            numbers where they rank the same answer; no two prompts share one.
        seen: (R, K) int; number of what a model reads of each answer. It cannot tell apart two answers of one number,
            and a pair of them is not judged.
        sources: (A) per distinct answer the model or person that wrote it, None where unknown.
        members: (M, R, K) float64 scores of the members of an ensemble; None for a plain model.
        heads: further heads by name, each with its own label order over the same answers.

    Raises:
        ValueError: shapes disagree, or a score of a present answer is not a finite number.
    """

    rewards: np.ndarray
    ranks: np.ndarray
    present: np.ndarray
    prompts: np.ndarray
    labelers: list[str | None]
    groups: list[str | None]
    use_cases: list[str | None]
    likert: np.ndarray
    shown: np.ndarray
    strength: np.ndarray
    lengths: np.ndarray
    answers: np.ndarray
    seen: np.ndarray
    sources: list[str | None]
    members: np.ndarray | None = None
    heads: dict[str, Labels] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rankings, places = self.present.shape
        for name in ("rewards", "ranks", "likert", "shown", "lengths", "answers", "seen"):
            _expect(name, getattr(self, name).shape, (rankings, places))
        for name in ("prompts", "labelers", "groups", "use_cases", "strength"):
            _expect(name, (len(getattr(self, name)),), (rankings,))
        if self.answers[self.present].max(initial=-1) >= len(self.sources):
            raise ValueError(f"An answer has no source: there are only {len(self.sources)}.")
        _expect_finite("scores", self.rewards, self.present)
        if self.members is not None:
            _expect("members", self.members.shape[1:], (rankings, places))
            for number, member in enumerate(self.members):
                _expect_finite(f"scores of ensemble member {number}", member, self.present)
        for name, (rewards, ranks, present) in self.heads.items():
            for part in (rewards, ranks, present):
                _expect(f'head "{name}"', part.shape, (rankings, places))
            _expect_finite(f'scores of the head "{name}"', rewards, present)

    @cached_property
    def clusters(self) -> np.ndarray:
        """(R,) prompts, numbered from 0 without gaps."""
        return np.unique(self.prompts, return_inverse=True)[1]

    @property
    def cluster_count(self) -> int:
        """Number of prompts."""
        return int(self.clusters.max(initial=-1)) + 1

    @cached_property
    def strict(self) -> Pairs:
        """Pairs with a preference, the better answer first."""
        return strict_pairs(self.ranks, self.present, self.seen)

    @cached_property
    def tied(self) -> Pairs:
        """Pairs that people left tied."""
        return tied_pairs(self.ranks, self.present, self.seen)

    @cached_property
    def distinct(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and place of the first occurrence of each distinct answer: two arrays (D,), by number."""
        rows, places = np.nonzero(self.present)
        first = np.unique(self.answers[rows, places], return_index=True)[1]
        return rows[first], places[first]

    def clusters_of(self, pairs: Pairs) -> np.ndarray:
        """(N,) prompt of each pair."""
        return self.clusters[pairs.rankings]


def _expect(name: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if shape != wanted:
        raise ValueError(f"The shape of {name} is {shape}, not {wanted}.")


def _expect_finite(name: str, values: np.ndarray, present: np.ndarray) -> None:
    broken = int((~np.isfinite(values[present])).sum())
    if broken:
        raise ValueError(f"{broken} of {int(present.sum())} {name} are not finite numbers: there is nothing to judge.")
