"""What comes of a text as it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from app.web.render import Page, chat_text


@dataclass(frozen=True)
class PreviewItem:
    """One prompt with its answer, as people read it and as a model that is trained here reads it."""

    messages: Sequence[Mapping[str, Any]]
    answer: str

    @property
    def model_text(self) -> str:
        return chat_text(self.messages, self.answer)


@dataclass(frozen=True)
class WritingPreview(Page):
    """What comes of a text as it stands now. Of a set only the answers are set as articles: its prompts have a layout.

    ``prompt_too`` says whether the prompt is part of what was written; ``few_shot`` whether the items are a set.
    """

    template: ClassVar[str] = "labeling/annotations/_preview.html"
    items: Sequence[PreviewItem]
    prompt_too: bool
    few_shot: bool = False
