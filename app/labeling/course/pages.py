from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from app.labeling.course import rules, service
from app.labeling.course.queries import Standing
from app.language import gettext as _
from app.material.candidates.rules import candidate_letter
from app.material.schemas.rules import NOT_APPLICABLE, YES, Field, Schema, for_reader, schema_of
from app.models import Campaign, Course, CourseAttempt, CourseStep, GoldItem, Guideline, Person
from app.web.render import Page
from trainer.statistics.weak_orders import weak_order

# For those who take a course ---------------------------------------------------------------------


@dataclass(frozen=True)
class StepLine:
    """A step in the list: what it is called, and whether it is done; ``right`` is empty where nothing is marked."""

    number: int
    address: str
    title: str
    kind: str
    done: bool
    right: bool | None


@dataclass(frozen=True)
class CoursePage(Page):
    """A course as a whole: its steps, and where somebody stands."""

    template: ClassVar[str] = "labeling/course/overview.html"
    course: Course
    lines: Sequence[StepLine]
    attempt: CourseAttempt | None
    """The one they are in the middle of."""
    last: CourseAttempt | None
    passed: bool
    again: bool
    """They had passed, but what the course teaches has changed since."""
    campaigns: Sequence[str]
    error: str = ""

    @property
    def done(self) -> int:
        return sum(line.done for line in self.lines)

    @property
    def next(self) -> StepLine | None:
        return next((line for line in self.lines if not line.done), None)

    @property
    def questions(self) -> int:
        return sum(line.kind == rules.QUESTION for line in self.lines)


@dataclass(frozen=True)
class PracticeAnswer:
    """An answer of a practice item; the second half is known once it has been ranked."""

    candidate_id: int
    letter: str
    text: str
    rank: int | None
    marked: Sequence[str]
    gold_rank: int | None = None
    gold_marked: Sequence[str] = ()


@dataclass(frozen=True)
class StepPage(Page):
    """One step, and what researchers say about it as soon as it is answered."""

    template: ClassVar[str] = "labeling/course/step.html"
    course: Course
    step: CourseStep
    line: StepLine
    lines: Sequence[StepLine]
    said: Mapping[str, Any] | None
    messages: Sequence[Mapping[str, Any]] = ()
    answers: Sequence[PracticeAnswer] = ()
    flags: Sequence[Field] = ()
    order: str = ""
    gold_order: str = ""
    turned: Sequence[str] = ()
    problems: Mapping[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def following(self) -> StepLine | None:
        """The next step that is not done, going round; nothing when all are."""
        here = self.line.number
        later = [line for line in self.lines if not line.done and line.number != here]
        return next((line for line in later if line.number > here), later[0] if later else None)


def lines_of(course: Course, answers: Mapping[str, Any]) -> list[StepLine]:
    return [_line(course, number, step, answers) for number, step in enumerate(course.steps, start=1)]


def _line(course: Course, number: int, step: CourseStep, answers: Mapping[str, Any]) -> StepLine:
    answer = answers.get(str(step.id))
    right = answer["choice"] == step.content["right"] if answer and step.kind == rules.QUESTION else None
    return StepLine(
        number=number,
        address=f"/label/courses/{course.id}/steps/{step.id}",
        title=title_of(step),
        kind=step.kind,
        done=answer is not None,
        right=right,
    )


def title_of(step: CourseStep) -> str:
    if step.kind == rules.PAGE:
        return str(step.content["title"])
    if step.kind == rules.QUESTION:
        return str(step.content["text"])
    return str(step.gold.task.prompt.messages[-1]["content"]) if step.gold and step.gold.task.prompt else ""


def course_page(
    course: Course, called: Sequence[str], *, attempt: CourseAttempt | None, last: CourseAttempt | None, holds: bool
) -> CoursePage:
    """A course with an attempt that is open and the newest one; ``holds`` where a passed one still does."""
    finished = last if last and last.finished_at else None
    return CoursePage(
        course=course,
        lines=lines_of(course, attempt.answers if attempt else {}),
        attempt=attempt,
        last=finished,
        passed=holds,
        again=bool(finished and finished.passed and not holds),
        campaigns=called,
    )


def step_page(
    course: Course,
    step: CourseStep,
    person: Person,
    answers: Mapping[str, Any],
    *,
    problems: Mapping[str, str] | None = None,
    error: str = "",
    given: Mapping[str, Any] | None = None,
) -> StepPage:
    """``given`` is what was just posted and refused."""
    answer = answers.get(str(step.id))
    lines = lines_of(course, answers)
    line = next(line for line in lines if line.address.endswith(f"/{step.id}"))
    page = StepPage(course, step, line, lines, answer, problems=problems or {}, error=error)
    return _practice(page, step.gold, person, answer, given or {}) if step.gold else page


def _practice(
    page: StepPage, gold: GoldItem, person: Person, answer: Mapping[str, Any] | None, posted: Mapping[str, Any]
) -> StepPage:
    shown = answer or posted
    ranks = {int(candidate): rank for candidate, rank in shown.get("ranks", {}).items()}
    marked = {int(candidate): names for candidate, names in shown.get("flags", {}).items()}
    of_gold = {int(candidate): rank for candidate, rank in gold.content["ranks"].items()}
    order = service.order_of(page.step, person)
    letters = {candidate: candidate_letter(position) for position, candidate in enumerate(order)}
    texts = {each.candidate_id: each.candidate.text for each in gold.task.answers}
    version = gold.task.campaign.schema_version
    flags = practised_flags(for_reader(schema_of(version.content))) if version else []
    known = [flag.name for flag in flags]
    answers = [
        PracticeAnswer(
            candidate_id=candidate,
            letter=letter,
            text=texts[candidate],
            rank=ranks.get(candidate),
            marked=marked.get(candidate, ()),
            gold_rank=of_gold.get(candidate) if answer else None,
            gold_marked=[name for name in known if _says_yes(gold, candidate, name)] if answer else (),
        )
        for candidate, letter in letters.items()
    ]
    return StepPage(
        **{
            **vars(page),
            "messages": gold.task.prompt.messages if gold.task.prompt else [],
            "answers": answers,
            "flags": flags,
            "order": weak_order({letters[c]: ranks[c] for c in order}) if answer else "",
            "gold_order": weak_order({letters[c]: of_gold[c] for c in order}) if answer else "",
            "turned": _turned(ranks, of_gold, letters) if answer else (),
        }
    )


def practised_flags(schema: Schema) -> list[Field]:
    """The labels of an answer that a practice item asks for: yes or no, whatever the prompt is."""
    return [
        flag for flag in schema.answer if YES in flag.values and NOT_APPLICABLE not in flag.values and not flag.needs
    ]


def _says_yes(gold: GoldItem, candidate: int, name: str) -> bool:
    answer = gold.content.get("answers", {}).get(str(candidate), {})
    return bool(answer.get("flags", {}).get(name) == YES)


def _turned(ranks: Mapping[int, int], gold: Mapping[int, int], letters: Mapping[int, str]) -> list[str]:
    sentences = []
    for pair in rules.turned(ranks, gold):
        names = {"one": letters[pair.better], "other": letters[pair.worse]}
        if pair.tie_in_gold:
            sentences.append(_("The researchers find %(one)s and %(other)s equally good.", **names))
        else:
            sentences.append(_("The researchers prefer %(one)s to %(other)s.", **names))
    return sentences


# For those who make courses ----------------------------------------------------------------------


@dataclass(frozen=True)
class CoursesPage(Page):
    template: ClassVar[str] = "labeling/course/list.html"
    courses: Sequence[Course]
    campaigns: Mapping[int, int]
    """Course -> how many campaigns wait for it."""
    guidelines: Sequence[Guideline]
    given: Mapping[str, str]
    usual_percent: ClassVar[int] = round(100 * rules.USUAL_PASS_SHARE)
    error: str = ""


@dataclass(frozen=True)
class EditPage(Page):
    template: ClassVar[str] = "labeling/course/edit.html"
    course: Course
    lines: Sequence[StepLine]
    guidelines: Sequence[Guideline]
    gold: Sequence[GoldItem]
    chosen: Sequence[Campaign]
    campaigns: Sequence[Campaign]
    standings: Sequence[Standing]
    given: Mapping[str, Sequence[str]]
    """What was just entered for a new step and refused."""
    problems: Mapping[str, str]
    error: str = ""
    places: ClassVar[range] = range(rules.MOST_OPTIONS)
    kind_words: ClassVar[Mapping[str, str]] = rules.KINDS

    def entered(self, name: str, position: int = 0) -> str:
        values = self.given.get(name, [])
        return values[position] if position < len(values) else ""
