"""What everybody may ask about an instrument: that which a campaign asks people to do.

Each instrument is one folder of ``app.labeling.instruments`` and one line of the registry there; a campaign keeps its
name as ``kind``. Whoever would do something else for another kind of campaign asks the instrument instead. The folders
stand above those who ask, for they hold pages too; so the registry is looked up by its name when somebody first asks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, ClassVar

from app.language import mark

REGISTRY = "app.labeling.instruments"
Words = str
"""English, marked for translation."""


@dataclass(frozen=True)
class Criterion:
    """What orders go by. Orders that go by different things are never put together.

    ``name`` is what snapshots, exports and addresses call it; ``hint`` stands beside it where people choose.
    """

    name: str
    words: Words
    hint: Words = ""


QUALITY = Criterion("ranking", mark("overall quality"))


@dataclass(frozen=True)
class Costs:
    """Which times are taken of a submission, each by its code and its words, and what a submission is called.

    Attributes:
        whole: the whole submission.
        product: the thing that comes of it.
        answer: one answer by itself.
        order: putting the answers in order.
        pairs: whether the pairs of its orders are counted as things too.
    """

    whole: tuple[str, Words]
    product: Words
    answer: tuple[str, Words] | None = None
    order: tuple[str, Words] | None = None
    pairs: bool = False

    @property
    def times(self) -> dict[str, Words]:
        return dict(each for each in (self.answer, self.order, self.whole) if each)


@dataclass(frozen=True)
class Choice:
    """A setting of a campaign that only its instrument reads: one of some values, each with its words."""

    legend: Words
    options: Mapping[str, Words]


@dataclass(frozen=True)
class Making:
    """What the form of a new campaign says and asks.

    Attributes:
        heading: above the form.
        invitation: the link that leads to it.
        labels: a hint at the choice of what is asked; empty where no labels are.
        forms: in which forms prompts are written; empty where they stand ready.
        from_scenario: the form that needs a scenario.
        chooses_prompts: whether the prompts are chosen by their source.
        by_harm: whether they can be chosen by the harm that they ask for.
        choices: what else is chosen, by name; the first option unless one is.
    """

    heading: Words
    invitation: Words
    labels: Words = ""
    forms: Mapping[str, Words] = field(default_factory=dict)
    from_scenario: str = ""
    chooses_prompts: bool = False
    by_harm: bool = False
    choices: Mapping[str, Choice] = field(default_factory=dict)


class Instrument:
    """What a campaign asks people to do.

    Attributes:
        name: the ``kind`` of its campaigns, and what people call it.
        about: what people do, in a sentence.
        task: what they do, in a few words.
        making: the form of a new campaign.
        costs: what is timed and counted.
        criterion: what its orders go by; none where people write.
        rated: whether each answer gets an overall rating.
        answers: how many answers a task shows, at least and at most.
        guidelines: phase -> the name of the document to begin with, where labelers go by documents of its own.
        comes_first: the heading of ``priority``.
        harmful: labels of a prompt, and their values, by which it asks for harm.
        screens: the criteria of a screening that items of its banks can be drawn for.
        practised: whether gold of its banks can be practised in a course.
    """

    name: ClassVar[Words]
    about: ClassVar[Words]
    task: ClassVar[Words]
    making: ClassVar[Making]
    costs: ClassVar[Costs]
    criterion: ClassVar[Criterion | None] = None
    rated: ClassVar[bool] = False
    answers: ClassVar[tuple[int, int]] = (0, 0)
    guidelines: ClassVar[Mapping[str, Words]] = {}
    comes_first: ClassVar[Words] = ""
    harmful: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    screens: ClassVar[frozenset[str]] = frozenset()
    practised: ClassVar[bool] = False

    @property
    def written(self) -> bool:
        """Whether people write; else they judge answers that stand ready."""
        return self.criterion is None

    @property
    def writes_prompts(self) -> bool:
        """Whether the prompt is written too."""
        return bool(self.making.forms)

    @property
    def asks_labels(self) -> bool:
        """Whether a label schema says what is asked beside the order."""
        return bool(self.making.labels)

    @property
    def priority(self) -> str:
        """What comes first when criteria pull apart, in the reader's language; empty where the phase says it."""
        return ""

    def schema_problem(self, _schema: Any) -> str | None:
        """Why a ``Schema`` of labels cannot be asked."""
        return None


@cache
def instruments() -> Mapping[str, Instrument]:
    """All instruments by name, in the order in which they are offered."""
    registry: tuple[Instrument, ...] = import_module(REGISTRY).REGISTRY
    return {each.name: each for each in registry}


def instrument_of(kind: str) -> Instrument:
    """The instrument of a campaign's kind."""
    return instruments()[kind]


def kinds(which: Callable[[Instrument], bool]) -> tuple[str, ...]:
    """The kinds of campaigns of which something holds."""
    return tuple(name for name, each in instruments().items() if which(each))


def kinds_by(criterion: str) -> tuple[str, ...]:
    """The kinds of campaigns whose orders go by a criterion."""
    return kinds(lambda each: each.criterion is not None and each.criterion.name == criterion)


def criteria() -> dict[str, Words]:
    """What orders can go by: names and words."""
    return {each.name: each.words for each in _criteria()}


def criterion_hints() -> dict[str, Words]:
    """What stands beside them where people choose."""
    return {each.name: each.hint for each in _criteria()}


def _criteria() -> list[Criterion]:
    return [each.criterion for each in instruments().values() if each.criterion]
