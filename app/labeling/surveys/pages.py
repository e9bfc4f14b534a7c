from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from app.labeling.surveys import rules
from app.language import gettext as _
from app.language import listed
from app.models import SurveyRound
from app.web.render import Page


@dataclass(frozen=True)
class SurveyPage(Page):
    """The form for a labeler, or why there is none."""

    template: ClassVar[str] = "labeling/surveys/form.html"
    questions: ClassVar[Mapping[str, str]] = rules.QUESTIONS
    choices: ClassVar[Mapping[str, str]] = rules.CHOICES
    fewest: ClassVar[int] = rules.FEWEST
    round: SurveyRound | None
    given: Mapping[str, str]
    problems: Mapping[str, str]
    error: str = ""


@dataclass(frozen=True)
class SurveysPage(Page):
    """All rounds; of the open one no figure but how many have answered, and that only from ``fewest`` on."""

    template: ClassVar[str] = "labeling/surveys/list.html"
    fewest: ClassVar[int] = rules.FEWEST
    questions: ClassVar[Mapping[str, str]] = rules.QUESTIONS
    longest_name: ClassVar[int] = rules.LONGEST_NAME
    open: SurveyRound | None
    answered: int | None
    invited: int
    closed: Sequence[SurveyRound]
    name: str = ""
    error: str = ""


@dataclass(frozen=True)
class Line:
    """A group of choices of one question, in words and numbers."""

    words: str
    share: rules.Share
    theirs: float | None


@dataclass(frozen=True)
class ReportPage(Page):
    """What may be told of a closed round."""

    template: ClassVar[str] = "labeling/surveys/report.html"
    fewest: ClassVar[int] = rules.FEWEST
    theirs: ClassVar[int] = rules.INSTRUCTGPT_PEOPLE
    round: SurveyRound
    answered: int | None
    invited: int
    questions: Sequence[tuple[str, Sequence[Line]]]


def report_page(row: SurveyRound) -> ReportPage:
    result = row.result or {}
    questions = [
        (words, [line_of(share, question) for share in rules.shares(result, question)])
        for question, words in rules.QUESTIONS.items()
    ]
    return ReportPage(row, result.get("answered"), result.get("invited", 0), questions)


def line_of(share: rules.Share, question: str) -> Line:
    words = [_(rules.CHOICES[choice]) for choice in share.choices]
    if len(words) > 2:
        words = [_("%(first)s to %(last)s", first=words[0], last=words[-1])]
    return Line(listed(words, "or"), share, share.of_instructgpt(question))
