"""Times and costs of labeling: what is counted, and how sure a figure is.

Writing is *generative* labeling, rating and ranking are *discriminative* labeling: recognising a good answer takes less
time than writing one, so the same money buys more of it.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from app.instruments import Instrument, instrument_of, instruments
from app.judgements.rules import COSTS, Purpose, Wanted
from app.labeling.annotations.rules import activity
from app.language import gettext as _
from app.language import mark
from trainer.statistics.arrays import Floats, ratio
from trainer.statistics.bootstrap import Resamples, percentile_interval
from trainer.statistics.medians import medians

DEMONSTRATION, RANKING, STRICT_PAIR, PAIR = "demonstration", "ranking", "strict_pair", "pair"
PAIRS = {STRICT_PAIR: mark("Strict pair (one answer preferred)"), PAIR: mark("Pair of answers, ties included")}


def activities() -> dict[str, str]:
    """What a time is taken of. A whole task holds its parts, so the rows of one kind do not add up."""
    return {code: words for each in _instruments() for code, words in each.costs.times.items()}


def products() -> dict[str, str]:
    """What the time yields. Pairs are those of the orders that go by quality."""
    first = {each.costs.whole[0]: each.costs.product for each in _instruments() if each.written or each.costs.pairs}
    return first | PAIRS | {each.costs.whole[0]: each.costs.product for each in _instruments()}


def _instruments() -> list[Instrument]:
    """Those with which people write, then those with which they judge."""
    return sorted(instruments().values(), key=lambda each: not each.written)


DIMENSIONS = {
    "campaign": mark("campaign"),
    "kind": mark("kind"),
    "answers": mark("answers per task"),
    "group": mark("labeler group"),
    "month": mark("month"),
}
SPLITS = (0, 25, 50, 75, 100)

NO_TIME = mark("undefined, because no time was measured")
NO_THING = mark("undefined, because the measured time has yielded none yet")
ONE_LABELER = mark("no interval, because all of it stems from one labeler")

SEED = 20260504
MOST_AMOUNT = 1_000_000_000
LONGEST_CURRENCY = 8
HOUR = 3600


@dataclass(frozen=True)
class Filters:
    """Which submissions: of a campaign, a kind, a number of answers, a group (empty: of none), from and before."""

    campaign_id: int | None = None
    kind: str = ""
    answers: int | None = None
    group: str | None = None
    since: datetime | None = None
    before: datetime | None = None


def wanted(filters: Filters, purpose: Purpose = COSTS) -> Wanted:
    """What the filters take of what people said, whatever the number of answers."""
    return Wanted(
        purpose,
        instruments=(filters.kind,) if filters.kind else (),
        campaigns=() if filters.campaign_id is None else (filters.campaign_id,),
        group=filters.group,
        since=filters.since,
        before=filters.before,
    )


@dataclass(frozen=True)
class Work:
    """One submission whose active time was measured.

    Attributes:
        campaign: its name.
        kind: of the campaign.
        answers: how many were judged; 0 where people wrote.
        group: of the labeler, empty for none.
        month: of the submission, ``2026-05``.
        labeler: a number that stands for the person.
        parts: active seconds by part of the task.
        strict: pairs of answers of which one was preferred.
        pairs: all pairs of answers, ties included.
        lost: its time is spent and nothing came of it: a text that a reviewer rejected or its author withdrew, or a
            judgement that measured its labeler.
    """

    campaign: str
    kind: str
    answers: int
    group: str
    month: str
    labeler: int
    parts: Mapping[str, float]
    strict: int = 0
    pairs: int = 0
    lost: bool = False

    @property
    def seconds(self) -> float:
        return math.fsum(self.parts.values())


def slice_of(work: Work, dimension: str) -> str | int:
    """Where a submission belongs in a table by one of ``DIMENSIONS``."""
    value_by_dimension: dict[str, str | int] = {
        "campaign": work.campaign,
        "kind": work.kind,
        "answers": work.answers,
        "group": work.group,
        "month": work.month,
    }
    return value_by_dimension[dimension]


# Time --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    """Active seconds of one activity: median with its 95 % interval, and quartiles.

    Empty values are explained by ``undefined`` or ``no_interval``, sentences in English. ``total`` is the sum.
    """

    observations: int
    labelers: int
    total: float = 0.0
    median: float | None = None
    low: float | None = None
    high: float | None = None
    lower_quartile: float | None = None
    upper_quartile: float | None = None
    undefined: str = ""
    no_interval: str = ""

    @property
    def said(self) -> str:
        """Why there is no median, or no interval, in the language in use."""
        sentence = self.undefined or self.no_interval
        return _(sentence) if sentence else ""


def measured(work: Work) -> Iterator[tuple[str, float]]:
    """Each activity of a submission with its active seconds; answers whose time is unknown are left out."""
    costs = instrument_of(work.kind).costs
    yield costs.whole[0], work.seconds
    for part, seconds in work.parts.items():
        if costs.answer and part.startswith(activity.ANSWER):
            yield costs.answer[0], seconds
    if costs.order and activity.RANKING in work.parts:
        yield costs.order[0], work.parts[activity.RANKING]


def times(works: Iterable[Work]) -> dict[str, Spread]:
    """Median, quartiles and interval of every activity, in the order of ``activities``."""
    by_activity: dict[str, tuple[list[float], list[int]]] = {name: ([], []) for name in activities()}
    for work in works:
        for name, seconds in measured(work):
            by_activity[name][0].append(seconds)
            by_activity[name][1].append(work.labeler)
    return {name: spread(seconds, labelers) for name, (seconds, labelers) in by_activity.items()}


def spread(seconds: Sequence[float], labelers: Sequence[int]) -> Spread:
    """Median and quartiles of seconds, and where the median would lie if other labelers had come.

    Times of one person resemble one another, so whole labelers are drawn anew, not times (cluster bootstrap: Davison &
    Hinkley 1997, §3.8). With a handful of labelers such an interval is rough, and with one there is none.

    Args:
        seconds: the times.
        labelers: who took each of them.
    """
    if not seconds:
        return Spread(0, 0, undefined=NO_TIME)
    values: Floats = np.asarray(seconds, dtype=np.float64).round(1)  # they are kept in tenths
    people, codes = np.unique(np.asarray(labelers), return_inverse=True)
    lower, middle, upper = (float(q) for q in np.quantile(values, (0.25, 0.5, 0.75)))
    low = high = None
    if len(people) > 1:
        low, high = percentile_interval(medians(values, codes, Resamples(len(people), seed=SEED)))
    return Spread(
        observations=len(values),
        labelers=len(people),
        total=float(values.sum()),
        median=middle,
        low=low,
        high=high,
        lower_quartile=lower,
        upper_quartile=upper,
        no_interval="" if len(people) > 1 else ONE_LABELER,
    )


# Yield and cost ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Yield:
    """What some hours have yielded: hours for one thing, with a 95 % interval.

    A ratio of sums, not a median: what is paid is the sum of all times, the long ones too.
    """

    things: int
    hours: float
    labelers: int
    hours_each: float | None = None
    low: float | None = None
    high: float | None = None
    undefined: str = ""
    no_interval: str = ""

    @property
    def said(self) -> str:
        """Why there is no figure, or no interval, in the language in use."""
        sentence = self.undefined or self.no_interval
        return _(sentence) if sentence else ""

    @property
    def seconds_each(self) -> float | None:
        return None if self.hours_each is None else self.hours_each * HOUR

    @property
    def per_hour(self) -> float | None:
        return self.things / self.hours if self.hours and self.things else None

    @property
    def per_hour_range(self) -> tuple[float, float] | None:
        """Its interval; the quickest draw yields the most."""
        return (1 / self.high, 1 / self.low) if self.low and self.high else None

    def cost(self, wage: float) -> float | None:
        """Of one thing, in the currency of the hourly wage."""
        return None if self.hours_each is None else self.hours_each * wage

    def cost_range(self, wage: float) -> tuple[float, float] | None:
        return None if self.low is None or self.high is None else (self.low * wage, self.high * wage)

    def bought(self, money: float, wage: float) -> int | None:
        """How many whole things the money pays for."""
        return None if not self.hours_each else math.floor(money / wage / self.hours_each + 1e-9)


def made(work: Work) -> Iterator[tuple[str, int]]:
    """Each product of a submission and how many of it came of it."""
    usable, costs = 0 if work.lost else 1, instrument_of(work.kind).costs
    yield costs.whole[0], usable
    if costs.pairs:
        yield from ((STRICT_PAIR, usable * work.strict), (PAIR, usable * work.pairs))


def yields(works: Iterable[Work]) -> dict[str, Yield]:
    """What the hours of some submissions have yielded, in the order of ``products``."""
    by_product: dict[str, dict[int, tuple[float, int]]] = {name: {} for name in products()}
    for work in works:
        for name, count in made(work):
            seconds, things = by_product[name].get(work.labeler, (0.0, 0))
            by_product[name][work.labeler] = (seconds + work.seconds, things + count)
    return {name: yield_of(list(by_labeler.values())) for name, by_labeler in by_product.items()}


def yield_of(by_labeler: Sequence[tuple[float, int]]) -> Yield:
    """Hours for one thing, from each labeler's seconds and things; labelers are drawn anew for the interval."""
    if not by_labeler:
        return Yield(0, 0.0, 0, undefined=NO_TIME)
    seconds, things = (np.asarray(column, dtype=np.float64) for column in zip(*by_labeler, strict=True))
    people, hours, count = len(by_labeler), float(seconds.sum()) / HOUR, int(things.sum())
    if not count:
        return Yield(0, hours, people, undefined=NO_THING)
    if people == 1:
        return Yield(count, hours, 1, hours / count, no_interval=ONE_LABELER)
    drawn = Resamples(people, seed=SEED).sums_of_part(np.arange(people), np.stack([seconds / HOUR, things], axis=1))
    return Yield(count, hours, people, hours / count, *percentile_interval(ratio(drawn[:, 0], drawn[:, 1])))


@dataclass(frozen=True)
class Bought:
    """What a budget buys if a share of it, in percent, goes into demonstrations and the rest into rankings."""

    percent: int
    demonstrations: int | None
    rankings: int | None
    strict_pairs: int | None


def bought(known: Mapping[str, Yield], *, budget: float, wage: float, percent: int) -> Bought:
    writing, judging = budget * percent / 100, budget * (100 - percent) / 100
    return Bought(
        percent,
        known[DEMONSTRATION].bought(writing, wage),
        known[RANKING].bought(judging, wage),
        known[STRICT_PAIR].bought(judging, wage),
    )


# What an admin enters ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """A wage and a budget as somebody entered them, read and checked."""

    hourly_wage: float
    currency: str
    budget: float
    demonstration_percent: int


def plan_of(fields: Mapping[str, str]) -> Plan | dict[str, str]:
    """Read a plan, or say by field in a sentence what is wrong with it."""
    problems = {}
    wage, budget = amount_of(fields.get("hourly_wage", "")), amount_of(fields.get("budget", ""))
    currency, percent = fields.get("currency", "").strip(), fields.get("demonstration_percent", "").strip()
    for field, amount in (("hourly_wage", wage), ("budget", budget)):
        if amount is None:
            problems[field] = _(
                "An amount is a number above 0 and up to %(most)s, with a point before its decimals, such as 18.50.",
                most=f"{MOST_AMOUNT:,}",
            )
    if not currency or len(currency) > LONGEST_CURRENCY or not currency.isprintable():
        problems["currency"] = _(
            "Name the currency in at most %(number)s characters, such as EUR or ¥.", number=LONGEST_CURRENCY
        )
    if not re.fullmatch(r"\d{1,3}", percent) or int(percent) > 100:
        problems["demonstration_percent"] = _("A share is a whole number from 0 to 100.")
    if problems or wage is None or budget is None:
        return problems
    return Plan(wage, currency, budget, int(percent))


def amount_of(text: str) -> float | None:
    """An amount above 0 as people write it, ``18.50``; nothing for what is none."""
    if not re.fullmatch(r"\s*\d{1,10}(\.\d{1,4})?\s*", text):
        return None
    amount = float(text)
    return amount if 0 < amount <= MOST_AMOUNT else None
