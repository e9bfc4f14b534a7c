"""The pages of the watch: every figure with its interval, its counts and its bound, or the reason why there is none."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from urllib.parse import urlencode

from app.labeling.campaigns.orders import stored_order
from app.language import gettext as _
from app.language import mark
from app.material.candidates.rules import candidate_letter
from app.models import AlarmNote, Annotation, GoldItem, Person
from app.quality.oversight.rules.bounds import rings_again
from app.quality.oversight.rules.findings import Bound, Finding
from app.quality.oversight.rules.ongoing import (
    BOUNDS,
    DRIFT,
    GOLD,
    ITSELF,
    LOAD,
    MEASURES,
    OTHERS,
    PACE,
    POSITION,
    RESEARCHERS,
    SPEED,
    STRAIGHT,
    TEAM,
    UNITS,
    UNTOUCHED,
    Alarm,
)
from app.quality.oversight.service import FAIR, LabelersReport, Worker
from app.web import charts
from app.web.charts import Axis, Frame, Mark
from app.web.render import Page
from app.web.reports import Making
from trainer.statistics.change import LINE
from trainer.statistics.weak_orders import weak_order

SHORT: Mapping[str, str] = {
    TEAM: mark("With the team"),
    RESEARCHERS: mark("With researchers"),
    OTHERS: mark("With others"),
    GOLD: mark("With gold"),
    ITSELF: mark("With themselves"),
    SPEED: mark("Too quick to read"),
    PACE: mark("Pace"),
    STRAIGHT: mark("Equal ratings"),
    UNTOUCHED: mark("Order untouched"),
    POSITION: mark("First shown"),
    DRIFT: mark("Drift"),
    LOAD: mark("Longest day"),
}
"""Heads of columns and rows; ``MEASURES`` says them whole."""
FEWEST_FOR_FEEDBACK = 8


@dataclass(frozen=True)
class Figure:
    """A figure in words; ``why`` where there is none. ``ring`` says that it rings an alarm."""

    measure: str
    name: str
    meaning: str
    value: str
    interval: str
    why: str
    tasks: int
    mark: Mark
    bound: Mark
    ring: bool = False


@dataclass(frozen=True)
class Ring:
    """An alarm with its person, and what was said of it since."""

    worker: Worker
    figure: Figure
    bound: str
    p: str
    raw: float
    looked: AlarmNote | None
    again: bool
    """It was looked at, but the figure has become worse since."""

    @property
    def quiet(self) -> bool:
        return self.looked is not None and not self.again


@dataclass(frozen=True)
class Row:
    worker: Worker
    figures: Sequence[Figure]
    rings: int


@dataclass(frozen=True)
class Filled:
    """The form of the filters as it was filled in."""

    given: Mapping[str, str]
    problems: Mapping[str, str]
    campaigns: Sequence[tuple[int, str]]

    @property
    def query(self) -> str:
        return urlencode({name: value for name, value in self.given.items() if value})


@dataclass(frozen=True)
class WaitingFragment(Page):
    template: ClassVar[str] = "quality/oversight/_waiting.html"
    address: str
    step: str
    seconds: float
    failed: bool


@dataclass(frozen=True)
class LabelersFragment(Page):
    """Alarms and everybody's figures."""

    template: ClassVar[str] = "quality/oversight/_report.html"
    report: LabelersReport
    rings: Sequence[Ring]
    rows: Sequence[Row]
    heads: Sequence[tuple[str, str, str]]
    sort: str
    query: str

    @property
    def open_rings(self) -> list[tuple[Worker, list[Ring]]]:
        """The alarms that nobody has looked at, by person, whoever has the surest one first."""
        return _by_person(ring for ring in self.rings if not ring.quiet)

    @property
    def quiet_rings(self) -> list[tuple[Worker, list[Ring]]]:
        return _by_person(ring for ring in self.rings if ring.quiet)


def _by_person(rings: Iterable[Ring]) -> list[tuple[Worker, list[Ring]]]:
    found: dict[int, list[Ring]] = {}
    for ring in rings:
        found.setdefault(ring.worker.id, []).append(ring)
    return [(of[0].worker, of) for of in found.values()]


@dataclass(frozen=True)
class LabelersPage(Page):
    template: ClassVar[str] = "quality/oversight/labelers.html"
    form: Filled
    body: LabelersFragment | WaitingFragment | None


@dataclass(frozen=True)
class Point:
    x: float
    y: float
    low: float | None
    high: float | None
    month: str
    figure: Figure


@dataclass(frozen=True)
class Line:
    """One measure over months, with its bound."""

    name: str
    frame: Frame
    points: Sequence[Point]
    path: str
    bound: float | None
    rows: Sequence[tuple[str, Figure]]


@dataclass(frozen=True)
class DriftPath:
    """The cumulative sum of somebody's verdicts on the fixed pair; it drifts where it leaves the band."""

    frame: Frame
    path: str
    top: float
    bottom: float
    figure: Figure
    first: str
    second: str
    verdicts: int


@dataclass(frozen=True)
class Differing:
    """Where somebody and gold ordered a task otherwise."""

    task_id: int
    prompt: str
    theirs: str
    gold: str
    reason: str
    submitted_at: datetime


@dataclass(frozen=True)
class PersonPage(Page):
    template: ClassVar[str] = "quality/oversight/person.html"
    worker: Worker
    report: LabelersReport
    rings: Sequence[Ring]
    figures: Sequence[Figure]
    lines: Sequence[Line]
    drift: DriftPath | None
    differing: Sequence[Differing]
    notes: Sequence[tuple[AlarmNote, str]]
    names: ClassVar[Mapping[str, str]] = SHORT
    error: str = ""


@dataclass(frozen=True)
class BoundsPage(Page):
    template: ClassVar[str] = "quality/oversight/bounds.html"
    bounds: Mapping[str, Bound]
    given: Mapping[str, str]
    problems: Mapping[str, str]
    usual: ClassVar[Mapping[str, Bound]] = BOUNDS
    names: ClassVar[Mapping[str, str]] = SHORT
    meanings: ClassVar[Mapping[str, str]] = MEASURES
    units: ClassVar[Mapping[str, str]] = UNITS


@dataclass(frozen=True)
class FeedbackPage(Page):
    """What somebody may know of their own work: no rank among colleagues, no alarm, nobody else's figure."""

    template: ClassVar[str] = "quality/oversight/feedback.html"
    counted: ClassVar[Sequence[str]] = (TEAM, RESEARCHERS)
    """Figures that may say of how many tasks they are: of the others the number would tell what measures."""
    fewest: ClassVar[int] = FEWEST_FOR_FEEDBACK
    figures: Sequence[Figure]
    differing: Sequence[Differing]
    days: int
    before: datetime
    waiting: WaitingFragment | None = None


# Making them -------------------------------------------------------------------------------------


def waiting(making: Making[LabelersReport], address: str) -> WaitingFragment:
    return WaitingFragment(address, _(making.step) if making.step else "", making.seconds, making.failed)


def said(measure: str, value: float) -> str:
    """A value with its unit."""
    unit = UNITS[measure]
    if unit == "share":
        return f"{100 * value:.0f} %"
    if unit == "difference":
        return f"{100 * value:+.0f}".replace("-", "−")
    if unit == "hours":
        return _("%(hours)s h", hours=f"{value:.1f}")
    return f"{value:.2f}×"


def axis_of(measure: str) -> Axis:
    return {
        "share": Axis(0.0, 1.0, (0.0, 0.5, 1.0)),
        "difference": Axis(-1.0, 1.0, (-1.0, 0.0, 1.0)),
        "ratio": Axis(0.0, 2.0, (0.0, 1.0, 2.0)),
        "hours": Axis(0.0, 16.0, (0.0, 8.0, 16.0)),
    }[UNITS[measure]]


def figure(measure: str, found: Finding, bound: Bound | None, *, ring: bool = False) -> Figure:
    axis = axis_of(measure)
    known = found.low is not None and found.high is not None
    return Figure(
        measure=measure,
        name=_(SHORT[measure]),
        meaning=_(MEASURES[measure]),
        value="" if found.value is None else said(measure, found.value),
        interval=f"{said(measure, found.low)} – {said(measure, found.high)}" if known else "",  # type: ignore[arg-type]
        why=found.said,
        tasks=found.tasks,
        mark=charts.mark(axis, found.value, found.low, found.high),
        bound=charts.mark(axis, bound.bound if bound else None),
        ring=ring,
    )


def rings_of(report: LabelersReport, notes: Sequence[AlarmNote], alarms: Sequence[Alarm] | None = None) -> list[Ring]:
    """The alarms, each with the newest word about it."""
    newest: dict[tuple[int, str], AlarmNote] = {}
    for note in notes:
        newest.setdefault((note.person_id, note.measure), note)
    return [_ring(report, alarm, newest) for alarm in (report.found.alarms if alarms is None else alarms)]


def _ring(report: LabelersReport, alarm: Alarm, newest: Mapping[tuple[int, str], AlarmNote]) -> Ring:
    worker, value = report.workers[alarm.labeler], alarm.finding.value or 0.0
    looked = newest.get((worker.id, alarm.measure))
    again = looked is not None and rings_again(value, looked.value, alarm.bound, FAIR.get(alarm.measure))
    if looked is not None and alarm.measure == DRIFT:
        again = abs(value) > abs(looked.value)
    return Ring(
        worker=worker,
        figure=figure(alarm.measure, alarm.finding, alarm.bound, ring=True),
        bound=said(alarm.measure, alarm.bound.bound),
        p="" if alarm.p is None else f"{alarm.p:.1e}" if alarm.p < 0.001 else f"{alarm.p:.3f}",
        raw=value,
        looked=looked,
        again=again,
    )


def findings_of(report: LabelersReport, number: int) -> dict[str, Finding]:
    """Every measure of a person, the workload among them."""
    found = {measure: of[number] for measure, of in report.found.findings.items()}
    load = report.found.workload[number]
    found[LOAD] = Finding(
        load.longest_day, tasks=load.tasks, undefined="" if load.longest_day is not None else _NO_TIMES
    )
    return {measure: found[measure] for measure in MEASURES}


_NO_TIMES = mark("undefined, because no active time was measured")


def figures_of(report: LabelersReport, number: int) -> list[Figure]:
    ringing = {alarm.measure for alarm in report.alarms_of(number)}
    return [
        figure(measure, finding, report.bounds.get(measure), ring=measure in ringing)
        for measure, finding in findings_of(report, number).items()
    ]


def labelers_fragment(report: LabelersReport, notes: Sequence[AlarmNote], sort: str, query: str) -> LabelersFragment:
    rows = [
        Row(worker, figures_of(report, number), len(report.alarms_of(number)))
        for number, worker in enumerate(report.workers)
    ]
    if sort in MEASURES:
        values = {worker.id: findings_of(report, n)[sort].value for n, worker in enumerate(report.workers)}
        bound = report.bounds.get(sort)
        sign = -1 if bound and bound.above else 1
        rows.sort(key=lambda row: (values[row.worker.id] is None, sign * (values[row.worker.id] or 0.0)))
    elif sort == "name":
        rows.sort(key=lambda row: row.worker.name)
    else:
        rows.sort(key=lambda row: (-row.rings, row.worker.name))
    heads = [(measure, _(SHORT[measure]), _(meaning)) for measure, meaning in MEASURES.items()]
    return LabelersFragment(report, rings_of(report, notes), rows, heads, sort, query)


def person_page(
    report: LabelersReport,
    number: int,
    notes: Sequence[AlarmNote],
    writers: Mapping[int, str],
    differing: Sequence[tuple[Annotation, GoldItem]],
    error: str = "",
) -> PersonPage:
    return PersonPage(
        worker=report.workers[number],
        report=report,
        rings=rings_of(report, notes, report.alarms_of(number)),
        figures=figures_of(report, number),
        lines=[line for measure in report.monthly if (line := _line(report, measure, number))],
        drift=_drift(report, number),
        differing=differing_of(differing),
        notes=[(note, writers.get(note.written_by, "")) for note in notes],
        error=error,
    )


def _line(report: LabelersReport, measure: str, number: int) -> Line | None:
    """One measure over months; nothing where no month has a figure."""
    bound = report.bounds.get(measure)
    rows = [
        (month, of_month[number], figure(measure, of_month[number], bound))
        for month, of_month in zip(report.months, report.monthly[measure], strict=True)
    ]
    known = [row for row in rows if row[1].value is not None]
    if not known:
        return None
    shares = [value for _month, one, _figure in known for value in (one.value, one.low, one.high)]
    frame = Frame(40, 10, 520, 130, Axis(-0.5, len(rows) - 0.5, ()), charts.share_axis(shares, (0.5, 1.0)))
    points = [
        Point(
            x=frame.across(place),
            y=frame.down(one.value),
            low=None if one.low is None else frame.down(one.low),
            high=None if one.high is None else frame.down(one.high),
            month=month,
            figure=of,
        )
        for place, (month, one, of) in enumerate(rows)
        if one.value is not None
    ]
    path = " ".join(f"{point.x},{point.y}" for point in points)
    return Line(
        name=_(SHORT[measure]),
        frame=frame,
        points=points,
        path=path,
        bound=frame.down(bound.bound) if bound else None,
        rows=[(month, of) for month, _one, of in rows],
    )


def _drift(report: LabelersReport, number: int) -> DriftPath | None:
    found = report.drift_of(number)
    if report.pair is None or len(found.path) < 2:
        return None
    largest = max(LINE, *(abs(float(value)) for value in found.path)) * 1.1
    frame = Frame(40, 10, 520, 110, Axis(0, len(found.path) - 1, ()), charts.number_axis(-largest, largest, 4))
    path = " ".join(f"{frame.across(place)},{frame.down(float(value))}" for place, value in enumerate(found.path))
    return DriftPath(
        frame=frame,
        path=path,
        top=frame.down(LINE),
        bottom=frame.down(-LINE),
        figure=figure(DRIFT, found.finding, report.bounds.get(DRIFT)),
        first=report.pair[0],
        second=report.pair[1],
        verdicts=len(found.path),
    )


def differing_of(rows: Sequence[tuple[Annotation, GoldItem]]) -> list[Differing]:
    """Of rankings beside gold those whose order is another one, under the letters that their author saw."""
    found = []
    for annotation, item in rows:
        gold = {int(candidate): rank for candidate, rank in item.content.get("ranks", {}).items()}
        order = [candidate for candidate in annotation.shown_order if candidate in gold]
        letters = [candidate_letter(place) for place, _candidate in enumerate(order)]
        if not gold or not order:
            continue
        wanted = weak_order(dict(zip(letters, map(gold.__getitem__, order), strict=True)))
        said_then = stored_order(annotation)
        if wanted != said_then and annotation.task.prompt is not None:
            prompt = annotation.task.prompt.messages[-1]["content"]
            found.append(Differing(annotation.task_id, prompt, said_then, wanted, item.reason, annotation.submitted_at))
    return found


def feedback_page(
    report: LabelersReport,
    person: Person,
    differing: Sequence[tuple[Annotation, GoldItem]],
    days: int,
    before: datetime,
) -> FeedbackPage:
    """Own figures, where there is enough behind them."""
    number = report.number_of(person.id)
    if number is None:
        return FeedbackPage([], differing_of(differing), days, before)
    found = findings_of(report, number)
    shown = [figure(measure, found[measure], None) for measure in (TEAM, RESEARCHERS, GOLD, ITSELF, PACE)]
    return FeedbackPage(shown, differing_of(differing), days, before)
