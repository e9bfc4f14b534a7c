"""The report on each person's ongoing work: all measures, and the alerts among them.

An alert is a reason to look at somebody's work, never a verdict. With many people and many measures some will look bad
by chance, so every test of the report belongs to one family, and an alert is raised only where Holm's adjusted p-value
is at most ``LEVEL``: the chance of even one false alert in the whole report is at most that, however the measures hang
together. Tests are against a *bound* (agreement with the team in two of three pairs, half of the others' time …),
not against the mean, so that nobody is flagged for being below average.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from app.language import mark
from app.quality.labelers.rules.conduct import (
    Workload,
    impossible_speed,
    pace,
    position_bias,
    straight_lining,
    untouched_orders,
    workload,
)
from app.quality.labelers.rules.drift import Drift, Preferences, drift_by_labeler
from app.quality.labelers.rules.findings import Bound, Finding
from app.quality.labelers.rules.peers import agreement_with, agreement_with_the_team, consistency
from app.quality.labelers.rules.work import Work
from trainer.statistics.arrays import Mask
from trainer.statistics.tails import holm

LEVEL = 0.05
"""Chance of any false alert in a report."""

TEAM, RESEARCHERS, OTHERS, GOLD, ITSELF = "team", "researchers", "others", "gold", "consistency"
SPEED, PACE, STRAIGHT, UNTOUCHED, POSITION, DRIFT, LOAD = (
    *("speed", "pace", "straight_lining", "untouched", "position"),
    *("drift", "load"),
)
MEASURES: Mapping[str, str] = {
    TEAM: mark("agrees with what all others together say, each pair counting by how sure they are"),
    RESEARCHERS: mark("agrees with researchers"),
    OTHERS: mark("agrees with other labelers"),
    GOLD: mark("agrees with gold"),
    ITSELF: mark("agrees with themselves on tasks they had twice"),
    SPEED: mark("quicker than anybody can read the texts"),
    PACE: mark("time beside the others' on the same tasks; 1 is as long as they take"),
    STRAIGHT: mark("gave all answers of a task the same rating"),
    UNTOUCHED: mark("left the answers in the order shown"),
    POSITION: mark("preferred what was shown first"),
    DRIFT: mark("judges the same two models otherwise than before"),
    LOAD: mark("most active hours on one day"),
}
"""Measure -> what it counts, to stand beside the figure."""

UNITS: Mapping[str, Literal["share", "ratio", "difference", "hours"]] = {
    **dict.fromkeys((TEAM, RESEARCHERS, OTHERS, GOLD, ITSELF, SPEED, STRAIGHT, UNTOUCHED, POSITION), "share"),
    PACE: "ratio",
    DRIFT: "difference",
    LOAD: "hours",
}
"""Measure -> what kind of number its values are; a difference is one of shares."""

BOUNDS: Mapping[str, Bound] = {
    TEAM: Bound(2 / 3),
    RESEARCHERS: Bound(0.65),
    GOLD: Bound(0.65),
    ITSELF: Bound(0.6),
    SPEED: Bound(0.05, above=True),
    PACE: Bound(0.5),
    STRAIGHT: Bound(0.2, above=True),
    UNTOUCHED: Bound(0.1, above=True),
    POSITION: Bound(0.6, above=True),
    DRIFT: Bound(0.2, fewest=20, above=True),
    LOAD: Bound(10.0, fewest=1, above=True),
}
"""Defaults. Agreement with other labelers has none: it suffers from the others' mistakes, the team's voice does not."""


@dataclass(frozen=True)
class Alert:
    """A measure of a person that crosses its bound more surely than chance explains.

    ``p`` is adjusted for all tests of the report (Holm); None for the workload, which is counted and not estimated.
    """

    labeler: int
    measure: str
    finding: Finding
    bound: Bound
    p: float | None


@dataclass(frozen=True)
class OngoingReport:
    """Every measure of every person, (L,) each, and the alerts, the surest first.

    ``drift`` has the paths for the charts; its findings stand in ``findings`` too. ``tests`` is the size of the family.
    """

    findings: Mapping[str, Sequence[Finding]]
    workload: Sequence[Workload]
    drift: Sequence[Drift]
    alerts: Sequence[Alert]
    tests: int

    def alerted(self) -> set[int]:
        """The people with at least one alert."""
        return {alert.labeler for alert in self.alerts}


def ongoing_report(
    work: Work,
    *,
    researchers: Mask,
    gold: Mask | None = None,
    fixed_pair: Preferences | None = None,
    bounds: Mapping[str, Bound] = BOUNDS,
    level: float = LEVEL,
) -> OngoingReport:
    """Measure everybody over a window; for another window give ``work.between(first, last)``.

    Args:
        work: of everybody, researchers and gold included; nobody else's work is looked at.
        researchers: (L,) who is a researcher. They are measured like everybody else, but raise no alerts.
        gold: (L,) the numbers under which adjudicated gold stands; neither measured nor counted as labelers.
        fixed_pair: verdicts on two models that are judged again and again (``drift.preferences``), if there are.
        bounds: by measure; one without a bound raises no alert.
        level: chance of any false alert in the report.
    """
    gold = np.zeros(work.labelers, dtype=bool) if gold is None else gold
    people, count = work.between_people, work.labelers
    nobody, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
    paths = drift_by_labeler(
        fixed_pair or Preferences(nobody, nobody, nothing, nothing), count, bounds.get(DRIFT, BOUNDS[DRIFT])
    )
    load = workload(work)
    trusted = researchers | gold
    findings: dict[str, list[Finding]] = {
        TEAM: agreement_with_the_team(people, labelers=count, trusted=trusted, bound=bounds.get(TEAM)),
        RESEARCHERS: agreement_with(people, researchers, labelers=count, bound=bounds.get(RESEARCHERS)),
        OTHERS: agreement_with(people, ~trusted, labelers=count, bound=bounds.get(OTHERS)),
        GOLD: agreement_with(work.beside_gold, gold, labelers=count, bound=bounds.get(GOLD)),
        ITSELF: consistency(work.judgements, labelers=count, bound=bounds.get(ITSELF)),
        SPEED: impossible_speed(work, bounds.get(SPEED, BOUNDS[SPEED])),
        PACE: pace(work, bounds.get(PACE, BOUNDS[PACE])),
        STRAIGHT: straight_lining(work, bounds.get(STRAIGHT, BOUNDS[STRAIGHT])),
        UNTOUCHED: untouched_orders(work, bounds.get(UNTOUCHED, BOUNDS[UNTOUCHED])),
        POSITION: position_bias(work, bounds.get(POSITION, BOUNDS[POSITION])),
        DRIFT: [path.finding for path in paths],
    }
    tested = list(_tested(findings, bounds, ~trusted))
    adjusted = holm([finding.p for _measure, _person, finding in tested if finding.p is not None])
    alerts = [
        Alert(person, measure, finding, bounds[measure], p)
        for (measure, person, finding), p in zip(tested, adjusted, strict=True)
        if p <= level and _beyond(measure, finding, bounds[measure])
    ]
    alerts += _overwork(load, bounds, ~trusted)
    alerts.sort(key=lambda alert: (alert.p is None, alert.p, alert.labeler))
    return OngoingReport(findings, load, paths, alerts, len(tested))


def _tested(
    findings: Mapping[str, Sequence[Finding]], bounds: Mapping[str, Bound], watched: Mask
) -> Iterator[tuple[str, int, Finding]]:
    """Every figure of somebody who is watched for which there is a test."""
    for measure, of_person in findings.items():
        for person, finding in enumerate(of_person):
            if measure in bounds and watched[person] and finding.p is not None:
                yield measure, person, finding


def _beyond(measure: str, finding: Finding, bound: Bound) -> bool:
    """Whether the figure itself lies past its bound; two measures are about a distance to either side."""
    if finding.value is None:
        return False
    if measure == POSITION:
        return abs(finding.value - 0.5) > bound.bound - 0.5
    if measure == DRIFT:
        return abs(finding.value) > bound.bound
    return finding.value > bound.bound if bound.above else finding.value < bound.bound


def _overwork(load: Sequence[Workload], bounds: Mapping[str, Bound], watched: Mask) -> list[Alert]:
    bound = bounds.get(LOAD)
    if bound is None:
        return []
    return [
        Alert(person, LOAD, Finding(person_load.longest_day, tasks=person_load.tasks), bound, None)
        for person, person_load in enumerate(load)
        if watched[person] and person_load.longest_day is not None and person_load.longest_day > bound.bound
    ]
