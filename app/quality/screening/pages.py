from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from app.labeling.annotations.writing_pages import PreviewItem
from app.language import gettext as _
from app.language import mark
from app.material.schemas.rules import Field
from app.measures import CONVENTIONS, why
from app.models import Applicant, Campaign, Person, Screening, ScreeningInvitation
from app.people.rules import LONGEST_GROUP, SHORTEST_PASSWORD
from app.quality.screening.queries import AssignedItem, Done, Numbers
from app.quality.screening.report import Report, Result
from app.quality.screening.rules import plans as rules
from app.quality.screening.rules.scores import DEMONSTRATION_CUTOFF, FLAG_CUTOFF, RANKING_CUTOFF
from app.web import charts
from app.web.charts import Axis, Mark
from app.web.render import Page
from trainer.statistics.estimates import Estimate

SHARES = Axis(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))
RATINGS = Axis(1.0, 7.0, (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0))


# Invited people and applicants --------------------------------------------------------------------


@dataclass(frozen=True)
class JoinPage(Page):
    """What an invited person reads before they join, with the form of their account."""

    template: ClassVar[str] = "quality/screening/join.html"
    shortest: ClassVar[int] = SHORTEST_PASSWORD
    screening: Screening
    given: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def items(self) -> Sequence[tuple[str, int]]:
        return _items(self.screening)


def _items(screening: Screening) -> list[tuple[str, int]]:
    return [(criterion, count) for criterion in rules.CRITERIA if (count := int(screening.items.get(criterion, 0)))]


@dataclass(frozen=True)
class PartOfForm:
    """The items of one criterion, and how far they are."""

    criterion: str
    count: int
    done: int
    skipped: int


@dataclass(frozen=True)
class HomePage(Page):
    """An applicant's only page beside their tasks: what is to be done, and how much time is left."""

    template: ClassVar[str] = "quality/screening/home.html"
    longest: ClassVar[int] = rules.LONGEST_WORDS
    applicant: Applicant
    form: Sequence[AssignedItem]
    now: datetime
    given: Mapping[str, Any] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def screening(self) -> Screening:
        return self.applicant.screening

    @property
    def items(self) -> Sequence[tuple[str, int]]:
        return _items(self.screening)

    @property
    def has_ended(self) -> bool:
        return self.screening.ends_at <= self.now

    @property
    def parts(self) -> list[PartOfForm]:
        parts = []
        for criterion, _count in self.items:
            mine = [assigned for assigned in self.form if assigned.item.criterion == criterion]
            done, skipped = (
                sum(assigned.submitted for assigned in mine),
                sum(assigned.skipped for assigned in mine),
            )
            parts.append(PartOfForm(criterion, len(mine), done, skipped))
        return parts

    @property
    def open_items(self) -> int:
        return sum(assigned.open for assigned in self.form)

    @property
    def begun(self) -> bool:
        """Whether an item is half done, so that there is something to go on with."""
        return any(assigned.open and assigned.begun for assigned in self.form)

    @property
    def seconds_left(self) -> int:
        deadline = self.applicant.deadline
        return max(0, round((deadline - self.now).total_seconds())) if deadline else 0

    @property
    def claimed(self) -> Sequence[str]:
        return list(self.given["topic"]) if "topic" in self.given else self.applicant.claimed

    @property
    def words(self) -> str:
        return str(self.given.get("words", self.applicant.words))


# Researchers --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ScreeningsPage(Page):
    template: ClassVar[str] = "quality/screening/list.html"
    rows: Sequence[tuple[Screening, Numbers]]
    now: datetime


@dataclass(frozen=True)
class BankChoice:
    bank: Campaign
    items: int


@dataclass(frozen=True)
class NewScreeningPage(Page):
    """The form of a new screening; ``banks`` are those that serve each criterion, with how many items they have."""

    template: ClassVar[str] = "quality/screening/new.html"
    criteria: ClassVar[Mapping[str, str]] = rules.CRITERIA
    usual_items: ClassVar[Mapping[str, int]] = rules.USUAL_ITEMS
    most_items: ClassVar[int] = rules.MOST_ITEMS
    most_minutes: ClassVar[int] = rules.MOST_MINUTES
    usual_minutes: ClassVar[int] = rules.USUAL_MINUTES
    longest_name: ClassVar[int] = rules.LONGEST_NAME
    banks: Mapping[str, Sequence[BankChoice]]
    flags: Sequence[tuple[str, Field]]
    usual_flags: Sequence[str]
    topics: Sequence[str]
    seed: int
    last_day: str
    given: Mapping[str, Sequence[str]] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str, usual: object = "") -> str:
        return self.given[name][-1] if self.given.get(name) else "" if self.given else str(usual)

    def chosen(self, name: str, value: str, *, usual: bool = False) -> bool:
        return value in self.given.get(name, ()) if self.given else usual


@dataclass(frozen=True)
class Score:
    """A score as a cell shows it: drawn on the criterion's axis with its cut-off, and in words."""

    estimate: Estimate
    axis: Axis
    cutoff: float
    counted: str
    in_percent: bool = True

    @property
    def why(self) -> str:
        """Why the score, or its interval, is missing."""
        return why(self.estimate)

    @property
    def mark(self) -> Mark:
        return charts.mark(self.axis, self.estimate.value, self.estimate.low, self.estimate.high)

    @property
    def line(self) -> float:
        return self.axis.at(self.cutoff)

    @property
    def value(self) -> str:
        return self._said(self.estimate.value, 1)

    @property
    def interval(self) -> str:
        if self.estimate.low is None or self.estimate.high is None:
            return ""
        return f"{self._bound(self.estimate.low)} – {self._bound(self.estimate.high)}"

    def _bound(self, number: float) -> str:
        return f"{100 * number:.0f}" if self.in_percent else f"{number:.1f}"

    def _said(self, number: float | None, digits: int) -> str:
        if number is None:
            return "–"
        return f"{100 * number:.{digits}f}\u00a0%" if self.in_percent else f"{number:.2f}"


@dataclass(frozen=True)
class Row:
    """An applicant in the table of the report."""

    result: Result
    scores: Sequence[Score]

    @property
    def applicant(self) -> Applicant:
        return self.result.applicant


def row_of(result: Result) -> Row:
    scores = result.scores
    return Row(
        result,
        [
            Score(scores.flags.raw, SHARES, FLAG_CUTOFF, _("%(n)s texts", n=scores.flags.raw.counts.items)),
            Score(scores.ranking, SHARES, RANKING_CUTOFF, _("%(n)s pairs", n=scores.ranking.counts.pairs)),
            Score(
                scores.demonstrations,
                RATINGS,
                DEMONSTRATION_CUTOFF,
                _("%(n)s rated", n=scores.demonstrations.counts.items),
                in_percent=False,
            ),
        ],
    )


SORTS = {"": 0, "flags": 0, "rankings": 1, "texts": 2}


@dataclass(frozen=True)
class ReportPage(Page):
    """``/screenings/N``: who did how well, by code; the decisions; the links; and what the accepted cover."""

    template: ClassVar[str] = "quality/screening/show.html"
    states: ClassVar[Mapping[str, str]] = rules.DECISION_WORDS
    link_days: ClassVar[Sequence[int]] = rules.LINK_DAYS
    usual_uses: ClassVar[int] = rules.USUAL_USES
    most_uses: ClassVar[int] = rules.MOST_USES
    shares: ClassVar[Axis] = SHARES
    ratings: ClassVar[Axis] = RATINGS
    report: Report
    invitations: Sequence[ScreeningInvitation]
    to_rate: int
    texts: int
    now: datetime
    sort: str = ""
    new_link: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def screening(self) -> Screening:
        return self.report.screening

    @property
    def rows(self) -> list[Row]:
        """By code, or by a score with those who have none last."""
        rows = [row_of(result) for result in self.report.results]
        if self.sort in SORTS and self.sort:
            column = SORTS[self.sort]
            rows.sort(key=lambda row: -(row.scores[column].estimate.value or -1))
        return rows

    @property
    def items(self) -> Sequence[tuple[str, int]]:
        return _items(self.screening)

    @property
    def words_of(self) -> Mapping[str, str]:
        return rules.CRITERIA

    def state(self, applicant: Applicant) -> str:
        return state_of(applicant)

    def is_open(self, invitation: ScreeningInvitation) -> bool:
        used_up = invitation.uses >= invitation.most_uses
        return not invitation.revoked_at and invitation.expires_at > self.now and not used_up


def state_of(applicant: Applicant) -> str:
    if applicant.finished_at:
        return mark("handed in")
    return mark("working") if applicant.started_at else mark("not begun")


@dataclass(frozen=True)
class ApplicantPage(Page):
    """One applicant, by code: the scores in full, the texts with their ratings, and the decision."""

    template: ClassVar[str] = "quality/screening/applicant.html"
    decisions: ClassVar[Mapping[str, str]] = rules.DECISIONS
    states: ClassVar[Mapping[str, str]] = rules.DECISION_WORDS
    conventions: ClassVar[Mapping[str, str]] = CONVENTIONS
    longest: ClassVar[int] = rules.LONGEST_REASON
    longest_group: ClassVar[int] = LONGEST_GROUP
    screening: Screening
    row: Row
    texts: Sequence[tuple[Done, PreviewItem]]
    own_ratings_missing: int
    decided_by: str
    name: str
    skipped: int
    given: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    error: str = ""

    @staticmethod
    def why(estimate: Estimate) -> str:
        """Why a figure, or its interval, is missing."""
        return why(estimate)

    @property
    def applicant(self) -> Applicant:
        return self.row.applicant

    @property
    def state(self) -> str:
        return state_of(self.applicant)

    @property
    def is_decided(self) -> bool:
        return self.applicant.decision in (rules.ACCEPTED, rules.DECLINED)


@dataclass(frozen=True)
class RatePage(Page):
    """One text to rate, without a word of who wrote it or what others think of it."""

    template: ClassVar[str] = "quality/screening/rate.html"
    screening: Screening
    item_id: int
    text: PreviewItem
    waiting: int
    texts: int
    sensitive: bool
    problems: Mapping[str, str] = field(default_factory=dict)


def name_of(applicant: Applicant, person: Person) -> str:
    """The name behind a code, once somebody has deliberately looked."""
    return person.name if applicant.unmasked_at else ""


def preview_of(prompt: object, text: str) -> PreviewItem:
    return PreviewItem(getattr(prompt, "messages", []), text)
