from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from app.labeling.typing.service import Consents
from app.models import Campaign, Candidate, Detection, IntegrityDecision
from app.quality.integrity.rules import decisions as decision_rules
from app.quality.integrity.rules import detectors, evidence, similarity
from app.quality.integrity.rules.detectors import (
    BAND_KEYS,
    BANDS,
    DETECTORS,
    REST,
    UNPREDICTED,
    Detector,
    Percentile,
    band_of,
)
from app.quality.integrity.rules.passages import Passage
from app.quality.integrity.service import Case, Queue
from app.web.paging import Paging
from app.web.render import Page
from trainer.statistics.area import roc_auc
from trainer.statistics.interval import hanley_mcneil


@dataclass(frozen=True)
class Separation:
    """How well a score has told texts that were rejected from those in which nothing was found."""

    detector: Detector
    cleared: int
    rejected: int
    area: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class IntegrityPage(Page):
    """The texts of a campaign, those with the most evidence first."""

    template: ClassVar[str] = "quality/integrity/list.html"
    signs: ClassVar[Mapping[str, str]] = evidence.SIGNS
    verdicts: ClassVar[Mapping[str, str]] = decision_rules.VERDICTS
    headline: ClassVar[Detector] = detectors.HEADLINE
    marks: ClassVar[Mapping[str, float]] = {
        "pasted_share": 100 * evidence.PASTED_SHARE,
        "least_pasted": evidence.LEAST_PASTED,
        "percentile": evidence.HIGH_PERCENTILE,
        "similarity": 100 * evidence.SIMILARITY,
        "shingles": evidence.LEAST_SHINGLES,
        "words": similarity.WORDS_IN_A_SHINGLE,
        "of_prompt": detectors.LEAST_OF_PROMPT,
        "of_campaign": detectors.LEAST_OF_CAMPAIGN,
    }
    campaigns: Sequence[tuple[Campaign, int]]
    queue: Queue | None
    cases: Sequence[Case]
    paging: Paging
    show: str
    waiting: int
    consents: Consents | None
    separations: Sequence[Separation]

    @property
    def unread(self) -> int:
        """Texts that the model has not read: they came after its run."""
        return sum(case.evidence.tokens is None for case in self.queue.cases) if self.queue else 0

    @property
    def too_short(self) -> int:
        if self.queue is None:
            return 0
        return sum(case.evidence.tokens is not None and not case.evidence.scores for case in self.queue.cases)


@dataclass(frozen=True)
class Band:
    """One colour of the GLTR view with its words, and how many pieces of the text are in it."""

    key: str
    words: str
    count: int


@dataclass(frozen=True)
class Measured:
    """A detector's score of one text with its place among others."""

    detector: Detector
    score: float | None
    place: Percentile | None


@dataclass(frozen=True)
class CasePage(Page):
    """One text to decide about. Its author stands here by pseudonym only."""

    template: ClassVar[str] = "quality/integrity/show.html"
    signs: ClassVar[Mapping[str, str]] = evidence.SIGNS
    verdicts: ClassVar[Mapping[str, str]] = decision_rules.VERDICTS
    longest: ClassVar[int] = decision_rules.LONGEST_REASON
    least_shingles: ClassVar[int] = evidence.LEAST_SHINGLES
    queue: Queue
    case: Case
    detection: Detection | None
    own: Candidate | None
    own_model: str
    near_duplicate: Case | None
    following: int | None
    given: Mapping[str, str]
    problems: Mapping[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def measured(self) -> list[Measured]:
        known = self.case.evidence
        return [
            Measured(detector, known.scores.get(detector.key), known.percentiles.get(detector.key))
            for detector in DETECTORS
        ]

    @property
    def pieces(self) -> list[tuple[str, str, int | None]]:
        """Text, band and rank of each piece that the model read."""
        return [(text, band_of(rank), rank) for text, rank in self.detection.pieces] if self.detection else []

    @property
    def bands(self) -> list[Band]:
        keys = [key for _text, key, _rank in self.pieces]
        words = [*(words for _most, words in BANDS), REST]
        known = [Band(key, words, keys.count(key)) for key, words in zip(BAND_KEYS, words, strict=True)]
        return [*known, Band("unknown", UNPREDICTED, keys.count("unknown"))] if "unknown" in keys else known

    @property
    def may_decide(self) -> bool:
        return self.case.text.state != "rejected"


@dataclass(frozen=True)
class Talk:
    """What an author was told about a text of theirs; by whom stays between the researchers."""

    decision: IntegrityDecision
    campaign: str
    passage: Passage


@dataclass(frozen=True)
class TalksPage(Page):
    """What researchers asked an author, with room for an answer."""

    template: ClassVar[str] = "quality/integrity/talks.html"
    longest: ClassVar[int] = decision_rules.LONGEST_REASON
    talks: Sequence[Talk]
    refused: int = 0
    given: str = ""
    problem: str = ""


def separations_of(cases: Sequence[Case]) -> list[Separation]:
    """For each detector the area under its curve, over the texts about which somebody has decided."""
    separations = []
    for detector in DETECTORS:
        scored = [case for case in cases if detector.key in case.evidence.scores]
        cleared, rejected = (
            [detector.sign * case.evidence.scores[detector.key] for case in scored if case.verdict == verdict]
            for verdict in (decision_rules.NOTHING, decision_rules.REJECT)
        )
        area = roc_auc(cleared, rejected)
        interval = hanley_mcneil(area, len(cleared), len(rejected)) if area is not None else (None, None)
        separations.append(Separation(detector, len(cleared), len(rejected), area, *interval))
    return separations
