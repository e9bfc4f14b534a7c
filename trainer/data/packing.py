"""Shared-prefix sequences: a prompt once, then its K answers, and nothing padded.

Scoring K answers of one prompt as K sequences computes the prompt K times, and as C(K, 2) pairs
K · (K - 1) times. Here a prompt and its answers stand one after the other in a single sequence

    prompt A │ answer A1 │ answer A2 │ prompt B │ answer B1 │ …

in which every answer attends to its own prompt and to itself, and its positions go on from the
end of the prompt. What a token sees and where it stands is then the same as in a sequence of
its own, so scores and gradients are the same as well; ``models/shared_prefix.py`` computes that
attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch

Tokens = Sequence[int]


@dataclass(frozen=True)
class Size:
    """What a conversation costs.

    Attributes:
        unique: tokens when the prompt is computed once.
        longest: tokens of the prompt with its longest answer.
        answers: their number.
    """

    unique: int
    longest: int
    answers: int


@dataclass(frozen=True)
class Conversation:
    """A prompt and some answers to it, as token ids; neither prompt nor answer is empty."""

    prompt: Tokens
    answers: Sequence[Tokens]

    @property
    def size(self) -> Size:
        lengths = [len(answer) for answer in self.answers]
        return Size(len(self.prompt) + sum(lengths), len(self.prompt) + max(lengths), len(lengths))


@dataclass(frozen=True)
class Span:
    """Where one conversation stands in a packed sequence.

    Attributes:
        start: its first token, where the prompt begins.
        split: the first token of its first answer.
        ends: the token after each answer; an answer begins where the one before it ends.
    """

    start: int
    split: int
    ends: tuple[int, ...]

    @property
    def answers(self) -> list[tuple[int, int]]:
        """First token and the token after the last one, of each answer."""
        return list(zip((self.split, *self.ends), self.ends, strict=False))


@dataclass(frozen=True)
class Packed:
    """Several conversations as one sequence of T tokens with N answers.

    Attributes:
        ids: (1, T).
        positions: (1, T) place of each token in its own prompt + answer.
        last: (N,) place of the last token of each answer, in the order in which they were given.
        spans: one per conversation.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    last: torch.Tensor
    spans: tuple[Span, ...]


def pack(conversations: Sequence[Conversation]) -> Packed:
    """Lay conversations one after the other."""
    ids: list[int] = []
    positions: list[int] = []
    spans: list[Span] = []
    for conversation in conversations:
        start, offset = len(ids), len(conversation.prompt)
        ids += conversation.prompt
        positions += range(offset)
        ends = []
        for answer in conversation.answers:
            ids += answer
            positions += range(offset, offset + len(answer))
            ends.append(len(ids))
        spans.append(Span(start, start + offset, tuple(ends)))
    return Packed(
        torch.tensor([ids], dtype=torch.long),
        torch.tensor([positions], dtype=torch.long),
        torch.tensor([end - 1 for span in spans for end in span.ends], dtype=torch.long),
        tuple(spans),
    )


def split_by_cut(prompt: Tokens, answers: Sequence[Tokens], max_tokens: int) -> list[tuple[list[int], Conversation]]:
    """Fit a prompt and its answers into ``max_tokens``, each answer as if it stood alone.

    An answer that is too long loses its end, and then the prompt its oldest tokens, as
    ``chat.encode_pair`` does. A long answer therefore sees less of the prompt than its siblings;
    such answers get a conversation of their own, so that a score never depends on the company.

    Returns:
        Per conversation the places in ``answers`` of its answers; nearly always there is only one.
    """
    cut = [answer[: max_tokens - 1] for answer in answers]
    lost = [max(0, len(prompt) + len(answer) - max_tokens) for answer in cut]
    places = sorted(range(len(cut)), key=lambda i: lost[i])
    return [
        (some, Conversation(prompt[tokens:], [cut[i] for i in some]))
        for tokens, some in ((tokens, list(found)) for tokens, found in groupby(places, key=lambda i: lost[i]))
    ]


def forwards(sizes: Sequence[Size], capacity: int, *, shared: bool) -> list[list[int]]:
    """Divide conversations among forwards; a conversation is never divided.

    Args:
        sizes: of each conversation.
        capacity: tokens that one forward computes at most, unless a single conversation has more.
        shared: whether prompts are computed once. Then nothing is padded and only sums count;
            otherwise rows are padded to the longest and neighbours in length go together.

    Returns:
        The places in ``sizes`` that go together.
    """
    if shared:
        return bins([size.unique for size in sizes], capacity)
    found: list[list[int]] = []
    rows = 0
    for place in sorted(range(len(sizes)), key=lambda i: sizes[i].longest):
        # Sorted, so the newcomer is the longest.
        if not found or (rows + sizes[place].answers) * sizes[place].longest > capacity:
            found.append([])
            rows = 0
        found[-1].append(place)
        rows += sizes[place].answers
    return found


def bins(sizes: Sequence[int], capacity: int) -> list[list[int]]:
    """Distribute items over as few bins as first-fit-decreasing finds (at most 11/9 of the fewest).

    Longest first also means that the first bin is the fullest: a run that does not fit into memory
    says so at its first step.

    Args:
        sizes: of each item.
        capacity: of a bin; an item larger than that gets a bin of its own.

    Returns:
        The places in ``sizes`` that go together.
    """
    found: list[list[int]] = []
    room: list[int] = []
    for item in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        fitting = next((place for place, free in enumerate(room) if free >= sizes[item]), None)
        if fitting is None:
            found.append([item])
            room.append(capacity - sizes[item])
        else:
            found[fitting].append(item)
            room[fitting] -= sizes[item]
    return found
