"""How far campaigns are."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from app.judgements import queries as judgements
from app.judgements.rules import PROGRESS
from app.models import (
    Annotation,
    Calibration,
    Campaign,
    ExtraSlot,
    Lease,
)


@dataclass(frozen=True)
class Progress:
    """How far a campaign is: slots are annotations asked for, ``held`` are being worked on now."""

    tasks: int = 0
    slots: int = 0
    submitted: int = 0
    held: int = 0
    people: int = 0


def progress(session: Session, now: datetime, campaign_id: int | None = None) -> dict[int, Progress]:
    """Progress of every campaign (or of one), in one query each for slots and people.

    Of work the slots of what counts, of a bank those of researchers: what measures somebody is no work to be finished.
    """
    holding = and_(Lease.submitted_at.is_(None), Lease.person_id.is_not(None), Lease.expires_at > now)
    slots = select(
        Lease.campaign_id,
        func.count(func.distinct(Lease.task_id)),
        func.count(),
        func.count(Lease.submitted_at),
        func.count().filter(holding),
    )
    slots = (
        slots.join(Campaign, Campaign.id == Lease.campaign_id)
        .where(judgements.is_slot_to_fill())
        .group_by(Lease.campaign_id)
    )
    # Judges whom an import does not name are as many as their judgements.
    judges = func.count(func.distinct(Annotation.annotator)) + func.count().filter(Annotation.annotator.is_(None))
    people = select(Annotation.campaign_id, judges).join(Campaign, Campaign.id == Annotation.campaign_id)
    people = people.where(judgements.count_for(PROGRESS)).group_by(Annotation.campaign_id)
    if campaign_id is not None:
        slots = slots.where(Lease.campaign_id == campaign_id)
        people = people.where(Annotation.campaign_id == campaign_id)
    workers = {row[0]: row[1] for row in session.execute(people)}
    return {
        campaign: Progress(tasks, total, submitted, held, workers.get(campaign, 0))
        for campaign, tasks, total, submitted, held in session.execute(slots)
    }


def measuring(session: Session) -> set[int]:
    """The campaigns in which labelers meet hidden gold or repetitions, or have met some."""
    planned = select(Calibration.campaign_id).where(Calibration.percent > 0)
    given = select(Lease.campaign_id).join(ExtraSlot, ExtraSlot.lease_id == Lease.id)
    given = given.where(ExtraSlot.use.in_(judgements.MEASURING)).distinct()
    return {*session.scalars(planned), *session.scalars(given)}


def annotation_counts(session: Session) -> dict[int, int]:
    """Annotations by campaign: of work those that count, of a bank those of researchers' slots.

    Imported campaigns have no slots but do have these.
    """
    query = select(Annotation.campaign_id, func.count()).join(Campaign, Campaign.id == Annotation.campaign_id)
    query = query.where(judgements.count_for(PROGRESS)).group_by(Annotation.campaign_id)
    return {row[0]: row[1] for row in session.execute(query)}
