"""One person's pages: what researchers see of somebody, and what they may know of themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from app.labeling.campaigns.orders import stored_order
from app.language import gettext as _
from app.material.candidates.rules import candidate_letter
from app.models import AlertNote, Annotation, GoldItem, Person
from app.quality.labelers.figures import SHORT, Figure, ShownAlert, figure, figures_of, findings_of, shown_alerts
from app.quality.labelers.pages import WaitingFragment
from app.quality.labelers.rules.ongoing import (
    DRIFT,
    GOLD,
    ITSELF,
    PACE,
    RESEARCHERS,
    TEAM,
)
from app.quality.labelers.service import LabelersReport, Worker
from app.web import charts
from app.web.charts import Axis, Frame
from app.web.render import Page
from trainer.statistics.change import LINE
from trainer.statistics.weak_orders import weak_order

FEWEST_FOR_FEEDBACK = 8


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
    template: ClassVar[str] = "quality/labelers/person.html"
    worker: Worker
    report: LabelersReport
    alerts: Sequence[ShownAlert]
    figures: Sequence[Figure]
    lines: Sequence[Line]
    drift: DriftPath | None
    differing: Sequence[Differing]
    notes: Sequence[tuple[AlertNote, str]]
    names: ClassVar[Mapping[str, str]] = SHORT
    error: str = ""


@dataclass(frozen=True)
class FeedbackPage(Page):
    """What somebody may know of their own work: no rank among colleagues, no alert, nobody else's figure."""

    template: ClassVar[str] = "quality/labelers/feedback.html"
    counted: ClassVar[Sequence[str]] = (TEAM, RESEARCHERS)
    """Figures that may say of how many tasks they are: of the others the number would tell what measures."""
    fewest: ClassVar[int] = FEWEST_FOR_FEEDBACK
    figures: Sequence[Figure]
    differing: Sequence[Differing]
    days: int
    before: datetime
    waiting: WaitingFragment | None = None


def person_page(
    report: LabelersReport,
    number: int,
    notes: Sequence[AlertNote],
    writers: Mapping[int, str],
    differing: Sequence[tuple[Annotation, GoldItem]],
    error: str = "",
) -> PersonPage:
    return PersonPage(
        worker=report.workers[number],
        report=report,
        alerts=shown_alerts(report, notes, report.alerts_of(number)),
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
    shares = [value for _month, finding, _figure in known for value in (finding.value, finding.low, finding.high)]
    frame = Frame(40, 10, 520, 130, Axis(-0.5, len(rows) - 0.5, ()), charts.share_axis(shares, (0.5, 1.0)))
    points = [
        Point(
            x=frame.across(position),
            y=frame.down(finding.value),
            low=None if finding.low is None else frame.down(finding.low),
            high=None if finding.high is None else frame.down(finding.high),
            month=month,
            figure=of,
        )
        for position, (month, finding, of) in enumerate(rows)
        if finding.value is not None
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
    drift = report.drift_of(number)
    if report.pair is None or len(drift.path) < 2:
        return None
    largest = max(LINE, *(abs(float(value)) for value in drift.path)) * 1.1
    frame = Frame(40, 10, 520, 110, Axis(0, len(drift.path) - 1, ()), charts.number_axis(-largest, largest, 4))
    path = " ".join(f"{frame.across(position)},{frame.down(float(value))}" for position, value in enumerate(drift.path))
    return DriftPath(
        frame=frame,
        path=path,
        top=frame.down(LINE),
        bottom=frame.down(-LINE),
        figure=figure(DRIFT, drift.finding, report.bounds.get(DRIFT)),
        first=report.pair[0],
        second=report.pair[1],
        verdicts=len(drift.path),
    )


def differing_of(rows: Sequence[tuple[Annotation, GoldItem]]) -> list[Differing]:
    """Of rankings beside gold those whose order is another one, under the letters that their author saw."""
    differing = []
    for annotation, item in rows:
        gold = {int(candidate): rank for candidate, rank in item.content.get("ranks", {}).items()}
        order = [candidate for candidate in annotation.shown_order if candidate in gold]
        letters = [candidate_letter(position) for position, _candidate in enumerate(order)]
        if not gold or not order:
            continue
        wanted = weak_order(dict(zip(letters, map(gold.__getitem__, order), strict=True)))
        said_then = stored_order(annotation)
        if wanted != said_then and annotation.task.prompt is not None:
            prompt = annotation.task.prompt.messages[-1]["content"]
            differing.append(
                Differing(annotation.task_id, prompt, said_then, wanted, item.reason, annotation.submitted_at)
            )
    return differing


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
    findings = findings_of(report, number)
    shown = [figure(measure, findings[measure], None) for measure in (TEAM, RESEARCHERS, GOLD, ITSELF, PACE)]
    return FeedbackPage(shown, differing_of(differing), days, before)
