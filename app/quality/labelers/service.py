"""The report on everybody's ongoing work, made of what lies in the database; bounds and notes about alerts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound
from app.judgements import queries as judgements
from app.judgements import reading
from app.judgements.reading import Annotations, Names, Rows
from app.language import gettext as _
from app.language import mark
from app.models import AlertBound, AlertNote, Person
from app.people.service import record
from app.quality.labelers import queries
from app.quality.labelers.rules import bounds as rules
from app.quality.labelers.rules.bounds import Filters
from app.quality.labelers.rules.drift import Drift, preferences
from app.quality.labelers.rules.findings import Bound, Finding
from app.quality.labelers.rules.ongoing import (
    BOUNDS,
    GOLD,
    MEASURES,
    POSITION,
    RESEARCHERS,
    TEAM,
    UNITS,
    Alert,
    OngoingReport,
    ongoing_report,
)
from app.quality.labelers.rules.peers import agreement_with, agreement_with_the_team
from app.quality.labelers.rules.word_count import words_of
from app.quality.labelers.rules.work import UNKNOWN, Work
from trainer.statistics.arrays import Integers

# What pages read as it is stored.
bounds = queries.bounds
campaigns = queries.campaigns
differing_from_gold = queries.differing_from_gold
longest_correction = queries.longest_correction
notes = queries.notes
people = queries.people

DAY = 86_400.0
MOST_MONTHS = 12
FAIR = {POSITION: 0.5}
"""Measures that are bad in both directions, and their value of no habit."""
READING, COUNTING, COMPARING = mark("reading what was judged"), mark("counting words"), mark("comparing people")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Worker:
    """Somebody whose work the report is about."""

    id: int
    name: str
    role: str
    group: str | None
    active: bool


@dataclass(frozen=True)
class Material:
    """Work as arrays, and what its numbers stand for; gold stands as the work of one more person, the last."""

    work: Work
    workers: Sequence[Worker]
    months: Sequence[str]
    month_of: Integers


@dataclass(frozen=True)
class LabelersReport:
    """The report with the people it is about, in the order of their numbers.

    ``monthly`` has for each measure the findings of each person (L) in each of ``months``. ``pair`` are the two sources
    whose answers were judged together most often, by which drift is watched.
    """

    filters: Filters
    made_at: datetime
    seconds: float
    submissions: int
    workers: Sequence[Worker]
    found: OngoingReport
    bounds: Mapping[str, Bound]
    months: Sequence[str]
    monthly: Mapping[str, Sequence[Sequence[Finding]]]
    pair: tuple[str, str] | None

    def number_of(self, person_id: int) -> int | None:
        return next((number for number, worker in enumerate(self.workers) if worker.id == person_id), None)

    def alerts_of(self, number: int) -> list[Alert]:
        return [alert for alert in self.found.alerts if alert.labeler == number]

    def drift_of(self, number: int) -> Drift:
        return self.found.drift[number]


def report(session: Session, filters: Filters, *, say: Say = lambda _step: None) -> LabelersReport:
    """Make the report on what the filters take.

    Args:
        session: for reading.
        filters: whose work, of when.
        say: is told what is being done.
    """
    began = monotonic()
    say(READING)
    chosen = {measure: row.bound for measure, row in queries.bounds(session).items()}
    bounds = rules.with_bounds(BOUNDS, chosen)
    read = material(session, filters, say)
    say(COMPARING)
    count = read.work.labelers
    is_gold = np.arange(count) == count - 1
    researchers = np.array([worker.role != "labeler" for worker in read.workers] + [False])
    pair, fixed = None, None
    counted = read.work.that_counts
    if two := _usual_pair(session, counted):
        source, first, second, pair = two
        fixed = preferences(counted, source, first, second)
    ongoing = ongoing_report(read.work, researchers=researchers, gold=is_gold, fixed_pair=fixed, bounds=bounds)
    monthly = _monthly(read, researchers, is_gold)
    return LabelersReport(
        filters=filters,
        made_at=datetime.now(UTC),
        seconds=monotonic() - began,
        submissions=int((read.work.labeler < count - 1).sum()),
        workers=read.workers,
        found=ongoing,
        bounds=bounds,
        months=read.months,
        monthly=monthly,
        pair=pair,
    )


def material(session: Session, filters: Filters, say: Say = lambda _step: None) -> Material:
    """Read and number what the filters take."""
    wanted = rules.wanted(filters)
    annotations = reading.annotations(session, wanted)
    answers = annotations.numbered(reading.ranks(session, wanted))
    worked = set(annotations.account.tolist())
    workers = [
        Worker(each.id, each.name, each.role, each.labeler_group, each.active)
        for each in queries.people(session)
        if each.id in worked
    ]
    person = {worker.id: number for number, worker in enumerate(workers)}
    fingerprint = queries.fingerprints(session, np.unique(annotations.original).tolist())
    task, prompt = Names(), Names()
    tasks = _whole([*task.of(fingerprint[id_] for id_ in annotations.original.tolist())])
    prompts = _whole([*prompt.of(annotations.prompt.tolist())])
    gold = [row for row in queries.gold(session) if row[0] in task]
    gold = list({row[0]: row for row in gold}.values())  # one verdict a task, wherever it stands
    say(COUNTING)
    words = _words(session, annotations, answers)
    of_gold = [
        (len(annotations) + number, int(c), rank) for number, row in enumerate(gold) for c, rank in row[2].items()
    ]
    gold_rows = _whole(of_gold).reshape(-1, 3).T
    active = dict(reading.active(session, wanted))
    days = annotations.seconds / DAY
    work = Work(
        labeler=_followed([person[account] for account in annotations.account.tolist()], [len(workers)] * len(gold)),
        task=_followed(tasks, [task[row[0]] for row in gold]),
        prompt=_followed(prompts, [prompt.get(row[1], 0) for row in gold]),
        day=np.concatenate([days, np.full(len(gold), days.min(initial=np.inf) if len(days) else 0.0)]),
        seconds=np.array([_total(active.get(id_)) for id_ in annotations.id.tolist()] + [np.nan] * len(gold)),
        words=_followed(words, [0] * len(gold)),
        annotation=_followed(answers[0], gold_rows[0]),
        answer=_followed(answers[1], gold_rows[1]),
        rank=_followed(answers[2], gold_rows[2]),
        rating=_followed(
            reading.beside(answers, annotations.numbered(reading.ratings(session, wanted)), missing=0),
            [0] * len(of_gold),
        ),
        place=_followed(
            reading.beside(answers, annotations.numbered(reading.shown(session, wanted)), missing=UNKNOWN),
            [UNKNOWN] * len(of_gold),
        ),
        labelers=len(workers) + 1,
        measures=_followed(annotations.measures, [0] * len(gold)),
    )
    month_of_each = annotations.seconds.astype("datetime64[s]").astype("datetime64[M]").astype(str)
    months = [str(name) for name in np.unique(month_of_each)[-MOST_MONTHS:]]
    month = {name: number for number, name in enumerate(months)}
    month_of = _followed([month.get(name, -1) for name in month_of_each.tolist()], [-1] * len(gold))
    return Material(work, workers, months, month_of)


def _whole(numbers: Sequence[Any]) -> Integers:
    return np.array(numbers, dtype=np.int64)


def _followed(of_people: Sequence[int] | Integers, of_gold: Sequence[int] | Integers) -> Integers:
    """A column of what people did, and behind it that of gold."""
    return np.concatenate([np.asarray(of_people, dtype=np.int64), np.asarray(of_gold, dtype=np.int64)])


def _total(parts: Mapping[str, float] | None) -> float:
    """The active time in all; unknown where none was counted."""
    return float(sum(parts.values())) if parts else np.nan


def _words(session: Session, annotations: Annotations, answers: Rows) -> Integers:
    """How much there was to read for each annotation. Every text is read once, however often it was judged."""
    of_answer = {id_: words_of(text) for id_, text in queries.texts_of_answers(session, np.unique(answers[1]).tolist())}
    of_prompt = {
        id_: sum(words_of(message["content"]) for message in messages)
        for id_, messages in queries.texts_of_prompts(session, np.unique(annotations.prompt).tolist())
    }
    read = [of_answer.get(id_, 0) for id_ in answers[1].tolist()]
    words = np.bincount(answers[0], weights=read, minlength=len(annotations)).astype(np.int64)
    return words + _whole([of_prompt.get(id_, 0) for id_ in annotations.prompt.tolist()])


def _usual_pair(session: Session, work: Work) -> tuple[Integers, int, int, tuple[str, str]] | None:
    """The sources of each answer as numbers, and the two whose answers were judged together most often."""
    ids, position = np.unique(work.answer, return_inverse=True)
    names = judgements.sources(session, ids.tolist())
    known = sorted(set(names.values()))
    number = {name: at for at, name in enumerate(known)}
    source = _whole([number.get(names.get(int(id_), ""), -1) for id_ in ids])[position] if len(ids) else ids
    together: dict[tuple[int, int], int] = {}
    there = np.unique(np.stack([work.annotation, source], axis=1), axis=0) if len(source) else np.zeros((0, 2))
    for sources in np.split(there[:, 1], np.flatnonzero(np.diff(there[:, 0])) + 1) if len(there) else []:
        for at, one in enumerate(sources):
            for other in sources[at + 1 :]:
                pair = int(one), int(other)
                together[pair] = together.get(pair, 0) + 1
    if not together:
        return None
    first, second = max(together, key=lambda pair: (together[pair], pair))
    return source, first, second, (known[first], known[second])


def _monthly(read: Material, researchers: np.ndarray, is_gold: np.ndarray) -> dict[str, list[Sequence[Finding]]]:
    """Agreement by month; gold has no month and stands in each of them."""
    series: dict[str, list[Sequence[Finding]]] = {TEAM: [], RESEARCHERS: [], GOLD: []}
    of_gold = read.work.labeler == read.work.labelers - 1
    for number in range(len(read.months)):
        part = read.work.only((read.month_of == number) | of_gold)
        people, count = part.between_people, part.labelers
        series[TEAM].append(agreement_with_the_team(people, labelers=count, trusted=researchers | is_gold))
        series[RESEARCHERS].append(agreement_with(people, researchers, labelers=count))
        series[GOLD].append(agreement_with(part.beside_gold, is_gold, labelers=count))
    return series


# What people decide ------------------------------------------------------------------------------


def person_for(session: Session, person_id: int) -> Person:
    person = queries.person(session, person_id)
    if person is None:
        raise NotFound(_("There is no such person."))
    return person


def note_alert(
    session: Session, by: Person, person_id: int, measure: str, *, value: float, note: str, now: datetime
) -> AlertNote:
    """Say that an alert was looked at, and what came of it; it is reopened when the figure gets worse.

    Raises:
        Invalid: there is no such measure, or nothing was said.
    """
    person = person_for(session, person_id)
    note = note.replace("\r\n", "\n").strip()
    if measure not in MEASURES:
        raise Invalid(_("There is no such measure."))
    if not note or len(note) > rules.LONGEST_NOTE:
        raise Invalid(
            _("Write what you found, in at most %(most)s characters.", most=f"{rules.LONGEST_NOTE:,}"),
            {"note": _("Write what you found.")},
        )
    written = AlertNote(person_id=person.id, measure=measure, value=value, note=note, written_by=by.id, written_at=now)
    session.add(written)
    record(session, by, "looked at alarm", person, {"measure": measure, "value": round(value, 4)})
    return written


def set_bounds(session: Session, by: Person, bounds: Mapping[str, float | None], now: datetime) -> list[str]:
    """Choose the bounds of alerts; a measure without a number goes back to the usual one.

    Returns:
        The measures whose bound changed.

    Raises:
        Invalid: by measure, a bound that cannot be.
    """
    problems = {
        measure: problem
        for measure, value in bounds.items()
        if measure in BOUNDS and value is not None
        if (problem := rules.bound_problem(value, share=UNITS[measure] in ("share", "difference")))
    }
    if problems:
        raise Invalid(_("Nothing was changed."), problems)
    before = queries.bounds(session)
    changed = []
    for measure, usual in BOUNDS.items():
        value = bounds.get(measure)
        row = before.get(measure)
        now_holds = row.bound if row else usual.bound
        wanted = usual.bound if value is None else value
        if wanted == now_holds:
            continue
        changed.append(measure)
        if row is None:
            session.add(AlertBound(measure=measure, bound=wanted, set_by=by.id, set_at=now))
        elif wanted == usual.bound:
            session.delete(row)
        else:
            row.bound, row.set_by, row.set_at = wanted, by.id, now
        record(session, by, "changed bound of alarms", by, {"measure": measure, "from": now_holds, "to": wanted})
    return changed
