"""SQL of the report, beside what people said, which ``app.judgements.reading`` reads."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.instruments import kinds
from app.models import (
    Annotation,
    AnnotationVersion,
    Campaign,
    Flag,
    LabelSchemaVersion,
    Person,
    Prompt,
)


def campaigns(session: Session) -> list[tuple[int, str, str, bool]]:
    """(id, name, phase, imported) of all campaigns in which something is judged, newest first."""
    query = select(Campaign.id, Campaign.name, Campaign.phase, Campaign.imported)
    query = query.where(Campaign.kind.in_(kinds(lambda each: not each.written))).order_by(Campaign.id.desc())
    return [(id_, name, phase, imported) for id_, name, phase, imported in session.execute(query)]


def schemas(session: Session, version_ids: Iterable[int]) -> list[dict[str, Any]]:
    """The questions of some versions of label schemas, oldest first."""
    query = select(LabelSchemaVersion.content).where(LabelSchemaVersion.id.in_(list(version_ids)))
    return list(session.scalars(query.order_by(LabelSchemaVersion.id)))


def groups(session: Session) -> list[str]:
    """All labeler groups, of people and of imported work."""
    of_people = select(Person.labeler_group).distinct().where(Person.labeler_group.is_not(None))
    of_work = select(Annotation.labeler_group).distinct().where(Annotation.labeler_group.is_not(None))
    return sorted({group for query in (of_people, of_work) for group in session.scalars(query) if group})


def languages(session: Session) -> list[str]:
    """All languages that prompts are marked with."""
    query = select(Prompt.language).distinct().where(Prompt.language.is_not(None))
    return sorted(language for language in session.scalars(query) if language)


def use_cases(session: Session) -> list[str]:
    """All use cases that prompts are marked with or that labelers chose."""
    marked = select(Prompt.use_case).distinct().where(Prompt.use_case.is_not(None))
    chosen = select(Flag.value).distinct().where(Flag.candidate_id.is_(None), Flag.name == "use_case")
    return sorted({case for query in (marked, chosen) for case in session.scalars(query) if case})


def version(session: Session) -> tuple[Any, ...]:
    """Equal for as long as no report can have changed: nothing was submitted, corrected or imported, nobody moved.

    The number of annotations is part of it because on PostgreSQL a lower id may become visible after a higher one.
    """
    work = session.execute(select(func.max(Annotation.id), func.count(Annotation.id))).one()
    corrections = session.scalar(select(func.max(AnnotationVersion.id)))
    people = session.execute(select(Person.id, Person.role, Person.labeler_group).order_by(Person.id))
    return (*work, corrections, hash(tuple(tuple(row) for row in people)))
