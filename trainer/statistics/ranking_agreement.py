"""Agreement of rankings under three named conventions for ties, Kendall's τ-b, and tie rates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Literal

import numpy as np

from trainer.statistics.alpha import krippendorff_alpha
from trainer.statistics.arrays import Floats, Integers, by_group, ratio
from trainer.statistics.bootstrap import Measure, PartMeasure, Parts, Reason, Resamples, estimate, estimates_of_parts
from trainer.statistics.estimates import Counts, Estimate, Undefined
from trainer.statistics.rankings import Judgements, RankingPairs

NON_TIE, TIE_CLASS, HALF_CREDIT, TAU_B = "non_tie", "tie_class", "half_credit", "tau_b"
HEADLINE = NON_TIE
CONVENTIONS = (NON_TIE, TIE_CLASS, HALF_CREDIT, TAU_B)


@dataclass(frozen=True)
class Agreement:
    """One convention's agreement: over all pairs (``micro``), and over tasks (``macro``), where each weighs the same.

    Micro gives a task of nine answers six times the weight of one of four; macro weighs as the reward model does.
    """

    micro: Estimate
    macro: Estimate


def non_tie(pairs: RankingPairs) -> tuple[Floats, Floats]:
    """#(s_a = s_b ≠ 0) and #(s_a ≠ 0 and s_b ≠ 0) of each comparison: the rule of Stiennon et al. (2020).

    Random rankings get one half. Hides tie habits, so tie rates stand beside it.
    """
    return pairs.agreed.astype(np.float64), (pairs.agreed + pairs.reversed).astype(np.float64)


def tie_class(pairs: RankingPairs) -> tuple[Floats, Floats]:
    """#(s_a = s_b) and the common pairs P of each comparison. Chance depends on both tie rates."""
    return (pairs.agreed + pairs.both_tied).astype(np.float64), pairs.common.astype(np.float64)


def half_credit(pairs: RankingPairs) -> tuple[Floats, Floats]:
    """Same verdict 1, exactly one tie ½, reversal 0, summed; and the common pairs P. Random rankings get about ½."""
    exact = pairs.agreed + pairs.both_tied
    return exact + (pairs.first_tied + pairs.second_tied) / 2, pairs.common.astype(np.float64)


def tau_b(pairs: RankingPairs) -> tuple[Floats, Floats]:
    """Kendall's τ-b = (C - D) / √((P - T_a)(P - T_b)) of each comparison, and 1 where it is defined, else 0 and 0.

    T_a and T_b are the pairs tied in either ranking; undefined if one of them ties all (Kendall 1945).
    """
    ordered = (pairs.common - pairs.first_tied - pairs.both_tied).astype(np.float64)
    others = (pairs.common - pairs.second_tied - pairs.both_tied).astype(np.float64)
    defined = (ordered > 0) & (others > 0)
    tau = (pairs.agreed - pairs.reversed) / np.sqrt(np.where(defined, ordered * others, 1))
    return np.where(defined, tau, 0), defined.astype(np.float64)


_OF: dict[str, tuple[Callable[[RankingPairs], tuple[Floats, Floats]], Undefined]] = {
    NON_TIE: (non_tie, Undefined.NO_STRICT_PAIR),
    TIE_CLASS: (tie_class, Undefined.NO_PAIRS),
    HALF_CREDIT: (half_credit, Undefined.NO_PAIRS),
    TAU_B: (tau_b, Undefined.ALL_TIED),
}


def agreement(
    pairs: RankingPairs, resamples: Resamples | None = None, conventions: Sequence[str] = CONVENTIONS
) -> dict[str, Agreement]:
    """Agreement of all comparisons given, usually ``RankingPairs.between_people``; see ``agreement_by``."""
    return agreement_by(pairs, np.zeros(len(pairs), dtype=np.int64), 1, resamples, conventions)[0]


def agreement_by(
    pairs: RankingPairs,
    parts: Integers,
    count: int,
    resamples: Resamples | None = None,
    conventions: Sequence[str] = CONVENTIONS,
) -> list[dict[str, Agreement]]:
    """Agreement in parts of the data: use cases, languages, campaigns, months, pairs of labelers or of groups.

    Micro is Σ numerators / Σ denominators over the comparisons (for τ-b its mean over them), macro the mean over tasks
    of a task's own micro value, tasks without a value left out. Bootstrap exact: a task lies in one prompt, so its
    value is the same under every draw, and both are ratios of sums over prompts.

    Args:
        pairs: the comparisons.
        parts: (M,) the part of each, 0 … count - 1; -1 belongs to none.
        count: how many parts there are.
        resamples: of the prompts.
        conventions: names of ``CONVENTIONS``.

    Returns:
        For each part its figures by convention, with the counts behind each: tasks, labelers, pairs of answers that
        count under the convention, prompts.
    """
    if (parts < 0).any():
        pairs, parts = pairs.only(parts >= 0), parts[parts >= 0]
    tasks = int(pairs.judgements.task.max(initial=-1)) + 1
    cells, place = np.unique(parts * max(tasks, 1) + pairs.task, return_inverse=True)
    part, task = cells // max(tasks, 1), cells % max(tasks, 1)
    prompt_of = np.zeros(tasks, dtype=np.int64)
    prompt_of[pairs.judgements.task] = pairs.judgements.prompt
    raters = _raters(pairs, parts, count)

    columns = [by_group(place, pairs.common[:, None].astype(np.float64), len(cells))[:, 0]]
    for name in conventions:
        numerator, denominator = by_group(place, np.stack(_OF[name][0](pairs), axis=1), len(cells)).T
        columns += [numerator, denominator, np.nan_to_num(ratio(numerator, denominator)), denominator > 0]
    table = Parts(part, prompt_of[task], np.stack(columns, axis=1), count)
    measures: dict[str, PartMeasure] = {}
    for number, name in enumerate(conventions):
        column, why = 1 + 4 * number, _reason(_OF[name][1])
        counts = _counts(table.totals[:, column + 3], raters, table.totals[:, column + 1], table.reached(column + 1))
        for weighing, place_of_sums in (("micro", column), ("macro", column + 2)):
            measures[f"{name} {weighing}"] = PartMeasure(_ratio_at(place_of_sums), why, counts, share=name != TAU_B)
    found = estimates_of_parts(measures, table, resamples)
    return [
        {name: Agreement(found[f"{name} micro"][one], found[f"{name} macro"][one]) for name in conventions}
        for one in range(count)
    ]


def labeler_matrix(pairs: RankingPairs, resamples: Resamples | None = None) -> dict[tuple[int, int], Agreement]:
    """The headline for every two labelers who ranked a common task, keyed by the smaller number first.

    Undefined where none of their common pairs was put in an order by both.
    """
    people = int(pairs.judgements.labeler.max(initial=-1)) + 1
    one, other = (pairs.judgements.labeler[rankings] for rankings in (pairs.first, pairs.second))
    keys, parts = np.unique(np.minimum(one, other) * people + np.maximum(one, other), return_inverse=True)
    found = agreement_by(pairs, parts, len(keys), resamples, [HEADLINE])
    return {(int(key // people), int(key % people)): of[HEADLINE] for key, of in zip(keys, found, strict=True)}


def agreement_of_each(pairs: RankingPairs, labelers: int, resamples: Resamples | None = None) -> list[Agreement]:
    """The headline of each labeler against everybody else who ranked the same; a comparison counts for both people.

    Args:
        pairs: the comparisons, without those of one person.
        labelers: how many there are.
        resamples: of the prompts.
    """
    everything = np.arange(len(pairs))
    people = pairs.judgements.labeler
    both = np.concatenate([people[pairs.first], people[pairs.second]])
    found = agreement_by(pairs.only(np.concatenate([everything, everything])), both, labelers, resamples, [HEADLINE])
    return [of[HEADLINE] for of in found]


def group_matrix(
    pairs: RankingPairs, groups: Integers, count: int, resamples: Resamples | None = None
) -> dict[tuple[int, int], dict[str, Agreement]]:
    """Agreement within each group of labelers and between every two: labelers and researchers, training and held-out.

    Args:
        pairs: the comparisons, without those of one person.
        groups: (L,) the group of each labeler, 0 … count - 1; -1 for none.
        count: how many groups there are.
        resamples: of the prompts.

    Returns:
        By the two groups, the smaller number first; the same twice for agreement within.
    """
    one, other = (groups[pairs.judgements.labeler[rankings]] for rankings in (pairs.first, pairs.second))
    keys = list(combinations_with_replacement(range(count), 2))
    number = np.full((count + 1, count + 1), -1)
    for place, (low, high) in enumerate(keys):
        number[low, high] = number[high, low] = place
    found = agreement_by(pairs, number[one, other], len(keys), resamples)
    return dict(zip(keys, found, strict=True))


def tie_rate_by(
    judgements: Judgements, parts: Integers, count: int, resamples: Resamples | None = None
) -> list[Estimate]:
    """Share of ties among the judged pairs of each part. Bootstrap exact: a ratio of sums.

    Args:
        judgements: of pairs.
        parts: (J,) the part of each, e.g. its labeler; -1 for none.
        count: how many parts there are.
        resamples: of the prompts.
    """
    kept = parts >= 0
    rankings = judgements.ranking[kept]
    tied = (judgements.sign[kept] == 0).astype(np.float64)
    table = Parts(parts[kept], judgements.prompt[rankings], np.stack([tied, np.ones_like(tied)], axis=1), count)
    tasks, raters = (
        _distinct(parts[kept], of_ranking[rankings], count) for of_ranking in (judgements.task, judgements.labeler)
    )
    counts = _counts(tasks, raters, table.totals[:, 1], table.reached(1))
    measure = PartMeasure(_ratio_at(0), lambda _: Undefined.NO_JUDGEMENTS, counts, share=True)
    return estimates_of_parts({"ties": measure}, table, resamples)["ties"]


def tie_rate(judgements: Judgements, resamples: Resamples | None = None) -> Estimate:
    """Share of ties among all judged pairs."""
    return tie_rate_by(judgements, np.zeros(len(judgements.sign), dtype=np.int64), 1, resamples)[0]


def tie_kappa(pairs: RankingPairs, resamples: Resamples | None = None) -> Estimate:
    """Agreement with ties as a class, beyond chance: (p_a - p_e) / (1 - p_e), as the WMT shared tasks print it.

    p_e = t² + 2 ((1 - t) / 2)² with t the share of ties among *all* judgements, also of pairs that one person judged
    (Bojar et al. 2015, after Cohen): both sides of a pair are taken to win alike. Bootstrap exact: four sums.
    """
    judgements = pairs.judgements
    agreeing, common = tie_class(pairs)
    tied = (judgements.sign == 0).astype(np.float64)
    stats = np.zeros((len(agreeing) + len(tied), 4))
    stats[: len(agreeing), 0], stats[: len(agreeing), 1] = agreeing, common
    stats[len(agreeing) :, 2], stats[len(agreeing) :, 3] = tied, 1
    clusters = np.concatenate([pairs.prompt, judgements.prompt[judgements.ranking]])

    def measure(sums: Floats) -> Floats:
        ties = ratio(sums[..., 2], sums[..., 3])
        expected = ties**2 + (1 - ties) ** 2 / 2
        return ratio(ratio(sums[..., 0], sums[..., 1]) - expected, 1 - expected)

    alone = np.zeros(len(pairs), dtype=np.int64)
    tasks, prompts = (_distinct(alone, of_pair, 1) for of_pair in (pairs.task, pairs.prompt))
    counts = _counts(tasks, _raters(pairs, alone, 1), common.sum(keepdims=True), prompts)[0]
    return estimate(
        measure,
        lambda sums: Undefined.ONE_CATEGORY if sums[1] else Undefined.NO_PAIRS,
        stats,
        clusters,
        counts,
        resamples,
    )


def sign_alpha(
    judgements: Judgements, metric: Literal["nominal", "ordinal"] = "nominal", resamples: Resamples | None = None
) -> Estimate:
    """Krippendorff's α over the signs of pairs, which one comes first having no influence (``mirrored``).

    Nominal takes a tie as a verdict like the others; ordinal places it between the two orders, so a tie against an
    order is a smaller difference than a reversal. Of what a person judged twice the first judgement counts.
    """
    return krippendorff_alpha(judgements.as_labels(), metric, resamples, mirrored=True)


def _ratio_at(column: int) -> Measure:
    return lambda sums: ratio(sums[..., column], sums[..., column + 1])


def _reason(code: Undefined) -> Reason:
    """The first column counts common pairs; without any, that is the reason."""
    return lambda sums: code if sums[0] else Undefined.NO_PAIRS


def _raters(pairs: RankingPairs, parts: Integers, count: int) -> Integers:
    people = pairs.judgements.labeler
    return _distinct(np.concatenate([parts, parts]), np.concatenate([people[pairs.first], people[pairs.second]]), count)


def _distinct(parts: Integers, things: Integers, count: int) -> Integers:
    """How many different things each part has: (count,)."""
    width = int(things.max(initial=0)) + 1
    # Sorting is many times quicker than the hash table of numpy.unique once it outgrows the processor's cache.
    keys = np.sort(parts * width + things)
    return np.bincount(keys[np.flatnonzero(np.diff(keys, prepend=-1))] // width, minlength=count)


def _counts(tasks: Integers, raters: Integers, compared: Floats, prompts: Integers) -> list[Counts]:
    """Put the counts of each part together: four arrays (count,)."""
    columns = zip(tasks.tolist(), raters.tolist(), compared.tolist(), prompts.tolist(), strict=True)
    return [Counts(*(round(number) for number in numbers)) for numbers in columns]
