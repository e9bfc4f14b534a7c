"""What a step of a course is, how what somebody said is compared with gold, and when a course is passed; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from app.language import gettext as _
from app.language import mark

PAGE, QUESTION, PRACTICE = "page", "question", "practice"
KINDS = {PAGE: mark("page"), QUESTION: mark("question"), PRACTICE: mark("practice item")}
LONGEST_NAME = 120
LONGEST_TITLE = 200
LONGEST_TEXT = 20_000
LONGEST_OPTION = 400
FEWEST_OPTIONS, MOST_OPTIONS = 2, 6
MOST_STEPS = 100
USUAL_PASS_SHARE = 0.8


def course_problem(name: str, pass_share: float) -> str | None:
    """Why a course cannot be called or passed like this, or nothing."""
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        return _("Give the course a name of at most %(number)s visible characters.", number=LONGEST_NAME)
    if not 0 <= pass_share <= 1:
        return _("The share of right answers that passes is from 0 to 100 percent.")
    return None


def page_problems(title: str, text: str) -> dict[str, str]:
    """What is wrong with a page, by field."""
    problems = {}
    if not title or len(title) > LONGEST_TITLE:
        problems["title"] = _("Give the page a title of at most %(number)s characters.", number=LONGEST_TITLE)
    if not text or len(text) > LONGEST_TEXT:
        problems["text"] = _(
            "The page needs a text of at most %(most)s characters; this one has %(length)s.",
            most=f"{LONGEST_TEXT:,}",
            length=f"{len(text):,}",
        )
    return problems


def question_problems(text: str, options: Sequence[str], right: int | None, why: str) -> dict[str, str]:
    """What is wrong with a question, by field; ``right`` is the place of the right option, from 0."""
    problems = {}
    if not text or len(text) > LONGEST_TEXT:
        problems["text"] = _("Write the question, in at most %(most)s characters.", most=f"{LONGEST_TEXT:,}")
    if not FEWEST_OPTIONS <= len(options) <= MOST_OPTIONS or len(set(options)) != len(options):
        problems["options"] = _(
            "A question has %(fewest)s to %(most)s different options.", fewest=FEWEST_OPTIONS, most=MOST_OPTIONS
        )
    elif max(map(len, options)) > LONGEST_OPTION:
        problems["options"] = _("An option has at most %(number)s characters.", number=LONGEST_OPTION)
    elif right is None or not 0 <= right < len(options):
        problems["options"] = _("Say which option is right; it has to be one that has words.")
    if not why or len(why) > LONGEST_TEXT:
        problems["why"] = _("Say why it is right: whoever learns reads it at once.")
    return problems


@dataclass(frozen=True)
class Outcome:
    """How far a course was answered rightly; ``score`` is empty where it asks nothing."""

    right: int
    asked: int
    passed: bool

    @property
    def score(self) -> float | None:
        return self.right / self.asked if self.asked else None


def outcome(steps: Sequence[tuple[int, str, Mapping[str, Any]]], answers: Mapping[str, Any], share: float) -> Outcome:
    """Mark the questions; practice items are there to learn from and count for nothing.

    Args:
        steps: (id, kind, content) of each step.
        answers: what was said, by the step's id as a text.
        share: of the questions that must be right.
    """
    asked = [(str(step), content) for step, kind, content in steps if kind == QUESTION]
    right = sum(answers.get(step, {}).get("choice") == content["right"] for step, content in asked)
    return Outcome(right, len(asked), right >= share * len(asked) - 1e-9)


@dataclass(frozen=True)
class Turned:
    """Two answers that somebody ordered otherwise than gold: ``better`` stands higher in gold, or ties where equal."""

    better: int
    worse: int
    tie_in_gold: bool


def turned(ranks: Mapping[int, int], gold: Mapping[int, int]) -> list[Turned]:
    """The pairs of answers whose order (better, worse, tie) is not that of gold, the answers in gold's order."""
    turned_pairs = []
    for one, other in combinations(sorted(gold, key=lambda c: (gold[c], c)), 2):
        if _sign(ranks[one] - ranks[other]) != _sign(gold[one] - gold[other]):
            turned_pairs.append(Turned(one, other, gold[one] == gold[other]))
    return turned_pairs


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
