"""The reader: what counts for a purpose, as arrays. Reports go over millions of rows, so no row becomes an object."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from sqlalchemy.orm import Session

from app.judgements import queries
from app.judgements.rules import AGAIN, GOLD, MEASURES, Wanted
from trainer.statistics.arrays import Integers, Mask

SAYS, NEXT = "\x1f", "\x1e"
"""Between a label's name and its value, and between labels: control characters, which no label that is read has."""
NUMBERS = ("id", "campaign", "task", "original", "prompt", "account", "seconds", "schema", "measures")
NAMES = ("person", "group", "use_case", "language")
UNNAMED = -1
Rows = tuple[Integers, Integers, Integers]
"""(annotation, answer, value) of every row, by annotation; annotations by id, or by place once they are numbered."""


class Names(dict[Any, int]):
    """Numbers texts in the order of their first appearance; nothing is a text too."""

    def __missing__(self, name: Any) -> int:
        self[name] = len(self)
        return self[name]

    def of(self, names: Iterable[Any]) -> Iterable[int]:
        return map(self.__getitem__, names)


@dataclass(frozen=True)
class Flags:
    """N labels: the annotation, the answer (0: the prompt), and the places of question and value in the two lists."""

    annotation: Integers
    candidate: Integers
    name: Integers
    value: Integers
    names: list[str]
    values: list[str]


@dataclass(frozen=True)
class Annotations:
    """N annotations in the order of their ids, each attribute a column (N,).

    ``campaign``, ``task`` and ``prompt`` are ids (0: no prompt), ``account`` that of the person, 0 for imports.
    ``original`` is the task, or where that is a copy that came again, the one that it is a copy of. ``seconds`` is the
    time of submission since 1970; ``schema`` the version of the label schema that was asked, 0 for none. ``measures``
    is 0, or ``of_gold`` or ``again`` where it was given out to measure its labeler.

    ``person``, ``group``, ``use_case`` and ``language`` are places in the lists of the same name. ``people`` are
    (pseudonym, role or None); the person is ``UNNAMED`` where an import does not say who judged.
    """

    id: Integers
    campaign: Integers
    task: Integers
    original: Integers
    prompt: Integers
    account: Integers
    seconds: Integers
    schema: Integers
    measures: Integers
    person: Integers
    group: Integers
    use_case: Integers
    language: Integers
    people: list[tuple[str | None, str | None]]
    groups: list[str | None]
    use_cases: list[str | None]
    languages: list[str | None]

    def __len__(self) -> int:
        return len(self.id)

    @property
    def of_gold(self) -> Mask:
        return self.measures == MEASURES[GOLD]

    @property
    def again(self) -> Mask:
        return self.measures == MEASURES[AGAIN]

    def only(self, mask: Mask) -> Self:
        return replace(self, **{name: getattr(self, name)[mask] for name in (*NUMBERS, *NAMES)})

    def places(self, ids: Integers) -> tuple[Integers, Mask]:
        """Where each of some annotations stands, and which of them are here."""
        if not len(self):
            return np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=bool)
        position = np.minimum(np.searchsorted(self.id, ids), len(self) - 1)
        return position, self.id[position] == ids

    def numbered(self, rows: Rows) -> Rows:
        """Those of the rows whose annotations are here, with places instead of ids."""
        position, present = self.places(rows[0])
        return position[present], rows[1][present], rows[2][present]

    def flags_numbered(self, flags: Flags) -> Flags:
        position, present = self.places(flags.annotation)
        columns = {name: getattr(flags, name)[present] for name in ("candidate", "name", "value")}
        return replace(flags, annotation=position[present], **columns)

    def seats(self, of: Integers) -> Integers:
        """From 1, the seat of each annotation whose judge nobody knows; 0 for the others.

        What such judges said about one thing is not one person's, so they sit on different seats there.

        Args:
            of: (N,) the thing judged.
        """
        seats = np.zeros(len(self), dtype=np.int64)
        unnamed = np.flatnonzero(self.person == UNNAMED)
        order = np.argsort(of[unnamed], kind="stable")
        things = of[unnamed][order]
        starts = np.flatnonzero(np.diff(things, prepend=things[:1] - 1))
        sizes = np.diff(starts, append=len(things))
        seats[unnamed[order]] = np.arange(len(things)) - np.repeat(starts, sizes) + 1
        return seats


def annotations(session: Session, wanted: Wanted) -> Annotations:
    """What is wanted, with use case and language of its prompt."""
    people, groups, use_cases, languages = Names(), Names(), Names(), Names()
    numbers: list[array[int]] = [array("q") for _ in (*NUMBERS, *NAMES)]
    for rows in queries.annotations(session, wanted):
        *plain, annotators, roles, theirs, cases, tongues = zip(*rows, strict=True)
        judges = zip(annotators, roles, strict=True)
        texts = (people.of(judges), groups.of(theirs), use_cases.of(cases), languages.of(tongues))
        for column, more in zip(numbers, (*plain, *texts), strict=True):
            column.extend(more)
    columns = dict(zip((*NUMBERS, *NAMES), map(_array, numbers), strict=True))
    columns["person"], named = _without_the_unnamed(columns["person"], list(people))
    return Annotations(
        **columns, people=named, groups=list(groups), use_cases=list(use_cases), languages=list(languages)
    )


def _without_the_unnamed(
    person: Integers, people: list[tuple[str | None, str | None]]
) -> tuple[Integers, list[tuple[str | None, str | None]]]:
    """Whoever has no pseudonym is no person: ``UNNAMED``, and in no list."""
    named = np.array([name is not None for name, _role in people], dtype=bool)
    new = np.where(named, np.cumsum(named) - 1, UNNAMED)
    return new[person] if len(people) else person, [person_role for person_role in people if person_role[0] is not None]


def ranks(session: Session, wanted: Wanted) -> Rows:
    """(annotation, answer, rank) of every ranked answer."""
    return _three(queries.ranks(session, wanted))


def ratings(session: Session, wanted: Wanted) -> Rows:
    """(annotation, answer, rating) of every rated answer."""
    return _three(queries.ratings(session, wanted))


def shown(session: Session, wanted: Wanted) -> Rows:
    """(annotation, answer, place) of every answer whose place on the screen is known, from 0."""

    def unrolled() -> Iterator[list[tuple[int, int, int]]]:
        for rows in queries.orders_shown(session, wanted):
            yield [(id_, answer, place) for id_, order in rows for place, answer in enumerate(order or ())]

    return _three(unrolled())


def active(session: Session, wanted: Wanted) -> Iterator[tuple[int, dict[str, float] | None]]:
    """The active time of each annotation, by part of the task; nothing where none was counted."""
    for rows in queries.active_seconds(session, wanted):
        yield from ((id_, seconds) for id_, seconds in rows)


def flags(session: Session, wanted: Wanted) -> Flags:
    """Every label, by annotation.

    The labels of one answer come as one text, ``name=value`` after ``name=value``: nearly all answers have one of few
    such texts, each of which is taken apart once. That makes some five times fewer seconds than a row for each label.
    """
    texts = Names()
    annotation, candidate, text = _three(queries.labels(session, wanted, SAYS, NEXT), texts.of)
    return _taken_apart(annotation, candidate, text, list(texts))


def beside(rows: Rows, others: Rows, missing: int) -> Integers:
    """The value that others have for the annotation and answer of each row, or ``missing`` where they have none."""
    if not len(others[0]):
        return np.full(len(rows[0]), missing, dtype=np.int64)
    width = int(max(rows[1].max(initial=0), others[1].max())) + 1
    cells = others[0] * width + others[1]
    order = np.argsort(cells, kind="stable")
    wanted = rows[0] * width + rows[1]
    position = order[np.minimum(np.searchsorted(cells, wanted, sorter=order), len(cells) - 1)]
    return np.where(cells[position] == wanted, others[2][position], missing)


def _taken_apart(annotation: Integers, candidate: Integers, text: Integers, texts: Sequence[str]) -> Flags:
    names, values = Names(), Names()
    labels = [[label.partition(SAYS)[::2] for label in pairs.split(NEXT)] for pairs in texts]
    many = np.array([len(pairs) for pairs in labels], dtype=np.int64)
    named = np.array([names[name] for pairs in labels for name, _value in pairs], dtype=np.int64)
    value_of_label = np.array([values[value] for pairs in labels for _name, value in pairs], dtype=np.int64)
    starts = np.cumsum(many) - many
    of_row = many[text] if len(texts) else text
    within = np.arange(of_row.sum()) - np.repeat(np.cumsum(of_row) - of_row, of_row)
    places = np.repeat(starts[text] if len(texts) else text, of_row) + within
    return Flags(
        np.repeat(annotation, of_row),
        np.repeat(candidate, of_row),
        named[places],
        value_of_label[places],
        list(names),
        list(values),
    )


def _three(
    batches: Iterable[Sequence[Any]], value: Callable[[Iterable[Any]], Iterable[int]] = lambda values: values
) -> Rows:
    numbers: list[array[int]] = [array("q") for _ in range(3)]
    for rows in batches:
        if rows:
            annotation, answer, third = zip(*rows, strict=True)
            for column, more in zip(numbers, (annotation, answer, value(third)), strict=True):
                column.extend(more)
    first, second, last = map(_array, numbers)
    return first, second, last


def _array(column: "array[int]") -> Integers:
    return np.array(column, dtype=np.int64)
