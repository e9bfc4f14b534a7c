"""What applicants do: begin their form, say what they can judge, and hand it in."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.errors import Conflict, DomainError, Invalid, NotFound
from app.labeling.annotations import assigning, reservation
from app.labeling.annotations import service as annotations
from app.labeling.annotations.queries import assignments
from app.labeling.instruments.demonstration import service as demonstration
from app.language import gettext as _
from app.models import (
    Applicant,
    FormItem,
    Person,
    Screening,
)
from app.people.service import record
from app.quality.screening import queries
from app.quality.screening.rules import plans as rules
from app.quality.screening.rules.plans import CRITERIA
from app.quality.screening.service import applicant_with, items_in, screening_for

JUST_BEFORE = timedelta(microseconds=1)


def applicant_for(session: Session, person: Person) -> Applicant:
    applicant = queries.applicant_of(session, person.id)
    if applicant is None:
        raise NotFound(_("You are in no screening. Ask whoever invited you."))
    return applicant


def start(session: Session, person: Person, now: datetime) -> Applicant:
    """Draw the form and begin the time; a form that has begun goes on as it is.

    Raises:
        Conflict: the screening has ended, or its banks have too few items that this person has not met.
    """
    assignments.lock_person(session, person.id)
    applicant = applicant_for(session, person)
    if applicant.started_at is not None:
        return applicant
    screening = applicant.screening
    if screening.ends_at <= now:
        raise Conflict(_("This screening has ended."))
    until = rules.deadline(now, screening.minutes, screening.ends_at)
    position = 0
    for criterion, task_ids in _drawn(session, screening, applicant).items():
        for task_id in task_ids:
            position += 1
            session.add(
                FormItem(
                    applicant_id=applicant.id,
                    attempt=applicant.attempt,
                    criterion=criterion,
                    position=position,
                    task_id=task_id,
                )
            )
            assigning.assign_test(session, person, task_id, now, until)
    applicant.started_at, applicant.deadline = now, until
    record(session, person, "began screening", applicant, {"attempt": applicant.attempt, "items": position})
    return applicant


def _drawn(session: Session, screening: Screening, applicant: Applicant) -> dict[str, list[int]]:
    """The items of a form by criterion; nobody meets an item twice, within a form or in another attempt."""
    met = queries.met_by(session, applicant.person_id)
    by_criterion: dict[str, list[int]] = {}
    for criterion in CRITERIA:
        banks = [bank.campaign_id for bank in screening.banks if bank.criterion == criterion]
        items = {task: topic for task, topic in items_in(session, criterion, banks).items() if task not in met}
        wanted = int(screening.items.get(criterion, 0))
        if len(items) < wanted:
            raise Conflict(
                _("There are not enough items left for a form. Tell whoever invited you; your time has not begun.")
            )
        drawn = rules.draw(items, wanted, seed=screening.seed, person_id=applicant.person_id, attempt=applicant.attempt)
        met |= set(drawn)
        by_criterion[criterion] = drawn
    return by_criterion


def assess(session: Session, person: Person, now: datetime, *, claimed: Sequence[str], words: str) -> Applicant:
    """Keep what somebody says about the topics and groups that they can judge (InstructGPT B.1, criterion 4).

    Raises:
        Invalid: it is too long.
        Conflict: the form is handed in, or its time is up.
    """
    assignments.lock_person(session, person.id)
    applicant = _working(session, person, now)
    if problem := rules.words_problem(words):
        raise Invalid(problem, {"words": problem})
    applicant.claimed = [topic for topic in applicant.screening.topics if topic in claimed]
    applicant.words, applicant.assessed = words.strip(), True
    return applicant


def _working(session: Session, person: Person, now: datetime) -> Applicant:
    applicant = applicant_for(session, person)
    if applicant.finished_at is not None or (applicant.deadline and applicant.deadline <= now):
        raise Conflict(_("Your form is handed in; nothing can be changed any more."))
    return applicant


def hand_in(session: Session, person: Person, now: datetime, *, as_it_is: bool = False) -> Applicant:
    """End a form before its time.

    Raises:
        Invalid: something is not done, and the person has not said that they hand in without it.
        Conflict: the form has not begun, or is handed in already.
    """
    assignments.lock_person(session, person.id)
    applicant = _working(session, person, now)
    if applicant.started_at is None:
        raise Conflict(_("Your form has not begun yet."))
    if not as_it_is and (
        not applicant.assessed or any(assigned.open for assigned in queries.assigned_items(session, applicant))
    ):
        problem = _("Not everything is done. Say that you hand in without it, or go on.")
        raise Invalid(problem, {"as_it_is": problem})
    finish(session, applicant, now)
    record(session, person, "handed in screening", applicant, {"attempt": applicant.attempt})
    return applicant


def close_if_overdue(session: Session, applicant: Applicant, now: datetime) -> None:
    """Hand in what was saved when the time was up, as soon as somebody looks."""
    if applicant.started_at and applicant.deadline and applicant.finished_at is None and applicant.deadline <= now:
        assignments.lock_person(session, applicant.person_id)
        finish(session, applicant, applicant.deadline)
        record(session, None, "closed screening at its deadline", applicant, {"attempt": applicant.attempt})


def close_overdue(session: Session, screening: Screening, now: datetime) -> None:
    for applicant in queries.unfinished(session, screening.id):
        close_if_overdue(session, applicant, now)


def finish(session: Session, applicant: Applicant, at: datetime) -> None:
    """Submit the drafts that are complete, for what was saved counts; and end the assignments, for corrections too."""
    person = queries.person_with(session, applicant.person_id)
    for assigned in queries.assigned_items(session, applicant):
        if assigned.open:
            _submit_draft(session, person, assigned.item.task_id, at - JUST_BEFORE)
        assigned.assignment.reserved_until = min(at, assigned.assignment.reserved_until or at)
    applicant.finished_at = at
    session.flush()


def _submit_draft(session: Session, person: Person, task_id: int, at: datetime) -> None:
    content = queries.draft_content(session, person.id, task_id) or {}
    try:
        if "text" in content:
            demonstration.submit_demonstration(session, person, task_id, at, content["text"])
        elif content.get("ranks"):
            annotations.submit(session, person, task_id, at, reservation.submission_of(content))
    except DomainError:
        return  # it was not complete


def next_task(session: Session, person: Person) -> int | None:
    """The first item of the form that is neither submitted nor skipped."""
    applicant = applicant_for(session, person)
    return next(
        (assigned.item.task_id for assigned in queries.assigned_items(session, applicant) if assigned.open), None
    )


def reset(session: Session, by: Person, screening_id: int, code: str, now: datetime, reason: str) -> Applicant:
    """Let an applicant try again, with items they have not met; what they did before stays in the audit trail's past.

    Raises:
        Invalid: no reason is given.
        Conflict: the applicant is decided about, or has not begun.
    """
    applicant = applicant_with(session, screening_id, code, lock=True)
    if not reason.strip():
        problem = _("Say why they may try again.")
        raise Invalid(problem, {"reset_reason": problem})
    if applicant.started_at is None:
        raise Conflict(_("This applicant has not begun yet, so there is nothing to reset."))
    if applicant.decision in (rules.ACCEPTED, rules.DECLINED):
        raise Conflict(_("There is a decision about this applicant already."))
    if applicant.finished_at is None:
        finish(session, applicant, now)
    detail = {"attempt": applicant.attempt, "reason": reason.strip()[: rules.LONGEST_REASON]}
    record(session, by, "reset screening", applicant, detail)
    applicant.attempt += 1
    applicant.started_at = applicant.deadline = applicant.finished_at = None
    return applicant


def looked_at(session: Session, screening_id: int, now: datetime) -> Screening:
    """A screening as somebody looks at it now: what was saved when the time was up is handed in."""
    screening = screening_for(session, screening_id)
    close_overdue(session, screening, now)
    return screening
