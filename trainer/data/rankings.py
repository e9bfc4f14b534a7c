"""Rankings as token ids, kept in flat arrays; ``trainer/data/reading.py`` fills them from Parquet.

33,000 prompts with nine answers each are some tens of millions of tokens. As Python lists they
would take gigabytes; as arrays of 32-bit integers they take what they weigh, so a run can hold
its whole training set and reach every prompt of it at once, in any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from trainer.data.packing import Conversation, Size, split_by_cut

Integers = np.ndarray


@dataclass(frozen=True)
class Orders:
    """R rankings of at most K answers as matrices; what is absent holds 0 (or NaN) and ``present`` is False.

    Attributes:
        answers: (R, K) number of each ranked answer.
        ranks: (R, K) 1 is best, equal ranks are ties.
        present: (R, K) bool.
        likert: (R, K) 1 to 7, NaN where unrated.
        shown: (R, K) place on the labeler's screen from 0, NaN where unknown.
        strength: (R,) how much better the better of two answers is; NaN where unknown.
        weights: (R,) in the loss; their mean over a training set is 1.
        head_ranks: (H, R, K) orders that the further heads learn.
        seen: (R, K) number of the first answer of the prompt of which a model reads the same tokens: two answers
            of one number cannot be told apart.
    """

    answers: np.ndarray
    ranks: np.ndarray
    present: np.ndarray
    likert: np.ndarray
    shown: np.ndarray
    strength: np.ndarray
    weights: np.ndarray
    head_ranks: np.ndarray
    seen: np.ndarray


@dataclass(frozen=True)
class Rankings:
    """E prompts with their distinct answers and everybody's rankings of them.

    A prompt with all its answers and rankings is one element: several people may rank the same
    answers, and scoring an answer once for all of them keeps it from being used in several
    updates, which is what overfits (InstructGPT §3.5).

    Attributes:
        tokens: every prompt and answer, one after the other.
        prompt_spans: (E, 2) first token and the token after the last one.
        prompt_ids: E names.
        answer_spans: (A, 2).
        answer_lengths: (A,) characters.
        answer_sources: A names of what wrote the answer, or None.
        answer_twins: (A,) number of the first answer of the prompt with the same tokens, which may be itself.
        answers_of: per element the numbers of its answers.
        rankings_of: per element the numbers of its rankings.
        ranking_ids, labelers, groups, use_cases: one name per ranking.
        places: (R + 1,) where a ranking's answers begin in the following arrays.
        ranked, ranks, likert, shown: one entry per ranked answer.
        head_ranks: (H, entries).
        strength: (R,).
        own_weights: (R,) as the rows have them, 1 where they say nothing; weights: (R,) in the loss.
    """

    tokens: Integers
    prompt_spans: Integers
    prompt_ids: list[str]
    answer_spans: Integers
    answer_lengths: Integers
    answer_sources: list[str | None]
    answer_twins: Integers
    answers_of: list[Integers]
    rankings_of: list[Integers]
    ranking_ids: list[str]
    labelers: list[str | None]
    groups: list[str | None]
    use_cases: list[str | None]
    places: Integers
    ranked: Integers
    ranks: Integers
    likert: np.ndarray
    shown: np.ndarray
    head_ranks: Integers
    strength: np.ndarray
    own_weights: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        """Number of prompts."""
        return len(self.prompt_ids)

    @property
    def owners(self) -> Integers:
        """(R,) element of each ranking; −1 for a ranking that a selection left out."""
        owners = np.full(len(self.ranking_ids), -1)
        for element, rankings in enumerate(self.rankings_of):
            owners[rankings] = element
        return owners

    @property
    def all_rankings(self) -> Integers:
        """Numbers of the rankings of all elements, element by element."""
        return np.concatenate(self.rankings_of) if self.rankings_of else np.zeros(0, dtype=np.int64)

    def conversations(self, element: int, max_tokens: int) -> tuple[list[int], list[Conversation]]:
        """The element as sequences of at most ``max_tokens`` per answer.

        Returns:
            Numbers of the answers in the order in which the conversations hold them; the conversations.
        """
        start, end = self.prompt_spans[element]
        answers = self.answers_of[element]
        texts = [self.tokens[slice(*self.answer_spans[answer])].tolist() for answer in answers]
        parts = split_by_cut(self.tokens[start:end].tolist(), texts, max_tokens)
        return [int(answers[i]) for places, _ in parts for i in places], [talk for _, talk in parts]

    def size(self, element: int) -> Size:
        """What computing this element costs, long prompts uncut."""
        start, end = self.prompt_spans[element]
        spans = self.answer_spans[self.answers_of[element]]
        lengths = spans[:, 1] - spans[:, 0]
        return Size(int(end - start + lengths.sum()), int(end - start + lengths.max()), len(lengths))

    def orders(self, rankings: Integers) -> Orders:
        """Some rankings as matrices."""
        starts, counts = self.places[rankings], np.diff(self.places)[rankings]
        width = int(counts.max(initial=0))
        present = np.arange(width) < counts[:, None]
        entries = np.where(present, starts[:, None] + np.arange(width), 0)

        def matrix(values: np.ndarray, absent: float = 0) -> np.ndarray:
            return np.where(present, values[entries], absent)

        return Orders(
            matrix(self.ranked),
            matrix(self.ranks),
            present,
            matrix(self.likert, np.nan),
            matrix(self.shown, np.nan),
            self.strength[rankings],
            self.weights[rankings],
            np.where(present, self.head_ranks[:, entries], 0),
            matrix(self.answer_twins[self.ranked]),
        )

    def select(self, keep: np.ndarray) -> Rankings:
        """Keep some rankings, and of the prompts and answers those that somebody still ranks.

        Args:
            keep: (R,) bool.
        """
        elements, rankings_of, answers_of = [], [], []
        for element, rankings in enumerate(self.rankings_of):
            if len(kept := rankings[keep[rankings]]):
                elements.append(element)
                rankings_of.append(kept)
                ranked = [self.ranked[self.places[r] : self.places[r + 1]] for r in kept]
                answers_of.append(np.unique(np.concatenate(ranked)))
        return replace(
            self,
            prompt_spans=self.prompt_spans[elements],
            prompt_ids=[self.prompt_ids[element] for element in elements],
            answers_of=answers_of,
            rankings_of=rankings_of,
        )

    def weighted(self, prompt_weights: Mapping[str, float], labeler_weights: Mapping[str, float]) -> Rankings:
        """Give rankings the product of their own, their prompt's and their labeler's weight, scaled to a mean of 1.

        Raises:
            ValueError: all weights are 0.
        """
        owners = self.owners
        raw = np.array(
            [
                prompt_weights.get(self.prompt_ids[owner], 1.0) * labeler_weights.get(labeler or "", 1.0)
                if owner >= 0
                else 0
                for owner, labeler in zip(owners, self.labelers, strict=True)
            ],
            dtype=np.float64,
        )
        raw *= self.own_weights
        mean = raw[owners >= 0].mean() if (owners >= 0).any() else 1.0
        if not mean > 0:
            raise ValueError("Every training ranking has weight 0. Give at least one prompt and labeler a weight.")
        return replace(self, weights=raw / mean)
