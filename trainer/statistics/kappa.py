"""Agreement beyond chance, (p_a - p_e) / (1 - p_e), under each author's idea of chance."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from trainer.statistics.arrays import Floats, by_group, ratio
from trainer.statistics.bootstrap import Parts, Resamples, estimate, evaluated
from trainer.statistics.estimates import Estimate, Undefined
from trainer.statistics.labels import Labels

Weights = Literal["identity", "linear", "quadratic"]


def weights_of(weights: Weights, categories: Floats) -> Floats:
    """How much two labels agree, 0 to 1: (q, q).

    identity: 1 for the same; linear: 1 - |c - k| / (max - min); quadratic: 1 - (c - k)² / (max - min)² (Cohen 1968).
    The range is that of all categories that could be chosen.
    """
    if weights == "identity" or len(categories) < 2:
        return np.eye(len(categories))
    apart = np.abs(categories[:, None] - categories[None, :]) / (categories.max() - categories.min())
    return 1 - apart ** (1 if weights == "linear" else 2)


def fleiss_kappa(labels: Labels, resamples: Resamples | None = None, weights: Weights = "identity") -> Estimate:
    """Fleiss' κ, for unequal raters in Gwet's generalisation.

    p_e = Σ_k π_k², with π_k the mean over items of the share of raters who chose k (Fleiss 1971; Scott's π for two
    raters). Where raters per item differ, *Gwet's convention* (2014, ch. 2) holds: p_a from the items with at least
    two labels, π_k from the items with at least one, each item with the same weight; equal to Fleiss where raters do
    not differ. With weights, p_e = Σ_kl w_kl π_k π_l.
    """
    return _by_item_shares(labels, resamples, weights, lambda pi, w: np.einsum("...k,kl,...l->...", pi, w, pi))


def brennan_prediger(labels: Labels, resamples: Resamples | None = None, weights: Weights = "identity") -> Estimate:
    """Brennan & Prediger (1981): chance picks every category alike, p_e = Σ_kl w_kl / q² (1 / q without weights)."""
    q = len(labels.categories)
    return _by_item_shares(labels, resamples, weights, lambda pi, w: np.broadcast_to(w.sum() / q**2, pi.shape[:-1]))


def gwet_ac1(labels: Labels, resamples: Resamples | None = None) -> Estimate:
    """Gwet's AC1 (2008): p_e = Σ_k π_k (1 - π_k) / (q - 1).

    Stays near p_a where nearly all labels are the same, where κ falls to 0. Defined also if only one category was
    used, as long as there were others to choose from.
    """
    return gwet_ac2(labels, resamples, "identity")


def gwet_ac2(labels: Labels, resamples: Resamples | None = None, weights: Weights = "quadratic") -> Estimate:
    """Gwet's AC2 (2014): p_e = (Σ_kl w_kl) / (q (q - 1)) · Σ_k π_k (1 - π_k), for ordered categories."""
    q = len(labels.categories)
    if q < 2:
        return Estimate(None, None, None, labels.counts, undefined=Undefined.ONE_DECLARED)
    return _by_item_shares(
        labels, resamples, weights, lambda pi, w: w.sum() / (q * (q - 1)) * (pi * (1 - pi)).sum(axis=-1)
    )


def conger_kappa(labels: Labels, resamples: Resamples | None = None, weights: Weights = "identity") -> Estimate:
    """Conger's κ (1980): chance keeps each rater's own habits; Cohen's κ for two raters who judged everything.

    With p_gk the share of category k among rater g's labels, p̄_k its mean over the R raters and
    s_kl = Σ_g (p_gk - p̄_k)(p_gl - p̄_l) / (R - 1): p_e = Σ_kl w_kl (p̄_k p̄_l - s_kl / R). Missing labels as in Gwet
    (2014, ch. 2): p_a from items with at least two labels, p_gk from all that g judged. Raters without a label in a
    resample are not counted there. Bootstrap exact: sums of p_a and of each rater's counts.
    """
    q, raters = len(labels.categories), int(labels.raters.max(initial=-1)) + 1
    w = weights_of(weights, labels.categories)
    if len(np.unique(labels.raters)) < 2:
        return Estimate(None, None, None, labels.counts, undefined=Undefined.NO_PAIRS)
    per_item = _agreement(labels, w)
    chosen = np.eye(q)[labels.values]
    total = np.concatenate([per_item.sum(axis=0), by_group(labels.raters, chosen, raters).ravel()])
    draws = None
    if resamples is not None:
        draws = np.zeros((resamples.draws, total.size))
        draws[:, :2] = resamples.sums(labels.clusters, per_item)
        habits = draws[:, 2:].reshape(resamples.draws, raters, q)
        for some, sums in Parts(labels.raters, labels.clusters[labels.items], chosen, raters).draws(resamples):
            habits[:, some] = sums

    def measure(sums: Floats) -> Floats:
        counts = sums[..., 2:].reshape(*sums.shape[:-1], raters, q)
        given = counts.sum(axis=-1)
        present = given > 0
        shares = counts / np.where(present, given, 1)[..., None]
        number = present.sum(axis=-1).astype(np.float64)
        mean = shares.sum(axis=-2) / number[..., None]
        apart = np.where(present[..., None], shares - mean[..., None, :], 0)
        spread = np.einsum("...gk,...gl,kl->...", apart, apart, w) / (number - 1)
        expected = np.einsum("...k,kl,...l->...", mean, w, mean) - spread / number
        return _beyond_chance(ratio(sums[..., 0], sums[..., 1]), expected)

    return evaluated(measure, _why, total, draws, labels.counts)


def cohen_kappa(labels: Labels, resamples: Resamples | None = None, weights: Weights = "identity") -> Estimate:
    """Cohen's κ of two raters on the items that both judged; weighted: Cohen (1968).

    p_a = Σ_kl w_kl p_kl and p_e = Σ_kl w_kl p_k+ p_+l of the table of both raters' labels. Undefined unless exactly
    two people labelled. Bootstrap exact: the table is a sum.
    """
    people = np.unique(labels.raters)
    if len(people) != 2:
        return Estimate(None, None, None, labels.counts, undefined=Undefined.NOT_TWO_RATERS)
    q = len(labels.categories)
    w = weights_of(weights, labels.categories)
    given = np.full((2, len(labels.clusters)), -1)
    given[(labels.raters == people[1]).astype(np.int64), labels.items] = labels.values
    shared = np.flatnonzero((given >= 0).all(axis=0))
    prompts = int(labels.clusters.max(initial=-1)) + 1
    cells = labels.clusters[shared] * q * q + given[0, shared] * q + given[1, shared]
    tables = np.bincount(cells, minlength=prompts * q * q).reshape(prompts, q * q).astype(np.float64)

    def measure(sums: Floats) -> Floats:
        table = ratio(sums, sums.sum(axis=-1, keepdims=True)).reshape(*sums.shape[:-1], q, q)
        expected = np.einsum("...k,kl,...l->...", table.sum(axis=-1), w, table.sum(axis=-2))
        return _beyond_chance((table * w).sum(axis=(-1, -2)), expected)

    return estimate(
        measure,
        lambda sums: Undefined.ONE_CATEGORY if sums.any() else Undefined.NO_PAIRS,
        tables,
        np.arange(prompts),
        labels.counts,
        resamples,
    )


def _by_item_shares(
    labels: Labels, resamples: Resamples | None, weights: Weights, chance: Callable[[Floats, Floats], Floats]
) -> Estimate:
    """A coefficient whose chance depends on π_k alone. Bootstrap exact: sums of p_a and of the shares per item."""
    w = weights_of(weights, labels.categories)
    tallies = labels.tallies
    judged = tallies.sum(axis=1)
    shares = np.nan_to_num(ratio(tallies, np.repeat(judged[:, None], tallies.shape[1], axis=1)))
    stats = np.concatenate([_agreement(labels, w), (judged > 0)[:, None], shares], axis=1)

    def measure(sums: Floats) -> Floats:
        pi = ratio(sums[..., 3:], np.repeat(sums[..., 2:3], tallies.shape[1], axis=-1))
        return _beyond_chance(ratio(sums[..., 0], sums[..., 1]), chance(pi, w))

    return estimate(measure, _why, stats, labels.clusters, labels.counts, resamples)


def _agreement(labels: Labels, w: Floats) -> Floats:
    """Of each item the weighted share of agreeing pairs of raters, and whether it has any: (I, 2)."""
    tallies = labels.tallies
    judged = tallies.sum(axis=1)
    pairs = judged * (judged - 1)
    agreeing = (tallies * (tallies @ w)).sum(axis=1) - judged  # w_kk = 1: nobody is compared with themselves
    return np.stack([np.nan_to_num(ratio(agreeing, pairs)), pairs > 0], axis=1).astype(np.float64)


def _beyond_chance(agreement: Floats, expected: Floats) -> Floats:
    # Where chance agrees completely the coefficient is 0 / 0; rounding must not make a number of it.
    found: Floats = np.where(
        expected < 1 - 1e-12, (agreement - expected) / np.where(expected < 1, 1 - expected, 1), np.nan
    )
    return found


def _why(sums: Floats) -> Undefined:
    return Undefined.ONE_CATEGORY if sums[1] else Undefined.NO_PAIRS
