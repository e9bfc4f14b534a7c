"""Giving a task back for good, taking that back, and what researchers see of it."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.errors import Conflict, Invalid, NotFound
from app.labeling.annotations import assigning, holding
from app.labeling.annotations.queries import assignments, submissions
from app.labeling.campaigns.rules import campaigns as campaign_rules
from app.labeling.campaigns.rules import skips as rules
from app.language import gettext as _
from app.models import Lease, Person, Skip
from app.people.service import record


def skip(session: Session, person: Person, task_id: int, now: datetime, *, reason: str, note: str = "") -> Skip:
    """Give a task back: the slot is free for others, and this person is not offered it again. The draft stays.

    Raises:
        Invalid: the reason is none of ours, or "other" without a word.
    """
    check(reason, note)
    work = holding.work_for(session, person, task_id, lock=True)
    if work.corrected:
        raise Invalid(_("You have submitted this already, so there is nothing to skip."))
    if not assigning.is_reserved(work.lease):  # what is reserved for somebody is of no use to others
        work.lease.person_id = work.lease.leased_at = work.lease.expires_at = None
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


def take_back(session: Session, person: Person, task_id: int, now: datetime) -> Lease:
    """Hold a skipped task again, with what was entered before, as if it had never been skipped.

    Raises:
        NotFound: this person has not skipped it.
        Conflict: it was too long ago, or the slot is somebody else's by now; the skip stays.
    """
    assignments.lock_person(session, person.id)
    skipped = submissions.skip_of(session, person.id, task_id)
    if skipped is None:
        raise NotFound(_("You have not skipped this task, so there is nothing to take back."))
    if not rules.may_be_taken_back(skipped.skipped_at, now):
        minutes = round(rules.TAKE_BACK_WITHIN.total_seconds() / 60)
        raise Conflict(_("A skip can be taken back for %(minutes)s minutes. This one stays.", minutes=minutes))
    kept = assignments.lease_for(session, person.id, task_id)
    if kept is not None and assigning.is_reserved(kept):
        session.delete(skipped)
        record(session, person, "took skip back", skipped.task, {"reason": skipped.reason})
        return kept
    purposes = campaign_rules.purposes_open_to(person.role)
    slot = assignments.free_slot_of_task(session, person.id, task_id, now, purposes=purposes, skipped_too=True)
    if slot is None:
        raise Conflict(_("Somebody else is working on this task by now, so the skip stays."))
    session.delete(skipped)
    record(session, person, "took skip back", skipped.task, {"reason": skipped.reason})
    assigning.hold_slot(session, slot, person, now)
    return slot
