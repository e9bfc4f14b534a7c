"""SQL of the pool: what is known already, batched inserts, and counted pages."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, String, and_, cast, exists, func, select
from sqlalchemy.orm import Session, selectinload

from app.instruments import QUALITY
from app.judgements import queries as judgements
from app.judgements.rules import COUNTING, Wanted
from app.material.prompts import rules
from app.models import (
    Annotation,
    Campaign,
    Candidate,
    Demonstration,
    Flag,
    Prompt,
    Task,
)

CHUNK = 500  # values in one IN list; SQLite's floor for bound parameters is 999
T = TypeVar("T")


def chunks(values: Iterable[T]) -> Iterator[list[T]]:
    known = list(values)
    for start in range(0, len(known), CHUNK):
        yield known[start : start + CHUNK]


def prompt_ids(session: Session, fingerprints: Iterable[str]) -> dict[str, int]:
    ids: dict[str, int] = {}
    for chunk in chunks(fingerprints):
        rows = session.execute(select(Prompt.fingerprint, Prompt.id).where(Prompt.fingerprint.in_(chunk)))
        ids.update((fingerprint, id_) for fingerprint, id_ in rows)
    return ids


def pool(
    session: Session, search: str, source: str, use_case: str, sensitive: str = "", *, limit: int, offset: int
) -> Sequence[Prompt]:
    query = _filtered(select(Prompt), search, source, use_case, sensitive)
    return session.scalars(query.order_by(Prompt.id.desc()).limit(limit).offset(offset)).all()


def pool_size(session: Session, search: str, source: str, use_case: str, sensitive: str = "") -> int:
    return session.scalar(_filtered(select(func.count(Prompt.id)), search, source, use_case, sensitive)) or 0


def _filtered(query: Select[Any], search: str, source: str, use_case: str, sensitive: str) -> Select[Any]:
    if sensitive == "marked":
        query = query.where(Prompt.sensitive.is_(True))
    elif sensitive == "suggested":
        query = query.where(_is_suggested())
    if source:
        query = query.where(Prompt.source == source)
    if use_case:
        query = query.where(Prompt.use_case.is_(None) if use_case == "none" else Prompt.use_case == use_case)
    if search:
        # Messages are stored as JSON, where quotes, line ends and all but ASCII are escaped.
        written = json.dumps(search)[1:-1]
        query = query.where(cast(Prompt.messages, String).icontains(written, autoescape=True))
    return query


def _is_suggested() -> ColumnElement[bool]:
    """Labelers say that the prompt asks for what the mark warns of, and nobody has decided on the mark."""
    labelled = exists().where(
        Task.prompt_id == Prompt.id,
        Annotation.task_id == Task.id,
        Campaign.id == Annotation.campaign_id,
        judgements.count_for(COUNTING),
        *_warning_labels(),
    )
    return and_(Prompt.sensitive.is_(None), labelled)


def _warning_labels() -> tuple[ColumnElement[bool], ...]:
    return (
        Flag.annotation_id == Annotation.id,
        Flag.candidate_id.is_(None),
        Flag.name.in_(rules.SENSITIVE_LABELS),
        Flag.value == "yes",
    )


def warnings_of(session: Session, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """By prompt: how many people gave it each of the labels that suggest the mark "sensitive"."""
    by_prompt: dict[int, dict[str, int]] = {}
    # Judges whom an import does not name are as many as their labels.
    judges = func.count(func.distinct(Annotation.annotator)) + func.count().filter(Annotation.annotator.is_(None))
    query = (
        select(Task.prompt_id, Flag.name, judges)
        .select_from(Flag)
        .join(Annotation, Annotation.id == Flag.annotation_id)
        .join(Task, Task.id == Annotation.task_id)
        .join(Campaign, Campaign.id == Annotation.campaign_id)
        .where(Task.prompt_id.in_(ids), judgements.count_for(COUNTING), *_warning_labels())
        .group_by(Task.prompt_id, Flag.name)
        .order_by(Task.prompt_id, Flag.name)
    )
    for prompt_id, name, people in session.execute(query):
        if prompt_id is not None:
            by_prompt.setdefault(prompt_id, {})[name] = people
    return by_prompt


def counts_by_prompt(session: Session, ids: Sequence[int]) -> dict[int, tuple[int, int, int]]:
    """Candidates, rankings and demonstrations of some prompts, in three counted queries."""
    candidates = _counted(session, select(Candidate.prompt_id, func.count()).where(Candidate.prompt_id.in_(ids)))
    rankings = _counted(
        session,
        select(Task.prompt_id, func.count())
        .join(Annotation, Annotation.task_id == Task.id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .where(Task.prompt_id.in_(ids), *_rankings()),
    )
    demonstrations = _counted(
        session, select(Demonstration.prompt_id, func.count()).where(Demonstration.prompt_id.in_(ids))
    )
    return {id_: (candidates.get(id_, 0), rankings.get(id_, 0), demonstrations.get(id_, 0)) for id_ in ids}


def _rankings() -> tuple[ColumnElement[bool], ...]:
    """What counts of rankings by quality. Needs ``Campaign``."""
    return (*judgements.conditions(Wanted(COUNTING, criterion=QUALITY.name)), judgements.is_ranking())


def _counted(session: Session, query: Select[int, int] | Select[int | None, int]) -> dict[int, int]:
    rows = session.execute(query.group_by(query.selected_columns[0]))
    return {id_: count for id_, count in rows if id_ is not None}


def sources(session: Session) -> Sequence[str]:
    return session.scalars(select(Prompt.source).distinct().order_by(Prompt.source)).all()


def prompt_by_id(session: Session, prompt_id: int) -> Prompt | None:
    return session.get(Prompt, prompt_id)


def candidates_of(session: Session, prompt_id: int, limit: int) -> Sequence[Candidate]:
    return session.scalars(
        select(Candidate).where(Candidate.prompt_id == prompt_id).order_by(Candidate.id).limit(limit)
    ).all()


def rankings_of(session: Session, prompt_id: int, limit: int) -> Sequence[tuple[Annotation, Campaign]]:
    """What counts of the rankings on a prompt, newest first, their ranks loaded with them."""
    rows = session.execute(
        select(Annotation, Campaign)
        .join(Task, Task.id == Annotation.task_id)
        .join(Campaign, Campaign.id == Annotation.campaign_id)
        .where(
            Task.prompt_id == prompt_id,
            judgements.goes_by(QUALITY.name),
            judgements.count_for(COUNTING),
            judgements.is_ranking(),
        )
        .options(selectinload(Annotation.ranks))
        .order_by(Annotation.id.desc())
        .limit(limit)
    )
    return [(annotation, campaign) for annotation, campaign in rows]


def demonstrations_of(session: Session, prompt_id: int, limit: int) -> Sequence[Demonstration]:
    return session.scalars(
        select(Demonstration).where(Demonstration.prompt_id == prompt_id).order_by(Demonstration.id).limit(limit)
    ).all()


def candidate_ids_of(session: Session, prompt_id: int) -> Sequence[int]:
    return session.scalars(select(Candidate.id).where(Candidate.prompt_id == prompt_id).order_by(Candidate.id)).all()
