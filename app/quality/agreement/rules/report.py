"""The agreement report on rankings: all figures from the same comparisons and the same draws of prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trainer.statistics.arrays import Integers, Mask
from trainer.statistics.bootstrap import DRAWS, Resamples
from trainer.statistics.estimates import Estimate, Undefined
from trainer.statistics.ranking_agreement import (
    Agreement,
    agreement,
    agreement_by,
    agreement_of_each,
    group_matrix,
    labeler_matrix,
    sign_alpha,
    tie_kappa,
    tie_rate,
    tie_rate_by,
)
from trainer.statistics.rankings import Judgements, RankingPairs


@dataclass(frozen=True)
class Slicing:
    """How the tasks divide: by use case, language, campaign or month.

    ``of_task``: (T,) the part of each task, a place in ``names``; -1 for none.
    """

    names: Sequence[str]
    of_task: Integers

    def parts(self, pairs: RankingPairs) -> Integers:
        """The part of each comparison: (M,)."""
        return np.asarray(self.of_task)[pairs.task]


@dataclass(frozen=True)
class RankingSlicing:
    """How the rankings divide: by campaign or month, which two rankings of one task need not share.

    ``of_ranking``: (R,) a place in ``names``; -1 for none. A comparison of rankings of different parts belongs to
    neither, or, if ``later`` is set, to the part that comes later in ``names``: the month in which the second person
    said something that the first one's ranking could be compared with.
    """

    names: Sequence[str]
    of_ranking: Integers
    later: bool = False

    def parts(self, pairs: RankingPairs) -> Integers:
        """The part of each comparison: (M,)."""
        one, other = self.of_ranking[pairs.first], self.of_ranking[pairs.second]
        if self.later:
            return np.maximum(one, other)
        return np.where(one == other, one, -1)


@dataclass(frozen=True)
class Groups:
    """How labelers divide: labelers and researchers, training and held-out. ``of_labeler``: (L,), -1 for none."""

    names: Sequence[str]
    of_labeler: Integers


@dataclass(frozen=True)
class RankingReport:
    """Agreement between people on rankings; every figure stands with its counts and interval, or a reason.

    ``overall`` and ``slices`` are by convention, ``themselves`` is each person against an earlier ranking of their own.
    ``of_each`` has the headline for each labeler against all others, ``labelers`` for every two people with a common
    task; ``groups`` is by two names.
    """

    overall: dict[str, Agreement]
    themselves: dict[str, Agreement]
    beyond_chance: Estimate
    alpha_nominal: Estimate
    alpha_ordinal: Estimate
    ties: Estimate
    ties_of_labeler: list[Estimate]
    of_each: list[Agreement]
    labelers: dict[tuple[int, int], Agreement]
    groups: dict[str, dict[tuple[str, str], dict[str, Agreement]]]
    slices: dict[str, dict[str, dict[str, Agreement]]]


def ranking_report(
    judgements: Judgements,
    *,
    again: Mask | None = None,
    slicings: Mapping[str, Slicing | RankingSlicing] | None = None,
    groups: Mapping[str, Groups] | None = None,
    seed: int = 0,
    draws: int = DRAWS,
    resamples: Resamples | None = None,
) -> RankingReport:
    """Compute the report.

    Args:
        judgements: of all rankings; prompts are what the bootstrap draws.
        again: (R,) rankings that somebody was asked for a second time. They are compared with that person's earlier one
            and with nothing else; likewise what somebody ranked twice by themselves counts once among people, as said
            first.
        slicings: ways to divide the tasks or the rankings, by name.
        groups: ways to divide the labelers, by name.
        seed: of the draws; the same data and seed give the same report.
        draws: resamples.
        resamples: made before, for a report that says more about the same prompts; ``seed`` and ``draws`` are theirs.
    """
    resamples = resamples or Resamples(int(judgements.prompt.max(initial=-1)) + 1, seed=seed, draws=draws)
    first = (judgements if again is None or not again.any() else judgements.only(~again)).firsts()
    compared = RankingPairs.of(judgements)
    pairs = (compared if first is judgements else RankingPairs.of(first)).between_people()
    labelers = int(judgements.labeler.max(initial=-1)) + 1
    return RankingReport(
        overall=agreement(pairs, resamples),
        themselves=_of_one_person(compared, resamples),
        beyond_chance=tie_kappa(pairs, resamples),
        alpha_nominal=sign_alpha(first, "nominal", resamples),
        alpha_ordinal=sign_alpha(first, "ordinal", resamples),
        ties=tie_rate(first, resamples),
        ties_of_labeler=tie_rate_by(first, first.labeler[first.ranking], labelers, resamples),
        of_each=agreement_of_each(pairs, labelers, resamples),
        labelers=labeler_matrix(pairs, resamples),
        groups={name: _by_group(pairs, division, resamples) for name, division in (groups or {}).items()},
        slices={name: _by_slice(pairs, division, resamples) for name, division in (slicings or {}).items()},
    )


def _of_one_person(compared: RankingPairs, resamples: Resamples) -> dict[str, Agreement]:
    """Each person against themselves; without a pair it is no second person that is missing."""

    def told(estimate: Estimate) -> Estimate:
        return (
            replace(estimate, undefined=Undefined.NOT_TWICE) if estimate.undefined == Undefined.NO_PAIRS else estimate
        )

    by_convention = agreement(compared.of_one_person(), resamples)
    return {name: Agreement(told(of.micro), told(of.macro)) for name, of in by_convention.items()}


def _by_slice(
    pairs: RankingPairs, division: Slicing | RankingSlicing, resamples: Resamples
) -> dict[str, dict[str, Agreement]]:
    by_part = agreement_by(pairs, division.parts(pairs), len(division.names), resamples)
    return dict(zip(division.names, by_part, strict=True))


def _by_group(
    pairs: RankingPairs, division: Groups, resamples: Resamples
) -> dict[tuple[str, str], dict[str, Agreement]]:
    by_groups = group_matrix(pairs, np.asarray(division.of_labeler), len(division.names), resamples)
    return {(division.names[one], division.names[other]): of for (one, other), of in by_groups.items()}
