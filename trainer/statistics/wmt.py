"""Agreement as the WMT shared tasks count it (Bojar et al. 2015), for whoever compares with their figures.

It differs from the report's own: pairs that one annotator judged twice count among those of different annotators, and
two judgements meet only if the systems stood in the same order on both screens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.statistics.estimates import Estimate
from trainer.statistics.ranking_agreement import tie_class, tie_kappa
from trainer.statistics.rankings import Judgements, RankingPairs


@dataclass(frozen=True)
class WmtKappa:
    """κ = (p_A - p_E) / (1 - p_E) with what the tasks print beside it.

    ``comparable`` are the pairs of judgements that meet, ``agreeing`` those with the same verdict, ties included;
    ``tied`` of ``judged`` judgements are ties, from which p_E = t² + 2 ((1 - t) / 2)² is computed.
    """

    kappa: Estimate
    agreeing: int
    comparable: int
    tied: int
    judged: int


def between_annotators(judgements: Judgements) -> WmtKappa:
    """Inter-annotator agreement as published.

    Args:
        judgements: made with ``ordered``, so that a pair is known by the order of its answers on the screen.
    """
    return _counted(RankingPairs.of(judgements))


def within_annotators(judgements: Judgements) -> WmtKappa:
    """Intra-annotator agreement; ties are counted in tasks of which an annotator judged some pair twice."""
    of_one_person = RankingPairs.of(judgements).of_one_person()
    someones = judgements.task * (int(judgements.labeler.max(initial=0)) + 1) + judgements.labeler
    repeated = np.isin(someones, someones[of_one_person.first])
    return _counted(RankingPairs.of(judgements.only(repeated)).of_one_person())


def _counted(pairs: RankingPairs) -> WmtKappa:
    agreeing, common = tie_class(pairs)
    signs = pairs.judgements.sign
    return WmtKappa(tie_kappa(pairs), round(agreeing.sum()), round(common.sum()), int((signs == 0).sum()), len(signs))
