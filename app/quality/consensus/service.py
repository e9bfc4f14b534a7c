"""Reading rankings into arrays and putting them together; what was found is kept while nothing changes."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, cast
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy.orm import Session

from app.errors import Invalid
from app.judgements import reading
from app.material.schemas.rules import NO, NOT_APPLICABLE, YES
from app.models import Annotation
from app.quality.consensus import queries, rules
from app.quality.consensus.queries import Version
from app.quality.consensus.rules import Scope, Settings, settings_problem
from trainer.statistics import aggregation
from trainer.statistics.aggregation import Fit, FlagFigures, FlagVotes, LabelerFigures, Method, TaskFigures
from trainer.statistics.arrays import Integers
from trainer.statistics.rankings import Judgements
from trainer.statistics.reliability import judged_by_several

# What pages read as it is stored.
campaigns = queries.campaigns
groups = queries.groups
rankings_of = queries.rankings_of
tasks = queries.tasks

ASKED = (YES, NO, NOT_APPLICABLE)
"""What people answer to a yes-or-no question."""
Judge = str | int
"""Who ranked: a pseudonym; where nobody knows, the number of a seat. The judges of one task sit on different ones."""

KEPT = 4
"""Fits that a process keeps for each database: a few settings side by side; the data of a fit are its largest part."""


@dataclass(frozen=True)
class Rankings:
    """R rankings with E ranked answers, as arrays and names.

    * ``annotations``: (R,) ids; ``campaigns``: (R,) ids; ``labelers``: judges by number; ``tasks``: ids by number.
    * ``ranking``, ``candidate``: (E,) the ranking and the candidate's id of each ranked answer.
    * ``judgements``: the pairs; its answers are candidate ids.
    * ``seats``: of the rankings by people whom nobody knows, by id. What such a seat is found to do is what they do
      on the whole; nothing of it is said of anybody.
    """

    annotations: Integers
    campaigns: Integers
    labelers: list[Judge]
    tasks: list[int]
    ranking: Integers
    candidate: Integers
    judgements: Judgements
    seats: Mapping[int, int]


@dataclass(frozen=True)
class Consensus:
    """What was found: of each judge, of each task by id, of all that lies in the scope."""

    version: Version
    rankings: Rankings
    fit: Fit
    labelers: dict[Judge, LabelerFigures]
    tasks: dict[int, TaskFigures]

    def judge_of(self, annotation: Annotation) -> Judge | None:
        """Who ranked; nothing where the ranking came later."""
        return self.rankings.seats.get(annotation.id) if annotation.annotator is None else annotation.annotator

    def labeler_of(self, annotation: Annotation) -> LabelerFigures | None:
        """What was found of whoever ranked; nothing where that came later."""
        judge = self.judge_of(annotation)
        return None if judge is None else self.labelers.get(judge)

    @property
    def shared_tasks(self) -> int:
        """Tasks that several people ranked, whoever is left out."""
        judgements = self.rankings.judgements
        shared = judged_by_several(judgements.task, judgements.labeler)
        return len(np.unique(judgements.task[shared]))


@dataclass(frozen=True)
class Flags:
    """What several people say about each flag of each answer.

    ``of`` are the figures by name of the flag; ``place`` is the number of an item there, by task and candidate id.
    """

    of: dict[str, FlagFigures]
    place: dict[tuple[int, int], int]

    def true_of(self, task_id: int, candidate_id: int) -> list[str]:
        """The flags that more likely apply to an answer than not."""
        item = self.place.get((task_id, candidate_id))
        if item is None:
            return []
        return [name for name, figures in sorted(self.of.items()) if figures.votes[item] and figures.chance[item] > 0.5]


class _Kept:
    """The newest fits of one database. One is computed at a time: two at once would take twice as long each."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.found: OrderedDict[tuple[Any, ...], tuple[Rankings, Fit]] = OrderedDict()


_KEPT: WeakKeyDictionary[Any, _Kept] = WeakKeyDictionary()
_OPENING = Lock()


def consensus(session: Session, scope: Scope, settings: Settings | None = None) -> Consensus:
    """Put the rankings of a scope together.

    Takes about a second for ten thousand rankings the first time; after that nothing is computed again until a
    ranking comes or is corrected.

    Raises:
        Invalid: the settings make no sense.
    """
    settings = settings or Settings()
    if problem := settings_problem(settings):
        raise Invalid(problem)
    version = queries.version(session, scope)
    rankings, fit = _fit(session, scope, version, cast("Method", settings.method), settings.min_reliability)
    figures = aggregation.orders(fit, tie_below=settings.tie_below)
    return Consensus(
        version,
        rankings,
        fit,
        dict(zip(rankings.labelers, fit.labelers, strict=True)),
        dict(zip(rankings.tasks, figures, strict=True)),
    )


def _fit(
    session: Session, scope: Scope, version: Version, method: Method, min_reliability: float
) -> tuple[Rankings, Fit]:
    with _OPENING:
        memory = _KEPT.setdefault(session.get_bind().engine.pool, _Kept())
    key = (scope, version, method, min_reliability)
    with memory.lock:
        if key not in memory.found:
            rankings = read(session, scope)
            memory.found[key] = (
                rankings,
                aggregation.fit(
                    rankings.judgements,
                    method=method,
                    min_reliability=min_reliability,
                    unknown=np.array([isinstance(judge, int) for judge in rankings.labelers], dtype=bool),
                ),
            )
            while len(memory.found) > KEPT:
                memory.found.popitem(last=False)
        memory.found.move_to_end(key)
        return memory.found[key]


def read(session: Session, scope: Scope) -> Rankings:
    """The rankings of a scope; those of too few answers are not among them."""
    wanted = rules.wanted(scope)
    annotations, rows = reading.annotations(session, wanted), reading.ranks(session, wanted)
    sizes = np.bincount(annotations.numbered(rows)[0], minlength=len(annotations))
    annotations = annotations.only(sizes >= max(scope.min_answers, 2))
    entries = annotations.numbered(rows)
    tasks, task = np.unique(annotations.task, return_inverse=True)
    seats = annotations.seats(annotations.task)
    judges: list[Judge] = [
        seat or annotations.people[person][0] or ""
        for seat, person in zip(seats.tolist(), annotations.person.tolist(), strict=True)
    ]
    labelers = sorted(set(judges), key=_by_number)
    number = {judge: position for position, judge in enumerate(labelers)}
    judgements = Judgements.of_rankings(
        *entries,
        task=task,
        labeler=np.array([number[judge] for judge in judges], dtype=np.int64),
        place=reading.beside(entries, annotations.numbered(reading.shown(session, wanted)), missing=-1),
    )
    unnamed = seats > 0
    return Rankings(
        annotations=annotations.id,
        campaigns=annotations.campaign,
        labelers=labelers,
        tasks=tasks.tolist(),
        ranking=entries[0],
        candidate=entries[1],
        judgements=judgements,
        seats=dict(zip(annotations.id[unnamed].tolist(), seats[unnamed].tolist(), strict=True)),
    )


def _by_number(name: Judge) -> tuple[bool, str, int, str]:
    """``labeler-9`` before ``labeler-10``; who is not known comes last."""
    if isinstance(name, int):
        return True, "", name, ""
    stem = name.rstrip("0123456789")
    return False, stem, int(name[len(stem) :] or 0) if len(name) - len(stem) < 18 else 0, name


def flags(session: Session, scope: Scope, fitted: Consensus) -> Flags:
    """What the labelers who are not left out say together about the flags of answers.

    A flag is asked in a campaign if anybody has answered it there; silence and "does not apply" count as no.
    """
    rankings, fit = fitted.rankings, fitted.fit
    task = rankings.judgements.task[rankings.ranking]
    cells, item = np.unique(np.stack([task, rankings.candidate], axis=1), axis=0, return_inverse=True)
    wanted = rules.wanted(scope)
    within, labels = reading.annotations(session, wanted), reading.flags(session, wanted)
    position, known = within.places(labels.annotation)
    of_answers = known & (labels.candidate > 0)
    answered = of_answers & np.isin(labels.value, _numbers_of(ASKED, labels.values))
    yes = of_answers & np.isin(labels.value, _numbers_of((YES,), labels.values))
    entries = (rankings.annotations[rankings.ranking], rankings.candidate, rankings.candidate)
    figures = {}
    for name in sorted(labels.names):
        about = labels.name == labels.names.index(name)
        campaigns = np.unique(within.campaign[position[answered & about]])
        meant = np.isin(rankings.campaigns, campaigns)[rankings.ranking] & fit.kept[rankings.ranking]
        if meant.any():
            said_yes = (
                labels.annotation[yes & about],
                labels.candidate[yes & about],
                np.ones((yes & about).sum(), np.int64),
            )
            votes = FlagVotes(
                item.reshape(-1)[meant],
                rankings.judgements.labeler[rankings.ranking[meant]],
                reading.beside(entries, said_yes, missing=0)[meant],
            )
            figures[name] = aggregation.flags(votes, items=len(cells), raters=len(rankings.labelers))
    places = {(rankings.tasks[of], candidate): position for position, (of, candidate) in enumerate(cells.tolist())}
    return Flags(figures, places)


def _numbers_of(wanted: Sequence[str], values: Sequence[str]) -> list[int]:
    return [number for number, value in enumerate(values) if value in wanted]
