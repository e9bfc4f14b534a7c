"""Making courses, and taking them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.labeling.annotations.rules.submission import rank_problems
from app.labeling.course import queries, rules
from app.language import gettext as _
from app.material.candidates.rules import candidate_letter, shuffled_order
from app.material.guidelines.courses import taught_version_id
from app.models import CampaignCourse, Course, CourseAttempt, CourseStep, GoldItem, Person
from app.people.service import record
from trainer.statistics.weak_orders import densify

# What pages read as it is stored.
campaigns_of = queries.campaigns_of
campaigns_to_choose = queries.campaigns_to_choose
courses = queries.courses
newest_attempt = queries.newest_attempt
standings = queries.standings

# Making ------------------------------------------------------------------------------------------


def create(
    session: Session, by: Person | None, *, name: str, guideline_id: int | None = None, pass_share: float
) -> Course:
    """Make a course, which has no steps yet.

    Raises:
        Invalid: the name or the share will not do.
        Conflict: the name is taken.
    """
    name = name.strip()
    _check(session, name, pass_share)
    course = Course(name=name, guideline_id=guideline_id, pass_share=pass_share, created_by=by.id if by else None)
    session.add(course)
    record(session, by, "made course", course, {"name": name})
    return course


def change(
    session: Session, by: Person, course_id: int, *, name: str, guideline_id: int | None, pass_share: float
) -> Course:
    """Change what a course is called, what it teaches and when it is passed; who has passed it stays passed."""
    course = course_for(session, course_id)
    name = name.strip()
    _check(session, name, pass_share, course)
    course.name, course.guideline_id, course.pass_share = name, guideline_id, pass_share
    record(session, by, "changed course", course, {"name": name, "pass_share": pass_share})
    return course


def _check(session: Session, name: str, pass_share: float, course: Course | None = None) -> None:
    if problem := rules.course_problem(name, pass_share):
        raise Invalid(problem)
    known = queries.course_by_name(session, name)
    if known is not None and known is not course:
        raise Conflict(_("There is already a course named “%(name)s”. Choose another name.", name=name))


def course_for(session: Session, course_id: int) -> Course:
    course = queries.course_by_id(session, course_id)
    if course is None:
        raise NotFound(_("There is no such course."))
    return course


def add_step(
    session: Session, by: Person, course_id: int, kind: str, content: Mapping[str, Any], gold_item_id: int | None = None
) -> CourseStep:
    """Put a step at the end.

    Raises:
        Invalid: it will not do as it is, by field, or the course is long enough.
    """
    queries.lock_course(session, course_id)
    course = course_for(session, course_id)
    if len(course.steps) >= rules.MOST_STEPS:
        raise Invalid(_("A course has at most %(number)s steps.", number=rules.MOST_STEPS))
    if problems := _step_problems(session, course, kind, content, gold_item_id):
        raise Invalid(" ".join(problems.values()), problems)
    position = max((step.position for step in course.steps), default=0) + 1
    step = CourseStep(
        course_id=course_id, position=position, kind=kind, content=dict(content), gold_item_id=gold_item_id
    )
    session.add(step)
    record(session, by, "added course step", course, {"kind": kind, "position": position})
    return step


def _step_problems(
    session: Session, course: Course, kind: str, content: Mapping[str, Any], gold_item_id: int | None
) -> dict[str, str]:
    if kind == rules.PAGE:
        return rules.page_problems(content["title"], content["text"])
    if kind == rules.QUESTION:
        return rules.question_problems(content["text"], content["options"], content["right"], content["why"])
    if kind != rules.PRACTICE:
        return {"kind": _("A step is a page, a question or a practice item.")}
    offered = {gold.id for gold in gold_to_practise(session, course)}
    if gold_item_id in offered:
        return {}
    return {"gold": _("Choose an item of a bank that has gold with a reason and is not in this course yet.")}


def gold_to_practise(session: Session, course: Course) -> Sequence[GoldItem]:
    """What may still be added to a course."""
    return queries.gold_to_practise(session, _gold_in(course))


def _gold_in(course: Course) -> list[int]:
    return [step.gold_item_id for step in course.steps if step.gold_item_id]


def move_step(session: Session, by: Person, course_id: int, step_id: int, by_places: int) -> None:
    """Let a step change places with the one before or after it; beyond the ends nothing happens."""
    queries.lock_course(session, course_id)
    steps = list(course_for(session, course_id).steps)
    step = step_for(session, course_id, step_id)
    here = steps.index(step)
    there = min(max(here + by_places, 0), len(steps) - 1)
    if here != there:
        steps[here].position, steps[there].position = steps[there].position, steps[here].position
        record(session, by, "moved course step", step, {"course": course_id, "to": there + 1})


def remove_step(session: Session, by: Person, course_id: int, step_id: int) -> None:
    step = step_for(session, course_id, step_id)
    record(session, by, "removed course step", step, {"course": course_id, "kind": step.kind, "content": step.content})
    session.delete(step)


def step_for(session: Session, course_id: int, step_id: int) -> CourseStep:
    step = queries.step_by_id(session, course_id, step_id)
    if step is None:
        raise NotFound(_("This step is not in the course any more."))
    return step


def choose_campaigns(session: Session, by: Person, course_id: int, campaign_ids: Sequence[int]) -> None:
    """Let a course open these campaigns and no others.

    Raises:
        Invalid: one of them is closed, imported or a bank.
        Conflict: another course opens one of them, or the course has no step that could be taken.
    """
    course = course_for(session, course_id)
    if campaign_ids and not course.steps:
        raise Conflict(_("The course has no steps yet. Add some before campaigns wait for it."))
    of_others = {
        campaign
        for campaign, course_of_campaign in queries.course_ids_by_campaign(session).items()
        if course_of_campaign != course_id
    }
    if of_others & set(campaign_ids):
        raise Conflict(_("Another course opens one of these campaigns. Take it from that course first."))
    if set(campaign_ids) - {campaign.id for campaign in queries.campaigns_to_choose(session)}:
        raise Invalid(_("A course opens campaigns in which labelers work and that are not closed."))
    before = sorted(campaign.id for campaign in queries.campaigns_of(session, course_id))
    queries.release_campaigns(session, course_id)
    session.add_all(CampaignCourse(campaign_id=campaign, course_id=course_id) for campaign in set(campaign_ids))
    record(session, by, "chose campaigns of course", course, {"from": before, "to": sorted(set(campaign_ids))})


# Taking ------------------------------------------------------------------------------------------


def campaign_counts(session: Session) -> Mapping[int, int]:
    """Course -> how many campaigns it opens."""
    return Counter(queries.course_ids_by_campaign(session).values())


def begin(session: Session, person: Person, course_id: int, now: datetime) -> CourseAttempt:
    """Begin a course, or go on with it. Whoever has passed it, or failed, begins anew.

    Raises:
        Conflict: there is nothing to take.
    """
    queries.lock_course(session, course_id)
    course = course_for(session, course_id)
    if not course.steps:
        raise Conflict(_("This course has no steps yet. Ask a researcher."))
    if attempt := open_attempt(session, person, course):
        return attempt
    version_id = taught_version_id(session, course)
    attempt = CourseAttempt(
        course_id=course_id, person_id=person.id, guideline_version_id=version_id, answers={}, started_at=now
    )
    session.add(attempt)
    session.flush()
    return attempt


def open_attempt(session: Session, person: Person, course: Course) -> CourseAttempt | None:
    """The attempt that somebody is in the middle of; one at an older version of the guideline is over."""
    attempt = queries.newest_attempt(session, person.id, course.id)
    if attempt is None or attempt.finished_at is not None:
        return None
    current = attempt.guideline_version_id == taught_version_id(session, course)
    return attempt if current else None


def order_of(step: CourseStep, person: Person) -> list[int]:
    """The order in which somebody sees the answers of a practice item."""
    if step.gold is None:
        return []
    ids = [answer.candidate_id for answer in step.gold.task.answers]
    return shuffled_order(ids, task_id=step.gold.task_id, person_id=person.id, seed=step.course_id)


def answer_step(
    session: Session,
    person: Person,
    course_id: int,
    step_id: int,
    *,
    choice: int | None = None,
    ranks: Mapping[int, int] | None = None,
    flags: Mapping[int, Sequence[str]] | None = None,
) -> None:
    """Keep what somebody says at a step; the first word counts.

    Raises:
        Invalid: nothing was chosen, or a rank is missing or wrong.
        Conflict: they have not begun the course, or answered this step before.
    """
    queries.lock_course(session, course_id)
    course = course_for(session, course_id)
    step = step_for(session, course_id, step_id)
    attempt = open_attempt(session, person, course)
    if attempt is None:
        raise Conflict(_("Begin the course first."))
    if str(step.id) in attempt.answers:
        raise Conflict(_("You have answered this before; the first answer counts."))
    attempt.answers = {**attempt.answers, str(step.id): _said(step, person, choice, ranks or {}, flags or {})}


def _said(
    step: CourseStep,
    person: Person,
    choice: int | None,
    ranks: Mapping[int, int],
    flags: Mapping[int, Sequence[str]],
) -> dict[str, Any]:
    if step.kind == rules.PAGE:
        return {"read": True}
    if step.kind == rules.QUESTION:
        if choice is None or not 0 <= choice < len(step.content["options"]):
            raise Invalid(_("Choose one of the options, then look at the answer."), {"choice": _("Choose one.")})
        return {"choice": choice}
    order = order_of(step, person)
    letters = {candidate: candidate_letter(position) for position, candidate in enumerate(order)}
    if problems := rank_problems(ranks, letters):
        beside = {f"rank-{candidate}": sentence for candidate, sentence in problems.items()}
        raise Invalid(" ".join(problems.values()), beside)
    dense = densify({candidate: ranks[candidate] for candidate in order})
    marked = {str(candidate): sorted(names) for candidate, names in flags.items() if candidate in letters and names}
    return {"ranks": {str(candidate): rank for candidate, rank in dense.items()}, "flags": marked}


def finish(session: Session, person: Person, course_id: int, now: datetime) -> rules.Outcome:
    """Mark the course of somebody who has taken every step.

    Raises:
        Conflict: there is no such attempt, or a step is left.
    """
    queries.lock_course(session, course_id)
    course = course_for(session, course_id)
    attempt = open_attempt(session, person, course)
    if attempt is None:
        raise Conflict(_("Begin the course first."))
    if any(str(step.id) not in attempt.answers for step in course.steps):
        raise Conflict(_("There are steps left. Take them first; what you have done is kept."))
    steps = [(step.id, step.kind, step.content) for step in course.steps]
    outcome = rules.outcome(steps, attempt.answers, course.pass_share)
    attempt.finished_at, attempt.passed, attempt.score = now, outcome.passed, outcome.score
    detail = {"right": outcome.right, "asked": outcome.asked, "passed": outcome.passed}
    record(session, person, "finished course", course, detail)
    return outcome
