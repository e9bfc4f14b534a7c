"""Reading rankings into arrays and putting them together; what was found is kept while nothing changes."""

from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, cast
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy.orm import Session

from app.errors import Invalid
from app.models import Annotation
from app.quality.consensus import queries
from app.quality.consensus.queries import Version
from app.quality.consensus.rules import Scope, Settings, settings_problem
from trainer.statistics import aggregation
from trainer.statistics.aggregation import Fit, FlagFigures, FlagVotes, LabelerFigures, Method, TaskFigures
from trainer.statistics.arrays import Integers, Mask
from trainer.statistics.rankings import Judgements
from trainer.statistics.reliability import judged_by_several

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
        kept = _KEPT.setdefault(session.get_bind().engine.pool, _Kept())
    key = (scope, version, method, min_reliability)
    with kept.lock:
        if key not in kept.found:
            rankings = read(session, scope)
            kept.found[key] = (
                rankings,
                aggregation.fit(
                    rankings.judgements,
                    method=method,
                    min_reliability=min_reliability,
                    unknown=np.array([isinstance(judge, int) for judge in rankings.labelers], dtype=bool),
                ),
            )
            while len(kept.found) > KEPT:
                kept.found.popitem(last=False)
        kept.found.move_to_end(key)
        return kept.found[key]


def read(session: Session, scope: Scope) -> Rankings:
    """The rankings of a scope; those of too few answers are not among them."""
    entries = np.array(queries.ranks(session, scope), dtype=np.int64).reshape(-1, 3)
    names, where, sizes = np.unique(entries[:, 0], return_inverse=True, return_counts=True)
    long_enough = sizes >= max(scope.min_answers, 2)
    entries = entries[long_enough[where]]
    ids = names[long_enough]
    known = set(ids.tolist())
    rows = [row for row in queries.annotations(session, scope) if row[0] in known]
    ranking = np.searchsorted(ids, entries[:, 0])
    tasks, task = np.unique(np.array([row[1] for row in rows], dtype=np.int64), return_inverse=True)
    seats = _seats([(row[0], row[1]) for row in rows if row[2] is None])
    judges: list[Judge] = [seats[row[0]] if row[2] is None else row[2] for row in rows]
    labelers = sorted(set(judges), key=_by_number)
    number = {judge: place for place, judge in enumerate(labelers)}
    judgements = Judgements.of_rankings(
        ranking,
        entries[:, 1],
        entries[:, 2],
        task=task,
        labeler=np.array([number[judge] for judge in judges], dtype=np.int64),
        place=_places(ranking, entries[:, 1], [row[4] for row in rows]),
    )
    campaigns = np.array([row[3] for row in rows], dtype=np.int64)
    return Rankings(ids, campaigns, labelers, tasks.tolist(), ranking, entries[:, 1], judgements, seats)


def _seats(rankings: Sequence[tuple[int, int]]) -> dict[int, int]:
    """A seat for each ranking, given with its task: the first of a task sits on 1, the second on 2, and so on."""
    taken: Counter[int] = Counter()
    found = {}
    for id_, task in rankings:
        taken[task] += 1
        found[id_] = taken[task]
    return found


def _by_number(name: Judge) -> tuple[bool, str, int, str]:
    """``labeler-9`` before ``labeler-10``; who is not known comes last."""
    if isinstance(name, int):
        return True, "", name, ""
    stem = name.rstrip("0123456789")
    return False, stem, int(name[len(stem) :] or 0) if len(name) - len(stem) < 18 else 0, name


def _places(ranking: Integers, candidate: Integers, shown: Sequence[Sequence[int]]) -> Integers:
    """Where each ranked answer stood on its screen, -1 where nobody knows."""
    places = [{one: place for place, one in enumerate(order or ())} for order in shown]
    return np.array(
        [places[at].get(one, -1) for at, one in zip(ranking.tolist(), candidate.tolist(), strict=True)], dtype=np.int64
    )


def flags(session: Session, scope: Scope, found: Consensus) -> Flags:
    """What the labelers who are not left out say together about the flags of answers.

    A flag is asked in a campaign if anybody has answered it there; silence and "does not apply" count as no.
    """
    rankings, fit = found.rankings, found.fit
    task = rankings.judgements.task[rankings.ranking]
    cells, item = np.unique(np.stack([task, rankings.candidate], axis=1), axis=0, return_inverse=True)
    asked: dict[str, list[int]] = {}
    for campaign, name in queries.flags_asked(session, scope):
        asked.setdefault(name, []).append(campaign)
    given: dict[str, list[tuple[int, int]]] = {}
    for annotation, candidate, name in queries.flags_given(session, scope):
        given.setdefault(name, []).append((annotation, candidate))
    entries = np.stack([rankings.annotations[rankings.ranking], rankings.candidate], axis=1)
    figures = {}
    for name, campaigns in sorted(asked.items()):
        meant = np.isin(rankings.campaigns, campaigns)[rankings.ranking] & fit.kept[rankings.ranking]
        if meant.any():
            votes = FlagVotes(
                item.reshape(-1)[meant],
                rankings.judgements.labeler[rankings.ranking[meant]],
                _among(entries, given.get(name, []))[meant].astype(np.int64),
            )
            figures[name] = aggregation.flags(votes, items=len(cells), raters=len(rankings.labelers))
    places = {(rankings.tasks[of], candidate): place for place, (of, candidate) in enumerate(cells.tolist())}
    return Flags(figures, places)


def _among(entries: Integers, some: Sequence[tuple[int, int]]) -> Mask:
    """Which of the entries, (E, 2), are among some others."""
    wanted = set(some)
    return np.array([tuple(entry) in wanted for entry in entries.tolist()], dtype=bool)
