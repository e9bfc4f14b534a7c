"""The people of a simulated workforce: of which kind each is, how skilled, and what they like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

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
WORDS_A_MINUTE = 238
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


_NAMES = (
    *("Amara", "Bea", "Chidi", "Dalia", "Elif", "Farid", "Greta", "Hana", "Imani", "Jun", "Kavya", "Luis", "Mei"),
    *("Nadia", "Omar", "Petra", "Quynh", "Rosa", "Sven", "Tariq", "Uma", "Vera", "Wen", "Ximena", "Yusuf", "Zora"),
    *("Anil", "Bruno", "Carla", "Dmitri", "Esi", "Fatma", "Goran", "Hugo", "Ines", "Jana", "Kofi", "Lara", "Milo"),
    *("Noor", "Ravi Sen", "Clara Voss", "Tomás Rey", "Yuki Abe", "Ada Quist"),
)


def workers_of(plan: Plan, random: np.random.Generator) -> list[Worker]:
    kinds = [HONEST] * plan.honest + [SPAMMER] * plan.spammers
    kinds += [POSITION_BIASED] * plan.position_biased + [CARELESS] * plan.careless
    kinds = [kinds[position] for position in random.permutation(len(kinds))]
    spammers, honest, workers = 0, 0, []
    for number, kind in enumerate(kinds):
        group = GROUPS[number % len(GROUPS)]
        drifts = kind == HONEST and group != HELD_OUT and honest < plan.drifting
        honest += drifts
        spammers += kind == SPAMMER
        workers.append(_worker(number, kind, group, random, drifts=drifts, hasty=bool(spammers % 2)))
    last = len(kinds) + plan.researchers
    workers += [_worker(n, RESEARCHER, "", random, drifts=False, hasty=False) for n in range(len(kinds), last)]
    return workers


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
    pace = haste * WORDS_A_MINUTE * random.uniform(0.8, 1.2)
    return Worker(
        number, name, kind, group, noise, tie_below, sees, invents, pace, lapses, hasty and kind == SPAMMER, drifts
    )
