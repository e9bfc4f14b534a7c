"""Giving a task back for good, taking that back, and what researchers see of it."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.labeling.annotations import assigning, reservation
from app.labeling.annotations.queries import assignments, submissions
from app.labeling.campaigns.rules import campaigns as campaign_rules
from app.labeling.campaigns.rules import skips as rules
from app.language import gettext as _
from app.models import Assignment, Person, Skip
from app.people.service import record


def skip(session: Session, person: Person, task_id: int, now: datetime, *, reason: str, note: str = "") -> Skip:
    """Give a task back: the assignment is free for others, and this person is not offered it again. The draft stays.

    Raises:
        Invalid: the reason is none of ours, or "other" without a word.
    """
    check(reason, note)
    work = reservation.work_for(session, person, task_id, lock=True)
    if work.corrected:
        raise Invalid(_("You have submitted this already, so there is nothing to skip."))
    if not assigning.is_test(work.assignment):  # a test is of no use to others
        work.assignment.person_id = work.assignment.reserved_at = work.assignment.reserved_until = None
    skipped = Skip(task_id=task_id, person_id=person.id, reason=reason, note=note.strip(), skipped_at=now)
    session.add(skipped)
    record(session, person, "skipped task", work.task, {"reason": reason, "note": note.strip()})
    return skipped


def check(reason: str, note: str) -> None:
    """Refuse a reason that is none of ours, or "other" without a word.

    Raises:
        Invalid: it is so.
    """
    if problem := rules.skip_problem(reason, note.strip()):
        raise Invalid(problem)


def take_back(session: Session, person: Person, task_id: int, now: datetime) -> Assignment:
    """Take a skipped task up again, with what was entered before, as if it had never been skipped.

    Raises:
        NotFound: this person has not skipped it.
        Conflict: it was too long ago, or the assignment is somebody else's by now; the skip stays.
    """
    assignments.lock_person(session, person.id)
    skipped = submissions.skip_of(session, person.id, task_id)
    if skipped is None:
        raise NotFound(_("You have not skipped this task, so there is nothing to take back."))
    if not rules.may_be_taken_back(skipped.skipped_at, now):
        minutes = round(rules.TAKE_BACK_WITHIN.total_seconds() / 60)
        raise Conflict(_("A skip can be taken back for %(minutes)s minutes. This one stays.", minutes=minutes))
    own = assignments.assignment_for(session, person.id, task_id)
    if own is not None and assigning.is_test(own):
        session.delete(skipped)
        record(session, person, "took skip back", skipped.task, {"reason": skipped.reason})
        return own
    purposes = campaign_rules.purposes_open_to(person.role)
    assignment = assignments.free_assignment_of_task(
        session, person.id, task_id, now, purposes=purposes, skipped_too=True
    )
    if assignment is None:
        raise Conflict(_("Somebody else is working on this task by now, so the skip stays."))
    session.delete(skipped)
    record(session, person, "took skip back", skipped.task, {"reason": skipped.reason})
    assigning.assign(session, assignment, person, now)
    return assignment
