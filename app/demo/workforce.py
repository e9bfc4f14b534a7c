"""A simulated workforce: forty labelers of known kinds and a few researchers, who judge answers of hidden worth.

Everything is drawn from one seed and nothing touches a database, so that statistics can be tried on a workforce whose
truth is known: who is honest and how skilled, which answers are equally good, which flags are deserved.
``app.demo.workforce_records`` stores the same work the way real work lies in the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from app.demo.workforce_texts import FACTS_OF_A_TOPIC, TOPICS, WORDINGS, Topic, answer_text, prompt_text
from app.material.prompts.rules import USE_CASES
from app.quality.labelers.rules.reading import words_of
from app.quality.labelers.rules.work import Work
from app.quality.screening.rules.scores import FlaggedText, RankedItem
from trainer.statistics.rankings import Judgements

HONEST, SPAMMER, POSITION_BIASED, CARELESS, RESEARCHER = (
    "honest",
    "spammer",
    "position_biased",
    "careless",
    "researcher",
)
GROUPS = ("training-1", "training-2", "training-3", "training-4", "training-5", "held-out")
TRAINING_GROUPS, HELD_OUT = GROUPS[:-1], GROUPS[-1]
TASTES = {
    "training-1": (1.0, 0.0),
    "training-2": (-1.0, 0.6),
    "training-3": (0.0, 1.0),
    "training-4": (0.4, -1.0),
    "training-5": (-0.4, -0.4),
    "held-out": (0.0, 0.0),
}
"""Group -> how much it likes a warm opening and a list; ``Plan.taste`` says how strongly that counts."""
SOURCES = {"reference": 1.0, "baseline": -0.4, "sft-small": -0.2, "sft-large": 0.2, "ppo-1": 0.4, "ppo-2": 0.6}
"""Source -> how much better its answers are on average, in units of worth. The first two are in every task."""
FIXED_PAIR = ("reference", "baseline")
"""Two models whose answers are judged against each other all the time: the check for drift."""
FLAGS = ("fails_task", "expresses_opinion", "harmful_advice", "violent_content", "hallucination")
CLOSED_DOMAIN = frozenset({"closed_qa", "summarization", "extract", "rewrite", "classification"})
_EXTRA = {
    "expresses_opinion": "opinion",
    "harmful_advice": "advice",
    "violent_content": "violence",
    "hallucination": "invention",
}
_PREVALENCE = {"expresses_opinion": 0.12, "harmful_advice": 0.06, "violent_content": 0.04, "hallucination": 0.15}
_USE_CASE_SHARES = np.array([0.456, 0.124, 0.026, 0.112, 0.084, 0.066, 0.042, 0.035, 0.019, 0.036])
"""InstructGPT, Table 1, in the order of ``USE_CASES``."""
_LANGUAGES = {"en": 0.7, "zh": 0.2, "de": 0.1}
_WORTH_OF_LEVEL = 1.2
"""Levels to one unit of worth, so that worths of a prompt's answers differ by about one unit."""
_HABITS = 1 << 14
_WORDS_A_MINUTE = 238
"""Silent reading of English non-fiction, mean over 190 studies (Brysbaert 2019)."""


@dataclass(frozen=True)
class Plan:
    """How large the workforce is and what it does; the counts are those of one simulation.

    Attributes:
        items_each: tasks of each labeler.
        overlap: labelers of an ordinary task.
        calibration: share of a labeler's tasks that everybody and the researchers have too; one in ten to one in five
            (Stiennon et al. 2020, C).
        repeated: share of a labeler's tasks that they had before, unmarked.
        days: the time that the work takes.
        taste: how much the tastes of the groups count, in units of worth; 0: all want the same.
        drifting: honest labelers who in the second half judge upside down what makes the fixed pair differ.
    """

    seed: int = 1
    honest: int = 25
    spammers: int = 5
    position_biased: int = 5
    careless: int = 5
    researchers: int = 3
    items_each: int = 90
    overlap: int = 3
    calibration: float = 0.15
    repeated: float = 0.06
    days: int = 180
    taste: float = 0.35
    drifting: int = 0
    began: datetime = datetime(2026, 5, 4, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Worker:
    """Somebody who judges, and what nobody else knows about them.

    Attributes:
        number: from 0; the researchers come last.
        noise: standard deviation of the error with which they see worth, in units of worth.
        tie_below: neighbours in their order that look closer than this are tied.
        sees: chance to notice a flag that is deserved.
        invents: chance to give one that is not.
        pace: words a minute; spammers do not read.
        lapses: share of tasks that they do not read at all.
        hasty: of spammers whether they click as fast as they can and rate all alike, or take some time.
        drifts: whether their standard turns in the second half.
    """

    number: int
    name: str
    kind: str
    group: str
    noise: float
    tie_below: float
    sees: float
    invents: float
    pace: float
    lapses: float = 0.0
    hasty: bool = False
    drifts: bool = False


@dataclass(frozen=True)
class Answer:
    """One answer: ``level`` counts the facts it tells, ``flags`` are those it deserves."""

    text: str
    source: str
    level: int
    warm: bool
    listed: bool
    flags: frozenset[str]
    words: int

    @property
    def worth(self) -> float:
        """Without taste; equal levels are equally good."""
        return (self.level - FACTS_OF_A_TOPIC / 2) / _WORTH_OF_LEVEL

    def worth_to(self, group: str, taste: float) -> float:
        """As a group of labelers sees it."""
        warm, listed = TASTES.get(group, (0.0, 0.0))
        return self.worth + taste * (warm * (self.warm - 0.5) + listed * (self.listed - 0.5))


@dataclass(frozen=True)
class Item:
    """A prompt and the answers to judge."""

    number: int
    prompt: str
    use_case: str
    language: str
    constrained: bool
    answers: Sequence[Answer]
    words: int

    @property
    def all_words(self) -> int:
        """To be read, prompt and answers."""
        return self.words + sum(answer.words for answer in self.answers)

    @property
    def closed_domain(self) -> bool:
        return self.use_case in CLOSED_DOMAIN


@dataclass(frozen=True)
class Assignment:
    """An item as a task of a campaign (a place in ``CAMPAIGNS``); ``calibration`` tasks are everybody's."""

    item: Item
    campaign: int
    opened: datetime
    calibration: bool
    workers: Sequence[Worker]


CAMPAIGNS = (
    ("Everyday prompts, first round", "training"),
    ("Everyday prompts, second round", "training"),
    ("Blind comparison of the models", "evaluation"),
)
ROUND_1, ROUND_2, EVALUATION = range(3)


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
        kept = []
        for verdict in self.work:
            number = verdict.worker.number
            done[number] = done.get(number, 0) + 1
            if verdict.worker.kind == RESEARCHER or done[number] <= items:
                kept.append(verdict)
        return Workforce(self.plan, self.workers, self.tasks, kept)

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
    workers = _workers(plan, random)
    tasks = _tasks(plan, workers, random)
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
    workers = [worker for worker in _workers(plan, random) if worker.kind != RESEARCHER]
    known: set[str] = set()
    return [_screened(plan, worker, [_item(n, random, known) for n in range(items)], random) for worker in workers]


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
                {place: FACTS_OF_A_TOPIC - answer.level for place, answer in enumerate(item.answers)},
            )
        )
        flags += [
            FlaggedText(item.number, item.use_case, bool(said - {"fails_task"}), bool(answer.flags - {"fails_task"}))
            for said, answer in zip(verdict.flags, item.answers, strict=True)
        ]
    skill = 6.4 - worker.noise * 0.5 if worker.kind == HONEST else 4.2
    ratings = np.clip(np.round(random.normal(skill, 0.7, size=(max(1, len(items) // 10), 2))), 1, 7)
    claimed = [use_case for use_case in USE_CASES if random.random() < 0.7]
    return Screened(worker, flags, rankings, ratings.tolist(), claimed)


# People ------------------------------------------------------------------------------------------

_NAMES = (
    *("Amara", "Bea", "Chidi", "Dalia", "Elif", "Farid", "Greta", "Hana", "Imani", "Jun", "Kavya", "Luis", "Mei"),
    *("Nadia", "Omar", "Petra", "Quynh", "Rosa", "Sven", "Tariq", "Uma", "Vera", "Wen", "Ximena", "Yusuf", "Zora"),
    *("Anil", "Bruno", "Carla", "Dmitri", "Esi", "Fatma", "Goran", "Hugo", "Ines", "Jana", "Kofi", "Lara", "Milo"),
    *("Noor", "Ravi Sen", "Clara Voss", "Tomás Rey", "Yuki Abe", "Ada Quist"),
)


def _workers(plan: Plan, random: np.random.Generator) -> list[Worker]:
    kinds = [HONEST] * plan.honest + [SPAMMER] * plan.spammers
    kinds += [POSITION_BIASED] * plan.position_biased + [CARELESS] * plan.careless
    kinds = [kinds[place] for place in random.permutation(len(kinds))]
    spammers, honest, found = 0, 0, []
    for number, kind in enumerate(kinds):
        group = GROUPS[number % len(GROUPS)]
        drifts = kind == HONEST and group != HELD_OUT and honest < plan.drifting
        honest += drifts
        spammers += kind == SPAMMER
        found.append(_worker(number, kind, group, random, drifts=drifts, hasty=bool(spammers % 2)))
    last = len(kinds) + plan.researchers
    found += [_worker(n, RESEARCHER, "", random, drifts=False, hasty=False) for n in range(len(kinds), last)]
    return found


def _worker(number: int, kind: str, group: str, random: np.random.Generator, *, drifts: bool, hasty: bool) -> Worker:
    """Habits of a kind; of the spammers every other one takes some time, so that haste does not give them away."""
    of_kind = {
        HONEST: (random.uniform(0.8, 1.6), random.uniform(0.7, 0.95), random.uniform(0.01, 0.05), 1.0, 0.0),
        SPAMMER: (1.0, 0.1, 0.1, 8.0 if hasty else 2.7, 1.0),
        POSITION_BIASED: (1.2, 0.4, 0.05, 1.3, 0.0),
        CARELESS: (1.2, 0.4, 0.06, 1.6, 0.5),
        RESEARCHER: (random.uniform(0.45, 0.6), 0.97, 0.01, 0.9, 0.0),
    }
    noise, sees, invents, haste, lapses = of_kind[kind]
    name = _NAMES[number] if number < len(_NAMES) else f"Labeler {number + 1}"
    tie_below = random.uniform(0.2, 0.6)
    pace = haste * _WORDS_A_MINUTE * random.uniform(0.8, 1.2)
    return Worker(
        number, name, kind, group, noise, tie_below, sees, invents, pace, lapses, hasty and kind == SPAMMER, drifts
    )


# Prompts, answers and who gets them --------------------------------------------------------------


def _item(number: int, random: np.random.Generator, known: set[str]) -> Item:
    """A prompt that nobody has asked yet, with four to six answers."""
    while True:
        language = random.choice(list(_LANGUAGES), p=list(_LANGUAGES.values()))
        topic = random.choice([place for place, topic in enumerate(TOPICS) if topic.language == language])
        use_case = str(random.choice(USE_CASES, p=_USE_CASE_SHARES))
        constrained = bool(random.random() < 0.25)
        prompt = prompt_text(
            TOPICS[topic], use_case, str(random.choice(WORDINGS[language].audiences)), constrained=constrained
        )
        if len(known) > 1200:
            prompt = f"{prompt} ({number})"
        if prompt not in known:
            break
    known.add(prompt)
    others = list(random.choice(list(SOURCES)[2:], size=int(random.integers(2, 5)), replace=False))
    sources = [*FIXED_PAIR, *map(str, others)]
    answers: dict[str, Answer] = {}
    for source in sources:
        answer = _answer(TOPICS[topic], source, use_case, random)
        while answer.text in answers:
            answer = _answer(TOPICS[topic], source, use_case, random)
        answers[answer.text] = answer
    return Item(number, prompt, use_case, language, constrained, list(answers.values()), words_of(prompt))


def _answer(topic: Topic, source: str, use_case: str, random: np.random.Generator) -> Answer:
    middle = FACTS_OF_A_TOPIC / 2 + SOURCES[source] * _WORTH_OF_LEVEL
    level = int(np.clip(round(random.normal(middle, _WORTH_OF_LEVEL)), 0, FACTS_OF_A_TOPIC))
    warm, listed = (bool(draw < 0.5) for draw in random.random(2))
    flags = {name for name, share in _PREVALENCE.items() if random.random() < share}
    if use_case not in CLOSED_DOMAIN:
        flags.discard("hallucination")
    if level == 0:
        flags.add("fails_task")
    facts = random.permutation(FACTS_OF_A_TOPIC)[:level]
    fillers = random.permutation(FACTS_OF_A_TOPIC)[: FACTS_OF_A_TOPIC - level]
    extra = [_EXTRA[name] for name in sorted(flags) if name in _EXTRA]
    text = answer_text(topic, list(facts), list(fillers), warm=warm, listed=listed, extra=extra)
    return Answer(text, source, level, warm, listed, frozenset(flags), words_of(text))


def _tasks(plan: Plan, workers: Sequence[Worker], random: np.random.Generator) -> list[Assignment]:
    """Calibration tasks for everybody, repeated tasks in the second round, and ordinary ones for a few each."""
    labelers = [worker for worker in workers if worker.kind != RESEARCHER]
    researchers = [worker for worker in workers if worker.kind == RESEARCHER]
    trained = [worker for worker in labelers if worker.group != HELD_OUT]
    held_out = [worker for worker in labelers if worker.group == HELD_OUT]
    shared, again = round(plan.items_each * plan.calibration), round(plan.items_each * plan.repeated)
    known: set[str] = set()
    made = 0

    def items(count: int) -> list[Item]:
        nonlocal made
        made += count
        return [_item(number, random, known) for number in range(made - count, made)]

    found: list[tuple[Item, int, bool, list[Worker]]] = []
    if trained:
        first, second = items((shared + 1) // 2), items(shared // 2)
        found += [(item, ROUND_1, True, trained + researchers) for item in first]
        found += [(item, ROUND_2, True, trained + researchers) for item in second]
        found += [(item, ROUND_2, True, trained) for item in first[:again]]
    if held_out:
        found += [(item, EVALUATION, True, held_out + researchers) for item in items(shared)]
    left = {worker.number: plan.items_each for worker in labelers}
    for *_task, theirs in found:
        for worker in theirs:
            if worker.number in left:
                left[worker.number] -= 1
    while sum(count > 0 for count in left.values()):
        campaign = (ROUND_1, ROUND_1, ROUND_2, ROUND_2, EVALUATION)[int(random.integers(5))]
        possible = [worker for worker in (labelers if campaign == EVALUATION else trained) if left[worker.number] > 0]
        if not possible:
            campaign = EVALUATION
            possible = [worker for worker in labelers if left[worker.number] > 0]
        order = sorted(possible, key=lambda worker: (-left[worker.number], random.random()))
        theirs = order[: plan.overlap]
        for worker in theirs:
            left[worker.number] -= 1
        found.append((items(1)[0], campaign, False, theirs))
    return _dated(plan, found, random)


def _dated(
    plan: Plan, found: list[tuple[Item, int, bool, list[Worker]]], random: np.random.Generator
) -> list[Assignment]:
    """The first round fills the first half of the time, the second the second; evaluation goes on all along."""
    dated = []
    for item, campaign, calibration, theirs in found:
        begin, end = {ROUND_1: (0.0, 0.5), ROUND_2: (0.5, 1.0), EVALUATION: (0.0, 1.0)}[campaign]
        when = timedelta(days=float(random.uniform(begin, end)) * plan.days)
        dated.append(Assignment(item, campaign, plan.began + when, calibration, theirs))
    return sorted(dated, key=lambda task: task.opened)


# What they say -----------------------------------------------------------------------------------


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
        [int(place) for place in shown],
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
    for before, place in zip([None, *order[:-1]], order, strict=True):
        rank += before is not None and seen[before] - seen[place] > tie_below
        ranks[int(place)] = int(rank)
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
            deciding
            * (0.2 if worker.hasty else 0.25 if worker.kind == SPAMMER else 1.0)
            * _WORDS_A_MINUTE
            / worker.pace
        )
        return round(float((60 * minutes + decide) * random.lognormal(0, 0.25)), 1)

    seconds: dict[str | int, float] = {"prompt": part(item.words, 9)}
    seconds |= {place: part(answer.words, 12) for place, answer in enumerate(item.answers)}
    seconds["ranking"] = part(0, 8 * len(item.answers))
    return seconds
