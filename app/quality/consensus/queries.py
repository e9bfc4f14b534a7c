"""SQL of the consensus: whole columns, for there are many rankings, and each is a few numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.judgements import queries as judgements
from app.models import Annotation, Campaign, Flag, Person, Prompt, Ranking, Task, TaskCandidate
from app.quality.consensus.rules import Scope

AnySelect = Select[*tuple[Any, ...]]


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
    return Version(*session.execute(_within(select(*columns), scope)).one())


def annotations(session: Session, scope: Scope) -> Sequence[tuple[int, int, str | None, int, list[Any]]]:
    """Id, task, annotator, campaign and the order on the screen of every annotation, oldest first."""
    columns = (Annotation.id, Annotation.task_id, Annotation.annotator, Annotation.campaign_id, Annotation.shown_order)
    rows = session.execute(_within(select(*columns), scope).order_by(Annotation.id))
    return [tuple(row) for row in rows]


def ranks(session: Session, scope: Scope) -> Sequence[tuple[int, int, int]]:
    """Annotation, candidate and rank of every ranked answer."""
    columns = (Ranking.annotation_id, Ranking.candidate_id, Ranking.rank)
    rows = session.execute(
        _within(select(*columns), scope, of=Ranking.annotation_id).order_by(Ranking.annotation_id, Ranking.candidate_id)
    )
    return [tuple(row) for row in rows]


def _within(query: AnySelect, scope: Scope, of: Any = None) -> AnySelect:
    """A query about annotations, or about rows ``of`` annotations, given as their column of ids."""
    if of is not None:
        query = query.select_from(of.class_).join(Annotation, Annotation.id == of)
    query = query.join(Campaign, Campaign.id == Annotation.campaign_id).where(
        Campaign.kind == scope.instrument, judgements.counts(), Campaign.phase.in_(scope.phases)
    )
    if scope.campaigns:
        query = query.where(Campaign.id.in_(scope.campaigns))
    if scope.sources:
        query = (
            query.join(Task, Task.id == Annotation.task_id)
            .join(Prompt, Prompt.id == Task.prompt_id)
            .where(Prompt.source.in_(scope.sources))
        )
    return query


ASKED = ("yes", "no", "na")


def flags_asked(session: Session, scope: Scope) -> Sequence[tuple[int, str]]:
    """Campaign and name of every yes-or-no question about answers that somebody was asked there."""
    query = _within(select(Annotation.campaign_id, Flag.name), scope, of=Flag.annotation_id)
    asked = query.where(Flag.candidate_id.is_not(None), Flag.value.in_(ASKED)).distinct()
    return [(campaign, name) for campaign, name in session.execute(asked.order_by(Annotation.campaign_id, Flag.name))]


def flags_given(session: Session, scope: Scope) -> Sequence[tuple[int, int, str]]:
    """Annotation, candidate and name of every flag of an answer that was answered "yes"."""
    query = _within(select(Flag.annotation_id, Flag.candidate_id, Flag.name), scope, of=Flag.annotation_id)
    rows = session.execute(query.where(and_(Flag.candidate_id.is_not(None), Flag.value == "yes")))
    return [(annotation, candidate or 0, name) for annotation, candidate, name in rows]


def campaigns(session: Session, instrument: str) -> Sequence[Campaign]:
    """Campaigns of a kind that somebody has worked for, newest first; no banks."""
    worked = select(Annotation.campaign_id)
    return session.scalars(
        select(Campaign)
        .where(Campaign.kind == instrument, judgements.is_work(), Campaign.id.in_(worked))
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
    found: dict[int, list[Annotation]] = {}
    rows = session.scalars(
        select(Annotation)
        .join(Campaign, Campaign.id == Annotation.campaign_id)
        .where(Annotation.task_id.in_(task_ids), judgements.counts())
        .order_by(Annotation.id)
        .options(selectinload(Annotation.ranks), selectinload(Annotation.ratings), selectinload(Annotation.flags))
    )
    for annotation in rows:
        found.setdefault(annotation.task_id, []).append(annotation)
    return found


def groups(session: Session) -> dict[str, str]:
    """Labeler group by annotator: of the person who works here, or as an import told."""
    query = (
        select(Annotation.annotator, func.max(func.coalesce(Person.labeler_group, Annotation.labeler_group)))
        .outerjoin(Person, Person.id == Annotation.person_id)
        .group_by(Annotation.annotator)
    )
    return {annotator: group for annotator, group in session.execute(query) if annotator and group}
