"""Everything measured about a reward model on one split, and its headline numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from trainer.contract.judging import Judging, Probe, Share
from trainer.judging.accuracy import (
    by_group,
    by_head,
    by_k,
    by_labeler,
    by_likert_gap,
    by_strength,
    by_ties,
    by_use_case,
    complete_orders,
    pair_accuracy,
)
from trainer.judging.biases import LONGER, bias_probes
from trainer.judging.calibration import calibration
from trainer.judging.ceiling import ceiling
from trainer.judging.distributions import score_distributions
from trainer.judging.ensemble import ensemble_figures
from trainer.judging.intervals import Resamples
from trainer.judging.scored import ScoredRankings
from trainer.judging.ties import tie_figures


def judge(
    scored: ScoredRankings, *, split: Literal["heldout", "train"], seed: int, probes: Sequence[Probe] = ()
) -> Judging:
    """Measure a reward model.

    Args:
        scored: rankings with the model's scores.
        split: where they come from.
        seed: of the bootstrap; the same draws of prompts serve every interval, so rates of one
            judging can be compared.
        probes: what was measured with edited answers (``probes.probe_shares``), put after the biases.
    """
    resamples = Resamples(scored.cluster_count, seed)
    edges, distributions = score_distributions(scored)
    return Judging(
        split=split,
        accuracy=pair_accuracy(scored, resamples),
        complete=complete_orders(scored, resamples),
        by_k=by_k(scored, resamples),
        by_ties=by_ties(scored, resamples),
        by_use_case=by_use_case(scored, resamples),
        by_labeler=by_labeler(scored, resamples),
        by_group=by_group(scored, resamples),
        by_likert_gap=by_likert_gap(scored, resamples),
        by_strength=by_strength(scored, resamples),
        by_head=by_head(scored, resamples),
        ties=tie_figures(scored, resamples),
        calibration=calibration(scored, resamples),
        ceiling=ceiling(scored, resamples),
        histogram_edges=edges,
        distributions=distributions,
        probes=[*bias_probes(scored, resamples), *probes],
        ensemble=ensemble_figures(scored, resamples),
    )


def flat(judging: Judging) -> dict[str, float | int | None]:
    """The headline numbers under the names of the manifest's metrics.

    ``reward/longer_wins`` is the share of strict pairs whose longer answer *people* prefer: what
    the accuracy must be compared with. Numbers of the training split carry ``train_`` in their
    names, so that nobody takes them for held-out ones.
    """
    train = judging.split == "train"
    part = "reward/train_" if train else "reward/"
    people = next((probe.people for probe in judging.probes if probe.name == LONGER), None)
    return {
        **_with_interval("reward/train_accuracy" if train else "reward/heldout_accuracy", judging.accuracy),
        f"{part}complete_orders": judging.complete.value,
        f"{part}calibration_error": judging.calibration.ece,
        f"{part}ceiling": judging.ceiling.accuracy,
        **_with_interval(f"{part}longer_wins", people or Share()),
    }


def _with_interval(name: str, share: Share) -> dict[str, float | int | None]:
    return {name: share.value, f"{name}_low": share.low, f"{name}_high": share.high}
