"""How far campaigns are."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from app.judgements import queries as judgements
from app.judgements.rules import PROGRESS
from app.models import (
    Annotation,
    Assignment,
    Calibration,
    Campaign,
    ExtraAssignment,
)


@dataclass(frozen=True)
class Progress:
    """How far a campaign is: assignments are annotations asked for, ``reserved`` are being worked on now."""

    tasks: int = 0
    assignments: int = 0
    submitted: int = 0
    reserved: int = 0
    people: int = 0


def progress(session: Session, now: datetime, campaign_id: int | None = None) -> dict[int, Progress]:
    """Progress of every campaign (or of one), in one query each for assignments and people.

    Of work the assignments of what counts, of a bank those of researchers: what measures people is not to be finished.
    """
    is_reserved = and_(
        Assignment.submitted_at.is_(None), Assignment.person_id.is_not(None), Assignment.reserved_until > now
    )
    assignments = select(
        Assignment.campaign_id,
        func.count(func.distinct(Assignment.task_id)),
        func.count(),
        func.count(Assignment.submitted_at),
        func.count().filter(is_reserved),
    )
    assignments = (
        assignments.join(Campaign, Campaign.id == Assignment.campaign_id)
        .where(judgements.is_assignment_to_complete())
        .group_by(Assignment.campaign_id)
    )
    # Judges whom an import does not name are as many as their judgements.
    judges = func.count(func.distinct(Annotation.annotator)) + func.count().filter(Annotation.annotator.is_(None))
    people = select(Annotation.campaign_id, judges).join(Campaign, Campaign.id == Annotation.campaign_id)
    people = people.where(judgements.count_for(PROGRESS)).group_by(Annotation.campaign_id)
    if campaign_id is not None:
        assignments = assignments.where(Assignment.campaign_id == campaign_id)
        people = people.where(Annotation.campaign_id == campaign_id)
    workers = {row[0]: row[1] for row in session.execute(people)}
    return {
        campaign: Progress(tasks, total, submitted, reserved, workers.get(campaign, 0))
        for campaign, tasks, total, submitted, reserved in session.execute(assignments)
    }


def measuring(session: Session) -> set[int]:
    """The campaigns in which labelers meet hidden gold or repetitions, or have met some."""
    planned = select(Calibration.campaign_id).where(Calibration.percent > 0)
    assigned = select(Assignment.campaign_id).join(ExtraAssignment, ExtraAssignment.assignment_id == Assignment.id)
    assigned = assigned.where(ExtraAssignment.use.in_(judgements.MEASURING)).distinct()
    return {*session.scalars(planned), *session.scalars(assigned)}


def annotation_counts(session: Session) -> dict[int, int]:
    """Annotations by campaign: of work those that count, of a bank those of researchers' assignments.

    Imported campaigns have no assignments but do have these.
    """
    query = select(Annotation.campaign_id, func.count()).join(Campaign, Campaign.id == Annotation.campaign_id)
    query = query.where(judgements.count_for(PROGRESS)).group_by(Annotation.campaign_id)
    return {row[0]: row[1] for row in session.execute(query)}
