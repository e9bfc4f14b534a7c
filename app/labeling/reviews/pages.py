from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from app.labeling.annotations.writing import preview_of_written
from app.labeling.annotations.writing_pages import WritingPreview
from app.labeling.instruments.authoring.rules import LANGUAGES, NAMES_OF_USE_CASES
from app.labeling.reviews import rules
from app.models import Campaign, WrittenText
from app.web.paging import Paging
from app.web.render import Page


@dataclass(frozen=True)
class ReviewsPage(Page):
    """The queue by campaign, and what was decided last."""

    template: ClassVar[str] = "labeling/reviews/list.html"
    states: ClassVar[Mapping[str, str]] = rules.STATES
    rows: Sequence[tuple[Campaign, Mapping[str, int]]]
    decided: Sequence[tuple[WrittenText, str]]
    paging: Paging
    state: str
    campaign_id: int | None

    @property
    def waiting(self) -> int:
        return sum(counts.get("waiting", 0) - counts["mine"] for _campaign, counts in self.rows)


@dataclass(frozen=True)
class Version:
    """An earlier version of a text with what became of it."""

    text: WrittenText
    state: str
    preview: WritingPreview


@dataclass(frozen=True)
class ReviewPage(Page):
    """One text to decide about. It knows its author by pseudonym only."""

    template: ClassVar[str] = "labeling/reviews/show.html"
    longest: ClassVar[int] = rules.LONGEST_REASON
    text: WrittenText
    state: str
    preview: WritingPreview
    earlier: Sequence[Version]
    waiting: int
    given: Mapping[str, str]
    problems: Mapping[str, str]
    error: str = ""

    @property
    def use_case(self) -> str:
        return NAMES_OF_USE_CASES.get(self.text.content.get("use_case", ""), "")

    @property
    def language(self) -> str:
        return LANGUAGES.get(self.text.content.get("language", ""), "")


def beginning_of(text: WrittenText) -> str:
    """What a list shows of a text: the prompt it answers, or the prompt that was written."""
    if prompt := text.annotation.task.prompt:
        return str(prompt.messages[-1]["content"])
    return str(text.content.get("instruction") or text.content.get("prompt") or "")


def version_of(text: WrittenText) -> Version:
    return Version(text, rules.STATES[text.state], preview_of_written(text))
