"""Hidden gold and repetitions: which of them a labeler is due now."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.labeling.annotations.queries import hidden, submissions
from app.labeling.campaigns.calibration import GOLD, REPEAT
from app.labeling.campaigns.queries import layout
from app.labeling.campaigns.rules import calibration as rules
from app.models import Assignment, ExtraAssignment, Person, RepeatedTask, Task, TaskCandidate


def hidden_assignment(session: Session, person: Person, campaign_id: int, now: datetime) -> Assignment | None:
    """The assignment of hidden gold or of a repetition that a labeler is due now instead of the next task, if any."""
    row = layout.calibration_of(session, campaign_id)
    if row is None or not row.percent:
        return None
    if (mine := hidden.own_measuring_assignment(session, person.id, campaign_id)) is not None:
        return mine
    done, gold, repeats = hidden.done_and_given(session, person.id, campaign_id)
    if rules.gold_is_due(done, gold, seed=row.seed, person_id=person.id):
        task_id = hidden.oldest_gold_for(session, person.id, campaign_id)
        if task_id is not None:
            return _assign_hidden(session, campaign_id, task_id, person, GOLD)
    if rules.repeat_is_due(done, repeats, row.repeat_percent, seed=row.seed, person_id=person.id):
        before = now - timedelta(days=row.repeat_after_days)
        original = hidden.oldest_to_repeat(
            session, person.id, campaign_id, before=before, others=row.repeat_after_items
        )
        if original is not None:
            return _assign_hidden(session, campaign_id, _copy_of(session, original, person).id, person, REPEAT)
    return None


def _assign_hidden(session: Session, campaign_id: int, task_id: int, person: Person, use: str) -> Assignment:
    """Make an assignment for one person; two who come to a task at the same moment get one after the other."""
    hidden.lock_task(session, task_id)
    number = hidden.next_measuring_number(session, task_id)
    assignment = Assignment(campaign_id=campaign_id, task_id=task_id, number=number, person_id=person.id)
    session.add(assignment)
    session.flush()
    session.add(ExtraAssignment(assignment_id=assignment.id, use=use))
    session.flush()
    return assignment


def _copy_of(session: Session, original: Task, person: Person) -> Task:
    ids = submissions.candidate_ids_of(session, original.id)
    copy = Task(
        campaign_id=original.campaign_id,
        prompt_id=original.prompt_id,
        fingerprint=rules.fingerprint_of_repetition(original.id, person.id),
        answers=[TaskCandidate(candidate_id=candidate, position=position) for position, candidate in enumerate(ids)],
    )
    session.add(copy)
    session.flush()
    session.add(RepeatedTask(task_id=copy.id, original_id=original.id, person_id=person.id))
    session.flush()
    return copy
