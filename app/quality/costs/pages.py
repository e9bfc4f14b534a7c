from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlencode

from app.instruments import instruments
from app.labeling.annotations.rules import activity
from app.language import gettext as _
from app.models import Campaign, CostPlan
from app.quality.costs import rules
from app.quality.costs.rules import Bought, Spread, Work, Yield
from app.web.render import Page, duration, number
from trainer.statistics.bootstrap import DRAWS

WITHOUT_GROUP = " "
"""Stands in an address for "in no group": names of groups have no blanks at their ends."""
PICTURED = (rules.DEMONSTRATION, rules.RANKING, rules.STRICT_PAIR)


def time_of(seconds: float | None) -> str:
    """A time for reading, with a decimal where it is below a minute: an answer may be rated in seconds."""
    if seconds is None or seconds >= 59.95:
        return duration(seconds)
    return _("%(seconds)s s", seconds=f"{seconds:.1f}")


@dataclass(frozen=True)
class TimeRow:
    """The active time of one activity, of all that is shown or of a slice of it."""

    name: str
    word: str
    spread: Spread


@dataclass(frozen=True)
class YieldRow:
    """What the hours have yielded of one product, of all that is shown or of a slice of it."""

    name: str
    word: str
    result: Yield


@dataclass(frozen=True)
class Slice:
    """All rows of one campaign, kind, number of answers, group or month."""

    key: str
    label: str
    times: Sequence[TimeRow]
    yields: Sequence[YieldRow]


def slice_of(works: Sequence[Work], key: str = "", label: str = "") -> Slice:
    """The rows of some submissions, without what nobody has done among them."""
    times = [TimeRow(name, rules.activities()[name], each) for name, each in rules.times(works).items()]
    yields = [YieldRow(name, rules.products()[name], each) for name, each in rules.yields(works).items()]
    return Slice(
        key,
        label,
        [row for row in times if row.spread.observations],
        [row for row in yields if row.result.hours],
    )


def slices(works: Sequence[Work], dimension: str) -> list[Slice]:
    """The same by one of ``rules.DIMENSIONS``, in the order of its values."""
    of: dict[str | int, list[Work]] = {}
    for work in works:
        of.setdefault(rules.slice_of(work, dimension), []).append(work)
    return [slice_of(of[key], str(key), label_of(key, dimension)) for key in sorted(of)]


def label_of(key: str | int, dimension: str) -> str:
    if dimension == "kind":
        return _(str(key))
    if dimension == "answers" and key == 0:
        return _("none, people write")
    if dimension == "group" and not key:
        return _("in no group")
    return str(key)


@dataclass(frozen=True)
class Bar:
    """A line of a picture: a figure in words, and what is drawn of it as shares of the longest line, from 0 to 1."""

    word: str
    figure: str
    share: float
    low: float | None = None
    high: float | None = None


def time_bars(known: Mapping[str, Yield]) -> list[Bar]:
    """Hours for a demonstration beside hours for a ranking and for one of its strict pairs."""
    longest = max((known[name].high or known[name].hours_each or 0.0 for name in PICTURED), default=0.0) or 1.0
    return [
        Bar(
            rules.products()[name],
            known[name].said if known[name].undefined else time_of(known[name].seconds_each),
            (known[name].hours_each or 0.0) / longest,
            None if known[name].low is None else known[name].low / longest,  # type: ignore[operator]
            None if known[name].high is None else known[name].high / longest,  # type: ignore[operator]
        )
        for name in PICTURED
    ]


def budget_bars(known: Mapping[str, Yield], plan: CostPlan) -> list[Bar]:
    """What the whole budget buys of each."""
    counts = {name: known[name].bought(plan.budget, plan.hourly_wage) for name in PICTURED}
    most = max(count or 0 for count in counts.values()) or 1
    return [
        Bar(
            rules.products()[name],
            number(count) if count is not None else known[name].said,
            (count or 0) / most,
        )
        for name, count in counts.items()
    ]


def splits(known: Mapping[str, Yield], plan: CostPlan) -> list[Bought]:
    """What the budget buys at several shares for demonstrations, the plan's own among them."""
    percents = sorted({*rules.SPLITS, plan.demonstration_percent})
    return [rules.bought(known, budget=plan.budget, wage=plan.hourly_wage, percent=percent) for percent in percents]


@dataclass(frozen=True)
class CostsPage(Page):
    """Times and costs of labeling; without a plan there is no money on it."""

    template: ClassVar[str] = "quality/costs/show.html"
    idle_after: ClassVar[int] = activity.IDLE_AFTER_SECONDS
    draws: ClassVar[int] = DRAWS
    dimensions: ClassVar[Mapping[str, str]] = rules.DIMENSIONS
    without_group: ClassVar[str] = WITHOUT_GROUP
    counts: ClassVar[Sequence[int]] = range(2, 10)
    longest_currency: ClassVar[int] = rules.LONGEST_CURRENCY
    whole: Slice
    by: str
    slices: Sequence[Slice]
    submissions: int
    imported: int
    unmeasured: int
    campaigns: Sequence[Campaign]
    groups: Sequence[str]
    filters: Mapping[str, str]
    time_bars: Sequence[Bar]
    budget_bars: Sequence[Bar]
    splits: Sequence[Bought]
    plan: CostPlan | None
    given: Mapping[str, str]
    problems: Mapping[str, str]
    error: str = ""

    @property
    def kinds(self) -> Sequence[str]:
        return tuple(instruments())

    @property
    def filtered(self) -> bool:
        return any(value for key, value in self.filters.items() if key != "by")

    def address(self, path: str = "/costs", **changed: str) -> str:
        """An address with the filters in force, some of them changed."""
        asked = {key: value for key, value in {**self.filters, **changed}.items() if value}
        return f"{path}?{urlencode(asked)}" if asked else path

    def time(self, seconds: float | None) -> str:
        return time_of(seconds)

    def cost(self, amount: float | None) -> str:
        """With a third decimal where an amount is small: a pair costs a fraction of the smallest coin."""
        return number(amount, 2 if amount is None or amount >= 10 else 3)
