from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlencode

from app.instruments import criteria
from app.labeling.my_work.pages import Excerpt, excerpt_of
from app.language import gettext as _
from app.language import mark
from app.material.candidates.rules import candidate_letter
from app.measures import METHODS, said
from app.models import Annotation, Campaign, Person, Task
from app.quality.consensus.queries import Version
from app.quality.consensus.service import Consensus, Flags
from app.web.paging import Paging
from app.web.render import Page
from trainer.statistics.aggregation import LabelerFigures, TaskFigures
from trainer.statistics.estimates import Estimate
from trainer.statistics.weak_orders import weak_order

PHASES = {"training": mark("training"), "evaluation": mark("evaluation")}
SORTS = {
    "uncertainty": mark("least certain first"),
    "disagreement": mark("most disagreement first"),
    "newest": mark("newest task first"),
}


def percent(value: float | None, digits: int = 0) -> str:
    """``72 %``; a dash where there is none."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


@dataclass(frozen=True)
class Figure:
    """A share as it is said, with its interval and its place in a picture from 0 to 100; or why there is none."""

    text: str
    interval: str
    at: float | None
    low: float | None
    high: float | None
    why: str


def figure_of(share: Estimate) -> Figure:
    if share.value is None or share.low is None or share.high is None:
        return Figure("", "", None, None, None, said(share.undefined))
    low, high = round(100 * share.low, 1), round(100 * share.high, 1)
    return Figure(percent(share.value), f"{low:.0f} – {high:.0f}", round(100 * share.value, 1), low, high, "")


@dataclass(frozen=True)
class LabelerRow:
    name: str
    group: str
    figures: LabelerFigures
    reliability: Figure
    position_bias: Figure


@dataclass(frozen=True)
class OwnOrder:
    """One labeler's order of a task, in the letters of the page."""

    labeler: str
    order: str
    left_out: bool


@dataclass(frozen=True)
class Placed:
    """An answer in the consensus: its letter and text, its worth with a standard deviation, the flags that apply."""

    letter: str
    text: str
    rank: int | None
    worth: float | None
    error: float | None
    flags: Sequence[str]


@dataclass(frozen=True)
class TaskRow:
    """A task in a line. ``steps`` are the chances of each step of the order, from the best answer down."""

    id: int
    prompt: Excerpt
    campaign: str
    answers: int
    order: str
    why_none: str
    figures: TaskFigures
    orders: Sequence[OwnOrder]
    uncertainty: str
    weakest: str
    disagreement: str
    why_no_disagreement: str


def task_row(task: Task, annotations: Sequence[Annotation], consensus: Consensus, reader: Person) -> TaskRow:
    """``annotations`` are all of the task, with their ranks."""
    figures = consensus.tasks[task.id]
    letters = letters_of(task)
    order = figures.consensus
    return TaskRow(
        id=task.id,
        prompt=excerpt_of(task, reader),
        campaign=task.campaign.name,
        answers=len(letters),
        order=weak_order(dict(zip(map(letters.__getitem__, order.answers), order.ranks, strict=True))) if order else "",
        why_none=said(figures.undefined),
        figures=figures,
        orders=[
            OwnOrder(
                each.annotator or _("unnamed"),
                weak_order({letters[row.candidate_id]: row.rank for row in each.ranks}),
                labeler.left_out,
            )
            for each in annotations
            if each.ranks and (labeler := consensus.labeler_of(each))
        ],
        uncertainty=percent(order.misorder) if order else "",
        weakest=percent(order.certainty) if order else "",
        disagreement=percent(figures.disagreement) if figures.disagreement is not None else "",
        why_no_disagreement=said(figures.no_disagreement),
    )


def letters_of(task: Task) -> dict[int, str]:
    """A letter for each answer, in the order of the task: the same for everybody, unlike those on the screens."""
    return {answer.candidate_id: candidate_letter(position) for position, answer in enumerate(task.answers)}


def placed_of(task: Task, consensus: Consensus, flags: Flags) -> list[Placed]:
    """The answers from best to worst; in the order of the task where there is no consensus."""
    order = consensus.tasks[task.id].consensus
    letters, texts = letters_of(task), {answer.candidate_id: answer.candidate.text for answer in task.answers}
    ids = order.answers if order else list(letters)
    return [
        Placed(
            letters[candidate_id],
            texts[candidate_id],
            order.ranks[position] if order else None,
            order.worths[position] if order else None,
            order.errors[position] if order else None,
            flags.true_of(task.id, candidate_id),
        )
        for position, candidate_id in enumerate(ids)
    ]


@dataclass(frozen=True)
class Filled:
    """What the address asks for, and what can be asked."""

    given: Mapping[str, str]
    campaigns: Sequence[Campaign]
    query: str
    phases: ClassVar[Mapping[str, str]] = PHASES
    methods: ClassVar[Mapping[str, str]] = METHODS
    sorts: ClassVar[Mapping[str, str]] = SORTS

    @property
    def kinds(self) -> Mapping[str, str]:
        return criteria()

    @property
    def freeze(self) -> str:
        """The query with which the form of a new snapshot takes just this."""
        told = {name: self.given[name] for name in ("campaign", "phase", "method", "tie_below", "min_reliability")}
        asked = {"labels": "consensus", "instrument": self.given["kind"]} | told
        return urlencode({name: value for name, value in asked.items() if value})


@dataclass(frozen=True)
class ConsensusPage(Page):
    """Prompts by how little is known of them, and labelers by how far they can be relied upon."""

    template: ClassVar[str] = "quality/consensus/show.html"
    form: Filled
    version: Version
    shared: int
    rows: Sequence[TaskRow]
    labelers: Sequence[LabelerRow]
    unnamed: int
    paging: Paging
    error: str = ""


@dataclass(frozen=True)
class TaskPage(Page):
    """One task: what each said, what they say together, and the answers themselves."""

    template: ClassVar[str] = "quality/consensus/task.html"
    form: Filled
    task: Task
    row: TaskRow
    placed: Sequence[Placed]
    steps: Sequence[str]


@dataclass(frozen=True)
class FlagRow:
    """A flag: how common it is, and how often each labeler sees it where it is and spares it where it is not."""

    name: str
    answers: int
    votes: int
    prevalence: str
    likely: int
    open: int
    why: str
    labelers: Sequence[tuple[str, Figure, float, Figure, float]]


@dataclass(frozen=True)
class FlagsPage(Page):
    template: ClassVar[str] = "quality/consensus/flags.html"
    form: Filled
    rows: Sequence[FlagRow]


DECIDED = 0.9
"""An answer whose flag is likelier than this, or less likely than its complement, counts as decided."""


def flag_rows(consensus: Consensus, flags: Flags) -> list[FlagRow]:
    rows = []
    for name, figures in sorted(flags.of.items()):
        judged = figures.votes > 0
        chance = figures.chance[judged]
        labelers = [
            (
                labeler,
                figure_of(figures.sees[number]),
                float(figures.applies[number]),
                figure_of(figures.spares[number]),
                float(figures.applies_not[number]),
            )
            for number, labeler in enumerate(consensus.rankings.labelers)
            if isinstance(labeler, str) and figures.applies[number] + figures.applies_not[number] > 0
        ]
        rows.append(
            FlagRow(
                name=name,
                answers=int(judged.sum()),
                votes=int(figures.votes.sum()),
                prevalence=percent(figures.prevalence, 1),
                likely=int((chance > 0.5).sum()),
                open=int(((chance > 1 - DECIDED) & (chance < DECIDED)).sum()),
                why=said(figures.undefined),
                labelers=labelers,
            )
        )
    return rows
