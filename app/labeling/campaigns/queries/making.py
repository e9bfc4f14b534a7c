"""What a new campaign can be made of: answers by their sources, and prompts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack

from sqlalchemy import Subquery, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from app.instruments import Instrument, kinds
from app.judgements import queries as judgements
from app.judgements.rules import COUNTING
from app.models import (
    Annotation,
    Campaign,
    Candidate,
    Demonstration,
    Flag,
    ModelVersion,
    Prompt,
    Task,
    TaskCandidate,
)


@dataclass(frozen=True)
class AnswerSource:
    """A model or an import that candidates come from, as the create form offers it."""

    origin: str
    name: str
    candidates: int
    prompts: int
    unused: int


class Whose(TypedDict, total=False):
    """Whose answers, and to which prompts.

    Attributes:
        origins: sources by origin (``model:3``, ``import:name``).
        model_version_ids: sources by model version.
        prompt_ids: only these prompts.
        sources: only prompts from here; empty = from everywhere.
        sensitive_only: only prompts marked as sensitive.
    """

    origins: Sequence[str]
    model_version_ids: Sequence[int]
    prompt_ids: Sequence[int] | None
    sources: Sequence[str]
    sensitive_only: bool


def candidates_of_sources(
    session: Session,
    *,
    labelled: Mapping[str, Sequence[str]] | None = None,
    unused_by: str | None,
    **whose: Unpack[Whose],
) -> Sequence[tuple[int, int, str, str]]:
    """(prompt, candidate, origin, text hash) of the answers from these sources, by prompt and age.

    Args:
        session: where they are read.
        labelled: only prompts of which somebody gave one of these labels (name -> values).
        unused_by: leave out answers that already stand in a task of a campaign of this kind.
        whose: see ``Whose``.
    """
    made_by = or_(
        Candidate.origin.in_(whose.get("origins", ())),
        Candidate.model_version_id.in_(whose.get("model_version_ids", ())),
    )
    query = (
        select(Candidate.prompt_id, Candidate.id, Candidate.origin, Candidate.text_sha256)
        .where(made_by)
        .order_by(Candidate.prompt_id, Candidate.id)
    )
    if (prompt_ids := whose.get("prompt_ids")) is not None:
        query = query.where(Candidate.prompt_id.in_(prompt_ids))
    if sources := whose.get("sources"):
        query = query.where(Candidate.prompt_id.in_(select(Prompt.id).where(Prompt.source.in_(sources))))
    if whose.get("sensitive_only"):
        query = query.where(Candidate.prompt_id.in_(select(Prompt.id).where(Prompt.sensitive.is_(True))))
    if labelled is not None:
        flags = [and_(Flag.name == name, Flag.value.in_(values)) for name, values in labelled.items()]
        somebody = (
            exists()
            .where(Task.prompt_id == Candidate.prompt_id, Annotation.task_id == Task.id)
            .where(Campaign.id == Annotation.campaign_id, judgements.count_for(COUNTING))
            .where(Flag.annotation_id == Annotation.id, Flag.candidate_id.is_(None), or_(*flags))
        )
        query = query.where(somebody)
    if unused_by:
        used = exists().where(TaskCandidate.candidate_id == Candidate.id, Task.id == TaskCandidate.task_id)
        query = query.where(~used.where(Campaign.id == Task.campaign_id, Campaign.kind == unused_by))
    return [(prompt, candidate, origin, text) for prompt, candidate, origin, text in session.execute(query)]


def answer_sources(session: Session, kind: str) -> list[AnswerSource]:
    """Where candidates come from, model versions by name, imports by theirs, and what of theirs is unused.

    Unused are answers that stand in no task of a campaign of this kind.
    """
    used = _in_tasks_of(kind)
    query = (
        select(
            Candidate.origin,
            ModelVersion.name,
            func.count(Candidate.id),
            func.count(func.distinct(Candidate.prompt_id)),
            func.count(Candidate.id).filter(used.c.candidate_id.is_(None)),
        )
        .outerjoin(used, used.c.candidate_id == Candidate.id)
        .outerjoin(ModelVersion, ModelVersion.id == Candidate.model_version_id)
        .group_by(Candidate.origin, ModelVersion.name)
        .order_by(func.max(Candidate.id).desc())
    )
    return [AnswerSource(origin, name or origin, *counts) for origin, name, *counts in session.execute(query)]


def _in_tasks_of(kind: str) -> Subquery:
    """The answers that stand in a task of a campaign of a kind, each once: a table to join, for it is read whole."""
    query = select(TaskCandidate.candidate_id).join(Task, Task.id == TaskCandidate.task_id)
    return query.join(Campaign, Campaign.id == Task.campaign_id).where(Campaign.kind == kind).distinct().subquery()


def prompts_to_judge(session: Session, kind: str, answers: int) -> tuple[int, int]:
    """How many prompts have so many different answers by all sources together: unused ones, and any."""
    used, text = _in_tasks_of(kind), func.distinct(Candidate.text_sha256)
    unused = func.count(text).filter(used.c.candidate_id.is_(None)).label("unused")
    of_prompt = (
        select(unused, func.count(text).label("all"))
        .outerjoin(used, used.c.candidate_id == Candidate.id)
        .group_by(Candidate.prompt_id)
        .subquery()
    )
    counts = [func.count().filter(of_prompt.c[name] >= answers) for name in ("unused", "all")]
    row = session.execute(select(*counts)).one()
    return row[0], row[1]


def prompt_sources(session: Session) -> list[tuple[str, int]]:
    query = select(Prompt.source, func.count()).group_by(Prompt.source).order_by(Prompt.source)
    return [(source, count) for source, count in session.execute(query)]


def _writes_answers(instrument: Instrument) -> bool:
    return instrument.written and not instrument.writes_prompts


def prompts_to_demonstrate(session: Session, sources: Sequence[str], limit: int) -> list[int]:
    """Prompts for which nobody has written an answer and nobody has been asked for one yet, oldest first."""
    written = exists().where(Demonstration.prompt_id == Prompt.id)
    asked = exists().where(
        Task.prompt_id == Prompt.id, Campaign.id == Task.campaign_id, Campaign.kind.in_(kinds(_writes_answers))
    )
    query = select(Prompt.id).where(~written, ~asked).order_by(Prompt.id).limit(limit)
    return list(session.scalars(query.where(Prompt.source.in_(sources)) if sources else query))
