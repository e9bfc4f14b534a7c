from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from app.language import gettext as _
from app.measures import why
from app.training.evaluations import rules
from app.training.evaluations.service import Evaluation
from app.web.render import Page
from trainer.statistics.estimates import Estimate


@dataclass(frozen=True)
class EvaluationsPage(Page):
    template: ClassVar[str] = "training/evaluations/list.html"
    evaluations: Sequence[Evaluation]
    models: Sequence[tuple[int, str, int]]
    given: Mapping[str, str]
    error: str = ""

    @staticmethod
    def why(estimate: Estimate) -> str:
        """Why a figure, or its interval, is missing."""
        return why(estimate)

    @property
    def method(self) -> str:
        return _(rules.METHOD_WORDS, draws=f"{rules.DRAWS:,}")
