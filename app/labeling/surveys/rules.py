"""What is asked, and which numbers of the answers may be told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.language import gettext as _
from app.language import mark
from trainer.statistics.interval import wilson

QUESTIONS = {
    "clear": mark("The instructions made clear what was expected of me."),
    "enjoyable": mark("I enjoyed the work, and it held my interest."),
    "repetitive": mark("The work felt repetitive."),
    "pay": mark("My pay for this work was fair."),
    "glad": mark("All in all, I am glad that I did this work."),
}
"""What InstructGPT's labelers were asked (Table 13), in our words."""

CHOICES = {
    "strongly_agree": mark("strongly agree"),
    "agree": mark("agree"),
    "neutral": mark("neither agree nor disagree"),
    "disagree": mark("disagree"),
    "strongly_disagree": mark("strongly disagree"),
}
INSTRUCTGPT = {
    "clear": (57.9, 42.1, 0, 0, 0),
    "enjoyable": (57.9, 36.8, 5.3, 0, 0),
    "repetitive": (0, 31.6, 31.6, 36.8, 0),
    "pay": (47.4, 42.1, 10.5, 0, 0),
    "glad": (78.9, 21.1, 0, 0, 0),
}
"""Percent of 19 people for each of ``CHOICES`` (InstructGPT Table 13)."""
INSTRUCTGPT_PEOPLE = 19

FEWEST = 5
"""No smaller number of people is ever told."""
LONGEST_NAME = 120


def told(counts: Sequence[int]) -> list[tuple[tuple[int, ...], int]]:
    """Neighbouring choices put together until each number speaks of at least ``FEWEST`` people.

    From the first choice on, choices are added up until they reach ``FEWEST``; what is left at the end goes to the last
    group. Hiding a small number alone would not do: it could be had from the total and the others. As the small one
    is only ever part of a sum, and the sum does not say how it is made up, there is nothing to subtract. Zeros count
    as small: that nobody took a choice says something about everybody.

    Args:
        counts: of the choices, in their order.

    Returns:
        Groups of neighbouring choices by their places, each with its sum; none where fewer than ``FEWEST`` answered.
    """
    if sum(counts) < FEWEST:
        return []
    groups: list[tuple[tuple[int, ...], int]] = []
    waiting: tuple[int, ...] = ()
    for choice in range(len(counts)):
        waiting = (*waiting, choice)
        if (together := sum(counts[each] for each in waiting)) >= FEWEST:
            groups.append((waiting, together))
            waiting = ()
    if waiting:
        places, count = groups[-1]
        groups[-1] = ((*places, *waiting), count + sum(counts[each] for each in waiting))
    return groups


def result_of(counts: Mapping[tuple[str, str], int], invited: int) -> dict[str, Any]:
    """What is kept of a round: what may be told, and nothing else (see ``SurveyRound.result``)."""
    by_question = {question: [counts[question, choice] for choice in CHOICES] for question in QUESTIONS}
    answered = sum(next(iter(by_question.values())))  # everybody who answers, answers all
    if answered < FEWEST:
        return {"invited": invited}
    names = list(CHOICES)
    questions = {
        question: [[[names[place] for place in places], count] for places, count in told(counts)]
        for question, counts in by_question.items()
    }
    return {"invited": invited, "answered": answered, "questions": questions}


@dataclass(frozen=True)
class Share:
    """A group of neighbouring choices: how many of the ``n`` took one of them, with a 95 % interval of the share."""

    choices: tuple[str, ...]
    count: int
    n: int

    @property
    def share(self) -> float:
        return self.count / self.n

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.share, self.n)

    def of_instructgpt(self, question: str) -> float | None:
        """The share of the same choices among the labelers of InstructGPT; nothing for a question they had not."""
        theirs = dict(zip(CHOICES, INSTRUCTGPT.get(question, ()), strict=False))
        return sum(theirs[choice] for choice in self.choices) / 100 if theirs else None


def shares(result: Mapping[str, Any], question: str) -> list[Share]:
    """What may be told about a question of a closed round."""
    groups = result.get("questions", {}).get(question, [])
    return [Share(tuple(choices), count, result["answered"]) for choices, count in groups]


def problems_of(answers: Mapping[str, str]) -> dict[str, str]:
    """What is missing in a form, by question; who answers, answers all, so that no number tells who left one out."""
    return {
        question: _("Choose one of the five, or decline the survey as a whole.")
        for question in QUESTIONS
        if answers.get(question) not in CHOICES
    }


def name_problem(name: str) -> str | None:
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        return _(
            "Give the round a name of at most %(number)s characters, such as “November, after the pilot”.",
            number=LONGEST_NAME,
        )
    return None
