"""One row of a snapshot out of several people's rankings of the same answers: their consensus."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, median_low

from app.training.snapshots.queries import RankedAnswer, RankedPrompt
from trainer.statistics.aggregation import TaskFigures

NOBODY = "consensus"
"""The annotator of a row that stands for several people."""


def answers_of(
    rankings: Sequence[RankedPrompt], figures: TaskFigures, flags: dict[int, list[str]]
) -> list[RankedAnswer]:
    """The answers with their rank in the consensus; all share a rank where everybody tied all of them.

    Ratings and scores are medians, the lower one of two in the middle, so that each is what somebody gave.

    Args:
        rankings: of the people who are not left out, at least one.
        figures: what they say together.
        flags: that apply to each answer, by candidate id.
    """
    ranks = _dense(figures)
    merged = []
    for answer in rankings[0].answers:
        same = [each for ranking in rankings for each in ranking.answers if each.candidate_id == answer.candidate_id]
        likert = [each.likert for each in same if each.likert is not None]
        merged.append(
            replace(
                answer,
                rank=ranks.get(answer.candidate_id, 1),
                likert=median_low(likert) if likert else None,
                flags=flags.get(answer.candidate_id, []),
                scores=middle_scores([each.scores for each in same]),
            )
        )
    return merged


def _dense(figures: TaskFigures) -> dict[int, int]:
    """Ranks by answer without gaps, 1 2 2 3, as people give them."""
    if figures.consensus is None:
        return {}
    steps = {rank: dense_rank for dense_rank, rank in enumerate(sorted(set(figures.consensus.ranks)), 1)}
    return {
        answer: steps[rank] for answer, rank in zip(figures.consensus.answers, figures.consensus.ranks, strict=True)
    }


def middle_scores(scores: Sequence[dict[str, int]]) -> dict[str, int]:
    """The median of each scale over those who used it."""
    names = sorted({name for each in scores for name in each})
    return {name: median_low([each[name] for each in scores if name in each]) for name in names}


def use_case_of(rankings: Sequence[RankedPrompt]) -> str | None:
    """What most people chose, the first among equals."""
    chosen = Counter(ranking.use_case for ranking in rankings if ranking.use_case)
    return chosen.most_common(1)[0][0] if chosen else None


def none_acceptable(rankings: Sequence[RankedPrompt]) -> bool | None:
    """Whether more people than not found even the best answer not good enough; nothing where nobody was asked."""
    votes = [
        ranking.annotation.none_acceptable for ranking in rankings if ranking.annotation.none_acceptable is not None
    ]
    return sum(votes) * 2 > len(votes) if votes else None


def strength_of(rankings: Sequence[RankedPrompt], answers: Sequence[RankedAnswer]) -> float | None:
    """Of two answers how much better the consensus' better one is: the mean, against it where people saw it otherwise.

    Nothing where nobody gave a strength; never below 0.
    """
    if len(answers) != 2 or answers[0].rank == answers[1].rank:
        return None
    strengths = []
    for ranking in rankings:
        if (strength := ranking.annotation.strength) is not None:
            agrees = _ahead(ranking.answers) * _ahead(answers)
            strengths.append(agrees * strength)
    return max(fmean(strengths), 0.0) if strengths else None


def _ahead(answers: Sequence[RankedAnswer]) -> int:
    """1 if the first of two answers is better, -1 if the second is, 0 for a tie."""
    first, second = (answer.rank for answer in answers)
    return (second > first) - (second < first)


def certainty_of(figures: TaskFigures) -> float:
    """The weight of a consensus: 1 where it is certain, or where all agree on a tie, 0 where it knows nothing."""
    return max(1 - 2 * figures.consensus.misorder, 0.0) if figures.consensus else 1.0
