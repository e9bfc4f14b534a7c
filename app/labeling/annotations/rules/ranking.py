"""Whether a ranking agrees with what was said of each answer."""

from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from typing import TypeVar

from app.language import gettext as _
from app.language import listed, ngettext
from trainer.statistics.weak_orders import densify

T = TypeVar("T", bound=Hashable)
TOLD = 2  # contradictions that are named; of more only the number is said


def contradictions(ratings: Sequence[int], ranks: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs (preferred, rated higher) of positions where the ranking prefers the lower rated answer.

    A tie in one of the two contradicts nothing: ratings are coarser than an order.
    """
    pairs = []
    for i, j in combinations(range(len(ranks)), 2):
        if (ranks[i] - ranks[j]) * (ratings[i] - ratings[j]) > 0:
            pairs.append((i, j) if ranks[i] < ranks[j] else (j, i))
    return pairs


def contradiction(ratings: Sequence[object], letters: Sequence[str], pair: tuple[int, int]) -> str:
    """A pair of ``contradictions`` in words: which answer stands above which, and what was said of each."""
    i, j = pair
    return _(
        "%(better)s (%(low)s) above %(worse)s (%(high)s)",
        better=letters[i],
        low=ratings[i],
        worse=letters[j],
        high=ratings[j],
    )


def rating_hint(ratings: Sequence[int], ranks: Sequence[int], letters: Sequence[str]) -> str:
    """What ``hint`` says of ratings."""
    return hint(ratings, ratings, ranks, letters)


def hint(
    worth: Sequence[int],
    ratings: Sequence[object],
    ranks: Sequence[int],
    letters: Sequence[str],
    *,
    by_scores: bool = False,
) -> str:
    """A sentence beside the result; it informs and never blocks.

    Args:
        worth: the higher, the better an answer is by what was said of it.
        ratings: what was said of each answer, in a few words: a rating, or scores.
        ranks: the order, 1 = best.
        letters: the names of the answers.
        by_scores: whether scores were asked instead of ratings.
    """
    pairs = contradictions(worth, ranks)
    if not pairs:
        return _("Your scores agree with this order.") if by_scores else _("Your ratings agree with this order.")
    told = [contradiction(ratings, letters, pair) for pair in pairs[:TOLD]]
    if more := max(0, len(pairs) - TOLD):
        told.append(ngettext("%(num)s more", "%(num)s more", more))
    if by_scores:
        return _(
            "You rank %(pairs)s, your scores propose the opposite. Both may be meant; look once more.",
            pairs=listed(told),
        )
    return _(
        "You rank %(pairs)s, your ratings say the opposite. Both may be meant; look once more.", pairs=listed(told)
    )


def ranks_from_ratings(ratings: Mapping[T, int]) -> dict[T, int]:
    """The order that the ratings alone suggest; a proposal for a person to look at, never stored by itself."""
    return densify({item: -likert for item, likert in ratings.items()})
