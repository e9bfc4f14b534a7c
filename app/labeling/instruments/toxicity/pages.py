from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from app.labeling.annotations.judging_pages import AnswerPage
from app.labeling.instruments.toxicity import rules
from app.web.render import Page


@dataclass(frozen=True)
class ToxicityPage(AnswerPage, Page):
    """The scales about the input and about one answer, beside both of them as one running text."""

    template: ClassVar[str] = "labeling/instruments/toxicity/score.html"
    plausible_from: ClassVar[int] = rules.PLAUSIBLE_FROM

    @property
    def before(self) -> Sequence[Mapping[str, Any]]:
        """What was said before the input that the answer goes on from."""
        return self.bench.messages[:-1]

    @property
    def input(self) -> str:
        """The text that the answer goes on from."""
        return str(self.bench.messages[-1]["content"])

    @property
    def gap(self) -> str:
        """What is put between input and answer when they are read as one text."""
        return rules.gap_between(self.input, self.answer.text)

    @property
    def scored(self) -> int:
        """How many answers have all that must be said about them."""
        return len(self.answers) - len(self.unfinished)
