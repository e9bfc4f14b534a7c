"""SQL of the watch over ongoing work: bare columns, for a report reads everybody's work of months."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session, aliased, joinedload

from app.judgements import queries as judgements
from app.models import (
    AlarmBound,
    AlarmNote,
    Annotation,
    AnnotationVersion,
    Campaign,
    Candidate,
    GoldItem,
    ModelVersion,
    Person,
    Prompt,
    Ranking,
    Rating,
    RepeatedTask,
    Task,
)
from app.quality.oversight.rules.bounds import Filters

AnySelect = Select[*tuple[Any, ...]]
AT_ONCE = 20_000
BY_ID = 500


@dataclass(frozen=True)
class Submission:
    """One ranking by somebody with an account; ``measures`` is ``GOLD`` or ``REPEAT`` where it is there to measure."""

    id: int
    person_id: int
    fingerprint: str
    prompt_id: int
    submitted_at: datetime
    active_seconds: Mapping[str, float] | None
    shown_order: Sequence[int]
    measures: str


def _work(query: AnySelect, filters: Filters) -> AnySelect:
    """Work on tasks whose answers are ranked, by people with an account; banks and imports are none."""
    query = query.join(Campaign, Campaign.id == Annotation.campaign_id)
    query = query.where(judgements.is_work(), Campaign.kind == "ranking", Annotation.person_id.is_not(None))
    if filters.campaign is not None:
        query = query.where(Campaign.id == filters.campaign)
    if filters.since is not None:
        query = query.where(Annotation.submitted_at >= filters.since)
    if filters.before is not None:
        query = query.where(Annotation.submitted_at < filters.before)
    return query


def submissions(session: Session, filters: Filters) -> list[Submission]:
    original = aliased(Task)  # what somebody judges a second time is a task of its own
    query = select(
        Annotation.id,
        Annotation.person_id,
        func.coalesce(original.fingerprint, Task.fingerprint),
        Task.prompt_id,
        Annotation.submitted_at,
        Annotation.active_seconds,
        Annotation.shown_order,
        case(
            (judgements.measures(judgements.GOLD), judgements.GOLD),
            (judgements.measures(judgements.REPEAT), judgements.REPEAT),
            else_="",
        ),
    ).join(Task, Task.id == Annotation.task_id)
    query = query.outerjoin(RepeatedTask, RepeatedTask.task_id == Task.id)
    query = query.outerjoin(original, original.id == RepeatedTask.original_id)
    return [Submission(*row) for row in _rows(session, _work(query, filters).order_by(Annotation.id))]


def judged_answers(session: Session, filters: Filters) -> list[tuple[int, int, int, int]]:
    """(annotation, answer, rank, rating) of every ranked answer; the rating is 0 where none was asked."""
    rating = (Rating.annotation_id == Ranking.annotation_id) & (Rating.candidate_id == Ranking.candidate_id)
    query = select(
        Ranking.annotation_id, Ranking.candidate_id, Ranking.rank, func.coalesce(Rating.likert, 0)
    ).outerjoin(Rating, rating)
    query = _work(query.join(Annotation, Annotation.id == Ranking.annotation_id), filters)
    return [(a, c, rank, likert) for a, c, rank, likert in _rows(session, query.order_by(Ranking.annotation_id))]


def _rows(session: Session, query: AnySelect) -> Iterator[Any]:
    return iter(session.execute(query.execution_options(yield_per=AT_ONCE)))


def gold(session: Session) -> list[tuple[str, int, Mapping[str, int]]]:
    """(fingerprint of the task, its prompt, ranks by answer) of all gold that has a ranking."""
    query = select(Task.fingerprint, Task.prompt_id, GoldItem.content).join(Task, Task.id == GoldItem.task_id)
    return [
        (fingerprint, prompt, content["ranks"])
        for fingerprint, prompt, content in session.execute(query)
        if prompt is not None and content.get("ranks")
    ]


def texts_of_answers(session: Session, ids: Iterable[int]) -> Iterator[tuple[int, str]]:
    for some in _by(list(ids)):
        query = select(Candidate.id, Candidate.text).where(Candidate.id.in_(some))
        yield from ((id_, text) for id_, text in session.execute(query))


def texts_of_prompts(session: Session, ids: Iterable[int]) -> Iterator[tuple[int, Sequence[Mapping[str, str]]]]:
    for some in _by(list(ids)):
        query = select(Prompt.id, Prompt.messages).where(Prompt.id.in_(some))
        yield from ((id_, messages) for id_, messages in session.execute(query))


def makers(session: Session, ids: Iterable[int]) -> dict[int, str]:
    """Who made each answer: a model of ours by its name, else the origin."""
    found: dict[int, str] = {}
    name = func.coalesce(ModelVersion.name, Candidate.origin)
    for some in _by(list(ids)):
        query = select(Candidate.id, name).outerjoin(ModelVersion, ModelVersion.id == Candidate.model_version_id)
        found.update((id_, maker) for id_, maker in session.execute(query.where(Candidate.id.in_(some))))
    return found


def _by(ids: list[int]) -> Iterator[list[int]]:
    return (ids[start : start + BY_ID] for start in range(0, len(ids), BY_ID))


def people(session: Session) -> Sequence[Person]:
    return session.scalars(select(Person).order_by(Person.id)).all()


def person(session: Session, person_id: int) -> Person | None:
    return session.get(Person, person_id)


def campaigns(session: Session) -> list[tuple[int, str]]:
    """Those in which answers are ranked here, the newest first."""
    query = select(Campaign.id, Campaign.name).where(
        judgements.is_work(), Campaign.kind == "ranking", ~Campaign.imported
    )
    return [(id_, name) for id_, name in session.execute(query.order_by(Campaign.id.desc()))]


def longest_correction(session: Session) -> int:
    """The most minutes for which a campaign lets people correct what they ranked."""
    query = select(func.max(Campaign.correction_minutes)).where(judgements.is_work(), Campaign.kind == "ranking")
    return session.scalar(query) or 0


def bounds(session: Session) -> Mapping[str, AlarmBound]:
    return {row.measure: row for row in session.scalars(select(AlarmBound))}


def notes(session: Session, person_id: int | None = None) -> Sequence[AlarmNote]:
    """What was said about alarms, the newest first."""
    query = select(AlarmNote).order_by(AlarmNote.id.desc())
    return session.scalars(query if person_id is None else query.where(AlarmNote.person_id == person_id)).all()


def version(session: Session) -> tuple[Any, ...]:
    """Equal for as long as no report can have changed."""
    work = session.execute(select(func.max(Annotation.id), func.count(Annotation.id))).one()
    corrected = session.scalar(select(func.max(AnnotationVersion.id)))
    settled = session.execute(select(func.count(GoldItem.id), func.max(GoldItem.decided_at))).one()
    chosen = tuple((row.measure, row.bound) for row in session.scalars(select(AlarmBound).order_by(AlarmBound.measure)))
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
        .where(Annotation.person_id == person_id, judgements.is_work())
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
