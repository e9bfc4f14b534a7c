"""Measuring labelers while they work: tasks that several judge, hidden gold, and items that come again."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy.orm import Session

from app.errors import Invalid
from app.instruments import instrument_of
from app.labeling.campaigns.queries import layout
from app.labeling.campaigns.queries.layout import Slot
from app.labeling.campaigns.rules import calibration as rules
from app.labeling.campaigns.rules.calibration import Plan
from app.labeling.campaigns.rules.campaigns import WORK
from app.language import gettext as _
from app.models import Calibration, Campaign, ExtraSlot, Lease, Person
from app.people.service import record

# What pages read as it is stored.
calibrated = layout.calibrated

SHARED, RESEARCHER, GOLD, REPEAT = "shared", "researcher", "gold", "repeat"


def can_be_calibrated(campaign: Campaign) -> bool:
    """Whether people judge answers here, and what they say is work."""
    return not instrument_of(campaign.kind).written and campaign.purpose == WORK and not campaign.imported


def set_plan(
    session: Session, by: Person | None, campaign: Campaign, plan: Plan, now: datetime, *, seed: int | None = None
) -> None:
    """Calibrate a campaign like this from now on.

    What nobody has touched yet is laid out anew; what people hold or have submitted stays as it is.

    Args:
        session: an open transaction.
        by: whoever plans.
        campaign: a campaign of work in which answers are judged.
        plan: how.
        now: the time of the change.
        seed: chooses the tasks and the places of what measures; drawn unless given or set before.

    Raises:
        Invalid: a number is out of bounds, or nothing is judged here.
    """
    if problem := rules.plan_problem(plan):
        raise Invalid(problem, {"percent": problem})
    if not can_be_calibrated(campaign):
        raise Invalid(_("Only campaigns of work in which people judge answers can be calibrated."))
    row = layout.calibration_of(session, campaign.id, lock=True)
    before = asdict(plan_of(row))
    if row is None:
        row = Calibration(campaign_id=campaign.id, seed=drawn_seed() if seed is None else seed)
        session.add(row)
    for name, value in asdict(plan).items():
        setattr(row, name, value)
    row.set_by, row.set_at = by.id if by else None, now
    session.flush()
    lay_out(session, campaign)
    record(session, by, "planned calibration", campaign, {"before": before, "after": asdict(plan)})


def drawn_seed() -> int:
    """A seed that nobody can guess: whoever knew it could reckon which of their items measure them."""
    return secrets.randbelow(2**31)


def plan_in(session: Session, campaign_id: int) -> Plan:
    return plan_of(layout.calibration_of(session, campaign_id))


def plan_of(row: Calibration | None) -> Plan:
    """The plan that a row holds; without one nothing is calibrated."""
    if row is None:
        return Plan()
    return Plan(row.percent, row.repeat_percent, row.repeat_after_items, row.repeat_after_days)


def lay_out(session: Session, campaign: Campaign) -> None:
    """Give every shared task its extra slots, and scatter the tasks that nobody has begun.

    Slots are given out in the order of their ids, so the untouched ones are made anew in the order in which they
    are to come: first those of tasks that somebody has begun, then the others by chance.
    """
    row = layout.calibration_of(session, campaign.id)
    if row is None:
        return
    untouched = layout.untouched_slots(session, campaign.id)
    loose = {slot.lease_id for slot in untouched}
    slots = layout.slots_of(session, campaign.id)
    kept = [slot for slot in slots if slot.lease_id not in loose]
    begun = {slot.task_id for slot in kept if slot.use != GOLD}
    wanted = list(_wanted(campaign, row, untouched, kept, sorted({slot.task_id for slot in slots})))
    wanted.sort(key=lambda slot: _turn(slot, begun, row.seed))
    layout.delete_slots(session, sorted(loose))
    leases = [Lease(campaign_id=campaign.id, task_id=slot.task_id, slot=slot.number) for slot in wanted]
    session.add_all(leases)
    session.flush()
    session.add_all(
        ExtraSlot(lease_id=lease.id, use=slot.use) for lease, slot in zip(leases, wanted, strict=True) if slot.use
    )
    session.flush()


def _turn(slot: Slot, begun: set[int], seed: int) -> tuple[float, int, int]:
    place = -1 if slot.task_id in begun else rules.place(seed, slot.task_id)
    return place, slot.task_id, slot.number


def _wanted(
    campaign: Campaign, row: Calibration, untouched: Sequence[Slot], kept: Sequence[Slot], task_ids: Sequence[int]
) -> Iterator[Slot]:
    """The slots that are to be free: those within the overlap as they were, and the extra ones that are missing."""
    share = rules.share_of_tasks(row.percent, campaign.overlap)
    ordinary = [slot for slot in untouched if not slot.use]
    yield from ordinary
    taken: dict[int, list[Slot]] = {}
    for slot in (*kept, *ordinary):
        taken.setdefault(slot.task_id, []).append(slot)
    for task_id in task_ids:
        if not rules.is_shared(row.seed, task_id, share):
            continue
        there = taken.get(task_id, [])
        uses = [SHARED] * (rules.people_of_shared(campaign.overlap) - campaign.overlap) + [RESEARCHER]
        for slot in there:
            if slot.use in uses:
                uses.remove(slot.use)
        first = max((slot.number for slot in there if slot.use != GOLD), default=-1) + 1
        yield from (Slot(0, task_id, first + n, use) for n, use in enumerate(uses))
