from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.labeling.my_work.rules import Piece, active_total
from app.models import (
    Annotation,
    AnnotationVersion,
    Campaign,
    LabelSchemaVersion,
    Skip,
    Task,
    TaskCandidate,
    WrittenText,
)

AnySelect = Select[*tuple[Any, ...]]


@dataclass(frozen=True)
class Filters:
    """Which of a person's submissions: of one campaign, from a moment on, before a moment."""

    campaign_id: int | None = None
    since: datetime | None = None
    before: datetime | None = None


def _own(query: AnySelect, person_id: int, filters: Filters) -> AnySelect:
    query = query.where(Annotation.person_id == person_id)
    if filters.campaign_id is not None:
        query = query.where(Annotation.campaign_id == filters.campaign_id)
    if filters.since is not None:
        query = query.where(Annotation.submitted_at >= filters.since)
    if filters.before is not None:
        query = query.where(Annotation.submitted_at < filters.before)
    return query


def submissions(
    session: Session, person_id: int, filters: Filters, *, limit: int, offset: int = 0
) -> Sequence[tuple[Annotation, Campaign]]:
    """A person's own submissions, newest first, with prompt, ranks and ratings."""
    query = (
        _own(select(Annotation, Campaign), person_id, filters)
        .join(Campaign, Campaign.id == Annotation.campaign_id)
        .order_by(Annotation.submitted_at.desc(), Annotation.id.desc())
        .limit(limit)
        .offset(offset)
        .options(
            joinedload(Annotation.task).options(joinedload(Task.prompt), joinedload(Task.scenario)),
            selectinload(Annotation.ranks),
            selectinload(Annotation.ratings),
        )
    )
    return [(annotation, campaign) for annotation, campaign in session.execute(query)]


def submission_count(session: Session, person_id: int, filters: Filters) -> int:
    return session.scalar(_own(select(func.count(Annotation.id)), person_id, filters)) or 0


def pieces(session: Session, person_id: int) -> list[Piece]:
    """Everything a person has submitted, oldest first, as far as progress and time need it."""
    query = _own(
        select(Annotation.submitted_at, Annotation.campaign_id, Annotation.seconds, Annotation.active_seconds),
        person_id,
        Filters(),
    )
    rows = session.execute(query.order_by(Annotation.submitted_at))
    return [Piece(at, campaign_id, seconds, active_total(active)) for at, campaign_id, seconds, active in rows]


def campaigns_of(session: Session, person_id: int) -> Sequence[Campaign]:
    """The campaigns for which a person has submitted something, newest first."""
    worked = select(Annotation.campaign_id).where(Annotation.person_id == person_id)
    return session.scalars(select(Campaign).where(Campaign.id.in_(worked)).order_by(Campaign.id.desc())).all()


def submission(session: Session, person_id: int, annotation_id: int) -> Annotation | None:
    """One of a person's own submissions with all that belongs to it; of somebody else's nothing."""
    return session.scalar(
        select(Annotation)
        .where(Annotation.id == annotation_id, Annotation.person_id == person_id)
        .options(
            joinedload(Annotation.task).joinedload(Task.prompt),
            joinedload(Annotation.task).joinedload(Task.campaign),
            joinedload(Annotation.task).selectinload(Task.answers).joinedload(TaskCandidate.candidate),
            selectinload(Annotation.ranks),
            selectinload(Annotation.ratings),
            selectinload(Annotation.flags),
        )
    )


def schema_version(session: Session, version_id: int) -> LabelSchemaVersion | None:
    return session.get(LabelSchemaVersion, version_id)


def texts_of(session: Session, annotation_ids: Sequence[int]) -> dict[int, list[WrittenText]]:
    """Every version of what was written, oldest first, by submission."""
    by_annotation: dict[int, list[WrittenText]] = {}
    query = select(WrittenText).where(WrittenText.annotation_id.in_(annotation_ids))
    for text in session.scalars(query.order_by(WrittenText.annotation_id, WrittenText.number)):
        by_annotation.setdefault(text.annotation_id, []).append(text)
    return by_annotation


def versions_of(session: Session, annotation_id: int) -> Sequence[AnnotationVersion]:
    """What a submission said before each correction, the newest first."""
    return session.scalars(
        select(AnnotationVersion)
        .where(AnnotationVersion.annotation_id == annotation_id)
        .order_by(AnnotationVersion.number.desc())
    ).all()


def skips(session: Session, person_id: int, limit: int) -> Sequence[Skip]:
    """A person's skips, newest first, with prompt and campaign."""
    return session.scalars(
        select(Skip)
        .where(Skip.person_id == person_id)
        .order_by(Skip.skipped_at.desc(), Skip.id.desc())
        .limit(limit)
        .options(
            joinedload(Skip.task).options(joinedload(Task.prompt), joinedload(Task.scenario), joinedload(Task.campaign))
        )
    ).all()


def skip_count(session: Session, person_id: int) -> int:
    return session.scalar(select(func.count(Skip.id)).where(Skip.person_id == person_id)) or 0
