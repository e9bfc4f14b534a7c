"""A figure of somebody in words, with its place beside its bound, and the alerts among them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.language import gettext as _
from app.language import mark
from app.models import AlertNote
from app.quality.labelers.rules.bounds import reopens
from app.quality.labelers.rules.findings import Bound, Finding
from app.quality.labelers.rules.ongoing import (
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
    Alert,
)
from app.quality.labelers.service import FAIR, LabelersReport, Worker
from app.web import charts
from app.web.charts import Axis, Mark

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


@dataclass(frozen=True)
class Figure:
    """A figure in words; ``why`` where there is none. ``alert`` says that it raises an alert."""

    measure: str
    name: str
    meaning: str
    value: str
    interval: str
    why: str
    tasks: int
    mark: Mark
    bound: Mark
    alert: bool = False


@dataclass(frozen=True)
class ShownAlert:
    """An alert with its person, and what was said of it since."""

    worker: Worker
    figure: Figure
    bound: str
    p: str
    raw: float
    looked: AlertNote | None
    reopened: bool
    """It was looked at, but the figure has become worse since."""

    @property
    def reviewed(self) -> bool:
        return self.looked is not None and not self.reopened


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


def figure(measure: str, finding: Finding, bound: Bound | None, *, alert: bool = False) -> Figure:
    axis = axis_of(measure)
    known = finding.low is not None and finding.high is not None
    return Figure(
        measure=measure,
        name=_(SHORT[measure]),
        meaning=_(MEASURES[measure]),
        value="" if finding.value is None else said(measure, finding.value),
        interval=f"{said(measure, finding.low)} – {said(measure, finding.high)}" if known else "",  # type: ignore[arg-type]
        why=finding.said,
        tasks=finding.tasks,
        mark=charts.mark(axis, finding.value, finding.low, finding.high),
        bound=charts.mark(axis, bound.bound if bound else None),
        alert=alert,
    )


def shown_alerts(
    report: LabelersReport, notes: Sequence[AlertNote], alerts: Sequence[Alert] | None = None
) -> list[ShownAlert]:
    """The alerts, each with the newest word about it."""
    newest: dict[tuple[int, str], AlertNote] = {}
    for note in notes:
        newest.setdefault((note.person_id, note.measure), note)
    return [_shown(report, alert, newest) for alert in (report.found.alerts if alerts is None else alerts)]


def _shown(report: LabelersReport, alert: Alert, newest: Mapping[tuple[int, str], AlertNote]) -> ShownAlert:
    worker, value = report.workers[alert.labeler], alert.finding.value or 0.0
    looked = newest.get((worker.id, alert.measure))
    worse = looked is not None and reopens(value, looked.value, alert.bound, FAIR.get(alert.measure))
    if looked is not None and alert.measure == DRIFT:
        worse = abs(value) > abs(looked.value)
    return ShownAlert(
        worker=worker,
        figure=figure(alert.measure, alert.finding, alert.bound, alert=True),
        bound=said(alert.measure, alert.bound.bound),
        p="" if alert.p is None else f"{alert.p:.1e}" if alert.p < 0.001 else f"{alert.p:.3f}",
        raw=value,
        looked=looked,
        reopened=worse,
    )


def findings_of(report: LabelersReport, number: int) -> dict[str, Finding]:
    """Every measure of a person, the workload among them."""
    findings = {measure: of[number] for measure, of in report.found.findings.items()}
    load = report.found.workload[number]
    findings[LOAD] = Finding(
        load.longest_day, tasks=load.tasks, undefined="" if load.longest_day is not None else _NO_TIMES
    )
    return {measure: findings[measure] for measure in MEASURES}


_NO_TIMES = mark("undefined, because no active time was measured")


def figures_of(report: LabelersReport, number: int) -> list[Figure]:
    alerting = {alert.measure for alert in report.alerts_of(number)}
    return [
        figure(measure, finding, report.bounds.get(measure), alert=measure in alerting)
        for measure, finding in findings_of(report, number).items()
    ]
