"""The table of ``app.judgements.rules`` as conditions of SQL; whoever counts or takes what people said asks here.

The conditions are about the ``Annotation`` (or ``Assignment``) of the query around them. Where they name the campaign,
it has to be joined; ``Person`` only where a purpose or a group asks for somebody.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, case, cast, exists, extract, false, func, or_, select
from sqlalchemy.orm import Session

from app.instruments import kinds_by
from app.judgements.rules import (
    ACCOUNTS,
    AGAIN,
    GOLD,
    ITEM,
    LABELERS,
    MEASURES,
    TEST,
    WORK,
    Purpose,
    Wanted,
)
from app.models import (
    Annotation,
    Assignment,
    Campaign,
    Candidate,
    ExtraAssignment,
    Flag,
    ModelVersion,
    Person,
    Prompt,
    Ranking,
    Rating,
    RepeatedTask,
    Task,
)

AnySelect = Select[*tuple[Any, ...]]
USES = {GOLD: "gold", AGAIN: "repeat"}
"""What an assignment is for whose annotation is of this sort."""
MEASURING = tuple(USES.values())


def count_for(purpose: Purpose) -> ColumnElement[bool]:
    """The annotation is of a sort that the purpose takes. Needs ``Campaign``."""
    taken = purpose.sorts
    measuring = [use for sort, use in USES.items() if sort not in taken]
    of_work = and_(is_work(), ~measures(*measuring)) if measuring else is_work()
    of_bank = {
        frozenset(): false(),
        frozenset({ITEM}): and_(~is_work(), ~is_test()),
        frozenset({TEST}): and_(~is_work(), is_test()),
        frozenset({ITEM, TEST}): ~is_work(),
    }[taken & {ITEM, TEST}]
    if WORK not in taken:
        return of_bank
    return or_(of_work, of_bank) if taken & {ITEM, TEST} else of_work


def is_ranking() -> ColumnElement[bool]:
    """The annotation ranks something; imported labels do not."""
    return Annotation.ranks.any()


def goes_by(criterion: str) -> ColumnElement[bool]:
    """Orders of the campaign go by a criterion, whichever instrument they are made with. Needs ``Campaign``."""
    return Campaign.kind.in_(kinds_by(criterion))


def is_work() -> ColumnElement[bool]:
    """The campaign is one of work, not a bank."""
    return Campaign.purpose == "work"


def measures(*uses: str) -> ColumnElement[bool]:
    """The annotation measures its labeler: by hidden gold, by coming again, or by either."""
    return (
        exists()
        .where(ExtraAssignment.assignment_id == Annotation.assignment_id, ExtraAssignment.use.in_(uses))
        .correlate(Annotation)
    )


def is_test() -> ColumnElement[bool]:
    """The annotation stands in an assignment beyond the overlap: in a bank, somebody's test. Needs ``Campaign``."""
    beyond = exists().where(Assignment.id == Annotation.assignment_id, Assignment.number >= Campaign.overlap)
    return beyond.correlate(Annotation, Campaign)


def is_assignment_for(*uses: str) -> ColumnElement[bool]:
    """The assignment is one of those that calibration adds, for one of these uses."""
    return (
        exists()
        .where(ExtraAssignment.assignment_id == Assignment.id, ExtraAssignment.use.in_(uses))
        .correlate(Assignment)
    )


def is_assignment_that_measures() -> ColumnElement[bool]:
    """The assignment is there to measure the one person who gets it."""
    return is_assignment_for(*MEASURING)


def is_assignment_to_complete() -> ColumnElement[bool]:
    """It is part of how far a campaign is: of work all but those that measure, of a bank those of researchers."""
    return and_(or_(is_work(), Assignment.number < Campaign.overlap), ~is_assignment_that_measures())


def is_copy() -> ColumnElement[bool]:
    """The task is a copy that comes again to one person: no task more than there are. Needs ``Task``."""
    return exists().where(RepeatedTask.task_id == Task.id).correlate(Task)


def group() -> ColumnElement[str | None]:
    """The labeler group that a person is in now, or that an import told. Needs ``Person``."""
    return case((Annotation.person_id.is_(None), Annotation.labeler_group), else_=Person.labeler_group)


def conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    """All that holds for what is wanted."""
    clauses = [count_for(wanted.purpose)]
    if wanted.purpose.whose == ACCOUNTS:
        clauses.append(Annotation.person_id.is_not(None))
    elif wanted.purpose.whose == LABELERS:
        clauses.append(Person.role == "labeler")
    for column, allowed in (
        (Campaign.kind, wanted.instruments),
        (Campaign.phase, wanted.phases),
        (Campaign.id, wanted.campaigns),
        (Annotation.task_id, wanted.tasks),
    ):
        if allowed:
            clauses.append(column.in_(allowed))
    if wanted.criterion:
        clauses.append(goes_by(wanted.criterion))
    if wanted.sources or wanted.language is not None:
        prompts = select(Task.id).join(Prompt, Prompt.id == Task.prompt_id)
        if wanted.sources:
            prompts = prompts.where(Prompt.source.in_(wanted.sources))
        if wanted.language is not None:
            prompts = prompts.where(Prompt.language == wanted.language)
        clauses.append(Annotation.task_id.in_(prompts))
    if wanted.group is not None:
        clauses.append(func.coalesce(group(), "") == wanted.group)
    if wanted.since is not None:
        clauses.append(Annotation.submitted_at >= wanted.since)
    if wanted.before is not None:
        clauses.append(Annotation.submitted_at < wanted.before)
    return clauses


def among(query: AnySelect, wanted: Wanted) -> AnySelect:
    """A query about annotations, with campaign and person, as far as they are wanted."""
    query = query.join(Campaign, Campaign.id == Annotation.campaign_id)
    return query.outerjoin(Person, Person.id == Annotation.person_id).where(*conditions(wanted))


def count(session: Session, wanted: Wanted, *more: ColumnElement[bool]) -> int:
    """How many annotations are wanted."""
    return session.scalar(among(select(func.count(Annotation.id)), wanted).where(*more)) or 0


def sources(session: Session, candidate_ids: Sequence[int]) -> dict[int, str]:
    """Who made each answer: a model of ours by its name, else what its file said, else the file."""
    name = func.coalesce(ModelVersion.name, Candidate.detail["source"].as_string(), Candidate.origin)
    query = select(Candidate.id, name).outerjoin(ModelVersion, ModelVersion.id == Candidate.model_version_id)
    names: dict[int, str] = {}
    for start in range(0, len(candidate_ids), 500):
        rows = session.execute(query.where(Candidate.id.in_(candidate_ids[start : start + 500])))
        names |= {candidate: source.removeprefix("import:") for candidate, source in rows}
    return names


def parts(session: Session, query: AnySelect, at_once: int = 20_000) -> Iterator[Any]:
    """Rows in lists; past the session, which would look at each for objects."""
    yield from session.connection().execute(query, execution_options={"yield_per": at_once}).partitions()


# The reader's rows, in lists ----------------------------------------------------------------------


def annotations(session: Session, wanted: Wanted) -> Iterator[Any]:
    """The columns of ``reading.Annotations`` in their order, then judge, role, group, and the prompt's."""
    query = select(
        Annotation.id,
        Annotation.campaign_id,
        Annotation.task_id,
        func.coalesce(RepeatedTask.original_id, Annotation.task_id),
        func.coalesce(Task.prompt_id, 0),
        func.coalesce(Annotation.person_id, 0),
        cast(extract("epoch", Annotation.submitted_at), BigInteger),
        func.coalesce(Annotation.schema_version_id, 0),
        case(*((ExtraAssignment.use == use, MEASURES[sort]) for sort, use in USES.items()), else_=0),
        Annotation.annotator,
        Person.role,
        group(),
        Prompt.use_case,
        Prompt.language,
    ).join(Task, Task.id == Annotation.task_id)
    query = query.outerjoin(Prompt, Prompt.id == Task.prompt_id)
    query = query.outerjoin(RepeatedTask, RepeatedTask.task_id == Annotation.task_id)
    query = query.outerjoin(ExtraAssignment, ExtraAssignment.assignment_id == Annotation.assignment_id)
    return parts(session, among(query, wanted).order_by(Annotation.id))


def ranks(session: Session, wanted: Wanted) -> Iterator[Any]:
    query = select(Ranking.annotation_id, Ranking.candidate_id, Ranking.rank)
    query = query.join(Annotation, Annotation.id == Ranking.annotation_id)
    return parts(session, among(query, wanted).order_by(Ranking.annotation_id))


def ratings(session: Session, wanted: Wanted) -> Iterator[Any]:
    query = select(Rating.annotation_id, Rating.candidate_id, Rating.likert)
    query = query.join(Annotation, Annotation.id == Rating.annotation_id)
    return parts(session, among(query, wanted).order_by(Rating.annotation_id))


def orders_shown(session: Session, wanted: Wanted) -> Iterator[Any]:
    return parts(session, among(select(Annotation.id, Annotation.shown_order), wanted).order_by(Annotation.id))


def active_seconds(session: Session, wanted: Wanted) -> Iterator[Any]:
    return parts(session, among(select(Annotation.id, Annotation.active_seconds), wanted).order_by(Annotation.id))


def labels(session: Session, wanted: Wanted, says: str, following: str) -> Iterator[Any]:
    """Annotation, answer (0: the prompt) and all that was said of it as one text."""
    label = func.aggregate_strings(Flag.name + says + Flag.value, following)
    query = select(Flag.annotation_id, func.coalesce(Flag.candidate_id, 0), label)
    query = among(query.join(Annotation, Annotation.id == Flag.annotation_id), wanted)
    return parts(session, query.group_by(Flag.annotation_id, Flag.candidate_id).order_by(Flag.annotation_id))
