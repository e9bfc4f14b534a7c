"""What every page of a task shows around its instrument."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from app.labeling.annotations import corrections
from app.labeling.annotations.assigning import is_test
from app.labeling.annotations.reservation import Work
from app.labeling.annotations.rules import activity as activity_rules
from app.labeling.annotations.rules import content_warning
from app.labeling.campaigns.rules import campaigns as campaign_rules
from app.labeling.campaigns.rules import skips as skip_rules
from app.language import gettext as _
from app.material.guidelines.pages import Guide
from app.models import (
    Person,
)
from app.web.render import Page


@dataclass(frozen=True)
class SkipForm:
    """The form by which a task is skipped, with what was entered in it when it was refused."""

    reasons: ClassVar[Mapping[str, str]] = skip_rules.REASONS
    needs_a_note: ClassVar[str] = skip_rules.NEEDS_A_NOTE
    longest: ClassVar[int] = skip_rules.LONGEST_NOTE
    reason: str = ""
    note: str = ""
    error: str = ""


@dataclass(frozen=True)
class Correction:
    """What is known about a submission while its author corrects it; ``is_over`` says that the time has ended."""

    submitted_at: datetime
    is_over: bool


@dataclass(frozen=True)
class CorrectPage(Page):
    template: ClassVar[str] = "labeling/annotations/correct.html"
    task_id: int
    campaign: str
    prompt: str
    submitted_at: datetime
    order: str
    versions: int
    begun: bool
    minutes_left: int
    problem: str = ""


@dataclass(frozen=True)
class Bench:
    """What every page of a task shows around the instrument. It names no source, so none can be shown.

    ``texts_hidden`` says that the texts are hidden for now, ``has_content_warning`` that they can be hidden and shown.
    """

    idle_after: ClassVar[int] = activity_rules.IDLE_AFTER_SECONDS
    task_id: int
    campaign: str
    kind: str
    phase: str
    priority: str
    instructions: str
    messages: Sequence[Mapping[str, Any]]
    seconds_left: int
    reserved_seconds: int
    schema_version: int | None
    done_today: int
    saved: bool
    guide: Guide
    skip: SkipForm
    high_stakes: bool
    sensitive: bool
    has_content_warning: bool
    texts_hidden: bool
    revisions: Mapping[str, int]
    corrected: Correction | None
    has_deadline: bool
    """The time of the task is that of a test: it goes on whatever the person does."""

    def revision(self, part: str | int) -> int:
        """How often a part of the draft was saved; a form brings it back, so that an old page overwrites nothing."""
        return self.revisions.get(str(part), 0)


def bench_of(work: Work, person: Person, now: datetime, done_today: int, guide: Guide, skip: SkipForm) -> Bench:
    campaign, prompt = work.task.campaign, work.task.prompt
    sensitive = prompt is not None and bool(prompt.sensitive)
    tested = is_test(work.assignment)
    ends = corrections.until(work.corrected) if work.corrected else work.assignment.reserved_until
    left = (ends - now).total_seconds() if ends else 0
    return Bench(
        task_id=work.task.id,
        campaign=_("Your test")
        if tested
        else campaign_rules.name_for_labelers(campaign.id, campaign.name, campaign.phase),
        kind=campaign.kind,
        phase=campaign.phase,
        priority=campaign_rules.priority_of(campaign.kind, campaign.phase),
        instructions=campaign.instructions,
        messages=work.task.prompt.messages if work.task.prompt else [],
        seconds_left=max(0, round(left)),
        reserved_seconds=campaign.reserved_minutes * 60,
        schema_version=campaign.schema_version_id,
        done_today=done_today,
        saved=bool(work.draft.content),
        guide=guide,
        skip=skip,
        high_stakes=prompt is not None and bool(prompt.high_stakes),
        sensitive=sensitive,
        has_content_warning=sensitive or person.blur == content_warning.ALWAYS,
        texts_hidden=content_warning.opens_hidden(
            blur=person.blur, sensitive=sensitive, revealed=work.draft.revealed_at is not None
        ),
        revisions=work.revisions,
        corrected=Correction(work.corrected.submitted_at, left < 0) if work.corrected else None,
        has_deadline=tested,
    )
