from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from app.instruments import QUALITY, Instrument, instrument_of, instruments
from app.labeling.campaigns.orders import stored_order
from app.labeling.campaigns.queries.counting import Progress
from app.labeling.campaigns.queries.layout import Calibrated
from app.labeling.campaigns.queries.making import AnswerSource
from app.labeling.campaigns.rules import calibration as calibration_rules
from app.labeling.campaigns.rules import campaigns as campaign_rules
from app.labeling.campaigns.rules import skips as skip_rules
from app.labeling.campaigns.rules.calibration import Plan
from app.labeling.campaigns.skipped import Skipped
from app.models import Annotation, Campaign, Guideline, GuidelineVersion, LabelSchemaVersion
from app.web.render import Page


@dataclass(frozen=True)
class CampaignRow:
    campaign: Campaign
    progress: Progress
    annotations: int


@dataclass(frozen=True)
class CampaignsPage(Page):
    template: ClassVar[str] = "labeling/campaigns/list.html"
    rows: Sequence[CampaignRow]


@dataclass(frozen=True)
class NewCampaignPage(Page):
    template: ClassVar[str] = "labeling/campaigns/new.html"
    most_pieces: ClassVar[int] = campaign_rules.MOST_PIECES
    purposes: ClassVar[Mapping[str, str]] = campaign_rules.PURPOSES
    usual_percent: ClassVar[int] = calibration_rules.USUAL_PERCENT
    most_percent: ClassVar[int] = calibration_rules.MOST_PERCENT
    skip_reasons: ClassVar[Mapping[str, str]] = skip_rules.IN_SHORT
    kind: str
    answer_sources: Sequence[AnswerSource]
    to_judge: tuple[int, int]
    """Prompts with enough different answers for a task by all sources together: unused ones, and any."""
    sources: Sequence[tuple[str, int]]
    versions: Sequence[LabelSchemaVersion]
    scenarios: int
    guidelines: Sequence[Guideline]
    given: Mapping[str, Sequence[str]]
    error: str = ""

    @property
    def instrument(self) -> Instrument:
        return instrument_of(self.kind)

    @property
    def others(self) -> Sequence[Instrument]:
        """What else people can be asked to do."""
        return [each for each in instruments().values() if each.name != self.kind]

    @property
    def phases(self) -> Mapping[str, str]:
        return campaign_rules.phases_of(self.kind)

    def value(self, name: str, otherwise: str = "") -> str:
        """What was typed before, so that an error costs nobody their form."""
        return self.given[name][-1] if self.given.get(name) else otherwise


@dataclass(frozen=True)
class RecentAnnotation:
    annotation: Annotation
    prompt: str
    order: str


@dataclass(frozen=True)
class CampaignPage(Page):
    template: ClassVar[str] = "labeling/campaigns/show.html"
    skip_reasons: ClassVar[Mapping[str, str]] = skip_rules.IN_SHORT
    gold_every: ClassVar[int] = calibration_rules.GOLD_EVERY
    most_percent: ClassVar[int] = calibration_rules.MOST_PERCENT
    most_repeats: ClassVar[int] = calibration_rules.MOST_REPEATS
    campaign: Campaign
    progress: Progress
    annotations: int
    recent: Sequence[RecentAnnotation]
    priority: str
    versions: Sequence[LabelSchemaVersion]
    guideline: GuidelineVersion | None
    waiting: int
    skipped: Skipped
    plan: Plan
    calibrated: Calibrated | None
    error: str = ""
    given: Mapping[str, str] = field(default_factory=dict)

    @property
    def instrument(self) -> Instrument:
        return instrument_of(self.campaign.kind)

    @property
    def settings(self) -> Sequence[tuple[str, str]]:
        """What was chosen for its instrument: legends and words, marked for translation."""
        chosen = self.campaign.settings or {}
        choices = self.instrument.making.choices
        return [(choices[name].legend, choices[name].options[value]) for name, value in chosen.items()]

    @property
    def reviewable(self) -> bool:
        """Whether texts are written here that a researcher can review."""
        return self.instrument.written and self.campaign.purpose == campaign_rules.WORK and not self.campaign.imported

    @property
    def criterion(self) -> str:
        """What its orders go by, as addresses have it; empty where people write."""
        return self.instrument.criterion.name if self.instrument.criterion else ""

    @property
    def evaluates(self) -> bool:
        """Whether there is an evaluation of its rankings."""
        return self.campaign.phase == "evaluation" and self.instrument.criterion == QUALITY

    def planned(self, name: str) -> str:
        """What was typed for a number of the plan, so that an error costs nobody their form; else what holds."""
        return self.given.get(name, str(getattr(self.plan, name)))

    def assignments(self, use: str) -> tuple[int, int]:
        """How many assignments of calibration are done and planned, by what they are for."""
        return self.calibrated.assignments.get(use, (0, 0)) if self.calibrated else (0, 0)


def recent_of(annotation: Annotation, written: Mapping[str, Any]) -> RecentAnnotation:
    """A line about a submission; ``written`` is what was written for it, if anything was."""
    prompt = annotation.task.prompt
    about = prompt.messages[-1]["content"] if prompt else written.get("instruction") or written.get("prompt", "")
    return RecentAnnotation(annotation, about, stored_order(annotation))
