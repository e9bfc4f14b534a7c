"""Ragged lists to ScoredRankings, with junk wherever nothing is: no figure may read it."""

import math

import numpy as np
from hypothesis import strategies as st

from trainer.judging.scored import ScoredRankings


def padded(rows, junk, dtype):
    """Lists of different length -> (R, K), filled up with ``junk`` in turn."""
    width = max(map(len, rows), default=0)
    filled = [[*row, *(junk[(r + k) % len(junk)] for k in range(len(row), width))] for r, row in enumerate(rows)]
    return np.array(filled, dtype=dtype).reshape(len(rows), width)


def scored(rewards, ranks, *, answers=None, members=None, heads=None, **given):
    """R rankings; what is not given is unknown, every answer is distinct, and every ranking has its own prompt.

    ``answers`` are numbers as in ScoredRankings; the other ragged ones are lists of R lists.
    """
    sizes = [len(row) for row in rewards]
    if answers is None:
        starts = np.cumsum([0, *sizes])
        answers = [list(range(start, start + size)) for start, size in zip(starts, sizes, strict=False)]
    blank = [[math.nan] * size for size in sizes]
    count = max((number for row in answers for number in row), default=-1) + 1
    junk_scores = [math.nan, 1e300, -math.inf]
    return ScoredRankings(
        rewards=padded(rewards, junk_scores, np.float64),
        ranks=padded(ranks, [0, -7, 99], np.int64),
        present=padded([[True] * size for size in sizes], [False], np.bool_),
        prompts=np.array(given.pop("prompts", range(len(sizes))), dtype=np.int64),
        labelers=given.pop("labelers", ["ann"] * len(sizes)),
        groups=given.pop("groups", [None] * len(sizes)),
        use_cases=given.pop("use_cases", [None] * len(sizes)),
        likert=padded(given.pop("likert", blank), [7, math.nan], np.float64),
        shown=padded(given.pop("shown", blank), [3, math.nan], np.float64),
        strength=np.array(given.pop("strength", [math.nan] * len(sizes)), dtype=np.float64),
        lengths=padded(given.pop("lengths", [[5] * size for size in sizes]), [-1, 10**9], np.int64),
        answers=padded(answers, [10**6, -1], np.int64),
        seen=padded(given.pop("seen", answers), [0, -1], np.int64),
        sources=given.pop("sources", [None] * count),
        members=None if members is None else np.stack([padded(m, junk_scores, np.float64) for m in members]),
        heads={
            name: (
                padded(head_rewards, junk_scores, np.float64),
                padded(head_ranks, [0, 50], np.int64),
                padded([[True] * len(row) for row in head_ranks], [False], np.bool_),
            )
            for name, (head_rewards, head_ranks) in (heads or {}).items()
        },
        **given,
    )


@st.composite
def judgements(draw, *, most=6, scores=st.integers(-3, 3).map(float)):
    """Rankings of two to five answers with many ties among ranks and scores; some share a prompt."""
    sizes = draw(st.lists(st.integers(2, 5), min_size=1, max_size=most))
    return {
        "rewards": [draw(st.lists(scores, min_size=n, max_size=n)) for n in sizes],
        "ranks": [draw(st.lists(st.integers(1, n), min_size=n, max_size=n)) for n in sizes],
        "prompts": draw(st.lists(st.integers(0, 2), min_size=len(sizes), max_size=len(sizes))),
    }


def strict_pairs_of(ranks):
    """Every (ranking, better, worse) in plain loops."""
    return [
        (r, i, j) for r, row in enumerate(ranks) for i in range(len(row)) for j in range(len(row)) if row[i] < row[j]
    ]


def credit(first, second):
    return 1.0 if first > second else 0.5 if first == second else 0.0
