"""Ratings, flags and what else was asked, as labels to compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from app.judgements.reading import Annotations
from app.material.schemas.rules import ANSWER, NO, PARTS, PROMPT, YES, Field, schema_of
from app.quality.agreement import queries
from app.quality.agreement.material import Material
from app.quality.agreement.rules.label_report import LabelReport, label_report
from trainer.statistics.arrays import Integers
from trainer.statistics.bootstrap import Resamples
from trainer.statistics.labels import Labels

LIKERT = tuple(range(1, 8))


@dataclass(frozen=True)
class Question:
    """Agreement on one question about the ``prompt`` or the ``answer``; ``text`` is what labelers read, if known."""

    part: str
    name: str
    text: str
    report: LabelReport


def ratings_of(read: Material) -> Labels:
    annotation, candidate, likert = read.rating_rows
    return _labels(read, annotation, candidate, likert - LIKERT[0], LIKERT)


def _labels(
    read: Material, annotation: Integers, candidate: Integers, values: Integers, categories: Sequence[float] | int
) -> Labels:
    """An item is an answer in one phase, or, where there is no answer, the prompt. What came again has no vote."""
    first = ~read.annotations.again[annotation]
    annotation, candidate, values = annotation[first], candidate[first], values[first]
    width = int(candidate.max(initial=0)) + 1
    cells, items = np.unique(read.task[annotation] * width + candidate, return_inverse=True)
    clusters = read.prompt_of_task[cells // width]
    return Labels.of(items, read.annotations.person[annotation], values, categories, clusters)


def fields_of(session: Session, annotations: Annotations) -> dict[tuple[str, str], Field]:
    """The questions that were asked, by part and name, as the newest version that was asked puts them."""
    asked = [schema_of(content) for content in queries.schemas(session, map(int, np.unique(annotations.schema)))]
    return {(part, field.name): field for schema in asked for part in PARTS for field in schema.part(part)}


@dataclass(frozen=True)
class Asked:
    part: str
    name: str
    text: str
    rows: np.ndarray
    values: Sequence[str]


def questions_of(read: Material, fields: Mapping[tuple[str, str], Field]) -> list[Asked]:
    """The questions about answers first, then those about prompts, as the schema orders them; unknown ones by name."""
    known = list(fields)
    asked_questions = []
    for part, about in ((ANSWER, read.flags.candidate > 0), (PROMPT, read.flags.candidate == 0)):
        for name in np.unique(read.flags.name[about]):
            called = read.flags.names[name]
            field = fields.get((part, called))
            rows = np.flatnonzero(about & (read.flags.name == name))
            seen_values = {read.flags.values[value] for value in np.unique(read.flags.value[rows])}
            declared = list(field.values) if field else []
            values = _in_order([*declared, *sorted(seen_values - set(declared))])
            asked_questions.append(Asked(part, called, field.text if field else "", rows, values))
    order_of_field = {key: number for number, key in enumerate(known)}
    asked_questions.sort(
        key=lambda question: (
            question.part != ANSWER,
            order_of_field.get((question.part, question.name), len(order_of_field)),
            question.name,
        )
    )
    return asked_questions


def _in_order(values: list[str]) -> list[str]:
    """Numbers by size; "no" before "yes"; the rest as declared."""
    if _numbers(values):
        return sorted(values, key=int)
    return [NO, YES, *(value for value in values if value not in (NO, YES))] if YES in values else values


def _numbers(values: Sequence[str]) -> bool:
    return bool(values) and all(value.removeprefix("-").isdigit() for value in values)


def agreement_on(read: Material, question: Asked, resamples: Resamples) -> Question:
    code_of_value = {value: number for number, value in enumerate(question.values)}
    new = np.array([code_of_value.get(value, -1) for value in read.flags.values], dtype=np.int64)
    rows, flags = question.rows, read.flags
    ordered = _numbers(question.values)
    categories = [float(value) for value in question.values] if ordered else len(question.values)
    labels = _labels(read, flags.annotation[rows], flags.candidate[rows], new[flags.value[rows]], categories)
    positive = code_of_value[YES] if YES in code_of_value and not ordered else None
    report = label_report(labels, list(question.values), ordered=ordered, positive=positive, resamples=resamples)
    return Question(question.part, question.name, question.text, report)
