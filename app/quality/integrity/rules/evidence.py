"""Which texts somebody should look at first, and why; no verdict.

A sign is a measurement past a mark that is printed on the page. Texts stand in the order of how many signs they have,
then of their strongest one. Only the strongest detector counts as a sign: the others measure nearly the same, and
five scores of one kind are not five pieces of evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.labeling.typing.rules import TypingCounts
from app.language import mark
from app.quality.integrity.rules.detectors import HEADLINE, Percentile
from app.quality.integrity.rules.similarity import Nearest

PASTED, SCORED, LIKE_MODEL, LIKE_OTHERS = "pasted", "scored", "like_model", "like_others"
SIGNS = {
    PASTED: mark("mostly pasted"),
    SCORED: mark("machine-like score"),
    LIKE_MODEL: mark("like a model's answer"),
    LIKE_OTHERS: mark("like somebody else's text"),
}
PASTED_SHARE = 0.5
LEAST_PASTED = 100
"""Characters: shorter pastes are names, numbers and quotations."""
HIGH_PERCENTILE = 95.0
SIMILARITY = 0.5
LEAST_SHINGLES = 8
"""About ten words: short answers to one question are often the same, and rightly so."""


@dataclass(frozen=True)
class Evidence:
    """All that is known of one text.

    Attributes:
        typing: how it was entered; none where nothing was counted.
        tokens: how many the model read; none where it has read nothing.
        scores: detector to score, empty where the text is too short.
        percentiles: detector to place among others.
        own: the nearest answer of our own models to the same prompt.
        near_duplicate: the nearest text of the campaign by somebody else.
        shingles: how many word shingles the text has.
    """

    typing: TypingCounts | None = None
    tokens: int | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    percentiles: Mapping[str, Percentile] = field(default_factory=dict)
    own: Nearest | None = None
    near_duplicate: Nearest | None = None
    shingles: int = 0

    @property
    def signs(self) -> dict[str, float]:
        """Sign to its strength from 0 to 1, of those past their marks."""
        strengths = ((sign, strength(self)) for sign, strength in _STRENGTHS.items())
        return {sign: strength for sign, strength in strengths if strength is not None}

    @property
    def rank_key(self) -> tuple[int, float, float]:
        """Sorts what should be looked at first to the front."""
        signs = self.signs
        headline = self.percentiles.get(HEADLINE.key)
        below = headline.value if headline and headline.value is not None else 0.0
        return (-len(signs), -max(signs.values(), default=0.0), -below)


def _pasted(evidence: Evidence) -> float | None:
    counts = evidence.typing
    if counts is None or counts.pasted < LEAST_PASTED or (share := counts.pasted_share) is None:
        return None
    return share if share >= PASTED_SHARE else None


def _scored(evidence: Evidence) -> float | None:
    percentile = evidence.percentiles.get(HEADLINE.key)
    return (
        percentile.value / 100
        if percentile and percentile.value is not None and percentile.value >= HIGH_PERCENTILE
        else None
    )


def _similarity(evidence: Evidence, nearest: Nearest | None) -> float | None:
    if nearest is None or evidence.shingles < LEAST_SHINGLES or nearest.similarity < SIMILARITY:
        return None
    return nearest.similarity


_STRENGTHS: dict[str, Callable[[Evidence], float | None]] = {
    PASTED: _pasted,
    SCORED: _scored,
    LIKE_MODEL: lambda evidence: _similarity(evidence, evidence.own),
    LIKE_OTHERS: lambda evidence: _similarity(evidence, evidence.near_duplicate),
}
