"""SQL of the consensus, beside what people said, which ``app.judgements.reading`` reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.judgements import queries as judgements
from app.judgements.rules import TRAINING
from app.models import Annotation, Campaign, Person, Task, TaskCandidate
from app.quality.consensus.rules import Scope, wanted


@dataclass(frozen=True)
class Version:
    """By what it can be told that rankings have come, gone or been corrected."""

    count: int
    newest: int | None
    submitted_at: datetime | None
    corrected_at: datetime | None


def version(session: Session, scope: Scope) -> Version:
    columns = (
        func.count(Annotation.id),
        func.max(Annotation.id),
        func.max(Annotation.submitted_at),
        func.max(Annotation.corrected_at),
    )
    return Version(*session.execute(judgements.among(select(*columns), wanted(scope))).one())


def campaigns(session: Session, instrument: str) -> Sequence[Campaign]:
    """Campaigns whose orders go by something, that somebody has worked for, newest first; no banks."""
    worked = select(Annotation.campaign_id)
    return session.scalars(
        select(Campaign)
        .where(judgements.goes_by(instrument), judgements.is_work(), Campaign.id.in_(worked))
        .order_by(Campaign.id.desc())
    ).all()


def tasks(session: Session, ids: Sequence[int]) -> dict[int, Task]:
    """Some tasks with prompts, campaigns and answers."""
    rows = session.scalars(
        select(Task)
        .where(Task.id.in_(ids))
        .options(
            joinedload(Task.prompt),
            joinedload(Task.campaign),
            selectinload(Task.answers).joinedload(TaskCandidate.candidate),
        )
    )
    return {task.id: task for task in rows}


def rankings_of(session: Session, task_ids: Sequence[int]) -> dict[int, list[Annotation]]:
    """What counts of the annotations of some tasks, with their ranks, ratings and flags, oldest first."""
    by_task: dict[int, list[Annotation]] = {}
    rows = session.scalars(
        select(Annotation)
        .join(Campaign, Campaign.id == Annotation.campaign_id)
        .where(Annotation.task_id.in_(task_ids), judgements.count_for(TRAINING))
        .order_by(Annotation.id)
        .options(selectinload(Annotation.ranks), selectinload(Annotation.ratings), selectinload(Annotation.flags))
    )
    for annotation in rows:
        by_task.setdefault(annotation.task_id, []).append(annotation)
    return by_task


def groups(session: Session) -> dict[str, str]:
    """Labeler group by annotator: of the person who works here, or as an import told."""
    query = (
        select(Annotation.annotator, func.max(judgements.group()))
        .outerjoin(Person, Person.id == Annotation.person_id)
        .group_by(Annotation.annotator)
    )
    return {annotator: group for annotator, group in session.execute(query) if annotator and group}
