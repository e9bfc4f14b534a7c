"""How much two texts have in common: the Jaccard index of their word shingles, computed exactly.

A shingle is a run of words. Jaccard is the share of shingles of either text that both have (Broder 1997). All pairs
of texts that share any shingle are found through an index from shingles to texts, so the cost is the number of
shingles plus the pairs that really share one; shingles that very many texts share are passed over in finding pairs,
not in counting.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WORDS_IN_A_SHINGLE = 3
COMMONPLACE = 200
"""A shingle of more texts than this leads to no pair: everybody says it, and its pairs grow with the square."""

# Scripts without blanks between words are taken character by character.
_WORD = re.compile(r"[぀-ヿ㐀-䶿一-鿿가-힣]|[^\W_぀-ヿ㐀-䶿一-鿿가-힣]+")


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Runs of three words, without case and punctuation; a text of fewer words is one shingle, an empty one none."""
    words = _WORD.findall(text.casefold())
    if not words:
        return frozenset()
    size = min(WORDS_IN_A_SHINGLE, len(words))
    return frozenset(tuple(words[at : at + size]) for at in range(len(words) - size + 1))


def jaccard(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    """From 0, nothing in common, to 1, the same shingles; 0 where either is empty."""
    both = len(one & other)
    return both / (len(one) + len(other) - both) if both else 0.0


@dataclass(frozen=True)
class Nearest:
    """The other text that has most in common with one: its key, and the Jaccard index."""

    key: int
    likeness: float


def nearest_of(text: frozenset[tuple[str, ...]], others: Mapping[int, str]) -> Nearest | None:
    """The most similar of a few texts, none where nothing is shared with any."""
    found = [Nearest(key, jaccard(text, shingles(other))) for key, other in others.items()]
    best = max(found, key=lambda one: one.likeness, default=None)
    return best if best and best.likeness > 0 else None


def nearest_by_others(
    texts: Mapping[int, frozenset[tuple[str, ...]]], authors: Mapping[int, str]
) -> dict[int, Nearest]:
    """For each text the most similar one by another author, if any shares enough to be found.

    Args:
        texts: key to shingles.
        authors: key to who wrote it; people are not compared with themselves.
    """
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for key, own in texts.items():
        for shingle in own:
            holders[shingle].append(key)
    shared: dict[tuple[int, int], bool] = {}
    for keys in holders.values():
        if 1 < len(keys) <= COMMONPLACE:
            _note_pairs(keys, authors, shared)
    best: dict[int, Nearest] = {}
    for one, other in shared:
        likeness = jaccard(texts[one], texts[other])
        for key, far in ((one, other), (other, one)):
            if key not in best or likeness > best[key].likeness:
                best[key] = Nearest(far, likeness)
    return best


def _note_pairs(keys: Sequence[int], authors: Mapping[int, str], shared: dict[tuple[int, int], bool]) -> None:
    for place, one in enumerate(keys):
        for other in keys[place + 1 :]:
            if authors[one] != authors[other]:
                shared[(one, other) if one < other else (other, one)] = True
