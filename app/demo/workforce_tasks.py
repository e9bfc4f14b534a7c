"""What a simulated workforce judges: prompts, answers of known worth, and who gets which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from app.demo.workforce_people import HELD_OUT, RESEARCHER, TASTES, Plan, Worker
from app.demo.workforce_texts import FACTS_OF_A_TOPIC, TOPICS, WORDINGS, Topic, answer_text, prompt_text
from app.material.prompts.rules import USE_CASES
from app.quality.labelers.rules.word_count import words_of

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


ROUND_1, ROUND_2, EVALUATION = range(3)
CAMPAIGNS = (
    ("Everyday prompts, first round", "training"),
    ("Everyday prompts, second round", "training"),
    ("Blind comparison of the models", "evaluation"),
)


def item_of(number: int, random: np.random.Generator, known: set[str]) -> Item:
    """A prompt that nobody has asked yet, with four to six answers."""
    while True:
        language = random.choice(list(_LANGUAGES), p=list(_LANGUAGES.values()))
        topic = random.choice([number for number, topic in enumerate(TOPICS) if topic.language == language])
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


def assignments_of(plan: Plan, workers: Sequence[Worker], random: np.random.Generator) -> list[Assignment]:
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
        return [item_of(number, random, known) for number in range(made - count, made)]

    assigned: list[tuple[Item, int, bool, list[Worker]]] = []
    if trained:
        first, second = items((shared + 1) // 2), items(shared // 2)
        assigned += [(item, ROUND_1, True, trained + researchers) for item in first]
        assigned += [(item, ROUND_2, True, trained + researchers) for item in second]
        assigned += [(item, ROUND_2, True, trained) for item in first[:again]]
    if held_out:
        assigned += [(item, EVALUATION, True, held_out + researchers) for item in items(shared)]
    left = {worker.number: plan.items_each for worker in labelers}
    for *_task, theirs in assigned:
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
        assigned.append((items(1)[0], campaign, False, theirs))
    return _dated(plan, assigned, random)


def _dated(
    plan: Plan, assigned: list[tuple[Item, int, bool, list[Worker]]], random: np.random.Generator
) -> list[Assignment]:
    """The first round fills the first half of the time, the second the second; evaluation goes on all along."""
    dated = []
    for item, campaign, calibration, theirs in assigned:
        begin, end = {ROUND_1: (0.0, 0.5), ROUND_2: (0.5, 1.0), EVALUATION: (0.0, 1.0)}[campaign]
        when = timedelta(days=float(random.uniform(begin, end)) * plan.days)
        dated.append(Assignment(item, campaign, plan.began + when, calibration, theirs))
    return sorted(dated, key=lambda task: task.opened)
