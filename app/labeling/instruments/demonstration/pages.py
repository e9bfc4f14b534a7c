from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from app.labeling.annotations.pages import Bench
from app.labeling.annotations.reservation import Work
from app.labeling.annotations.writing_pages import PreviewItem, WritingPreview
from app.labeling.instruments.demonstration.rules import LONGEST_DEMONSTRATION, tidy
from app.labeling.typing.service import Counting
from app.models import WrittenText
from app.web.render import Page


@dataclass(frozen=True)
class DemonstrationPage(Page):
    template: ClassVar[str] = "labeling/instruments/demonstration/write.html"
    longest: ClassVar[int] = LONGEST_DEMONSTRATION
    bench: Bench
    text: str
    preview: WritingPreview
    returned: WrittenText | None
    problems: Mapping[str, str]
    error: str = ""
    counting: Counting | None = None


def preview_of_text(work: Work, text: str) -> WritingPreview:
    messages = work.task.prompt.messages if work.task.prompt else []
    return WritingPreview([PreviewItem(messages, tidy(text))], prompt_too=False)
