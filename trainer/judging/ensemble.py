"""What several models that differ in seed alone say together."""

from __future__ import annotations

import numpy as np

from trainer.contract.judging import Ensemble
from trainer.judging.accuracy import pair_accuracy
from trainer.judging.intervals import Resamples
from trainer.judging.pairs import wins
from trainer.judging.scored import ScoredRankings


def ensemble_figures(scored: ScoredRankings, resamples: Resamples) -> Ensemble | None:
    """Accuracy of each member and of the mean score, and where the members disagree.

    Members are of one mind about a strict pair when all prefer the same side, or all give equal
    scores. The deviation of an answer's score is that of the members at hand (divisor M), in
    units of the score; it is averaged over distinct answers.

    Returns:
        None for fewer than two members, or when nothing was scored.
    """
    members, (rows, places) = scored.members, scored.distinct
    if members is None or len(members) < 2 or not len(rows):
        return None
    strict, clusters = scored.strict, scored.clusters_of(scored.strict)
    signs = np.stack([np.sign(strict.margins(member)) for member in members])
    return Ensemble(
        members=[resamples.share(wins(sign), clusters) for sign in signs],
        mean=pair_accuracy(scored, resamples),
        split_pairs=resamples.share((signs != signs[0]).any(0), clusters),
        score_deviation=float(members[:, rows, places].std(0).mean()),
    )
