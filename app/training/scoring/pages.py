from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from app.errors import Refusal
from app.language import gettext as _
from app.material.prompts import rules as prompt_rules
from app.models import ModelVersion, Person, Run, Scoring
from app.training.runs.pages import BADGES
from app.training.scoring import rules
from app.training.scoring.files import ScoredAnswer, ScoredItem
from app.web.paging import Paging
from app.web.render import Page

FIELDS = 4
"""Fields for answers before any script adds more; empty ones are ignored."""
MOST_FIELDS = 64
SHOWN_ANSWERS = 50
ACCURACY = "reward/heldout_accuracy"
CENTRED_ON = "reward/centred_on"


@dataclass(frozen=True)
class ScoringRow:
    """One request in the list of past ones."""

    scoring: Scoring
    run: Run
    model: ModelVersion
    person: Person | None

    @property
    def badge(self) -> str:
        return BADGES[self.run.status]


@dataclass(frozen=True)
class ScorePage(Page):
    """The form, what was typed into it, and past requests.

    Attributes:
        problems: place in the file or the form -> what is wrong there.
    """

    template: ClassVar[str] = "training/scoring/form.html"
    models: Sequence[ModelVersion]
    rows: Sequence[ScoringRow]
    paging: Paging
    limit_mb: int
    chosen: int | None = None
    prompt: str = ""
    answers: Sequence[str] = ()
    error: str = ""
    problems: Mapping[str, str] | None = None
    most_fields: int = MOST_FIELDS
    most_answers: int = rules.MOST_ANSWERS
    longest: int = prompt_rules.LONGEST_TEXT

    @property
    def fields(self) -> Sequence[str]:
        return [*self.answers, *[""] * (FIELDS - len(self.answers))]

    def accuracy(self, model: ModelVersion) -> float | None:
        value = model.metrics.get(ACCURACY)
        return float(value) if isinstance(value, int | float) else None


@dataclass(frozen=True)
class AnswerRow:
    """One answer in the order of the scores.

    Attributes:
        place: where it stood in the request, from 1.
        chance: that people prefer it to the next one of this list; empty for the last.
    """

    place: int
    answer: ScoredAnswer
    chance: float | None

    @property
    def percent(self) -> str:
        """The chance in whole percent; never 100, for the model is not certain."""
        if self.chance is None:
            return ""
        return f"{100 * self.chance:.0f} %" if self.chance < 0.995 else _("over 99 %%")


@dataclass(frozen=True)
class ItemCard:
    """A prompt and its answers, best first; ``hidden`` counts the answers that are left to the download."""

    item: ScoredItem
    rows: Sequence[AnswerRow]
    hidden: int


@dataclass(frozen=True)
class ScoringState(Page):
    """How far a request is, and its scores when they are there; refreshes itself until then."""

    template: ClassVar[str] = "training/scoring/_state.html"
    scoring: Scoring
    run: Run
    model: ModelVersion
    waiting_before: int
    may_stop: bool
    cards: Sequence[ItemCard]
    axis: rules.Axis
    heads: Sequence[str]
    notes: Sequence[str]
    paging: Paging
    formats: Sequence[str] = rules.FORMATS

    @property
    def refusals(self) -> Sequence[tuple[int, Refusal]]:
        """The first rows of the file that could not be used."""
        return [(refusal["line"], Refusal.of(refusal)) for refusal in self.scoring.refusals]

    @property
    def live(self) -> bool:
        return self.run.status in ("queued", "running")

    @property
    def badge(self) -> str:
        return BADGES[self.run.status]

    @property
    def share(self) -> int:
        return round(100 * self.run.step / self.run.total) if self.run.total else 0

    @property
    def zero(self) -> str:
        """What a score of 0 means for this model, in words."""
        centred: Any = self.model.metrics.get(CENTRED_ON)
        if isinstance(centred, str) and centred:
            return _("0 is the mean score of %(centred)s.", centred=centred)
        return _("0 is the model's own.")


@dataclass(frozen=True)
class ScoringPage(Page):
    template: ClassVar[str] = "training/scoring/show.html"
    state: ScoringState


def card_of(item: ScoredItem) -> ItemCard:
    """Order the answers of a prompt by score and compare neighbours."""
    placed = list(enumerate(item.answers, 1))
    ordered = sorted(placed, key=lambda pair: (pair[1].rank is None, pair[1].rank or 0, pair[0]))
    nexts: list[ScoredAnswer | None] = [answer for _, answer in ordered[1:]]
    rows = [
        AnswerRow(number, answer, _chance(answer, following))
        for (number, answer), following in zip(ordered, [*nexts, None], strict=True)
    ]
    return ItemCard(item, rows[:SHOWN_ANSWERS], len(rows) - len(rows[:SHOWN_ANSWERS]))


def _chance(answer: ScoredAnswer, following: ScoredAnswer | None) -> float | None:
    if following is None or answer.score is None or following.score is None:
        return None
    return rules.chance_preferred(answer.score, following.score)


def axis_of(cards: Sequence[ItemCard]) -> rules.Axis:
    """One axis for all pictures of a page, so that they can be compared by eye."""
    answers = [row.answer for card in cards for row in card.rows]
    return rules.shared_axis([a.score for a in answers], [a.deviation for a in answers])
