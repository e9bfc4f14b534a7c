"""Ratings and flags of several people on the same items, some missing, and how often the people agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.statistics.arrays import Floats, Integers, Mask, ratio
from trainer.statistics.bootstrap import Resamples, estimate
from trainer.statistics.estimates import Counts, Estimate, Undefined


@dataclass(frozen=True)
class Labels:
    """Long form of an items × raters table: what is missing has no row.

    A rater counts once per item: of labels given again the first stays (``Labels.of``), because a person's agreement
    with themselves is no agreement between people.

    * ``items``, ``raters``, ``values``: (N,) numbered from 0; a value is the place of its category.
    * ``categories``: (q,) the categories as numbers, for the metrics that need them; 0 … q - 1 for names.
    * ``clusters``: (I,) the prompt of each item.
    """

    items: Integers
    raters: Integers
    values: Integers
    categories: Floats
    clusters: Integers

    @classmethod
    def of(
        cls,
        items: Integers,
        raters: Integers,
        values: Integers,
        categories: Sequence[float] | int,
        clusters: Integers | None = None,
    ) -> Labels:
        """Check, and keep the first label of each rater on each item.

        Args:
            items: (N,) from 0.
            raters: (N,) from 0.
            values: (N,) places in ``categories``.
            categories: all that could be chosen, also those that nobody chose; a number of categories that are names.
                Brennan–Prediger and Gwet's coefficients depend on how many there are.
            clusters: (I,) the prompt of each item; by default each item is its own.
        """
        items, raters, values = (np.asarray(one, dtype=np.int64) for one in (items, raters, values))
        scale = np.arange(categories) if isinstance(categories, int) else np.asarray(categories)
        if len(values) and (values.min() < 0 or values.max() >= len(scale)):
            raise ValueError("a label lies outside the categories")
        count = int(items.max(initial=-1)) + 1
        clusters = np.arange(count) if clusters is None else np.asarray(clusters, dtype=np.int64)
        if len(clusters) < count:
            raise ValueError("an item has no prompt")
        cells = items * (int(raters.max(initial=0)) + 1) + raters
        first = np.sort(np.unique(cells, return_index=True)[1])
        return cls(items[first], raters[first], values[first], scale.astype(np.float64), clusters)

    @property
    def tallies(self) -> Floats:
        """r_ik, how many raters put item i into category k: (I, q)."""
        q = len(self.categories)
        cells = np.bincount(self.items * q + self.values, minlength=len(self.clusters) * q)
        return cells.reshape(len(self.clusters), q).astype(np.float64)

    @property
    def counts(self) -> Counts:
        judged = np.bincount(self.items, minlength=len(self.clusters))
        shared = judged >= 2
        pairs = int((judged * (judged - 1) // 2).sum())
        raters = len(np.unique(self.raters[shared[self.items]]))
        return Counts(int(shared.sum()), raters, pairs, len(np.unique(self.clusters[shared])))

    def only(self, mask: Mask) -> Labels:
        """The part of the labels where ``mask`` (N,) is true; items, raters and prompts keep their numbers."""
        return Labels(self.items[mask], self.raters[mask], self.values[mask], self.categories, self.clusters)

    def as_flag(self, positive: int) -> Labels:
        """Two categories: the one at place ``positive``, which becomes 1, against all others, 0."""
        return Labels(
            self.items, self.raters, (self.values == positive).astype(np.int64), np.array([0.0, 1.0]), self.clusters
        )


def raw_agreement(labels: Labels, resamples: Resamples | None = None) -> Estimate:
    """How often two people agree: the chance that two raters of a random item chose the same.

    p_a = mean over items with r_i ≥ 2 raters of Σ_k r_ik (r_ik - 1) / (r_i (r_i - 1)) (Fleiss 1971; Gwet 2014 for
    unequal raters: each item weighs the same, however many judged it). Bootstrap exact: two sums.
    """
    tallies = labels.tallies
    judged = tallies.sum(axis=1)
    shared = judged >= 2
    agreeing = ratio((tallies * (tallies - 1)).sum(axis=1), judged * (judged - 1))
    stats = np.stack([np.where(shared, np.nan_to_num(agreeing), 0), shared], axis=1).astype(np.float64)
    return estimate(
        lambda sums: ratio(sums[..., 0], sums[..., 1]),
        lambda _: Undefined.NO_PAIRS,
        stats,
        labels.clusters,
        labels.counts,
        resamples,
        share=True,
    )


def positive_agreement(labels: Labels, positive: int = 1, resamples: Resamples | None = None) -> Estimate:
    """Agreement on the presence of a label: if one person chose it, how often does another?

    Σ_i r_i+ (r_i+ - 1) / Σ_i r_i+ (r_i - 1); with two raters 2a / (2a + b + c) (Cicchetti & Feinstein 1990; for more
    raters Uebersax 1982). It does not reward agreement on what is absent, which is nearly everything for rare flags.
    Undefined where nobody chose the label on an item that two people judged. Bootstrap exact: two sums.

    Args:
        labels: of any number of categories.
        positive: place of the category in question.
        resamples: of the prompts.
    """
    tallies = labels.tallies
    present, judged = tallies[:, positive], tallies.sum(axis=1)
    # A single rater's label adds nothing to either sum.
    stats = np.stack([present * (present - 1), present * np.maximum(judged - 1, 0)], axis=1)
    return estimate(
        lambda sums: ratio(sums[..., 0], sums[..., 1]),
        lambda _: Undefined.NO_POSITIVE if labels.counts.pairs else Undefined.NO_PAIRS,
        stats,
        labels.clusters,
        labels.counts,
        resamples,
        share=True,
    )
