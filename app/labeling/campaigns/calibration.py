"""Measuring labelers while they work: tasks that several judge, hidden gold, and items that come again."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy.orm import Session

from app.errors import Invalid
from app.instruments import instrument_of
from app.labeling.campaigns.queries import layout
from app.labeling.campaigns.queries.layout import PlannedAssignment
from app.labeling.campaigns.rules import calibration as rules
from app.labeling.campaigns.rules.calibration import Plan
from app.labeling.campaigns.rules.campaigns import WORK
from app.language import gettext as _
from app.models import Assignment, Calibration, Campaign, ExtraAssignment, Person
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

    What nobody has touched yet is laid out anew; what is reserved for people or submitted stays as it is.

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
    """Give every shared task its extra assignments, and scatter the tasks that nobody has begun.

    Assignments are given out in the order of their ids, so the untouched ones are made anew in the order in which they
    are to come: first those of tasks that somebody has begun, then the others by chance.
    """
    row = layout.calibration_of(session, campaign.id)
    if row is None:
        return
    untouched = layout.untouched_assignments(session, campaign.id)
    loose = {planned.assignment_id for planned in untouched}
    there_are = layout.assignments_of(session, campaign.id)
    begun_or_done = [planned for planned in there_are if planned.assignment_id not in loose]
    begun = {planned.task_id for planned in begun_or_done if planned.use != GOLD}
    wanted = list(_wanted(campaign, row, untouched, begun_or_done, sorted({planned.task_id for planned in there_are})))
    wanted.sort(key=lambda planned: _turn(planned, begun, row.seed))
    layout.delete_assignments(session, sorted(loose))
    assignments = [
        Assignment(campaign_id=campaign.id, task_id=planned.task_id, number=planned.number) for planned in wanted
    ]
    session.add_all(assignments)
    session.flush()
    session.add_all(
        ExtraAssignment(assignment_id=assignment.id, use=planned.use)
        for assignment, planned in zip(assignments, wanted, strict=True)
        if planned.use
    )
    session.flush()


def _turn(planned: PlannedAssignment, begun: set[int], seed: int) -> tuple[float, int, int]:
    position = -1 if planned.task_id in begun else rules.place(seed, planned.task_id)
    return position, planned.task_id, planned.number


def _wanted(
    campaign: Campaign,
    row: Calibration,
    untouched: Sequence[PlannedAssignment],
    begun_or_done: Sequence[PlannedAssignment],
    task_ids: Sequence[int],
) -> Iterator[PlannedAssignment]:
    """What is to be free: assignments within the overlap as they were, and the extra ones that are missing."""
    share = rules.share_of_tasks(row.percent, campaign.overlap)
    ordinary = [planned for planned in untouched if not planned.use]
    yield from ordinary
    taken: dict[int, list[PlannedAssignment]] = {}
    for planned in (*begun_or_done, *ordinary):
        taken.setdefault(planned.task_id, []).append(planned)
    for task_id in task_ids:
        if not rules.is_shared(row.seed, task_id, share):
            continue
        there = taken.get(task_id, [])
        uses = [SHARED] * (rules.people_of_shared(campaign.overlap) - campaign.overlap) + [RESEARCHER]
        for planned in there:
            if planned.use in uses:
                uses.remove(planned.use)
        first = max((planned.number for planned in there if planned.use != GOLD), default=-1) + 1
        yield from (PlannedAssignment(0, task_id, first + n, use) for n, use in enumerate(uses))
