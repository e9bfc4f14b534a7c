"""The agreement report on rankings: all figures from the same comparisons and the same draws of prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.quality.rules.estimates import Estimate
from app.quality.rules.ranking_agreement import (
    Agreement,
    agreement,
    agreement_by,
    group_matrix,
    labeler_matrix,
    sign_alpha,
    tie_kappa,
    tie_rate,
    tie_rate_by,
)
from app.quality.rules.rankings import Judgements, RankingPairs
from app.quality.rules.resamples import DRAWS, Integers, Resamples


@dataclass(frozen=True)
class Slicing:
    """How the tasks divide: by use case, language, campaign or month.

    ``of_task``: (T,) the part of each task, a place in ``names``; -1 for none.
    """

    names: Sequence[str]
    of_task: Integers


@dataclass(frozen=True)
class Groups:
    """How labelers divide: labelers and researchers, training and held-out. ``of_labeler``: (L,), -1 for none."""

    names: Sequence[str]
    of_labeler: Integers


@dataclass(frozen=True)
class RankingReport:
    """Agreement between people on rankings; every figure stands with its counts and interval, or a reason.

    ``overall`` and ``slices`` are by convention, ``themselves`` is each person against an earlier ranking of their own.
    ``labelers`` has the headline for every two people with a common task; ``groups`` is by two names.
    """

    overall: dict[str, Agreement]
    themselves: dict[str, Agreement]
    beyond_chance: Estimate
    alpha_nominal: Estimate
    alpha_ordinal: Estimate
    ties: Estimate
    ties_of_labeler: list[Estimate]
    labelers: dict[tuple[int, int], Agreement]
    groups: dict[str, dict[tuple[str, str], dict[str, Agreement]]]
    slices: dict[str, dict[str, dict[str, Agreement]]]


def ranking_report(
    judgements: Judgements,
    *,
    slicings: Mapping[str, Slicing] | None = None,
    groups: Mapping[str, Groups] | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> RankingReport:
    """Compute the report.

    Args:
        judgements: of all rankings; prompts are what the bootstrap draws.
        slicings: ways to divide the tasks, by name.
        groups: ways to divide the labelers, by name.
        seed: of the draws; the same data and seed give the same report.
        draws: resamples.
    """
    resamples = Resamples(int(judgements.prompt.max(initial=-1)) + 1, seed=seed, draws=draws)
    compared = RankingPairs.of(judgements)
    pairs = compared.between_people()
    labelers = int(judgements.labeler.max(initial=-1)) + 1
    return RankingReport(
        overall=agreement(pairs, resamples),
        themselves=agreement(compared.of_one_person(), resamples),
        beyond_chance=tie_kappa(pairs, resamples),
        alpha_nominal=sign_alpha(judgements, "nominal", resamples),
        alpha_ordinal=sign_alpha(judgements, "ordinal", resamples),
        ties=tie_rate(judgements, resamples),
        ties_of_labeler=tie_rate_by(judgements, judgements.labeler[judgements.ranking], labelers, resamples),
        labelers=labeler_matrix(pairs, resamples),
        groups={name: _by_group(pairs, division, resamples) for name, division in (groups or {}).items()},
        slices={name: _by_slice(pairs, division, resamples) for name, division in (slicings or {}).items()},
    )


def _by_slice(pairs: RankingPairs, division: Slicing, resamples: Resamples) -> dict[str, dict[str, Agreement]]:
    parts = np.asarray(division.of_task)[pairs.task]
    return dict(zip(division.names, agreement_by(pairs, parts, len(division.names), resamples), strict=True))


def _by_group(
    pairs: RankingPairs, division: Groups, resamples: Resamples
) -> dict[tuple[str, str], dict[str, Agreement]]:
    found = group_matrix(pairs, np.asarray(division.of_labeler), len(division.names), resamples)
    return {(division.names[one], division.names[other]): of for (one, other), of in found.items()}
