"""The report as a table of plain values, for CSV, JSON and the terminal; names of columns stay English."""

from collections.abc import Iterator
from typing import Any

from app.quality.labelers.figures import findings_of, said
from app.quality.labelers.service import LabelersReport
from app.web.tables import csv_line


def rows(report: LabelersReport) -> Iterator[dict[str, Any]]:
    """A row for every measure of every person."""
    alerting = {(alert.labeler, alert.measure): alert for alert in report.found.alerts}
    for number, worker in enumerate(report.workers):
        for measure, finding in findings_of(report, number).items():
            alert, bound = alerting.get((number, measure)), report.bounds.get(measure)
            yield {
                "labeler": worker.id,
                "name": worker.name,
                "role": worker.role,
                "group": worker.group or "",
                "measure": measure,
                "value": finding.value,
                "low": finding.low,
                "high": finding.high,
                "tasks": finding.tasks,
                "judgements": finding.judgements,
                "bound": bound.bound if bound else None,
                "alert": "yes" if alert else "",
                "p_adjusted": alert.p if alert else None,
                "undefined": finding.undefined,
            }


def as_csv(report: LabelersReport) -> Iterator[str]:
    for number, row in enumerate(rows(report)):
        if number == 0:
            yield csv_line(row)
        yield csv_line(row.values())


def as_json(report: LabelersReport) -> dict[str, Any]:
    return {
        "made_at": report.made_at.isoformat(timespec="seconds"),
        "submissions": report.submissions,
        "tests": report.found.tests,
        "figures": list(rows(report)),
    }


def as_text(report: LabelersReport) -> Iterator[str]:
    """The alerts, then each person in a line."""
    yield f"{report.submissions:,} rankings by {len(report.workers)} people; {report.found.tests} tests"
    yield f"alerts: {len(report.found.alerts)}. Each is a reason to look at somebody's work, not a verdict."
    for alert in report.found.alerts:
        worker, value = report.workers[alert.labeler], alert.finding.value or 0.0
        chance = "" if alert.p is None else f", adjusted p = {alert.p:.2g}"
        figures = f"{said(alert.measure, value)} against {said(alert.measure, alert.bound.bound)}"
        yield f"  {worker.name} ({worker.id}): {alert.measure} {figures}, {alert.finding.tasks} tasks{chance}"
    for number, worker in enumerate(report.workers):
        known = {m: f for m, f in findings_of(report, number).items() if f.value is not None}
        figures = ", ".join(f"{measure} {said(measure, finding.value or 0.0)}" for measure, finding in known.items())
        yield f"{worker.name} ({worker.id}): {figures or 'nothing could be measured'}"
