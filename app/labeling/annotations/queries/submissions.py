"""Tasks with their answers, drafts, and what a person has submitted."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.models import (
    Annotation,
    AnnotationVersion,
    Campaign,
    Draft,
    Skip,
    Task,
    TaskCandidate,
)


def draft_for(session: Session, person_id: int, task_id: int, *, lock: bool = False) -> Draft | None:
    query = select(Draft).where(Draft.task_id == task_id, Draft.person_id == person_id)
    return session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)


def skip_of(session: Session, person_id: int, task_id: int) -> Skip | None:
    return session.scalar(select(Skip).where(Skip.task_id == task_id, Skip.person_id == person_id))


def annotation_for(session: Session, person_id: int, task_id: int, *, lock: bool = False) -> Annotation | None:
    query = select(Annotation).where(Annotation.task_id == task_id, Annotation.person_id == person_id)
    return session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)


def versions_of(session: Session, annotation_id: int) -> int:
    """How many earlier states of an annotation are kept."""
    query = select(func.count()).where(AnnotationVersion.annotation_id == annotation_id)
    return session.scalar(query) or 0


def submitted_since(session: Session, person_id: int, since: datetime) -> Sequence[Annotation]:
    """What a person has submitted, the newest first, with task, prompt and campaign."""
    return session.scalars(
        select(Annotation)
        .where(Annotation.person_id == person_id, Annotation.submitted_at >= since)
        .order_by(Annotation.submitted_at.desc(), Annotation.id.desc())
        .options(joinedload(Annotation.task).options(joinedload(Task.campaign), joinedload(Task.prompt)))
    ).all()


def task_with_answers(session: Session, task_id: int) -> Task | None:
    return session.scalar(
        select(Task)
        .where(Task.id == task_id)
        .options(
            joinedload(Task.campaign).joinedload(Campaign.schema_version),
            joinedload(Task.prompt),
            joinedload(Task.scenario),
            selectinload(Task.answers).joinedload(TaskCandidate.candidate),
        )
    )


def candidate_ids_of(session: Session, task_id: int) -> list[int]:
    query = select(TaskCandidate.candidate_id).where(TaskCandidate.task_id == task_id)
    return list(session.scalars(query.order_by(TaskCandidate.position)))


def annotated_since(session: Session, person_id: int, since: datetime, campaign_id: int | None = None) -> int:
    query = select(func.count()).where(Annotation.person_id == person_id, Annotation.submitted_at >= since)
    return session.scalar(query if campaign_id is None else query.where(Annotation.campaign_id == campaign_id)) or 0
