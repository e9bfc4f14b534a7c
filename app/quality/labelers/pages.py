"""The pages of everybody's figures and alerts, and of their bounds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlencode

from app.language import gettext as _
from app.models import AlertNote
from app.quality.labelers.figures import SHORT, Figure, ShownAlert, figures_of, findings_of, shown_alerts
from app.quality.labelers.rules.findings import Bound
from app.quality.labelers.rules.ongoing import (
    BOUNDS,
    MEASURES,
    UNITS,
)
from app.quality.labelers.service import LabelersReport, Worker
from app.web.render import Page
from app.web.reports import Making


@dataclass(frozen=True)
class Row:
    worker: Worker
    figures: Sequence[Figure]
    alerts: int


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
    template: ClassVar[str] = "quality/labelers/_waiting.html"
    address: str
    step: str
    seconds: float
    failed: bool


@dataclass(frozen=True)
class LabelersFragment(Page):
    """Alerts and everybody's figures."""

    template: ClassVar[str] = "quality/labelers/_report.html"
    report: LabelersReport
    alerts: Sequence[ShownAlert]
    rows: Sequence[Row]
    heads: Sequence[tuple[str, str, str]]
    sort: str
    query: str

    @property
    def open_alerts(self) -> list[tuple[Worker, list[ShownAlert]]]:
        """The alerts that nobody has looked at, by person, whoever has the surest one first."""
        return _by_person(alert for alert in self.alerts if not alert.reviewed)

    @property
    def reviewed_alerts(self) -> list[tuple[Worker, list[ShownAlert]]]:
        return _by_person(alert for alert in self.alerts if alert.reviewed)


def _by_person(alerts: Iterable[ShownAlert]) -> list[tuple[Worker, list[ShownAlert]]]:
    by_person: dict[int, list[ShownAlert]] = {}
    for alert in alerts:
        by_person.setdefault(alert.worker.id, []).append(alert)
    return [(of[0].worker, of) for of in by_person.values()]


@dataclass(frozen=True)
class LabelersPage(Page):
    template: ClassVar[str] = "quality/labelers/labelers.html"
    form: Filled
    body: LabelersFragment | WaitingFragment | None


@dataclass(frozen=True)
class BoundsPage(Page):
    template: ClassVar[str] = "quality/labelers/bounds.html"
    bounds: Mapping[str, Bound]
    given: Mapping[str, str]
    problems: Mapping[str, str]
    usual: ClassVar[Mapping[str, Bound]] = BOUNDS
    names: ClassVar[Mapping[str, str]] = SHORT
    meanings: ClassVar[Mapping[str, str]] = MEASURES
    units: ClassVar[Mapping[str, str]] = UNITS


def waiting(making: Making[LabelersReport], address: str) -> WaitingFragment:
    return WaitingFragment(address, _(making.step) if making.step else "", making.seconds, making.failed)


def labelers_fragment(report: LabelersReport, notes: Sequence[AlertNote], sort: str, query: str) -> LabelersFragment:
    rows = [
        Row(worker, figures_of(report, number), len(report.alerts_of(number)))
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
        rows.sort(key=lambda row: (-row.alerts, row.worker.name))
    heads = [(measure, _(SHORT[measure]), _(meaning)) for measure, meaning in MEASURES.items()]
    return LabelersFragment(report, shown_alerts(report, notes), rows, heads, sort, query)
