from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from app.labeling.annotations.judging_pages import Answer
from app.labeling.annotations.pages import Bench
from app.labeling.instruments.pairwise.rules import Bar
from app.web.render import Page


@dataclass(frozen=True)
class ComparePage(Page):
    """Two answers side by side, and the bar between them. ``step`` is the chosen one."""

    template: ClassVar[str] = "labeling/instruments/pairwise/compare.html"
    bench: Bench
    answers: Sequence[Answer]
    bar: Bar
    step: int | None
    error: str = ""

    def weight(self, step: int) -> int:
        """How strong a step is, from 0 for the middle."""
        return abs(self.bar.strength_of(step))
