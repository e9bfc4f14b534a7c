"""SQL of freezing: the ids of what the filters take first, then the rows in that order, a few hundred at a time.

Looking for the rows of each page anew, by filters and joins, would leave it to the engine whether a page costs as
much as the whole; rows that are fetched by their ids cost what they are.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from app.judgements import queries as judgements
from app.judgements.rules import TRAINING, Wanted
from app.material.schemas.rules import FARTHEST_STEP
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
    WrittenText,
)
from app.quality.consensus.rules import wanted
from app.training.snapshots.rules import Filters

CHUNK = 400
OF_CANDIDATE = (
    *(Candidate.id, Candidate.text),
    *(Candidate.origin, Candidate.detail, Candidate.sampling, Candidate.seed),
)
AnySelect = Select[*tuple[Any, ...]]


@dataclass(frozen=True)
class RankedAnswer:
    """``source`` is what the answer's file said made it, else its origin; ``detail`` what else is known of it."""

    candidate_id: int
    text: str
    source: str
    rank: int
    likert: int | None
    flags: list[str]
    scores: dict[str, int]
    detail: dict[str, Any]


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
    prompt_scores: dict[str, int]


def pool(session: Session) -> Iterator[tuple[int, str, str, str | None, list[Any], dict[str, Any]]]:
    """What tells which prompts belong together, of all prompts: a split must not hang on what else a snapshot takes."""
    columns = (Prompt.id, Prompt.fingerprint, Prompt.source, Prompt.user_key, Prompt.messages, Prompt.detail)
    for ids in _pages(session, select(Prompt.id).order_by(Prompt.id)):
        yield from session.execute(select(*columns).where(Prompt.id.in_(ids)).order_by(Prompt.id))


def prompts(session: Session, filters: Filters) -> Iterator[Prompt]:
    for ids in _pages(session, _prompts(select(Prompt.id), filters).order_by(Prompt.id)):
        yield from session.scalars(select(Prompt).where(Prompt.id.in_(ids)).order_by(Prompt.id))


def demonstrations(session: Session, filters: Filters) -> Iterator[tuple[Demonstration, Prompt]]:
    rows = select(Demonstration, Prompt).join(Prompt, Prompt.id == Demonstration.prompt_id).order_by(Demonstration.id)
    for ids in _pages(session, _demonstrations(select(Demonstration.id), filters).order_by(Demonstration.id)):
        rows_of_page = session.execute(rows.where(Demonstration.id.in_(ids)))
        yield from ((demonstration, prompt) for demonstration, prompt in rows_of_page)


def ranked_prompts(session: Session, filters: Filters, *, by_task: bool = False) -> Iterator[RankedPrompt]:
    """Annotations with a ranking, oldest first, or task by task; answers by candidate id."""
    order = (Annotation.task_id, Annotation.id) if by_task else (Annotation.id,)
    rows = _with_prompts(select(Annotation, Campaign, Prompt, Person.labeler_group))
    rows = rows.outerjoin(Person, Person.id == Annotation.person_id).order_by(*order)
    for ids in _pages(session, _annotations(select(Annotation.id), filters).order_by(*order)):
        scores, use_cases = _scores(session, ids), _own_use_cases(session, ids)
        answers = _answers(session, ids, scores)
        for annotation, campaign, prompt, group_of_person in session.execute(rows.where(Annotation.id.in_(ids))):
            group = annotation.labeler_group if annotation.person_id is None else group_of_person
            use_case = use_cases.get(annotation.id, prompt.use_case)
            of_prompt = scores.get((annotation.id, None), {})
            yield RankedPrompt(annotation, campaign, prompt, answers.get(annotation.id, []), use_case, group, of_prompt)


def _own_use_cases(session: Session, annotation_ids: list[int]) -> dict[int, str]:
    """The use case that a labeler chose for the prompt, by annotation."""
    chosen = select(Flag.annotation_id, Flag.value).where(
        _among(Flag.annotation_id, annotation_ids), Flag.candidate_id.is_(None), Flag.name == "use_case"
    )
    return {annotation_id: value for annotation_id, value in session.execute(chosen)}  # noqa: C416


def _scores(session: Session, annotation_ids: list[int]) -> dict[tuple[int, int | None], dict[str, int]]:
    """What was given on scales, by annotation and answer (None: the prompt).

    The value of a flag is a number on scales alone: an option of a choice begins with a letter.
    """
    numbers = [str(step) for step in range(-FARTHEST_STEP, FARTHEST_STEP + 1)]
    query = select(Flag.annotation_id, Flag.candidate_id, Flag.name, Flag.value).where(
        _among(Flag.annotation_id, annotation_ids), Flag.value.in_(numbers)
    )
    by_answer: dict[tuple[int, int | None], dict[str, int]] = {}
    for annotation_id, candidate_id, name, value in session.execute(query.order_by(Flag.name)):
        by_answer.setdefault((annotation_id, candidate_id), {})[name] = int(value)
    return by_answer


def _answers(
    session: Session, annotation_ids: list[int], scores: Mapping[tuple[int, int | None], dict[str, int]]
) -> dict[int, list[RankedAnswer]]:
    flags: dict[tuple[int, int], list[str]] = {}
    marked = select(Flag.annotation_id, Flag.candidate_id, Flag.name).where(
        _among(Flag.annotation_id, annotation_ids), Flag.candidate_id.is_not(None), Flag.value == "yes"
    )
    for annotation_id, candidate_id, name in session.execute(marked.order_by(Flag.name)):
        flags.setdefault((annotation_id, candidate_id or 0), []).append(name)
    rows = session.execute(
        select(Ranking.annotation_id, Ranking.rank, Rating.likert, *OF_CANDIDATE)
        .join(Candidate, Candidate.id == Ranking.candidate_id)
        .outerjoin(
            Rating,
            and_(Rating.annotation_id == Ranking.annotation_id, Rating.candidate_id == Ranking.candidate_id),
        )
        .where(_among(Ranking.annotation_id, annotation_ids))
        .order_by(Ranking.annotation_id, Ranking.candidate_id)
    )
    by_annotation: dict[int, list[RankedAnswer]] = {}
    for annotation_id, rank, likert, candidate_id, text, *made in rows:
        of_answer = (annotation_id, candidate_id)
        judged = (flags.get(of_answer, []), scores.get(of_answer, {}))
        source, detail = _known_of(*made)
        answer = RankedAnswer(candidate_id, text, source, rank, likert, *judged, detail)
        by_annotation.setdefault(annotation_id, []).append(answer)
    return by_annotation


def _known_of(
    origin: str, told: dict[str, Any], sampling: dict[str, Any], seed: int | None
) -> tuple[str, dict[str, Any]]:
    """Who made an answer, and how, as far as it is known: what a file told, or how a model of ours drew it."""
    drawn = {"sampling": sampling or None, "seed": seed}
    detail = told | {key: value for key, value in drawn.items() if value is not None}
    return str(detail.pop("source", origin)), detail


def _among(column: Any, ids: list[int]) -> Any:
    """The column is one of some ids.

    The bounds say nothing new, but PostgreSQL, which has no statistics yet after a large import, takes a list for
    much and reads the whole table for each page; of a range it expects little and uses the index.
    """
    return and_(column.between(min(ids), max(ids)), column.in_(ids))


def _pages(session: Session, ids: Select[int]) -> Iterator[list[int]]:
    """The ids that a query finds, ``CHUNK`` at a time; all of them are held, in 8 bytes each."""
    found_ids = array("q", session.scalars(ids))
    for start in range(0, len(found_ids), CHUNK):
        yield found_ids[start : start + CHUNK].tolist()


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
    """Rankings of the kind that is asked for; imported labels are annotations too, but rank nothing."""
    return judgements.among(query.select_from(Annotation), wanted(filters.scope)).where(judgements.is_ranking())


def _with_prompts(query: AnySelect) -> AnySelect:
    """A query about annotations, each with its campaign and prompt."""
    return (
        query.select_from(Annotation)
        .join(Campaign, Campaign.id == Annotation.campaign_id)
        .join(Task, Task.id == Annotation.task_id)
        .join(Prompt, Prompt.id == Task.prompt_id)
    )


def _taken(filters: Filters) -> Any:
    """What counts, in campaigns that the filters take."""
    return and_(*judgements.conditions(Wanted(TRAINING, phases=filters.phases, campaigns=filters.campaigns)))


def _waiting(query: AnySelect, filters: Filters) -> AnySelect:
    """Texts that wait for a reviewer or, sent back, for their author."""
    newer = aliased(WrittenText)
    is_newest = ~exists().where(newer.annotation_id == WrittenText.annotation_id, newer.number > WrittenText.number)
    return (
        query.select_from(WrittenText)
        .join(Annotation, Annotation.id == WrittenText.annotation_id)
        .join(Campaign, Campaign.id == Annotation.campaign_id)
        .where(WrittenText.state.in_(("waiting", "sent_back")), is_newest, _taken(filters))
    )


def counts(session: Session, filters: Filters) -> dict[str, int]:
    """How many prompts, demonstrations and rankings would be taken, before answers are counted.

    Under ``waiting`` stands how many texts of these campaigns are not taken because nobody has accepted them yet.
    """
    queries = {
        "prompts": _prompts(select(func.count(Prompt.id)), filters),
        "demonstrations": _demonstrations(select(func.count(Demonstration.id)), filters),
        "rankings": _annotations(select(func.count(Annotation.id)), filters),
        "waiting": _waiting(select(func.count(WrittenText.id)), filters),
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
    """All campaigns that a snapshot can take, with the number of their annotations, newest first."""
    rows = session.execute(
        select(Campaign, func.count(Annotation.id))
        .outerjoin(Annotation, and_(Annotation.campaign_id == Campaign.id, judgements.count_for(TRAINING)))
        .where(judgements.is_work())
        .group_by(Campaign.id)
        .order_by(Campaign.id.desc())
    )
    return [(campaign, count) for campaign, count in rows]


def campaign_ids(session: Session) -> dict[str, int]:
    rows = session.execute(select(Campaign.name, Campaign.id).where(judgements.is_work()))
    return {name: id_ for name, id_ in rows}  # noqa: C416


def sources(session: Session) -> Sequence[str]:
    return session.scalars(select(Prompt.source).distinct().order_by(Prompt.source)).all()


def snapshot_of_digest(session: Session, digest: str) -> Snapshot | None:
    return session.scalar(select(Snapshot).where(Snapshot.digest == digest).order_by(Snapshot.id).limit(1))
