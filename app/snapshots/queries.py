"""SQL of freezing: rows stream in the order of their ids, a few hundred at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from app.models import (
    Annotation,
    Campaign,
    Candidate,
    Demonstration,
    Flag,
    Person,
    Prompt,
    Ranking,
    Rating,
    Snapshot,
    Task,
)
from app.snapshots.rules import Filters

CHUNK = 400
AnySelect = Select[*tuple[Any, ...]]


@dataclass(frozen=True)
class RankedAnswer:
    candidate_id: int
    text: str
    origin: str
    rank: int
    likert: int | None
    flags: list[str]


@dataclass(frozen=True)
class RankedPrompt:
    """One annotation with all that a snapshot says about it.

    ``use_case`` is the labeler's own tag, else the prompt's; ``labeler_group`` the one that the person is in now,
    or that an import told.
    """

    annotation: Annotation
    campaign: Campaign
    prompt: Prompt
    answers: list[RankedAnswer]
    use_case: str | None
    labeler_group: str | None


def prompts(session: Session, filters: Filters) -> Iterator[Prompt]:
    yield from (prompt for (prompt,) in _stream(session, _prompts(select(Prompt), filters), Prompt.id))


def demonstrations(session: Session, filters: Filters) -> Iterator[tuple[Demonstration, Prompt]]:
    query = _demonstrations(select(Demonstration, Prompt), filters)
    yield from ((demonstration, prompt) for demonstration, prompt in _stream(session, query, Demonstration.id))


def ranked_prompts(session: Session, filters: Filters) -> Iterator[RankedPrompt]:
    """Annotations with a ranking, oldest first; answers by candidate id."""
    query = _annotations(select(Annotation, Campaign, Prompt, Person.labeler_group), filters)
    query = query.outerjoin(Person, Person.id == Annotation.person_id)
    for some in _chunks(session, query, Annotation.id):
        ids = [annotation.id for annotation, *_ in some]
        answers, use_cases = _answers(session, ids), _own_use_cases(session, ids)
        for annotation, campaign, prompt, group_of_person in some:
            group = annotation.labeler_group if annotation.person_id is None else group_of_person
            use_case = use_cases.get(annotation.id, prompt.use_case)
            yield RankedPrompt(annotation, campaign, prompt, answers.get(annotation.id, []), use_case, group)


def _own_use_cases(session: Session, annotation_ids: list[int]) -> dict[int, str]:
    """The use case that a labeler chose for the prompt, by annotation."""
    chosen = select(Flag.annotation_id, Flag.value).where(
        Flag.annotation_id.in_(annotation_ids), Flag.candidate_id.is_(None), Flag.name == "use_case"
    )
    return {annotation_id: value for annotation_id, value in session.execute(chosen)}  # noqa: C416


def _answers(session: Session, annotation_ids: list[int]) -> dict[int, list[RankedAnswer]]:
    flags: dict[tuple[int, int], list[str]] = {}
    marked = select(Flag.annotation_id, Flag.candidate_id, Flag.name).where(
        Flag.annotation_id.in_(annotation_ids), Flag.candidate_id.is_not(None), Flag.value == "yes"
    )
    for annotation_id, candidate_id, name in session.execute(marked.order_by(Flag.name)):
        flags.setdefault((annotation_id, candidate_id or 0), []).append(name)
    rows = session.execute(
        select(Ranking.annotation_id, Candidate.id, Candidate.text, Candidate.origin, Ranking.rank, Rating.likert)
        .join(Candidate, Candidate.id == Ranking.candidate_id)
        .outerjoin(
            Rating,
            and_(Rating.annotation_id == Ranking.annotation_id, Rating.candidate_id == Ranking.candidate_id),
        )
        .where(Ranking.annotation_id.in_(annotation_ids))
        .order_by(Ranking.annotation_id, Ranking.candidate_id)
    )
    found: dict[int, list[RankedAnswer]] = {}
    for annotation_id, candidate_id, text, origin, rank, likert in rows:
        answer = RankedAnswer(candidate_id, text, origin, rank, likert, flags.get((annotation_id, candidate_id), []))
        found.setdefault(annotation_id, []).append(answer)
    return found


def _stream(session: Session, query: AnySelect, id_: Any) -> Iterator[Any]:
    for some in _chunks(session, query, id_):
        yield from some


def _chunks(session: Session, query: AnySelect, id_: Any) -> Iterator[Sequence[Any]]:
    """Pages by id rather than by offset, so that the last page costs what the first one does."""
    last = 0
    while some := session.execute(query.where(id_ > last).order_by(id_).limit(CHUNK)).all():
        last = some[-1][0].id
        yield some


def _prompts(query: AnySelect, filters: Filters) -> AnySelect:
    return query.where(Prompt.source.in_(filters.sources)) if filters.sources else query


def _demonstrations(query: AnySelect, filters: Filters) -> AnySelect:
    """Written here, in a campaign and phase that the filters take; or imported, which no campaign covers."""
    query = (
        query.select_from(Demonstration)
        .join(Prompt, Prompt.id == Demonstration.prompt_id)
        .outerjoin(Annotation, Annotation.id == Demonstration.annotation_id)
        .outerjoin(Campaign, Campaign.id == Annotation.campaign_id)
    )
    return _prompts(query.where(or_(Demonstration.annotation_id.is_(None), _taken(filters))), filters)


def _annotations(query: AnySelect, filters: Filters) -> AnySelect:
    query = (
        query.select_from(Annotation)
        .join(Campaign, Campaign.id == Annotation.campaign_id)
        .join(Task, Task.id == Annotation.task_id)
        .join(Prompt, Prompt.id == Task.prompt_id)
    )
    return _prompts(query.where(Campaign.kind == "ranking", _taken(filters)), filters)


def _taken(filters: Filters) -> Any:
    phases = Campaign.phase.in_(filters.phases)
    return and_(phases, Campaign.id.in_(filters.campaigns)) if filters.campaigns else phases


def counts(session: Session, filters: Filters) -> dict[str, int]:
    """How many prompts, demonstrations and rankings would be taken, before answers are counted."""
    queries = {
        "prompts": _prompts(select(func.count(Prompt.id)), filters),
        "demonstrations": _demonstrations(select(func.count(Demonstration.id)), filters),
        "rankings": _annotations(select(func.count(Annotation.id)), filters),
    }
    return {name: session.scalar(query) or 0 for name, query in queries.items()}


def snapshots(session: Session) -> Sequence[Snapshot]:
    """All snapshots, newest first."""
    return session.scalars(select(Snapshot).order_by(Snapshot.id.desc())).all()


def snapshot_by_id(session: Session, snapshot_id: int) -> Snapshot | None:
    return session.get(Snapshot, snapshot_id)


def snapshot_named(session: Session, name: str) -> Snapshot | None:
    return session.scalar(select(Snapshot).where(Snapshot.name == name))


def campaigns(session: Session) -> Sequence[tuple[Campaign, int]]:
    """All campaigns with the number of their annotations, newest first."""
    rows = session.execute(
        select(Campaign, func.count(Annotation.id))
        .outerjoin(Annotation, Annotation.campaign_id == Campaign.id)
        .group_by(Campaign.id)
        .order_by(Campaign.id.desc())
    )
    return [(campaign, count) for campaign, count in rows]


def campaign_ids(session: Session) -> dict[str, int]:
    return {name: id_ for name, id_ in session.execute(select(Campaign.name, Campaign.id))}  # noqa: C416


def sources(session: Session) -> Sequence[str]:
    return session.scalars(select(Prompt.source).distinct().order_by(Prompt.source)).all()


def snapshot_of_digest(session: Session, digest: str) -> Snapshot | None:
    return session.scalar(select(Snapshot).where(Snapshot.digest == digest).order_by(Snapshot.id).limit(1))
