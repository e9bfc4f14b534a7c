"""The agreement report on one question: ratings, a flag, a choice or a scale, under every measure that fits it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from app.language import mark
from trainer.statistics.alpha import krippendorff_alpha
from trainer.statistics.bootstrap import Resamples
from trainer.statistics.estimates import Estimate
from trainer.statistics.kappa import brennan_prediger, conger_kappa, fleiss_kappa, gwet_ac1, gwet_ac2
from trainer.statistics.labels import Labels, positive_agreement, raw_agreement

RAW, POSITIVE, FLEISS, AC1 = "raw", "positive", "fleiss_kappa", "gwet_ac1"
CONGER, EVEN, ALPHA_NOMINAL = "conger_kappa", "brennan_prediger", "alpha_nominal"
ALPHA_ORDINAL, ALPHA_INTERVAL, ALPHA_RATIO = "alpha_ordinal", "alpha_interval", "alpha_ratio"
WEIGHTED_KAPPA, AC2 = "weighted_kappa", "gwet_ac2"
MEASURES = {
    RAW: mark("how often two people chose the same"),
    POSITIVE: mark("if one person chose the label, how often another did too"),
    FLEISS: mark("Fleiss' kappa: chance picks as everybody together does"),
    CONGER: mark("Conger's kappa: chance picks as each person does; of two people Cohen's"),
    EVEN: mark("Brennan and Prediger's kappa: chance picks every answer alike"),
    AC1: mark("Gwet's AC1: stays near the raw agreement where nearly all labels are the same"),
    ALPHA_NOMINAL: mark("Krippendorff's alpha, any two different answers being equally far apart"),
    ALPHA_ORDINAL: mark("Krippendorff's alpha for an order of the answers"),
    ALPHA_INTERVAL: mark("Krippendorff's alpha for distances between the answers"),
    ALPHA_RATIO: mark("Krippendorff's alpha for distances in proportion to the answers"),
    WEIGHTED_KAPPA: mark("kappa with quadratic weights: Conger's, of two people Cohen's weighted kappa"),
    AC2: mark("Gwet's AC2 with quadratic weights"),
}
"""What each measure means, to stand beside it."""


@dataclass(frozen=True)
class LabelReport:
    """Agreement on one question.

    ``figures`` are by measure; those for ordered answers are there only if the answers have an order, ``POSITIVE`` only
    for a flag. ``chosen`` counts how often each answer was given.
    """

    figures: dict[str, Estimate]
    chosen: Mapping[str, int]

    @property
    def given(self) -> int:
        """How many labels there are, also those on what one person alone judged."""
        return sum(self.chosen.values())


def label_report(
    labels: Labels,
    names: list[str],
    *,
    ordered: bool = False,
    positive: int | None = None,
    resamples: Resamples | None = None,
) -> LabelReport:
    """Compute every measure that fits.

    Args:
        labels: of everybody.
        names: (q,) the answers that could be given, as they are stored.
        ordered: whether the categories are numbers on a scale.
        positive: of a flag, the place of the answer that says that it is there.
        resamples: of the prompts.
    """
    figures = {
        RAW: raw_agreement(labels, resamples),
        FLEISS: fleiss_kappa(labels, resamples),
        CONGER: conger_kappa(labels, resamples),
        EVEN: brennan_prediger(labels, resamples),
        AC1: gwet_ac1(labels, resamples),
        ALPHA_NOMINAL: krippendorff_alpha(labels, "nominal", resamples),
    }
    if positive is not None:
        figures[POSITIVE] = positive_agreement(labels, positive, resamples)
    if ordered:
        figures[ALPHA_ORDINAL] = krippendorff_alpha(labels, "ordinal", resamples)
        figures[ALPHA_INTERVAL] = krippendorff_alpha(labels, "interval", resamples)
        figures[ALPHA_RATIO] = krippendorff_alpha(labels, "ratio", resamples)
        figures[WEIGHTED_KAPPA] = conger_kappa(labels, resamples, "quadratic")
        figures[AC2] = gwet_ac2(labels, resamples)
    chosen = np.bincount(labels.values, minlength=len(names)).tolist()
    return LabelReport(
        {name: figures[name] for name in MEASURES if name in figures}, dict(zip(names, chosen, strict=True))
    )
