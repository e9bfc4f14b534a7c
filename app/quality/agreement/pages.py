"""The page of agreement: every figure with its interval, its counts and a picture, or with the reason why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from app.instruments import criteria
from app.labeling.instruments.authoring.rules import NAMES_OF_USE_CASES
from app.language import gettext as _
from app.language import mark, said
from app.material.schemas.rules import PROMPT
from app.measures import CONVENTIONS, why
from app.quality.agreement.forms import query_of
from app.quality.agreement.rules import filters as rules
from app.quality.agreement.rules.filters import CONVENTION_WORDS, PHASES, PURPOSES
from app.quality.agreement.rules.label_report import (
    AC1,
    AC2,
    ALPHA_INTERVAL,
    ALPHA_NOMINAL,
    ALPHA_ORDINAL,
    FLEISS,
    MEASURES,
    POSITIVE,
    RAW,
    WEIGHTED_KAPPA,
)
from app.quality.agreement.service import AgreementReport, Question
from app.web import charts
from app.web.charts import Axis, Frame, Mark
from app.web.render import Page
from app.web.reports import Making
from trainer.statistics.bootstrap import DRAWS
from trainer.statistics.estimates import Estimate
from trainer.statistics.ranking_agreement import HEADLINE, TAU_B, Agreement

LEVELS = 10
"""Steps of colour in the matrix, from one half to one."""
MATRIX_WORDS = mark(
    "%(one)s and %(other)s: %(value)s, n = %(pairs)s pairs of answers, prompts: %(prompts)s; 95 %%: %(interval)s"
)
SHORT_MEASURES = {
    RAW: mark("Same answer"),
    POSITIVE: mark("Positive"),
    FLEISS: mark("Fleiss κ"),
    AC1: mark("Gwet AC1"),
    ALPHA_NOMINAL: mark("α nominal"),
    ALPHA_ORDINAL: mark("α ordinal"),
    ALPHA_INTERVAL: mark("α interval"),
    WEIGHTED_KAPPA: mark("Weighted κ"),
    AC2: mark("Gwet AC2"),
}
"""Heads of columns; the others stand in the file."""
OF_RATINGS = (ALPHA_ORDINAL, WEIGHTED_KAPPA, AC2, ALPHA_INTERVAL, RAW)
OF_FLAGS = (RAW, POSITIVE, FLEISS, AC1, ALPHA_NOMINAL)
OF_SCALES = (RAW, ALPHA_ORDINAL, WEIGHTED_KAPPA, AC2)


@dataclass(frozen=True)
class Figure:
    """A figure in words: ``value`` and ``interval``, or ``why`` there is none; ``mark`` is its place on an axis."""

    name: str
    value: str
    interval: str
    why: str
    pairs: int
    prompts: int
    people: int
    items: int
    mark: Mark


@dataclass(frozen=True)
class Picture:
    """Figures under one axis; ``reference`` is the stretch of a published figure, in percent of the axis."""

    name: str
    title: str
    first: str
    hint: str
    axis: Axis
    shares: bool
    rows: Sequence[Figure]
    reference: tuple[float, float, float] | None

    @property
    def unit(self) -> str:
        return "percent" if self.shares else "number"


@dataclass(frozen=True)
class Cell:
    """Agreement of two people in the matrix: ``words`` say it whole, ``text`` in two digits."""

    text: str
    count: str
    level: str
    words: str


@dataclass(frozen=True)
class Matrix:
    """Labeler × labeler; ``left_out`` people have fewer pairs and stand in the file alone."""

    names: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell | None]]]
    left_out: int


@dataclass(frozen=True)
class Point:
    """A month in the line over time, in units of the picture."""

    x: float
    y: float | None
    low: float | None
    high: float | None
    figure: Figure


@dataclass(frozen=True)
class TimeLine:
    """The line over months; ``lines`` are its unbroken stretches."""

    frame: Frame
    points: Sequence[Point]
    lines: Sequence[str]
    bands: Sequence[str]
    reference: tuple[float, float] | None
    shares: bool


@dataclass(frozen=True)
class Person:
    """A labeler in the list of everybody."""

    name: str
    role: str
    group: str
    rankings: int
    agreement: Figure
    ties: Figure


@dataclass(frozen=True)
class LabelRow:
    """A question with its figures in the order of the columns, and why some are missing, each reason once."""

    name: str
    about: str
    given: int
    chosen: str
    figures: Sequence[Figure | None]
    reasons: Sequence[str]
    items: int
    people: int


@dataclass(frozen=True)
class LabelTable:
    title: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[LabelRow]


@dataclass(frozen=True)
class Convention:
    """A way of counting ties, with its figure over pairs, over tasks, and of one person ranking again."""

    name: str
    meaning: str
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Filled:
    """The form: what is chosen, what may be chosen, and what is wrong with it."""

    given: Mapping[str, str]
    problems: Mapping[str, str]
    campaigns: Sequence[tuple[int, str]]
    groups: Sequence[str]
    use_cases: Sequence[tuple[str, str]]
    languages: Sequence[str]
    phases: ClassVar[Mapping[str, str]] = PHASES
    purposes: ClassVar[Mapping[str, str]] = PURPOSES
    conventions: ClassVar[Mapping[str, str]] = CONVENTION_WORDS

    @property
    def kinds(self) -> Mapping[str, str]:
        """What orders can go by."""
        return criteria()


@dataclass(frozen=True)
class WaitingFragment(Page):
    """The report is being made; the fragment asks again every second until it is there."""

    template: ClassVar[str] = "quality/agreement/_waiting.html"
    query: str
    step: str
    seconds: float
    failed: bool


@dataclass(frozen=True)
class ReportFragment(Page):
    """All figures of one report under one convention."""

    template: ClassVar[str] = "quality/agreement/_report.html"
    draws: ClassVar[int] = DRAWS
    report: AgreementReport
    query: str
    convention: str
    meaning: str
    headline: Figure
    verdict: str
    picture: Picture
    conventions: Sequence[Convention]
    beyond: Sequence[Figure]
    matrix: Matrix | None
    people: Sequence[Person]
    pictures: Sequence[Picture]
    months: TimeLine | None
    month_rows: Sequence[Figure]
    ratings: LabelTable
    labels: Sequence[LabelTable]


@dataclass(frozen=True)
class NothingFragment(Page):
    """What was asked for is no report; the form above says why."""

    template: ClassVar[str] = "quality/agreement/_nothing.html"


@dataclass(frozen=True)
class AgreementPage(Page):
    template: ClassVar[str] = "quality/agreement/show.html"
    form: Filled
    body: ReportFragment | WaitingFragment | NothingFragment


def body_of(making: Making[AgreementReport], given: Mapping[str, str]) -> ReportFragment | WaitingFragment:
    """The report if it is made, else that it is being made."""
    convention = given.get("convention") or HEADLINE
    if not making.failed and (report := making.report):
        return report_fragment(report, convention, query_of(given))
    return WaitingFragment(query_of(given), _(making.step) if making.step else "", making.seconds, making.failed)


def report_fragment(report: AgreementReport, convention: str, query: str) -> ReportFragment:
    """Everything in words, with the places of its marks."""
    found = report.rankings
    shares = convention != TAU_B
    headline = _figure(_("Agreement"), found.overall[convention].micro, shares=shares)
    whole = _picture(
        "headline", _("Agreement"), "", "", [(_("Everybody"), found.overall[convention].micro)], convention
    )
    months = list(found.slices["month"].items())
    return ReportFragment(
        report=report,
        query=query,
        convention=convention,
        meaning=_(CONVENTIONS[convention]),
        headline=headline,
        verdict=_verdict(found.overall[convention].micro) if convention == HEADLINE else "",
        picture=whole,
        conventions=[_convention(name, of, found.themselves[name].micro) for name, of in found.overall.items()],
        beyond=[
            _figure(_("Krippendorff's α of the signs of pairs, nominal"), found.alpha_nominal, shares=False),
            _figure(_("the same, a tie lying between the two orders"), found.alpha_ordinal, shares=False),
            _figure(_("κ with ties as a verdict, chance by the share of ties"), found.beyond_chance, shares=False),
            _figure(_("ties among all judged pairs"), found.ties),
        ],
        matrix=_matrix(report),
        people=_people(report),
        pictures=_pictures(report, convention),
        months=_time_line(months, convention),
        month_rows=[_figure(name, of[convention].micro, shares=shares) for name, of in months],
        ratings=_ratings(report),
        labels=_labels(report),
    )


# Figures ------------------------------------------------------------------------------------------


def _figure(name: str, found: Estimate, *, shares: bool = True, axis: Axis | None = None) -> Figure:
    counts = found.counts
    return Figure(
        name=name,
        value="" if found.value is None else _number(found.value, shares=shares),
        interval=_interval(found, shares=shares),
        why=why(found),
        pairs=counts.pairs,
        prompts=counts.prompts,
        people=counts.raters,
        items=counts.items,
        mark=Mark(None) if axis is None else charts.mark(axis, found.value, found.low, found.high),
    )


def _convention(name: str, of: Agreement, themselves: Estimate) -> Convention:
    shares = name != TAU_B
    figures = [_figure("", one, shares=shares) for one in (of.micro, of.macro, themselves)]
    return Convention(_(CONVENTION_WORDS[name]), _(CONVENTIONS[name]), figures)


def _number(value: float, *, shares: bool) -> str:
    return f"{100 * value:.1f}\u00a0%" if shares else f"{value:.3f}".replace("-", "−")


def _interval(found: Estimate, *, shares: bool) -> str:
    if found.low is None or found.high is None:
        return ""
    ends = (f"{100 * end:.1f}" if shares else f"{end:.3f}".replace("-", "−") for end in (found.low, found.high))
    return " – ".join(ends) + (_(" (Wilson)") if found.by_wilson else "")


def _verdict(found: Estimate) -> str:
    """Where the headline stands beside the published figure."""
    if found.low is None or found.high is None:
        return ""
    low, high = rules.REFERENCE - rules.REFERENCE_MARGIN, rules.REFERENCE + rules.REFERENCE_MARGIN
    if found.high < low:
        return _("▼ the whole interval lies below the published figure")
    return _("▲ the whole interval lies above the published figure") if found.low > high else _("≈ overlaps it")


def _picture(
    name: str, title: str, first: str, hint: str, rows: Iterable[tuple[str, Estimate]], convention: str
) -> Picture:
    found = list(rows)
    shares = convention != TAU_B
    numbers = [number for _name, of in found for number in (of.value, of.low, of.high) if number is not None]
    if shares:
        also = (0.5, rules.REFERENCE) if convention == HEADLINE else (0.5,)
        axis = charts.share_axis(numbers, also)
    else:
        axis = charts.number_axis(min([*numbers, 0.0]), max([*numbers, 1.0]))
    reference = None
    if convention == HEADLINE:
        ends = (rules.REFERENCE - rules.REFERENCE_MARGIN, rules.REFERENCE, rules.REFERENCE + rules.REFERENCE_MARGIN)
        low, middle, high = map(axis.at, ends)
        reference = (low, middle, round(high - low, 2))
    lines = [_figure(row, of, shares=shares, axis=axis) for row, of in found]
    return Picture(name, title, first, hint, axis, shares, lines, reference)


def _pictures(report: AgreementReport, convention: str) -> list[Picture]:
    found = report.rankings

    def picture(name: str, title: str, first: str, hint: str, parts: Mapping[str, Agreement]) -> Picture:
        return _picture(name, title, first, hint, [(part, of.micro) for part, of in parts.items()], convention)

    def between(parts: Mapping[tuple[str, str], Mapping[str, Agreement]]) -> dict[str, Agreement]:
        named = {(_said(one), _said(other)): of[convention] for (one, other), of in parts.items()}
        return {
            _("%(one)s among each other", one=one) if one == other else f"{one} – {other}": of
            for (one, other), of in named.items()
        }

    def of_slice(name: str, words: Mapping[str, str] | None = None) -> dict[str, Agreement]:
        known = words or {}
        return {_(known[part]) if part in known else part: of[convention] for part, of in found.slices[name].items()}

    return [
        picture("roles", _("Labelers and researchers"), _("Who"), "", between(found.groups["role"])),
        picture(
            "groups",
            _("Labeler groups"),
            _("Who"),
            _("Held-out labelers agreed with each other at 77.3 ± 1.3 %% (InstructGPT §3.4)."),
            between(found.groups["group"]),
        ),
        picture("use-cases", _("Use cases"), _("Use case"), "", of_slice("use_case", NAMES_OF_USE_CASES)),
        picture("languages", _("Languages"), _("Language"), "", of_slice("language")),
        picture(
            "campaigns",
            _("Campaigns"),
            _("Campaign"),
            _("Rankings of the same answers in two campaigns count in neither."),
            of_slice("campaign"),
        ),
    ]


def _said(name: str) -> str:
    return _(name) if name in rules.GROUPS_OF_ROLES else name


# The matrix and the people ------------------------------------------------------------------------


def _matrix(report: AgreementReport) -> Matrix | None:
    pairs = report.rankings.labelers
    of_each: dict[int, int] = dict.fromkeys(report.order, 0)
    for (one, other), of in pairs.items():
        if one in of_each and other in of_each:
            of_each[one] += of.micro.counts.pairs
            of_each[other] += of.micro.counts.pairs
    most = set(sorted(of_each, key=lambda person: -of_each[person])[: rules.SHOWN_IN_MATRIX])
    order = [person for person in report.order if person in most]
    if len(order) < 2:
        return None
    names = [report.raters[person].name or "" for person in order]

    def cell(one: int, other: int) -> Cell | None:
        of = pairs.get((min(one, other), max(one, other)))
        return None if of is None else _cell(report.raters[one].name or "", report.raters[other].name or "", of.micro)

    rows = [(name, [cell(one, other) for other in order]) for name, one in zip(names, order, strict=True)]
    return Matrix(names, rows, len(report.order) - len(order))


def _cell(one: str, other: str, found: Estimate) -> Cell:
    figure = _figure("", found)
    if found.value is None:
        return Cell("·", "", "none", _("%(one)s and %(other)s: %(why)s", one=one, other=other, why=figure.why))
    level = int(min(LEVELS - 1, max(0.0, (found.value - 0.5) * 2 * LEVELS)))
    words = _(
        MATRIX_WORDS,
        one=one,
        other=other,
        value=figure.value,
        pairs=f"{figure.pairs:,}",
        prompts=f"{figure.prompts:,}",
        interval=figure.interval or figure.why,
    )
    return Cell(f"{100 * found.value:.0f}", _short(figure.pairs), "low" if found.value < 0.5 else str(level), words)


def _short(count: int) -> str:
    return f"{count}" if count < 1000 else f"{count / 1000:.1f}k" if count < 10_000 else f"{count // 1000}k"


def _people(report: AgreementReport) -> list[Person]:
    """Everybody who ranked, the least agreement first; those without any come last."""
    found = report.rankings
    people = [
        (
            of_each.micro.value,
            Person(
                rater.name,
                _(rater.role),
                rater.group or "",
                rater.rankings,
                _figure(rater.name, of_each.micro),
                _figure(rater.name, ties),
            ),
        )
        for rater, of_each, ties in zip(report.raters, found.of_each, found.ties_of_labeler, strict=False)
        if rater.rankings and rater.name is not None
    ]
    people.sort(key=lambda one: (one[0] is None, one[0] or 0.0, one[1].name))
    return [person for _value, person in people]


# Time ---------------------------------------------------------------------------------------------


def _time_line(months: Sequence[tuple[str, Mapping[str, Agreement]]], convention: str) -> TimeLine | None:
    """The line, if there are two months with a value."""
    found = [(name, of[convention].micro) for name, of in months]
    numbers = [number for _name, of in found for number in (of.value, of.low, of.high) if number is not None]
    if sum(of.value is not None for _name, of in found) < 2:
        return None
    shares = convention != TAU_B
    also = (0.5, rules.REFERENCE) if convention == HEADLINE else (0.5,)
    y = charts.share_axis(numbers, also) if shares else charts.number_axis(min([*numbers, 0.0]), max(numbers))
    frame = Frame(46, 12, 640, 196, Axis(-0.5, len(found) - 0.5, ()), y)
    points = [
        Point(
            frame.across(place),
            None if of.value is None else frame.down(of.value),
            None if of.low is None else frame.down(of.low),
            None if of.high is None else frame.down(of.high),
            _figure(name, of, shares=shares),
        )
        for place, (name, of) in enumerate(found)
    ]
    reference = None
    if convention == HEADLINE:
        top = frame.down(rules.REFERENCE + rules.REFERENCE_MARGIN)
        reference = (top, round(frame.down(rules.REFERENCE - rules.REFERENCE_MARGIN) - top, 2))
    stretches = _unbroken(points)
    lines = [" ".join(f"{point.x},{point.y}" for point in stretch) for stretch in stretches]
    return TimeLine(
        frame, points, lines, [band for stretch in stretches for band in _bands(stretch)], reference, shares
    )


def _unbroken(points: Sequence[Point]) -> list[list[Point]]:
    stretches: list[list[Point]] = [[]]
    for point in points:
        if point.y is None:
            stretches.append([])
        else:
            stretches[-1].append(point)
    return [stretch for stretch in stretches if stretch]


def _bands(stretch: Sequence[Point]) -> list[str]:
    known = [point for point in stretch if point.low is not None and point.high is not None]
    if len(known) < 2:
        return []
    there = [f"{point.x},{point.high}" for point in known]
    back = [f"{point.x},{point.low}" for point in reversed(known)]
    return [" ".join([*there, *back])]


# Ratings and labels -------------------------------------------------------------------------------


def _ratings(report: AgreementReport) -> LabelTable:
    question = Question("answer", "", _("Overall rating, 1 to 7"), report.ratings)
    return LabelTable(_("Ratings"), _columns(OF_RATINGS), [_label_row(question, OF_RATINGS)])


def _labels(report: AgreementReport) -> list[LabelTable]:
    """Flags and choices in one table, scales in another: they have other measures."""
    plain = [question for question in report.questions if ALPHA_ORDINAL not in question.report.figures]
    scales = [question for question in report.questions if ALPHA_ORDINAL in question.report.figures]
    tables = []
    for title, questions, measures in ((_("Flags and choices"), plain, OF_FLAGS), (_("Scales"), scales, OF_SCALES)):
        if questions:
            tables.append(LabelTable(title, _columns(measures), [_label_row(one, measures) for one in questions]))
    return tables


def _columns(measures: Sequence[str]) -> list[tuple[str, str]]:
    return [(_(SHORT_MEASURES[name]), _(MEASURES[name])) for name in measures]


def _label_row(question: Question, measures: Sequence[str]) -> LabelRow:
    found = question.report
    figures = [
        _figure(name, found.figures[name], shares=name in (RAW, POSITIVE)) if name in found.figures else None
        for name in measures
    ]
    counts = found.figures[RAW].counts
    chosen = ", ".join(f"{said(value)}: {count:,}" for value, count in found.chosen.items() if count)
    return LabelRow(
        name=said(question.text) or question.name.replace("_", " "),
        about=_("about the prompt") if question.part == PROMPT else _("about the answer"),
        given=found.given,
        chosen=chosen,
        figures=figures,
        reasons=_reasons(measures, figures),
        items=counts.items,
        people=counts.raters,
    )


def _reasons(measures: Sequence[str], figures: Sequence[Figure | None]) -> list[str]:
    """Why figures or intervals are missing: “Fleiss κ, α nominal: undefined, because …”."""
    of: dict[str, list[str]] = {}
    for name, figure in zip(measures, figures, strict=True):
        if figure is not None and figure.why:
            of.setdefault(figure.why, []).append(_(SHORT_MEASURES[name]))
    return [_("%(figures)s: %(why)s", figures=", ".join(names), why=why) for why, names in of.items()]
