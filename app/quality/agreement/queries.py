"""SQL of the report: bare columns as arrays, for reports go over millions of rows; no row becomes an object."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, ColumnElement, Select, case, cast, extract, func, select
from sqlalchemy.orm import Session

from app.judgements import queries as judgements
from app.models import (
    Annotation,
    AnnotationVersion,
    Campaign,
    Candidate,
    Flag,
    LabelSchemaVersion,
    ModelVersion,
    Person,
    Prompt,
    Ranking,
    Rating,
    Task,
)
from app.quality.agreement.rules.filters import Filters

AT_ONCE = 20_000
"""Rows held as Python values at a time."""
SAYS, NEXT = "\x1f", "\x1e"
"""Between a label's name and its value, and between labels: control characters, which no label that is read has."""
Column = NDArray[np.int64]
Mask = NDArray[np.bool_]
AnySelect = Select[*tuple[Any, ...]]


class Names(dict[Any, int]):
    """Numbers texts in the order of their first appearance; nothing is a text too."""

    def __missing__(self, name: Any) -> int:
        self[name] = len(self)
        return self[name]

    def of(self, names: Iterable[Any]) -> Iterable[int]:
        return map(self.__getitem__, names)


@dataclass(frozen=True)
class AnnotationColumns:
    """Annotations in the order of their ids, each attribute a column.

    ``person``, ``group``, ``use_case`` and ``language`` are places in the lists of the same name. ``people`` are
    (pseudonym, role or None); one without a pseudonym is no person but a seat, for judges whom nobody knows: those of
    one prompt sit on different ones, for their judgements are not one person's, and nothing is said of a seat itself.
    ``seconds`` is the time of submission since 1970; ``schema`` is the version of the label schema that was asked,
    0 for none. ``again`` says that its annotator had judged the same before and was given it once more.
    """

    id: Column
    campaign: Column
    prompt: Column
    person: Column
    group: Column
    use_case: Column
    language: Column
    seconds: Column
    schema: Column
    again: Mask
    people: list[tuple[str | None, str | None]]
    groups: list[str | None]
    use_cases: list[str | None]
    languages: list[str | None]


@dataclass(frozen=True)
class FlagColumns:
    """N labels: the annotation, the answer (0: the prompt), and the places of question and value in the two lists."""

    annotation: Column
    candidate: Column
    name: Column
    value: Column
    names: list[str]
    values: list[str]


def submitted(session: Session, filters: Filters) -> AnnotationColumns:
    """What was submitted, with use case and language of its prompt, by which nothing is filtered here.

    Hidden gold is left out: it is compared with its gold alone. Ranks, ratings and labels are read of everything; what
    counts of them are those of the annotations found here.
    """
    query = select(
        Annotation.id,
        Annotation.campaign_id,
        Task.prompt_id,
        cast(extract("epoch", Annotation.submitted_at), BigInteger),
        func.coalesce(Annotation.schema_version_id, 0),
        case((judgements.measures(judgements.REPEAT), 1), else_=0),
        Annotation.annotator,
        Person.role,
        _group(),
        Prompt.use_case,
        Prompt.language,
    ).join(Task, Task.id == Annotation.task_id)
    query = _taken(query.join(Prompt, Prompt.id == Task.prompt_id), filters).order_by(Annotation.id)
    query = query.where(~judgements.measures(judgements.GOLD))
    numbers: list[array[int]] = [array("q") for _ in range(10)]
    people, groups, use_cases, languages = Names(), Names(), Names(), Names()
    seated: Counter[tuple[int, str | None]] = Counter()

    def judge(annotator: str | None, role: str | None, prompt: int, group: str | None) -> tuple[Any, ...]:
        if annotator is not None:
            return annotator, role
        seated[prompt, group] += 1
        return None, None, group, seated[prompt, group]

    for rows in _parts(session, query):
        ids, campaigns, prompts, seconds, schemas, again, annotators, roles, theirs, cases, tongues = zip(
            *rows, strict=True
        )
        judges = map(judge, annotators, roles, prompts, theirs)
        columns = (ids, campaigns, prompts, seconds, schemas, again, people.of(judges))
        texts = (groups.of(theirs), use_cases.of(cases), languages.of(tongues))
        for column, more in zip(numbers, (*columns, *texts), strict=True):
            column.extend(more)
    found = [_array(column) for column in numbers]
    return AnnotationColumns(
        id=found[0],
        campaign=found[1],
        prompt=found[2],
        seconds=found[3],
        schema=found[4],
        again=found[5] > 0,
        person=found[6],
        group=found[7],
        use_case=found[8],
        language=found[9],
        people=[one[:2] for one in people],
        groups=list(groups),
        use_cases=list(use_cases),
        languages=list(languages),
    )


def ranks(session: Session, filters: Filters) -> tuple[Column, Column, Column]:
    """(annotation, answer, rank) of every ranked answer, by annotation."""
    query = select(Ranking.annotation_id, Ranking.candidate_id, Ranking.rank)
    query = query.join(Annotation, Annotation.id == Ranking.annotation_id)
    return _three(session, _taken(query, filters).order_by(Ranking.annotation_id))


def ratings(session: Session, filters: Filters) -> tuple[Column, Column, Column]:
    """(annotation, answer, rating) of every rated answer, by annotation."""
    query = select(Rating.annotation_id, Rating.candidate_id, Rating.likert)
    query = query.join(Annotation, Annotation.id == Rating.annotation_id)
    return _three(session, _taken(query, filters).order_by(Rating.annotation_id))


def flags(session: Session, filters: Filters) -> FlagColumns:
    """Every label, by annotation.

    The labels of one answer come as one text, ``name=value`` after ``name=value``: nearly all answers have one of few
    such texts, each of which is taken apart once. That makes some five times fewer seconds than a row for each label.
    """
    label = Flag.name + SAYS + Flag.value
    query = select(Flag.annotation_id, func.coalesce(Flag.candidate_id, 0), func.aggregate_strings(label, NEXT))
    query = _taken(query.join(Annotation, Annotation.id == Flag.annotation_id), filters)
    texts = Names()
    numbers: list[array[int]] = [array("q") for _ in range(3)]
    for rows in _parts(session, query.group_by(Flag.annotation_id, Flag.candidate_id).order_by(Flag.annotation_id)):
        ids, answers, said = zip(*rows, strict=True)
        for column, more in zip(numbers, (ids, answers, texts.of(said)), strict=True):
            column.extend(more)
    annotation, candidate, text = map(_array, numbers)
    return _taken_apart(annotation, candidate, text, list(texts))


def _taken_apart(annotation: Column, candidate: Column, text: Column, texts: Sequence[str]) -> FlagColumns:
    names, values = Names(), Names()
    labels = [[label.partition(SAYS)[::2] for label in one.split(NEXT)] for one in texts]
    many = np.array([len(one) for one in labels], dtype=np.int64)
    named = np.array([names[name] for one in labels for name, _value in one], dtype=np.int64)
    said = np.array([values[value] for one in labels for _name, value in one], dtype=np.int64)
    starts = np.cumsum(many) - many
    of_row = many[text] if len(texts) else text
    within = np.arange(of_row.sum()) - np.repeat(np.cumsum(of_row) - of_row, of_row)
    places = np.repeat(starts[text] if len(texts) else text, of_row) + within
    return FlagColumns(
        np.repeat(annotation, of_row),
        np.repeat(candidate, of_row),
        named[places],
        said[places],
        list(names),
        list(values),
    )


def shown_places(session: Session, filters: Filters) -> dict[tuple[int, int], int]:
    """Where each answer stood on the screen, from 0, by annotation and answer; nothing where nobody knows."""
    query = _taken(select(Annotation.id, Annotation.shown_order), filters)
    return {
        (annotation, candidate): place
        for rows in _parts(session, query)
        for annotation, order in rows
        for place, candidate in enumerate(order)
    }


def makers(session: Session, candidate_ids: Sequence[int]) -> Mapping[int, str]:
    """Who made each answer: a model of ours by its name, else what its file said, else the file."""
    name = func.coalesce(ModelVersion.name, Candidate.detail["source"].as_string(), Candidate.origin)
    query = select(Candidate.id, name).outerjoin(ModelVersion, ModelVersion.id == Candidate.model_version_id)
    found: dict[int, str] = {}
    for start in range(0, len(candidate_ids), 500):
        some = session.execute(query.where(Candidate.id.in_(candidate_ids[start : start + 500])))
        found |= {candidate: maker.removeprefix("import:") for candidate, maker in some}
    return found


def campaigns(session: Session) -> list[tuple[int, str, str, bool]]:
    """(id, name, phase, imported) of all campaigns in which something is judged, newest first."""
    query = select(Campaign.id, Campaign.name, Campaign.phase, Campaign.imported)
    query = query.where(Campaign.kind.in_(("ranking", "toxicity"))).order_by(Campaign.id.desc())
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


def _group() -> ColumnElement[str | None]:
    """The labeler group that a person is in now, or that an import told."""
    return case((Annotation.person_id.is_(None), Annotation.labeler_group), else_=Person.labeler_group)


def _taken(query: AnySelect, filters: Filters) -> AnySelect:
    """What the filters take; of prompts only the annotations' own query knows something."""
    query = query.join(Campaign, Campaign.id == Annotation.campaign_id)
    query = query.outerjoin(Person, Person.id == Annotation.person_id)
    query = query.where(Campaign.kind == filters.kind, Campaign.purpose == filters.purpose)
    if filters.phase != "both":
        query = query.where(Campaign.phase == filters.phase)
    if filters.campaign is not None:
        query = query.where(Campaign.id == filters.campaign)
    if filters.group is not None:
        query = query.where(_group() == filters.group)
    if filters.since is not None:
        query = query.where(Annotation.submitted_at >= filters.since)
    if filters.before is not None:
        query = query.where(Annotation.submitted_at < filters.before)
    return query


def _three(session: Session, query: AnySelect) -> tuple[Column, Column, Column]:
    numbers: list[array[int]] = [array("q") for _ in range(3)]
    for rows in _parts(session, query):
        for column, more in zip(numbers, zip(*rows, strict=True), strict=True):
            column.extend(more)
    first, second, third = map(_array, numbers)
    return first, second, third


def _parts(session: Session, query: AnySelect) -> Iterator[Sequence[Any]]:
    """Rows in lists; past the session, which would look at each for objects."""
    yield from session.connection().execute(query, execution_options={"yield_per": AT_ONCE}).partitions()


def _array(column: array[int]) -> Column:
    return np.array(column, dtype=np.int64)
