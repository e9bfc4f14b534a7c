"""How well anything could agree with one person's label."""

from __future__ import annotations

import math

import numpy as np

from trainer.contract.judging import Ceiling
from trainer.judging.intervals import Resamples
from trainer.judging.scored import ScoredRankings


def ceiling(scored: ScoredRankings, resamples: Resamples) -> Ceiling:
    """Agreement between people who compared the same two answers, and the accuracy it allows.

    Two people agree on a pair if both state the same preference; pairs that one of them left tied
    are not counted (the rule of Stiennon et al. 2020, App. C.2; chance is one half). People need
    not have ranked the same set: what counts is that both answers are in both rankings. A pair
    that p people judged gives C(p, 2) agreements or disagreements; a person who judged it twice is
    not compared with themself.

    Returns:
        ``Ceiling`` with neither agreement nor bound where nobody's pairs overlap.
    """
    pairs = _Judgements.of(scored)
    judged, places = np.unique(pairs.key, return_index=True)
    agreeing, compared = _between(pairs.key, pairs.lower_wins)
    # One person's repeated judgements of a pair are no agreement between people.
    own = pairs.key * (pairs.labeler.max(initial=0) + 1) + pairs.labeler
    own_agreeing, own_compared = _between(own, pairs.lower_wins)
    _, first = np.unique(own, return_index=True)
    back = np.searchsorted(judged, pairs.key[first])
    agreeing = agreeing - np.bincount(back, weights=own_agreeing, minlength=len(judged))
    compared = compared - np.bincount(back, weights=own_compared, minlength=len(judged))
    clusters = pairs.cluster[places]
    by_cluster = [
        np.bincount(clusters, weights=values, minlength=resamples.clusters)[:, None] for values in (agreeing, compared)
    ]
    agreement = resamples.shares(*by_cluster)[0]
    return Ceiling(agreement=agreement, accuracy=None if agreement.value is None else accuracy_bound(agreement.value))


def accuracy_bound(agreement: float) -> float:
    """Highest accuracy against one person's labels when two people agree on the share a of pairs.

    If people prefer one side with probability q ≥ ½, two of them agree with probability
    a = q² + (1 − q)², and who always names the majority's side is right with probability
    q = (1 + √(2a − 1)) / 2. That is concave in a, so over pairs of different difficulty the mean
    of q is at most this value at the mean of a (Jensen). Agreement below chance, which happens in
    small samples, allows one half.
    """
    return (1 + math.sqrt(max(2 * agreement - 1, 0.0))) / 2


class _Judgements:
    """Strict judgements of pairs of distinct answers, one row per person and pair.

    ``key`` names the pair (the same whoever judged it), ``lower_wins`` says that the answer with
    the smaller number was preferred.
    """

    def __init__(self, key: np.ndarray, lower_wins: np.ndarray, labeler: np.ndarray, cluster: np.ndarray) -> None:
        self.key, self.lower_wins, self.labeler, self.cluster = key, lower_wins, labeler, cluster

    @classmethod
    def of(cls, scored: ScoredRankings) -> _Judgements:
        better, worse = scored.strict.of(scored.answers.astype(np.int64))
        strict = scored.strict.where(better != worse)  # the same text twice in a ranking is no pair
        better, worse = strict.of(scored.answers.astype(np.int64))
        pair = np.minimum(better, worse) * len(scored.sources) + np.maximum(better, worse)
        # Of a ranking by nobody in particular it is not known whose others it could agree with: each is one person's.
        numbers: dict[str | int, int] = {}
        labelers = np.array(
            [
                numbers.setdefault(ranking if name is None else name, len(numbers))
                for ranking, name in enumerate(scored.labelers)
            ],
            dtype=np.int64,
        )
        # Numbered without gaps, so that pair × labeler stays far below 2^63.
        key = np.unique(pair, return_inverse=True)[1]
        return cls(key, better < worse, labelers[strict.rankings], scored.clusters_of(strict))


def _between(key: np.ndarray, lower_wins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each key, in order: how many twos of its judgements agree, and how many there are."""
    keys, place = np.unique(key, return_inverse=True)
    judged = np.bincount(place, minlength=len(keys))
    lower = np.bincount(place, weights=lower_wins, minlength=len(keys))
    return _twos(lower) + _twos(judged - lower), _twos(judged)


def _twos(count: np.ndarray) -> np.ndarray:
    return count * (count - 1) / 2
