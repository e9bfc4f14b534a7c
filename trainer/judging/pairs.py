"""Pairs of answers within rankings: flat lists of places, so that every figure is one gather away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Pairs:
    """N pairs of answers, each within one ranking.

    Attributes:
        rankings: (N,) row of the ranking.
        first: (N,) place of one answer in it: of strict pairs the one that people ranked better.
        second: (N,) place of the other.
    """

    rankings: np.ndarray
    first: np.ndarray
    second: np.ndarray

    def __len__(self) -> int:
        return len(self.rankings)

    def of(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What ``values`` (R, K) says of both sides: two arrays (N,)."""
        return values[self.rankings, self.first], values[self.rankings, self.second]

    def margins(self, values: np.ndarray) -> np.ndarray:
        """Value of the first side minus that of the second (N,)."""
        first, second = self.of(values)
        return first - second

    def where(self, mask: np.ndarray) -> Pairs:
        """Those pairs for which ``mask`` (N,) is True."""
        return Pairs(self.rankings[mask], self.first[mask], self.second[mask])


def strict_pairs(ranks: np.ndarray, present: np.ndarray, seen: np.ndarray) -> Pairs:
    """The pairs that state a preference, the better answer first.

    Args:
        ranks: (R, K); 1 is best, equal ranks are ties; absent answers may hold anything.
        present: (R, K) bool.
        seen: (R, K) number of what a model reads of each answer; a pair of one number states nothing.
    """
    return Pairs(*np.nonzero(_told_apart(present, seen) & (ranks[:, :, None] < ranks[:, None, :])))


def tied_pairs(ranks: np.ndarray, present: np.ndarray, seen: np.ndarray) -> Pairs:
    """The pairs whose answers share a rank, each once; with the strict pairs they are all that are told apart."""
    once = np.triu(np.ones((ranks.shape[1],) * 2, dtype=bool), k=1)
    return Pairs(*np.nonzero(_told_apart(present, seen) & (ranks[:, :, None] == ranks[:, None, :]) & once))


def wins(margins: np.ndarray) -> np.ndarray:
    """1 where the first side is higher, 0 where the second is, one half where they are equal."""
    return (np.sign(margins) + 1) / 2


def _told_apart(present: np.ndarray, seen: np.ndarray) -> np.ndarray:
    return present[:, :, None] & present[:, None, :] & (seen[:, :, None] != seen[:, None, :])
