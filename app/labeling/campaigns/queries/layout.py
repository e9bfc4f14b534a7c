"""The slots that calibration lays out, and what is done of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.judgements import queries as judgements
from app.models import (
    Calibration,
    ExtraSlot,
    GoldItem,
    Lease,
    Task,
)


def calibration_of(session: Session, campaign_id: int, *, lock: bool = False) -> Calibration | None:
    return session.get(Calibration, campaign_id, with_for_update=lock, populate_existing=lock)


@dataclass(frozen=True)
class Slot:
    """A slot with what it is for; ``use`` is empty for those within the overlap."""

    lease_id: int
    task_id: int
    number: int
    use: str | None


def untouched_slots(session: Session, campaign_id: int) -> list[Slot]:
    """Slots that nobody holds, locked for this transaction.

    Those that somebody is taking at this moment are not among them, nor those that are reserved for one person.
    """
    rows = session.execute(
        select(Lease.id, Lease.task_id, Lease.slot, ExtraSlot.use)
        .outerjoin(ExtraSlot, ExtraSlot.lease_id == Lease.id)
        .where(Lease.campaign_id == campaign_id, Lease.submitted_at.is_(None), Lease.person_id.is_(None))
        .where(~judgements.is_slot_that_measures())
        .order_by(Lease.task_id, Lease.slot)
        .with_for_update(of=Lease, skip_locked=True)
    )
    return [Slot(*row) for row in rows]


def slots_of(session: Session, campaign_id: int) -> list[Slot]:
    """All slots of a campaign's tasks, without those of repetitions."""
    rows = session.execute(
        select(Lease.id, Lease.task_id, Lease.slot, ExtraSlot.use)
        .outerjoin(ExtraSlot, ExtraSlot.lease_id == Lease.id)
        .where(Lease.campaign_id == campaign_id, ~judgements.is_slot_for("repeat"))
        .order_by(Lease.task_id, Lease.slot)
    )
    return [Slot(*row) for row in rows]


def delete_slots(session: Session, lease_ids: Sequence[int]) -> None:
    for start in range(0, len(lease_ids), 500):
        some = lease_ids[start : start + 500]
        session.execute(delete(ExtraSlot).where(ExtraSlot.lease_id.in_(some)))
        session.execute(delete(Lease).where(Lease.id.in_(some)))


@dataclass(frozen=True)
class Calibrated:
    """What calibration has planned in a campaign and what is done of it: (done, planned) slots by use.

    Hidden gold and repetitions are planned one by one, when a labeler comes to them. ``gold_items`` are the tasks of
    the campaign that have gold.
    """

    shared_tasks: int
    slots: Mapping[str, tuple[int, int]]
    gold_items: int


def calibrated(session: Session, campaign_id: int) -> Calibrated:
    rows = session.execute(
        select(ExtraSlot.use, func.count(Lease.submitted_at), func.count(), func.count(func.distinct(Lease.task_id)))
        .join(Lease, Lease.id == ExtraSlot.lease_id)
        .where(Lease.campaign_id == campaign_id)
        .group_by(ExtraSlot.use)
    ).all()
    gold = select(func.count(GoldItem.id)).join(Task, Task.id == GoldItem.task_id)
    tasks = {use: count for use, _done, _planned, count in rows}
    return Calibrated(
        shared_tasks=tasks.get("researcher", 0),
        slots={use: (done, planned) for use, done, planned, _count in rows},
        gold_items=session.scalar(gold.where(Task.campaign_id == campaign_id)) or 0,
    )
