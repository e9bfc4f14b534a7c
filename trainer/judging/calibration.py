"""Whether a difference of scores means the probability that it claims."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from trainer.contract.judging import Calibration, CalibrationBin
from trainer.judging.intervals import Resamples
from trainer.judging.pairs import wins
from trainer.judging.scored import ScoredRankings
from trainer.statistics.calibration import bins_of, expected_calibration_error

BINS = 10


def calibration(scored: ScoredRankings, resamples: Resamples) -> Calibration:
    """Reliability curve of σ(|Δr|), the claimed probability of the side that the model prefers.

    Under the loss −log σ(r_w − r_l) a difference of scores is the log-odds of the preference
    (InstructGPT §3.5, footnote 5), so on strict pairs σ(|Δr|) should be the share in which people
    preferred the same side (Bai et al. 2022, §3.3). Equal scores claim one half and count one half.

    The ten bins between one half and one have equal width: the claimed probability is the axis of
    the picture, so bins of two models or two runs can be laid over one another, and the sure end,
    where over-confidence shows, is not merged with its neighbours when few pairs reach it.
    How many pairs a bin holds is told by its interval and n.
    """
    strict = scored.strict
    margins = strict.margins(scored.rewards)
    claimed = expit(np.abs(margins))
    edges = [0.5 + number / (2 * BINS) for number in range(BINS + 1)]
    bins = bins_of(claimed, np.array(edges))
    observed = resamples.shares_by(wins(margins), scored.clusters_of(strict), bins, BINS)
    sums = np.bincount(bins, weights=claimed, minlength=BINS)
    filled = [
        CalibrationBin(low=edges[b], high=edges[b + 1], predicted=float(sums[b] / share.n), observed=share)
        for b, share in enumerate(observed)
        if share.n
    ]
    return Calibration(
        bins=filled,
        ece=expected_calibration_error(
            np.array([part.observed.n for part in filled]),
            np.array([part.predicted for part in filled]),
            np.array([part.observed.value for part in filled]),
        ),
    )
