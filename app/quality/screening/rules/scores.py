"""The four scores by which labelers are chosen (InstructGPT B.1), from what an applicant did and from gold.

The paper gives soft cut-offs but no formulas; what is counted is said with each score. A form has few items, and
resamples of a perfect score are all perfect; so shares get Wilson's interval, of as many observations as the form is
worth, instead of the bootstrap's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from trainer.statistics.arrays import Floats, Integers
from trainer.statistics.bootstrap import Resamples
from trainer.statistics.clusters import clustered_shares
from trainer.statistics.estimates import Counts, Estimate, Undefined
from trainer.statistics.interval import wilson
from trainer.statistics.kappa import cohen_kappa, gwet_ac1
from trainer.statistics.labels import Labels, positive_agreement
from trainer.statistics.ranking_agreement import CONVENTIONS, NON_TIE, agreement
from trainer.statistics.rankings import Judgements, RankingPairs
from trainer.statistics.student import mean_interval

FLAG_CUTOFF, RANKING_CUTOFF, DEMONSTRATION_CUTOFF = 0.75, 0.75, 6.0
"""Soft ones (InstructGPT B.1): a line to read scores against, by which nothing is decided."""


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
        return sum(topic.claimed for topic in self.topics)

    @property
    def tested(self) -> int:
        return sum(topic.tested for topic in self.topics)


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
    further_topics = sorted({text.topic for text in flagged if text.topic} - set(topics))
    by_convention = _by_convention(ranked, seed, draws)
    return ScreeningScores(
        flags=_flag_score(flagged, seed, draws),
        ranking=_ranking_score(ranked),
        by_convention=by_convention,
        demonstrations=mean_rating(rated),
        topics=[
            TopicScore(topic, topic in claimed, _raw([text for text in flagged if text.topic == topic]))
            for topic in (*topics, *further_topics)
        ],
    )


# Flags --------------------------------------------------------------------------------------------


def _flag_score(flagged: Sequence[FlaggedText], seed: int, draws: int) -> FlagScore:
    raw = _raw(flagged)
    if not flagged:
        return FlagScore(raw, raw, raw, raw)
    items = np.unique([text.item for text in flagged], return_inverse=True)[1]
    texts = np.arange(len(flagged))
    answers = np.array([text.said for text in flagged], dtype=np.int64)
    gold = np.array([text.gold for text in flagged], dtype=np.int64)
    raters = np.repeat([0, 1], len(flagged))
    labels = Labels.of(np.tile(texts, 2), raters, np.concatenate([answers, gold]), 2, items)
    resamples = Resamples(int(items.max()) + 1, seed=seed, draws=draws) if draws else None
    return FlagScore(
        raw, cohen_kappa(labels, resamples), gwet_ac1(labels, resamples), positive_agreement(labels, 1, resamples)
    )


def _raw(flagged: Sequence[FlaggedText]) -> Estimate:
    items = np.array([text.item for text in flagged], dtype=np.int64)
    same = np.array([text.said == text.gold for text in flagged], dtype=np.float64)
    return share(items, same, np.ones(len(flagged)), Undefined.NO_JUDGEMENTS)


# Rankings -----------------------------------------------------------------------------------------


def _compared(ranked: Sequence[RankedItem]) -> RankingPairs:
    rows = [
        (2 * number + rater, answer, rank)
        for number, item in enumerate(ranked)
        for rater, ranks in enumerate((item.said, item.gold))
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
        return Estimate(None, None, None, Counts(0, 0, 0, 0), undefined=Undefined.NO_JUDGEMENTS)
    pairs = _compared(ranked)
    ordered = (pairs.agreed + pairs.reversed).astype(np.float64)
    return share(pairs.task, pairs.agreed.astype(np.float64), ordered, Undefined.NO_STRICT_PAIR)


def _by_convention(ranked: Sequence[RankedItem], seed: int, draws: int) -> dict[str, Estimate]:
    if not ranked:
        none = Estimate(None, None, None, Counts(0, 0, 0, 0), undefined=Undefined.NO_JUDGEMENTS)
        return dict.fromkeys(CONVENTIONS, none)
    by_convention = agreement(_compared(ranked), Resamples(len(ranked), seed=seed, draws=draws) if draws else None)
    return {name: of.micro for name, of in by_convention.items()} | {NON_TIE: _ranking_score(ranked)}


# Intervals of small samples -----------------------------------------------------------------------


def share(items: Integers, hits: Floats, trials: Floats, why: Undefined) -> Estimate:
    """A share of trials that hang together in items, with Wilson's interval of as many trials as they are worth.

    Args:
        items: (N,) the item of each row, any integers.
        hits: (N,) of the trials of the row.
        trials: (N,)
        why: what to say where there is no trial.
    """
    cluster = np.unique(items, return_inverse=True)[1]
    pooled = clustered_shares(np.zeros(len(items), dtype=np.int64), cluster, hits, trials, 1)
    (value,), (worth,), (number,) = pooled.share.tolist(), pooled.worth.tolist(), pooled.clusters.tolist()
    counts = Counts(int((trials > 0).sum()), 2 if number else 0, round(float(trials.sum())), number)
    if not number:
        return Estimate(None, counts=counts, undefined=why)
    if number < 2:
        return Estimate(value, counts=counts, no_interval=Undefined.ONE_CLUSTER)
    return Estimate(value, *wilson(value, worth), counts)


def mean_rating(rated: Sequence[Sequence[float]]) -> Estimate:
    """The mean over texts of the mean of each text's ratings, with Student's interval over texts, cut at 1 and 7.

    A text counts once, however many researchers have rated it; texts nobody has rated are left out.
    """
    means = np.array([np.mean(ratings) for ratings in rated if len(ratings)], dtype=np.float64)
    counts = Counts(len(means), max((len(ratings) for ratings in rated), default=0), sum(map(len, rated)), len(means))
    if not len(means):
        return Estimate(None, None, None, counts, undefined=Undefined.NOT_RATED)
    interval = mean_interval(means.tolist())
    estimate = Estimate(float(means.mean()), None, None, counts, no_interval=None if interval else Undefined.ONE_VALUE)
    return replace(estimate, low=max(1.0, interval[0]), high=min(7.0, interval[1])) if interval else estimate
