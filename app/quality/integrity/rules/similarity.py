"""How much two texts have in common: the Jaccard index of their word shingles, computed exactly.

A shingle is a run of words. Jaccard is the share of shingles of either text that both have (Broder 1997). Pairs are
found through an index from shingles to texts. If two texts have at least the share t in common, they also meet in the
rarest shingles of each, all but the most common t of them (Chaudhuri et al. 2006, prefix filtering), so those that
everybody uses need not be looked up.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

WORDS_IN_A_SHINGLE = 3
LEAST_SIMILARITY = 0.3
"""Below this a text of another author is not looked for: it would be found by commonplaces, which take long."""
COMMONPLACE = 200
"""A shingle of more texts than this leads to no pair: its pairs grow with the square."""

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
    similarity: float


def nearest_of(text: frozenset[tuple[str, ...]], others: Mapping[int, str]) -> Nearest | None:
    """The most similar of a few texts, none where nothing is shared with any."""
    compared = [Nearest(key, jaccard(text, shingles(other))) for key, other in others.items()]
    best = max(compared, key=lambda nearest: nearest.similarity, default=None)
    return best if best and best.similarity > 0 else None


def nearest_by_others(
    texts: Mapping[int, frozenset[tuple[str, ...]]], authors: Mapping[int, str]
) -> dict[int, Nearest]:
    """For each text the most similar one by another author, of those with a similarity of ``LEAST_SIMILARITY`` or more.

    Args:
        texts: key to shingles.
        authors: key to who wrote it; people are not compared with themselves.
    """
    frequency = Counter(shingle for own in texts.values() for shingle in own)
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for key, own in texts.items():
        rarest = sorted(own, key=lambda shingle: (frequency[shingle], shingle))
        for shingle in rarest[: len(own) - math.ceil(LEAST_SIMILARITY * len(own)) + 1]:
            if frequency[shingle] > 1:
                holders[shingle].append(key)
    pairs: set[tuple[int, int]] = set()
    for keys in holders.values():
        if len(keys) <= COMMONPLACE:
            pairs.update(_pairs(keys, authors))
    best: dict[int, Nearest] = {}
    for one, other in pairs:
        similarity = jaccard(texts[one], texts[other])
        if similarity < LEAST_SIMILARITY:
            continue
        for key, far in ((one, other), (other, one)):
            if key not in best or (similarity, -far) > (best[key].similarity, -best[key].key):
                best[key] = Nearest(far, similarity)
    return best


def _pairs(keys: Sequence[int], authors: Mapping[int, str]) -> Iterator[tuple[int, int]]:
    """Every two of these texts, in ascending order, that are not by one author."""
    return ((one, other) for one, other in combinations(sorted(keys), 2) if authors[one] != authors[other])
