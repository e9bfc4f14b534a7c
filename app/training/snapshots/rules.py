"""Which side of the split a prompt stands on, and which labels a snapshot takes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from app.instruments import criteria
from app.language import gettext as _
from app.language import mark
from app.quality.consensus.rules import Scope, Settings, settings_problem
from trainer.contract.grouping import PREFIX
from trainer.statistics.aggregation import TIE_BELOW, LabelerFigures, TaskFigures

Split = Literal["train", "heldout"]
INDIVIDUAL, CONSENSUS = "individual", "consensus"
LABELS = {
    INDIVIDUAL: mark("every labeler's ranking by itself"),
    CONSENSUS: mark("one consensus order of each task"),
}
"""What a row of the rankings is."""
EQUAL, BY_RELIABILITY = "equal", "reliability"
WEIGHINGS = {EQUAL: mark("all count alike"), BY_RELIABILITY: mark("each by how far it can be relied upon")}
LARGEST_UNCERTAINTY = 0.5
FORMATS = ("native", "csv", "trl", "openrlhf")
FEWEST_ANSWERS, MOST_ANSWERS = 2, 9
SHORTEST_PREFIX, LONGEST_PREFIX = 10, 10_000


def split_of(key: str, heldout_share: float, seed: int) -> Split:
    """The side of a group of prompts, by the key of its oldest: always the same, whatever else is in the snapshot."""
    digest = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    return "heldout" if int.from_bytes(digest[:8], "big") < heldout_share * 2**64 else "train"


def split_key(user_key: str | None, fingerprint: str) -> str:
    """The user where one is known (InstructGPT §3.2 splits by user), else the prompt itself."""
    return f"user:{user_key}" if user_key else f"prompt:{fingerprint}"


@dataclass(frozen=True)
class Filters:
    """What a snapshot takes from the pool.

    Attributes:
        campaigns: ids; empty = all. Demonstrations that were imported belong to no campaign and are always taken.
        instrument: what the orders go by: ``ranking`` (overall quality) or ``toxicity``. Never both: a model that
            learned from a mixture would have learned neither.
        phases: ``training`` by default; labels made for evaluation train nothing unless somebody asks for it.
        sources: sources of prompts; empty = all.
        min_answers: rankings of fewer answers are left out.
        heldout_share: the part of prompts that no stage trains on, 0 to 0.9; whole groups of them.
        split_seed: another seed gives another split.
        prefix_length: prompts that share so many characters at their beginning stand on one side; 0: none do for that.
        labels: ``individual`` rankings, or the ``consensus`` of each task.
        method: how a consensus is found, and with it how uncertain a task is: ``reliability`` or ``davidson``.
        tie_below: ½ to 1; neighbours of a consensus whose order is less likely are tied.
        weighing: ``equal``, or by ``reliability``: a ranking weighs as its labeler's steepness, a consensus as sure
            as it is (one minus twice its uncertainty).
        min_reliability: 0 to 1; rankings of labelers below it are left out, 0 for no bound.
        max_doubt: 0 to ½; tasks that are less certain are left out, ½ for no bound.
    """

    campaigns: tuple[int, ...] = ()
    phases: tuple[str, ...] = ("training",)
    sources: tuple[str, ...] = ()
    min_answers: int = 2
    heldout_share: float = 0.1
    split_seed: int = 0
    instrument: str = "ranking"
    labels: str = INDIVIDUAL
    method: str = "reliability"
    tie_below: float = TIE_BELOW
    weighing: str = EQUAL
    min_reliability: float = 0.0
    max_doubt: float = LARGEST_UNCERTAINTY
    prefix_length: int = PREFIX

    @property
    def weighs_labelers(self) -> bool:
        """Whether rankings have to be put together to know what is taken."""
        bounded = self.min_reliability > 0 or self.max_doubt < LARGEST_UNCERTAINTY
        return self.labels == CONSENSUS or self.weighing == BY_RELIABILITY or bounded

    @property
    def scope(self) -> Scope:
        """The rankings that are put together: all those that the other filters take."""
        return Scope(self.campaigns, self.phases, self.sources, self.instrument, self.min_answers)

    @property
    def settings(self) -> Settings:
        return Settings(self.method, self.tie_below, self.min_reliability)

    def as_json(self) -> dict[str, Any]:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def filters_problem(filters: Filters) -> str | None:
    """Why a snapshot cannot be made like this, or nothing."""
    if not 0 <= filters.heldout_share <= 0.9:
        return _("The held-out share is a number from 0 to 0.9, not %(number)s.", number=filters.heldout_share)
    if filters.prefix_length and not SHORTEST_PREFIX <= filters.prefix_length <= LONGEST_PREFIX:
        return _(
            "A shared beginning has %(fewest)s to %(most)s characters, not %(number)s. Enter 0 to ignore beginnings.",
            fewest=SHORTEST_PREFIX,
            most=LONGEST_PREFIX,
            number=filters.prefix_length,
        )
    if not FEWEST_ANSWERS <= filters.min_answers <= MOST_ANSWERS:
        return _(
            "A ranking has %(fewest)s to %(most)s answers, not %(number)s.",
            fewest=FEWEST_ANSWERS,
            most=MOST_ANSWERS,
            number=filters.min_answers,
        )
    if not filters.phases or set(filters.phases) - {"training", "evaluation"}:
        return _("The phases are training, evaluation or both.")
    if filters.instrument not in criteria():
        return _("Rankings go by overall quality or by toxicity, not by “%(name)s”.", name=filters.instrument[:40])
    return _weighing_problem(filters)


def _weighing_problem(filters: Filters) -> str | None:
    if filters.labels not in LABELS:
        return _("Labels are individual or a consensus, not “%(name)s”.", name=filters.labels[:40])
    if filters.weighing not in WEIGHINGS:
        return _("Rankings count alike or by reliability, not by “%(name)s”.", name=filters.weighing[:40])
    if not 0 <= filters.max_doubt <= LARGEST_UNCERTAINTY:
        return _(
            "The largest uncertainty is a share from 0 to 50 %%, not %(number)s %%.",
            number=round(filters.max_doubt * 100, 2),
        )
    return settings_problem(filters.settings)


@dataclass(frozen=True)
class Weighed:
    """What putting the rankings together takes and leaves out.

    ``unreliable`` rankings are of ``labelers`` below the bound; ``uncertain`` rankings are of ``tasks`` over the other
    one. ``consensus`` orders are what is left of the tasks, ``of_rankings`` what they or the rows are made of.
    """

    labelers: int
    unreliable: int
    tasks: int
    uncertain: int
    consensus: int
    of_rankings: int

    def counts(self, filters: Filters) -> dict[str, int]:
        """What the manifest says of it, by the names of ``LEFT_OUT`` and ``MADE_OF``, as far as it was asked for."""
        counts: dict[str, int] = {}
        if filters.min_reliability > 0:
            counts |= {"labelers_unreliable": self.labelers, "rankings_unreliable": self.unreliable}
        if filters.max_doubt < LARGEST_UNCERTAINTY:
            counts |= {"tasks_doubtful": self.tasks, "rankings_doubtful": self.uncertain}
        return counts | ({MADE_OF: self.of_rankings} if filters.labels == CONSENSUS else {})


MADE_OF = "rankings_merged"
LEFT_OUT = {
    "labelers_unreliable": mark("labelers below the least reliability"),
    "rankings_unreliable": mark("rankings of these labelers"),
    "tasks_doubtful": mark("tasks over the largest uncertainty"),
    "rankings_doubtful": mark("rankings of these tasks"),
}
"""What a manifest counts as left out, and why."""


LEAKS = {
    "users": mark("users"),
    "conversations": mark("conversations"),
    "texts": mark("prompts in other spellings"),
    "openings": mark("first messages"),
    "beginnings": mark("shared beginnings"),
    "rows": mark("rows apart from their prompt"),
}
"""How pages name what a split has on both sides."""
ALIKE, EMPTY = "rankings_identical", "rankings_empty"
MARKED = {
    ALIKE: mark("rankings with answers of the same text"),
    EMPTY: mark("rankings with an empty answer"),
}
"""What a manifest counts of the rankings that were taken, for training learns little or nothing from it."""


def too_uncertain(task: TaskFigures, filters: Filters) -> bool:
    """Whether a task is less certain than is asked for; where everybody tied all answers there is none."""
    return task.consensus is not None and task.consensus.misorder > filters.max_doubt


def weighed(labelers: Sequence[LabelerFigures], tasks: Mapping[int, TaskFigures], filters: Filters) -> Weighed:
    """Count before anything is written; a snapshot holds exactly what this says."""
    unreliable = [labeler for labeler in labelers if labeler.left_out]
    uncertain = [task for task in tasks.values() if too_uncertain(task, filters)]
    taken = [task for task in tasks.values() if task.rankings and not too_uncertain(task, filters)]
    return Weighed(
        labelers=len(unreliable),
        unreliable=sum(labeler.rankings for labeler in unreliable),
        tasks=len(uncertain),
        uncertain=sum(task.rankings for task in uncertain),
        consensus=len(taken),
        of_rankings=sum(task.rankings for task in taken),
    )


def name_problem(name: str) -> str | None:
    return None if 1 <= len(name.strip()) <= 120 else _("Give the snapshot a name of at most 120 characters.")


def count_names() -> Sequence[str]:
    """What a manifest counts; each also by split, as ``<name>_train`` and ``<name>_heldout``."""
    return ("prompts", "demonstrations", "rankings", "strict_pairs", "tied_pairs")
