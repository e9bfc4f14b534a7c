"""Keeps the active time that pages report with the draft of the task."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound
from app.labeling.annotations.queries import assignments, submissions
from app.labeling.annotations.rules import activity as rules
from app.language import gettext as _
from app.models import Draft, Lease, Person


def keep(session: Session, person: Person, task_id: int, now: datetime, *, view: str, seconds: str) -> None:
    """Count what a page of the task reports, as far as the time of the hold reaches.

    Of a task that is submitted, skipped or somebody else's by now nothing is counted any more.

    Raises:
        NotFound: the person has never held the task.
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
    if (lease := assignments.lease_for(session, person.id, task_id)) is None:
        return
    active = rules.counted(rules.active_of(draft.active), report, held_seconds(draft, lease, now))
    draft.active = {"parts": active.parts, "views": active.views}
    draft.updated_at = now


def held_seconds(draft: Draft, lease: Lease, now: datetime) -> float:
    """For how long the person has held the task: in this hold until now, and in those before that had run out."""
    since = draft.held_since or lease.leased_at or draft.started_at
    return (draft.held_before or 0.0) + max(0.0, (now - since).total_seconds())


def begin_hold(draft: Draft, now: datetime) -> None:
    """Another hold of a task begins: the one before lasted until the last thing that was saved in it."""
    since = draft.held_since or draft.started_at
    draft.held_before = (draft.held_before or 0.0) + max(0.0, (draft.updated_at - since).total_seconds())
    draft.held_since = now
