"""The assignments that calibration lays out, and what is done of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.judgements import queries as judgements
from app.models import (
    Assignment,
    Calibration,
    ExtraAssignment,
    GoldItem,
    Task,
)


def calibration_of(session: Session, campaign_id: int, *, lock: bool = False) -> Calibration | None:
    return session.get(Calibration, campaign_id, with_for_update=lock, populate_existing=lock)


@dataclass(frozen=True)
class PlannedAssignment:
    """An assignment with what it is for; ``use`` is empty for those within the overlap."""

    assignment_id: int
    task_id: int
    number: int
    use: str | None


def untouched_assignments(session: Session, campaign_id: int) -> list[PlannedAssignment]:
    """Assignments that are nobody's, locked for this transaction.

    Those that somebody is taking at this moment are not among them, nor those that measure one person.
    """
    rows = session.execute(
        select(Assignment.id, Assignment.task_id, Assignment.number, ExtraAssignment.use)
        .outerjoin(ExtraAssignment, ExtraAssignment.assignment_id == Assignment.id)
        .where(Assignment.campaign_id == campaign_id, Assignment.submitted_at.is_(None), Assignment.person_id.is_(None))
        .where(~judgements.is_assignment_that_measures())
        .order_by(Assignment.task_id, Assignment.number)
        .with_for_update(of=Assignment, skip_locked=True)
    )
    return [PlannedAssignment(*row) for row in rows]


def assignments_of(session: Session, campaign_id: int) -> list[PlannedAssignment]:
    """All assignments of a campaign's tasks, without those of repetitions."""
    rows = session.execute(
        select(Assignment.id, Assignment.task_id, Assignment.number, ExtraAssignment.use)
        .outerjoin(ExtraAssignment, ExtraAssignment.assignment_id == Assignment.id)
        .where(Assignment.campaign_id == campaign_id, ~judgements.is_assignment_for("repeat"))
        .order_by(Assignment.task_id, Assignment.number)
    )
    return [PlannedAssignment(*row) for row in rows]


def delete_assignments(session: Session, assignment_ids: Sequence[int]) -> None:
    for start in range(0, len(assignment_ids), 500):
        chunk = assignment_ids[start : start + 500]
        session.execute(delete(ExtraAssignment).where(ExtraAssignment.assignment_id.in_(chunk)))
        session.execute(delete(Assignment).where(Assignment.id.in_(chunk)))


@dataclass(frozen=True)
class Calibrated:
    """What calibration has planned in a campaign and what is done of it: (done, planned) assignments by use.

    Hidden gold and repetitions are planned one by one, when a labeler comes to them. ``gold_items`` are the tasks of
    the campaign that have gold.
    """

    shared_tasks: int
    assignments: Mapping[str, tuple[int, int]]
    gold_items: int


def calibrated(session: Session, campaign_id: int) -> Calibrated:
    rows = session.execute(
        select(
            ExtraAssignment.use,
            func.count(Assignment.submitted_at),
            func.count(),
            func.count(func.distinct(Assignment.task_id)),
        )
        .join(Assignment, Assignment.id == ExtraAssignment.assignment_id)
        .where(Assignment.campaign_id == campaign_id)
        .group_by(ExtraAssignment.use)
    ).all()
    gold = select(func.count(GoldItem.id)).join(Task, Task.id == GoldItem.task_id)
    tasks = {use: count for use, _done, _planned, count in rows}
    return Calibrated(
        shared_tasks=tasks.get("researcher", 0),
        assignments={use: (done, planned) for use, done, planned, _count in rows},
        gold_items=session.scalar(gold.where(Task.campaign_id == campaign_id)) or 0,
    )
