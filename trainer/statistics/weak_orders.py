"""Weak orders, which are rankings with ties: 1 is best, equal ranks are tied; plain Python."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def dense_ranks(ranks: Sequence[float]) -> list[int]:
    """The same weak order with the ranks 1, 2, 3 … and none skipped; equal stays equal."""
    dense = {rank: place for place, rank in enumerate(sorted(set(ranks)), start=1)}
    return [dense[rank] for rank in ranks]


def densify(ranks: Mapping[T, float]) -> dict[T, int]:
    """``dense_ranks`` of things by name."""
    return dict(zip(ranks, dense_ranks(list(ranks.values())), strict=True))


def weak_order(ranks: Mapping[str, float]) -> str:
    """A ranking for reading, best first: ``weak_order({"A": 2, "B": 3, "C": 1, "D": 2})`` is ``"C > A = D > B"``.

    Ties are written in the order of the names. Names and ranks come in one mapping, so that no caller can hand them
    over in the wrong order.
    """
    lanes: dict[float, list[str]] = {}
    for name in sorted(ranks):
        lanes.setdefault(ranks[name], []).append(name)
    return " > ".join(" = ".join(lanes[rank]) for rank in sorted(lanes))
