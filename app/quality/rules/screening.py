"""The four scores by which labelers are chosen (InstructGPT B.1), from what an applicant did and from gold.

The paper gives soft cut-offs but no formulas; what is counted is said with each score. A form has few items, and
resamples of a perfect score are all perfect; so shares get Wilson's interval, of as many observations as the form is
worth, instead of the bootstrap's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from app.language import mark
from app.quality.rules.estimates import NO_JUDGEMENTS, NO_STRICT_PAIR, ONE_PROMPT, Counts, Estimate
from app.quality.rules.kappas import cohen_kappa, gwet_ac1
from app.quality.rules.labels import Labels, positive_agreement
from app.quality.rules.ranking_agreement import CONVENTIONS, NON_TIE, agreement
from app.quality.rules.rankings import Judgements, RankingPairs
from app.quality.rules.resamples import Floats, Integers, Resamples
from trainer.statistics.interval import wilson
from trainer.statistics.student import mean_interval

FLAG_CUTOFF, RANKING_CUTOFF, DEMONSTRATION_CUTOFF = 0.75, 0.75, 6.0
"""Soft ones (InstructGPT B.1): a line to read scores against, by which nothing is decided."""

NOT_RATED = mark("undefined, because nobody has rated a text yet")
ONE_TEXT = mark("no interval, because it stems from one text")


@dataclass(frozen=True)
class FlaggedText:
    """A prompt or an answer of an item: whether the applicant and the gold call it sensitive."""

    item: int
    topic: str
    said: bool
    gold: bool


@dataclass(frozen=True)
class RankedItem:
    """The ranks that the applicant and the gold give to the same answers, 1 = best, equal = tied."""

    item: int
    said: Mapping[int, int]
    gold: Mapping[int, int]


@dataclass(frozen=True)
class FlagScore:
    """Agreement with the gold on what is sensitive, over all texts: ``raw`` is the score of the cut-off.

    κ and AC1 say how much of it chance would give, which matters where few texts, or most, are sensitive; ``positive``
    looks at the sensitive ones alone.
    """

    raw: Estimate
    kappa: Estimate
    ac1: Estimate
    positive: Estimate


@dataclass(frozen=True)
class TopicScore:
    """One topic: whether the applicant says they can judge it, and how they flagged the texts on it."""

    topic: str
    claimed: bool
    agreement: Estimate

    @property
    def tested(self) -> bool:
        return bool(self.agreement.counts.items)


@dataclass(frozen=True)
class ScreeningScores:
    """Criteria (a) to (d). ``ranking`` is the headline of ``by_convention``: the pairs that both put in an order."""

    flags: FlagScore
    ranking: Estimate
    by_convention: Mapping[str, Estimate]
    demonstrations: Estimate
    topics: Sequence[TopicScore] = field(default_factory=tuple)

    @property
    def claimed(self) -> int:
        return sum(one.claimed for one in self.topics)

    @property
    def tested(self) -> int:
        return sum(one.tested for one in self.topics)


def screening_scores(
    flagged: Sequence[FlaggedText],
    ranked: Sequence[RankedItem],
    rated: Sequence[Sequence[float]],
    *,
    topics: Sequence[str] = (),
    claimed: Sequence[str] = (),
    seed: int = 0,
    draws: int = 1_000,
) -> ScreeningScores:
    """Score one applicant.

    Args:
        flagged: the texts of the items on sensitive speech that they did; those of one item hang together.
        ranked: the items that they ranked.
        rated: for each text that they wrote, the ratings 1 to 7 by researchers; texts nobody has rated yet are empty.
        topics: those they were asked about; topics of items come beside them.
        claimed: the topics they say they can judge.
        seed: of the resamples behind the intervals of κ, AC1 and the other conventions.
        draws: how many; 0 for scores without these intervals.
    """
    found = sorted({text.topic for text in flagged if text.topic} - set(topics))
    by_convention = _by_convention(ranked, seed, draws)
    return ScreeningScores(
        flags=_flag_score(flagged, seed, draws),
        ranking=_ranking_score(ranked),
        by_convention=by_convention,
        demonstrations=mean_rating(rated),
        topics=[
            TopicScore(topic, topic in claimed, _raw([text for text in flagged if text.topic == topic]))
            for topic in (*topics, *found)
        ],
    )


# Flags --------------------------------------------------------------------------------------------


def _flag_score(flagged: Sequence[FlaggedText], seed: int, draws: int) -> FlagScore:
    raw = _raw(flagged)
    if not flagged:
        return FlagScore(raw, raw, raw, raw)
    items = np.unique([text.item for text in flagged], return_inverse=True)[1]
    texts = np.arange(len(flagged))
    said = np.array([text.said for text in flagged], dtype=np.int64)
    gold = np.array([text.gold for text in flagged], dtype=np.int64)
    raters = np.repeat([0, 1], len(flagged))
    labels = Labels.of(np.tile(texts, 2), raters, np.concatenate([said, gold]), 2, items)
    resamples = Resamples(int(items.max()) + 1, seed=seed, draws=draws) if draws else None
    return FlagScore(
        raw, cohen_kappa(labels, resamples), gwet_ac1(labels, resamples), positive_agreement(labels, 1, resamples)
    )


def _raw(flagged: Sequence[FlaggedText]) -> Estimate:
    items = np.array([text.item for text in flagged], dtype=np.int64)
    same = np.array([text.said == text.gold for text in flagged], dtype=np.float64)
    return share(items, same, np.ones(len(flagged)), NO_JUDGEMENTS)


# Rankings -----------------------------------------------------------------------------------------


def _compared(ranked: Sequence[RankedItem]) -> RankingPairs:
    rows = [
        (2 * number + place, answer, rank)
        for number, item in enumerate(ranked)
        for place, ranks in enumerate((item.said, item.gold))
        for answer, rank in ranks.items()
    ]
    ranking, answer, rank = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    tasks = np.repeat(np.arange(len(ranked)), 2)
    judgements = Judgements.of_rankings(ranking, answer, rank, task=tasks, labeler=np.tile([0, 1], len(ranked)))
    return RankingPairs.of(judgements)


def _ranking_score(ranked: Sequence[RankedItem]) -> Estimate:
    """Of the pairs of answers that applicant and gold both put in an order, the share in the same order.

    The convention of Stiennon et al. (2020): ties are left out, and chance is one half.
    """
    if not ranked:
        return Estimate(None, None, None, Counts(0, 0, 0, 0), undefined=NO_JUDGEMENTS)
    pairs = _compared(ranked)
    ordered = (pairs.agreed + pairs.reversed).astype(np.float64)
    return share(pairs.task, pairs.agreed.astype(np.float64), ordered, NO_STRICT_PAIR)


def _by_convention(ranked: Sequence[RankedItem], seed: int, draws: int) -> dict[str, Estimate]:
    if not ranked:
        none = Estimate(None, None, None, Counts(0, 0, 0, 0), undefined=NO_JUDGEMENTS)
        return dict.fromkeys(CONVENTIONS, none)
    found = agreement(_compared(ranked), Resamples(len(ranked), seed=seed, draws=draws) if draws else None)
    return {name: of.micro for name, of in found.items()} | {NON_TIE: _ranking_score(ranked)}


# Intervals of small samples -----------------------------------------------------------------------


def share(items: Integers, hits: Floats, trials: Floats, why: str) -> Estimate:
    """A share of trials that hang together in items, with Wilson's interval of its effective sample size.

    With h_i hits among t_i trials of item i, p = Σh / Σt and v = m / (m - 1) · Σ (h_i - p t_i)² / (Σt)² its linearised
    variance over m items, p is worth n = p (1 - p) / v independent trials, never more than there were (Korn &
    Graubard 1998). If all were hits, or none, the data do not say how the trials hang together, and every item counts
    as one. The interval is Wilson's (1927) with that n.

    Args:
        items: (N,) the item of each row, any integers.
        hits: (N,) of the trials of the row.
        trials: (N,)
        why: what to say where there is no trial.
    """
    known = trials > 0
    place = np.unique(items[known], return_inverse=True)[1]
    number = int(place.max(initial=-1)) + 1
    total = float(trials.sum())
    counts = Counts(int(known.sum()), 2 if number else 0, round(total), number)
    if not total:
        return Estimate(None, None, None, counts, undefined=why)
    h, t = np.bincount(place, hits[known], number), np.bincount(place, trials[known], number)
    p = float(h.sum() / total)
    if number < 2:
        return Estimate(p, None, None, counts, no_interval=ONE_PROMPT)
    variance = number / (number - 1) * float(((h - p * t) ** 2).sum()) / total**2
    worth = min(total, p * (1 - p) / variance) if variance > 0 else total
    low, high = wilson(p, number if p in (0.0, 1.0) else worth)
    return Estimate(p, low, high, counts)


def mean_rating(rated: Sequence[Sequence[float]]) -> Estimate:
    """The mean over texts of the mean of each text's ratings, with Student's interval over texts, cut at 1 and 7.

    A text counts once, however many researchers have rated it; texts nobody has rated are left out.
    """
    means = np.array([np.mean(ratings) for ratings in rated if len(ratings)], dtype=np.float64)
    counts = Counts(len(means), max((len(ratings) for ratings in rated), default=0), sum(map(len, rated)), len(means))
    if not len(means):
        return Estimate(None, None, None, counts, undefined=NOT_RATED)
    interval = mean_interval(means.tolist())
    found = Estimate(float(means.mean()), None, None, counts, no_interval="" if interval else ONE_TEXT)
    return replace(found, low=max(1.0, interval[0]), high=min(7.0, interval[1])) if interval else found
