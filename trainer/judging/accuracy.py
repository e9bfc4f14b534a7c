"""How often scores order answers as people did: altogether and in parts of the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from trainer.contract.judging import Group, Share
from trainer.judging.intervals import Resamples
from trainer.judging.pairs import strict_pairs, wins
from trainer.judging.scored import ScoredRankings

MOST_PARTS = 50
"""Parts that are told apart, those with the most pairs; the rest is one part, ``others``."""

OTHERS = "others"
UNKNOWN = "not given"
NO_TIES, SOME_TIES = TIES = ("without ties", "with ties")
"""Names of the rankings that say of every pair which is better, and of those that do not."""
CONTRADICTED = "contradicted"
"""Pairs whose better-ranked answer was rated lower by the same person."""

_MOST_LEVELS = 10
"""Distinct strengths that stand for themselves; of a finer scale four ranges are made."""


def pair_accuracy(scored: ScoredRankings, resamples: Resamples) -> Share:
    """Share of strict pairs that the scores order as the person did; equal scores count one half."""
    strict = scored.strict
    return resamples.share(wins(strict.margins(scored.rewards)), scored.clusters_of(strict))


def complete_orders(scored: ScoredRankings, resamples: Resamples) -> Share:
    """Share of rankings whose every strict pair is ordered right; equal scores are not right.

    Rankings without a strict pair state no order and are not counted.
    """
    strict, rankings = scored.strict, len(scored.prompts)
    right = strict.margins(scored.rewards) > 0
    pairs = np.bincount(strict.rankings, minlength=rankings)
    stating = pairs > 0
    complete = np.bincount(strict.rankings, weights=right, minlength=rankings) == pairs
    return resamples.share(complete[stating], scored.clusters[stating])


def by_k(scored: ScoredRankings, resamples: Resamples) -> list[Group]:
    """Accuracy by number of answers in the ranking, small K first."""
    counts = scored.present.sum(1)
    return _by_label(scored, resamples, [str(k) for k in counts], order=int)


def by_ties(scored: ScoredRankings, resamples: Resamples) -> list[Group]:
    """Accuracy on the strict pairs of rankings without and with ties; empty where nobody tied anything.

    Who may tie the pairs that are hard to tell leaves the easier ones strict; a ranking without
    ties holds both.
    """
    tied = np.bincount(scored.tied.rankings, minlength=len(scored.prompts)) > 0
    if not tied.any():
        return []
    return _by_label(scored, resamples, [SOME_TIES if some else NO_TIES for some in tied], order=TIES.index)


def by_use_case(scored: ScoredRankings, resamples: Resamples) -> list[Group]:
    """Accuracy by use case, those with the most pairs first."""
    return _by_label(scored, resamples, scored.use_cases)


def by_labeler(scored: ScoredRankings, resamples: Resamples) -> list[Group]:
    """Accuracy against each person's own labels, those with the most pairs first."""
    return _by_label(scored, resamples, scored.labelers)


def by_group(scored: ScoredRankings, resamples: Resamples) -> list[Group]:
    """Accuracy by labeler group, those with the most pairs first."""
    return _by_label(scored, resamples, scored.groups)


def by_strength(scored: ScoredRankings, resamples: Resamples) -> list[Group]:
    """Accuracy by strength of the preference, weak ones first (Llama 2 §3.2.2 reports four levels).

    A scale with more than ten levels is cut into four ranges of about equally many rankings.
    """
    said = scored.strength[~np.isnan(scored.strength)]
    levels = np.unique(said)
    if len(levels) > _MOST_LEVELS:
        cuts = np.unique(np.quantile(said, [0.25, 0.5, 0.75]))
        names = [f"{a:.3g} to {b:.3g}" for a, b in zip([levels[0], *cuts], [*cuts, levels[-1]], strict=True)]
        parts = np.searchsorted(cuts, scored.strength, side="left")
    else:
        names = [f"{level:g}" for level in levels]
        parts = np.searchsorted(levels, scored.strength)
    labels = [None if np.isnan(s) else names[p] for s, p in zip(scored.strength, parts, strict=True)]
    return _by_label(scored, resamples, labels, order=names.index)


def by_likert_gap(scored: ScoredRankings, resamples: Resamples) -> list[Group]:
    """Accuracy on strict pairs by how far apart the same person rated the two answers, 0 to 6 points.

    Only pairs with both answers rated are counted. Where the answer that was ranked better was
    rated lower, the person said two things; these pairs stand apart as ``CONTRADICTED``.
    """
    gaps = scored.strict.margins(scored.likert)
    rated = scored.strict.where(~np.isnan(gaps))
    gaps = gaps[~np.isnan(gaps)]
    levels = np.unique(np.maximum(gaps, -1))  # every contradiction becomes −1
    parts = np.searchsorted(levels, np.maximum(gaps, -1))
    shares = resamples.shares_by(wins(rated.margins(scored.rewards)), scored.clusters_of(rated), parts, len(levels))
    groups = [
        Group(name=CONTRADICTED if level < 0 else f"{level:g}", accuracy=share)
        for level, share in zip(levels, shares, strict=True)
    ]
    return sorted(groups, key=lambda group: group.name == CONTRADICTED)


def by_head(scored: ScoredRankings, resamples: Resamples) -> list[Group]:
    """Accuracy of each further head against its own labels."""
    found = []
    for name, (rewards, ranks, present) in scored.heads.items():
        strict = strict_pairs(ranks, present, scored.seen)
        accuracy = resamples.share(wins(strict.margins(rewards)), scored.clusters_of(strict))
        found.append(Group(name=name, accuracy=accuracy))
    return found


def _by_label(
    scored: ScoredRankings,
    resamples: Resamples,
    labels: Sequence[str | None],
    order: Callable[[str], int] | None = None,
) -> list[Group]:
    """Accuracy by a label of the ranking; together the parts hold every strict pair once.

    Args:
        scored: what is judged.
        resamples: of its prompts.
        labels: (R) label of each ranking, None where there is none.
        order: sort key of a label; by number of pairs, the most first, where not given.

    Returns:
        The parts in order, then ``others`` and ``not given`` where there are such. Empty when no
        ranking has a label. A part without a strict pair stays, with nothing counted.
    """
    pairs = np.bincount(scored.strict.rankings, minlength=len(labels))
    sizes: dict[str, int] = {}
    for label, count in zip(labels, pairs.tolist(), strict=True):
        if label is not None:
            sizes[label] = sizes.get(label, 0) + count
    if not sizes:
        return []
    largest = sorted(sizes, key=lambda name: (-sizes[name], name))
    names = largest[:MOST_PARTS]
    if order is not None:
        names.sort(key=order)
    place = {name: number for number, name in enumerate(names)}
    others, unknown = len(names), len(names) + 1
    codes = np.array([unknown if label is None else place.get(label, others) for label in labels])
    strict = scored.strict
    shares = resamples.shares_by(
        wins(strict.margins(scored.rewards)), scored.clusters_of(strict), codes[strict.rankings], len(names) + 2
    )
    occurring = [*range(len(names)), *(part for part in (others, unknown) if part in codes)]
    named = [*names, OTHERS, UNKNOWN]
    return [Group(name=named[part], accuracy=shares[part]) for part in occurring]
