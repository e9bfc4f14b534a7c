from dataclasses import dataclass
from typing import ClassVar

from app.labeling.annotations.judging_pages import AnswerPage
from app.web.render import Page


@dataclass(frozen=True)
class RatingPage(AnswerPage, Page):
    """The rating of one answer and its labels."""

    template: ClassVar[str] = "labeling/instruments/ranking/rate.html"
