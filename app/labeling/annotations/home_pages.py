"""The labeler's day."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from app.labeling.campaigns.queries.counting import Progress
from app.material.guidelines.pages import Desk
from app.models import (
    Campaign,
    Course,
    SurveyRound,
    WrittenText,
)
from app.web.render import Page


@dataclass(frozen=True)
class CampaignForMe:
    campaign: Campaign
    name: str
    progress: Progress
    mine_today: int
    available: int
    reserved_task_id: int | None
    guideline_number: int | None
    guideline_to_confirm: bool
    course: Course | None
    """What the person has to learn before their next task here."""
    counted: bool
    """Whether numbers say what is left. Where labelers are measured none do: a number that stays as it is when an item
    is taken or submitted, or moves when it should not, would tell what that item is."""
    why_nothing: str
    """Where there is nothing to take: a sentence that says why, and what to do."""
    task: str
    """What people do in it, in a few words, marked for translation."""
    spared: bool
    """Nothing is left but sensitive tasks, which this person has asked to be spared."""


@dataclass(frozen=True)
class WorkPage(Page):
    """The work there is.

    ``returned`` are texts that reviewers sent back, each with its campaign's name; ``talks`` counts those about which
    somebody has asked and waits for an answer.
    """

    template: ClassVar[str] = "labeling/annotations/home.html"
    campaigns: Sequence[CampaignForMe]
    done_today: int
    done_ever: int
    desk: Desk
    returned: Sequence[tuple[WrittenText, str]]
    survey: SurveyRound | None = None
    talks: int = 0

    @property
    def available(self) -> int:
        return sum(mine.available for mine in self.campaigns)

    @property
    def counted(self) -> bool:
        return all(mine.counted for mine in self.campaigns)

    @property
    def reserved_task_id(self) -> int | None:
        return next((mine.reserved_task_id for mine in self.campaigns if mine.reserved_task_id), None)
