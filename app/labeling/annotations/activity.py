"""Keeps the active time that pages report with the draft of the task."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound
from app.labeling.annotations.queries import assignments, submissions
from app.labeling.annotations.rules import activity as rules
from app.language import gettext as _
from app.models import Assignment, Draft, Person


def keep(session: Session, person: Person, task_id: int, now: datetime, *, view: str, seconds: str) -> None:
    """Count what a page of the task reports, as far as the time since it was reserved reaches.

    Of a task that is submitted, skipped or somebody else's by now nothing is counted any more.

    Raises:
        NotFound: the task was never this person's.
        Invalid: the report is no measurement, or of a part that the task does not have.
    """
    draft = submissions.draft_for(session, person.id, task_id, lock=True)
    if draft is None:
        if submissions.annotation_for(session, person.id, task_id):
            return
        raise NotFound(_("This task is not yours. Take the next one on your work page."))
    report = rules.report_of(view, seconds)
    if isinstance(report, str):
        raise Invalid(report)
    if (part := rules.unknown_part(report, draft.shown_order)) is not None:
        raise Invalid(_("A task has no part “%(part)s”.", part=part[:40]))
    if (assignment := assignments.assignment_for(session, person.id, task_id)) is None:
        return
    active = rules.counted(rules.active_of(draft.active), report, reserved_seconds(draft, assignment, now))
    draft.active = {"parts": active.parts, "views": active.views}
    draft.updated_at = now


def reserved_seconds(draft: Draft, assignment: Assignment, now: datetime) -> float:
    """For how long the task has been reserved for the person: until now, and before, where that had run out."""
    since = draft.reserved_since or assignment.reserved_at or draft.started_at
    return (draft.reserved_before or 0.0) + max(0.0, (now - since).total_seconds())


def begin_reservation(draft: Draft, now: datetime) -> None:
    """The task is reserved anew: the reservation before lasted until the last thing that was saved in it."""
    since = draft.reserved_since or draft.started_at
    draft.reserved_before = (draft.reserved_before or 0.0) + max(0.0, (draft.updated_at - since).total_seconds())
    draft.reserved_since = now
