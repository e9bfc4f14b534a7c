"""SQL of the watch over ongoing work, beside what people said, which ``app.judgements.reading`` reads."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from app.instruments import QUALITY
from app.judgements import queries as judgements
from app.judgements.rules import LABELER_QUALITY
from app.models import (
    AlertBound,
    AlertNote,
    Annotation,
    AnnotationVersion,
    Campaign,
    Candidate,
    GoldItem,
    Person,
    Prompt,
    Task,
)

BY_ID = 500


def fingerprints(session: Session, task_ids: Iterable[int]) -> dict[int, str]:
    """What tells which tasks have the same prompt and answers."""
    by_task: dict[int, str] = {}
    for chunk in _by(list(task_ids)):
        rows = session.execute(select(Task.id, Task.fingerprint).where(Task.id.in_(chunk)))
        by_task.update((id_, fingerprint) for id_, fingerprint in rows)
    return by_task


def gold(session: Session) -> list[tuple[str, int, Mapping[str, int]]]:
    """(fingerprint of the task, its prompt, ranks by answer) of all gold that has a ranking."""
    query = select(Task.fingerprint, Task.prompt_id, GoldItem.content).join(Task, Task.id == GoldItem.task_id)
    return [
        (fingerprint, prompt, content["ranks"])
        for fingerprint, prompt, content in session.execute(query)
        if prompt is not None and content.get("ranks")
    ]


def texts_of_answers(session: Session, ids: Iterable[int]) -> Iterator[tuple[int, str]]:
    for chunk in _by(list(ids)):
        query = select(Candidate.id, Candidate.text).where(Candidate.id.in_(chunk))
        yield from ((id_, text) for id_, text in session.execute(query))


def texts_of_prompts(session: Session, ids: Iterable[int]) -> Iterator[tuple[int, Sequence[Mapping[str, str]]]]:
    for chunk in _by(list(ids)):
        query = select(Prompt.id, Prompt.messages).where(Prompt.id.in_(chunk))
        yield from ((id_, messages) for id_, messages in session.execute(query))


def _by(ids: list[int]) -> Iterator[list[int]]:
    return (ids[start : start + BY_ID] for start in range(0, len(ids), BY_ID))


def people(session: Session) -> Sequence[Person]:
    return session.scalars(select(Person).order_by(Person.id)).all()


def person(session: Session, person_id: int) -> Person | None:
    return session.get(Person, person_id)


def campaigns(session: Session) -> list[tuple[int, str]]:
    """Those in which answers are ranked here, the newest first."""
    query = select(Campaign.id, Campaign.name).where(
        judgements.is_work(), judgements.goes_by(QUALITY.name), ~Campaign.imported
    )
    return [(id_, name) for id_, name in session.execute(query.order_by(Campaign.id.desc()))]


def longest_correction(session: Session) -> int:
    """The most minutes for which a campaign lets people correct what they ranked."""
    query = select(func.max(Campaign.correction_minutes)).where(judgements.is_work(), judgements.goes_by(QUALITY.name))
    return session.scalar(query) or 0


def bounds(session: Session) -> Mapping[str, AlertBound]:
    return {row.measure: row for row in session.scalars(select(AlertBound))}


def notes(session: Session, person_id: int | None = None) -> Sequence[AlertNote]:
    """What was said about alerts, the newest first."""
    query = select(AlertNote).order_by(AlertNote.id.desc())
    return session.scalars(query if person_id is None else query.where(AlertNote.person_id == person_id)).all()


def version(session: Session) -> tuple[Any, ...]:
    """Equal for as long as no report can have changed."""
    work = session.execute(select(func.max(Annotation.id), func.count(Annotation.id))).one()
    corrected = session.scalar(select(func.max(AnnotationVersion.id)))
    settled = session.execute(select(func.count(GoldItem.id), func.max(GoldItem.decided_at))).one()
    chosen = tuple((row.measure, row.bound) for row in session.scalars(select(AlertBound).order_by(AlertBound.measure)))
    roles = session.execute(select(Person.id, Person.role, Person.labeler_group).order_by(Person.id))
    return (*work, corrected, *settled, chosen, hash(tuple(tuple(row) for row in roles)))


def differing_from_gold(
    session: Session, person_id: int, *, closed_only: bool, limit: int, before: datetime | None = None
) -> list[tuple[Annotation, GoldItem]]:
    """A person's newest rankings of tasks that have gold; of campaigns in work only where it does no harm to tell."""
    query = (
        select(Annotation, GoldItem)
        .join(GoldItem, GoldItem.task_id == Annotation.task_id)
        .join(Campaign, Campaign.id == Annotation.campaign_id)
        .where(Annotation.person_id == person_id, judgements.count_for(LABELER_QUALITY))
        .order_by(Annotation.submitted_at.desc(), Annotation.id.desc())
        .options(
            joinedload(Annotation.task).joinedload(Task.prompt), joinedload(Annotation.task).joinedload(Task.campaign)
        )
    )
    if closed_only:
        query = query.where(Campaign.status == "closed")
    if before is not None:
        query = query.where(Annotation.submitted_at < before)
    return [(annotation, item) for annotation, item in session.execute(query.limit(limit))]
