"""A simulated workforce: forty labelers of known kinds and a few researchers, who judge answers of hidden worth.

Everything is drawn from one seed and nothing touches a database, so that statistics can be tried on a workforce whose
truth is known: who is honest and how skilled, which answers are equally good, which flags are deserved.
``app.demo.workforce_records`` stores the same work the way real work lies in the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from app.demo.workforce_people import (
    CARELESS,
    HONEST,
    POSITION_BIASED,
    RESEARCHER,
    SPAMMER,
    WORDS_A_MINUTE,
    Plan,
    Worker,
    workers_of,
)
from app.demo.workforce_tasks import FLAGS, ROUND_1, Answer, Assignment, Item, assignments_of, item_of
from app.demo.workforce_texts import FACTS_OF_A_TOPIC
from app.material.prompts.rules import USE_CASES
from app.quality.labelers.rules.work import Work
from app.quality.screening.rules.scores import FlaggedText, RankedItem
from trainer.statistics.rankings import Judgements

_HABITS = 1 << 14


@dataclass(frozen=True)
class Verdict:
    """What one person said about one task; every sequence is in the order of the item's answers.

    Attributes:
        shown: the place at which each answer stood on the screen, from 0.
        ranks: 1 is best, equal is tied, none is skipped.
        ratings: 1 to 7.
        seconds: active time by part: ``prompt``, the place of an answer, ``ranking``.
    """

    worker: Worker
    task: Assignment
    shown: Sequence[int]
    ranks: Sequence[int]
    ratings: Sequence[int]
    flags: Sequence[frozenset[str]]
    seconds: dict[str | int, float]
    submitted: datetime


@dataclass(frozen=True)
class Workforce:
    """A whole simulation; ``work`` is in the order of time."""

    plan: Plan
    workers: Sequence[Worker]
    tasks: Sequence[Assignment]
    work: Sequence[Verdict]
    labelers: Sequence[Worker] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labelers", [w for w in self.workers if w.kind != RESEARCHER])

    def first(self, items: int) -> Workforce:
        """The same workforce when nobody has done more than so many tasks; the researchers have done all of theirs."""
        done: dict[int, int] = {}
        first_verdicts = []
        for verdict in self.work:
            number = verdict.worker.number
            done[number] = done.get(number, 0) + 1
            if verdict.worker.kind == RESEARCHER or done[number] <= items:
                first_verdicts.append(verdict)
        return Workforce(self.plan, self.workers, self.tasks, first_verdicts)

    def as_work(self) -> Work:
        """The same as arrays; annotation a is ``work[a]``, and the task is the item, so that repeated tasks meet."""
        sizes = [len(verdict.ranks) for verdict in self.work]
        ranks, ratings, places = (
            np.concatenate([np.asarray(getattr(verdict, name)) for verdict in self.work])
            for name in ("ranks", "ratings", "shown")
        )
        item = np.array([verdict.task.item.number for verdict in self.work])
        return Work(
            labeler=np.array([verdict.worker.number for verdict in self.work]),
            task=item,
            prompt=item,
            day=np.array([(verdict.submitted - self.plan.began) / timedelta(days=1) for verdict in self.work]),
            seconds=np.array([sum(verdict.seconds.values()) for verdict in self.work]),
            words=np.array([verdict.task.item.all_words for verdict in self.work]),
            annotation=np.repeat(np.arange(len(sizes)), sizes),
            answer=np.concatenate([np.arange(size) for size in sizes]),
            rank=ranks,
            rating=ratings,
            place=places,
            labelers=len(self.workers),
        )

    def judgements(self) -> Judgements:
        """The rankings as pairs of answers; ranking r is ``work[r]``."""
        return self.as_work().judgements

    def sources(self) -> list[str]:
        """The source of each ranked answer, in the order of ``as_work``."""
        return [answer.source for verdict in self.work for answer in verdict.task.item.answers]


def simulate(plan: Plan | None = None) -> Workforce:
    """Draw a workforce, its tasks, and all it says about them."""
    plan = plan or Plan()
    random = np.random.default_rng(plan.seed)
    workers = workers_of(plan, random)
    tasks = assignments_of(plan, workers, random)
    habit = np.random.default_rng([plan.seed, 1]).normal(size=(len(workers), _HABITS))
    work = [_verdict(plan, worker, task, habit[worker.number], random) for task in tasks for worker in task.workers]
    return Workforce(plan, workers, tasks, sorted(work, key=lambda verdict: (verdict.submitted, verdict.worker.number)))


@dataclass(frozen=True)
class Screened:
    """What one applicant did, as ``screening_scores`` takes it, and what only the simulation knows of them."""

    worker: Worker
    flagged: Sequence[FlaggedText]
    ranked: Sequence[RankedItem]
    rated: Sequence[Sequence[float]]
    claimed: Sequence[str]


def screen(plan: Plan, items: int) -> list[Screened]:
    """Let everybody of the plan who is no researcher do so many items, each with gold, as applicants do.

    Gold is what the answers are worth and which flags they deserve; a text is sensitive if it deserves any but
    ``fails_task``. Everybody gets items of their own. Each writes a demonstration for every tenth item, which
    researchers rate by how well the person judges answers, with an error.
    """
    random = np.random.default_rng([plan.seed, 2])
    workers = [worker for worker in workers_of(plan, random) if worker.kind != RESEARCHER]
    known: set[str] = set()
    return [_screened(plan, worker, [item_of(n, random, known) for n in range(items)], random) for worker in workers]


def _screened(plan: Plan, worker: Worker, items: Sequence[Item], random: np.random.Generator) -> Screened:
    habit = random.normal(size=_HABITS)
    flags, rankings = [], []
    for item in items:
        task = Assignment(item, ROUND_1, plan.began, calibration=False, workers=[worker])
        verdict = _verdict(replace(plan, taste=0.0), worker, task, habit, random)
        rankings.append(
            RankedItem(
                item.number,
                dict(enumerate(verdict.ranks)),
                {position: FACTS_OF_A_TOPIC - answer.level for position, answer in enumerate(item.answers)},
            )
        )
        flags += [
            FlaggedText(item.number, item.use_case, bool(flags - {"fails_task"}), bool(answer.flags - {"fails_task"}))
            for flags, answer in zip(verdict.flags, item.answers, strict=True)
        ]
    skill = 6.4 - worker.noise * 0.5 if worker.kind == HONEST else 4.2
    ratings = np.clip(np.round(random.normal(skill, 0.7, size=(max(1, len(items) // 10), 2))), 1, 7)
    claimed = [use_case for use_case in USE_CASES if random.random() < 0.7]
    return Screened(worker, flags, rankings, ratings.tolist(), claimed)


def _verdict(plan: Plan, worker: Worker, task: Assignment, habit: np.ndarray, random: np.random.Generator) -> Verdict:
    answers = task.item.answers
    count = len(answers)
    shown = random.permutation(count)
    lapse = bool(random.random() < worker.lapses)
    late = task.opened > plan.began + timedelta(days=plan.days / 2)
    worth = np.array([answer.worth_to(worker.group, plan.taste) for answer in answers])
    if worker.drifts and late:
        worth[:2] = worth[1::-1]
    # Half of an error's variance stays when the same person judges the same answer again.
    stable = habit[(task.item.number * count + np.arange(count)) % len(habit)]
    seen = worth + worker.noise * (stable + random.normal(size=count)) / np.sqrt(2)
    if worker.kind == SPAMMER:
        seen = random.normal(size=count)
    if worker.kind == POSITION_BIASED:
        seen = seen - 1.1 * shown
    if lapse and worker.kind == CARELESS:
        seen = -1.0 * shown  # the order is left as it was shown
    ranks = _ranks(seen, worker.tie_below)
    ratings = _ratings(seen if worker.kind != POSITION_BIASED else seen + 1.1 * shown, random)
    if lapse and (worker.kind == CARELESS or worker.hasty):
        ratings = np.full(count, int(random.integers(3, 7)))
    submitted = task.opened + timedelta(hours=float(random.uniform(0, 60)))
    return Verdict(
        worker,
        task,
        [int(position) for position in shown],
        ranks,
        [int(rating) for rating in ratings],
        [_flags(worker, task.item, answer, random) for answer in answers],
        _seconds(worker, task.item, random, lapse=lapse),
        submitted,
    )


def _ranks(seen: np.ndarray, tie_below: float) -> list[int]:
    """1 = best; each answer that looks close to its better neighbour joins its rank."""
    order = np.argsort(-seen, kind="stable")
    ranks, rank = [0] * len(seen), 1
    for before, answer in zip([None, *order[:-1]], order, strict=True):
        rank += before is not None and seen[before] - seen[answer] > tie_below
        ranks[int(answer)] = int(rank)
    return ranks


def _ratings(seen: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Likert 1 to 7 of what was seen, with a little error of its own, so that it agrees mostly with the order."""
    return np.clip(np.round(4 + 1.3 * seen + random.normal(0, 0.3, size=len(seen))), 1, 7).astype(int)


def _flags(worker: Worker, item: Item, answer: Answer, random: np.random.Generator) -> frozenset[str]:
    asked = [name for name in FLAGS if name != "hallucination" or item.closed_domain]
    chance = {name: worker.sees if name in answer.flags else worker.invents for name in asked}
    return frozenset(name for name in asked if random.random() < chance[name])


def _seconds(worker: Worker, item: Item, random: np.random.Generator, *, lapse: bool) -> dict[str | int, float]:
    """Active seconds: time to read at the person's pace and to decide; whoever does not read only clicks."""
    haste = 0.35 if lapse and worker.kind == CARELESS else 1.0

    def part(words: int, deciding: float) -> float:
        minutes = words / worker.pace * haste
        decide = (
            deciding * (0.2 if worker.hasty else 0.25 if worker.kind == SPAMMER else 1.0) * WORDS_A_MINUTE / worker.pace
        )
        return round(float((60 * minutes + decide) * random.lognormal(0, 0.25)), 1)

    seconds: dict[str | int, float] = {"prompt": part(item.words, 9)}
    seconds |= {position: part(answer.words, 12) for position, answer in enumerate(item.answers)}
    seconds["ranking"] = part(0, 8 * len(item.answers))
    return seconds
