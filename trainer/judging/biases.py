"""Questions about what should not matter, asked of people and model on the same pairs."""

from __future__ import annotations

import numpy as np

from trainer.contract.judging import Probe
from trainer.judging.intervals import Resamples
from trainer.judging.pairs import Pairs, wins
from trainer.judging.scored import ScoredRankings
from trainer.statistics.correlation import correlation_within

LONGER = "longer_wins"
EARLIER = "earlier_wins"


def bias_probes(scored: ScoredRankings, resamples: Resamples) -> list[Probe]:
    """Length, and the place on the screen where it is known."""
    probes = [longer_wins(scored, resamples)]
    earlier = earlier_wins(scored, resamples)
    return [*probes, earlier] if earlier.model.n else probes


def longer_wins(scored: ScoredRankings, resamples: Resamples) -> Probe:
    """How often the longer answer of a strict pair wins, with people and with the model.

    The share of people is the accuracy of the rule "the longer answer is better". Every strict
    pair counts; two answers of equal length, or of equal score, count one half. Stiennon et al.
    2020 (§4.3, App. G) found reward models and people to differ here.

    The correlation of score and length is taken within prompts: both are measured from their
    mean over the prompt's distinct answers before they are compared over all prompts. Otherwise
    it would also say that some prompts ask for long answers and some are answered well.
    It is None where no prompt has answers of different lengths and scores.
    """
    longer = scored.strict.margins(scored.lengths)
    return _probe(LONGER, scored, resamples, scored.strict, longer, length_correlation(scored))


def earlier_wins(scored: ScoredRankings, resamples: Resamples) -> Probe:
    """How often the answer that stood earlier on the screen wins, on strict pairs whose places are known.

    The model has not seen the screen; what it gains here it has learned from people who favour a place,
    or places were not drawn at random.
    """
    later = scored.strict.margins(scored.shown)
    known = ~np.isnan(later)
    return _probe(EARLIER, scored, resamples, scored.strict.where(known), -later[known])


def length_correlation(scored: ScoredRankings) -> float | None:
    """Pearson correlation of score and length (characters) over distinct answers, within prompts."""
    rows, places = scored.distinct
    lengths = scored.lengths[rows, places]
    return correlation_within(scored.rewards[rows, places], lengths, scored.clusters[rows])


def _probe(
    name: str,
    scored: ScoredRankings,
    resamples: Resamples,
    pairs: Pairs,
    favours_first: np.ndarray,
    correlation: float | None = None,
) -> Probe:
    """Who wins in strict pairs: the side with the property asked about?

    Args:
        name: of the probe.
        scored: what is judged.
        resamples: of its prompts.
        pairs: (N) strict pairs, so people prefer the first side.
        favours_first: (N,) positive where the first side has the property, negative where the
            second has it, 0 where neither or both.
        correlation: handed on.
    """
    clusters, sides = scored.clusters_of(pairs), np.sign(favours_first)
    # Both sides agree: the property wins. One is undecided: one half.
    model = wins(np.sign(pairs.margins(scored.rewards)) * sides)
    return Probe(
        name=name,
        model=resamples.share(model, clusters),
        people=resamples.share(wins(sides), clusters),
        correlation=correlation,
    )
