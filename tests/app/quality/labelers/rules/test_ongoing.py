"""The report on everybody's ongoing work, on a workforce whose truth is known."""

from collections import Counter

import numpy as np
import pytest

from app.demo.workforce import simulate
from app.demo.workforce_people import CARELESS, HONEST, POSITION_BIASED, RESEARCHER, SPAMMER, Plan
from app.demo.workforce_tasks import FIXED_PAIR
from app.quality.labelers.rules import findings
from app.quality.labelers.rules.drift import preference_over_time, preferences
from app.quality.labelers.rules.findings import Bound
from app.quality.labelers.rules.ongoing import (
    BOUNDS,
    DRIFT,
    GOLD,
    LOAD,
    MEASURES,
    PACE,
    POSITION,
    SPEED,
    TEAM,
    UNITS,
    ongoing_report,
)

pytestmark = pytest.mark.xdist_group("ongoing")  # so that the four workforces are reported once


def reported(workforce, **options):
    work = workforce.as_work()
    sources = np.array([FIXED_PAIR.index(source) if source in FIXED_PAIR else 9 for source in workforce.sources()])
    researchers = np.array([worker.kind == RESEARCHER for worker in workforce.workers])
    return ongoing_report(work, researchers=researchers, fixed_pair=preferences(work, sources, 0, 1), **options)


def alerted(workforce, report, *measures):
    """Kind -> how many people of it have an alert, of one of some measures if they are named."""
    people = {alert.labeler for alert in report.alerts if not measures or alert.measure in measures}
    return Counter(workforce.workers[person].kind for person in people)


@pytest.fixture(scope="module", params=range(1, 5))
def sixty(request):
    """Forty labelers with sixty tasks each."""
    workforce = simulate(Plan(seed=request.param)).first(60)
    return workforce, reported(workforce)


def test_all_spammers_are_found_within_sixty_tasks_and_no_more_than_one_honest_labeler(sixty):
    workforce, report = sixty
    found = alerted(workforce, report)
    assert found[SPAMMER] == 5
    assert found[HONEST] <= 1
    assert report.alerted() == {alert.labeler for alert in report.alerts}
    assert found[RESEARCHER] == 0


def test_each_habit_is_found_by_what_measures_it(sixty):
    workforce, report = sixty
    assert alerted(workforce, report, POSITION)[POSITION_BIASED] == 5
    assert alerted(workforce, report, POSITION)[SPAMMER] == 0
    assert alerted(workforce, report, "straight_lining", "untouched")[CARELESS] == 5
    # The hasty spammers cannot have read anything; the others took about a third of the time and are found by that.
    assert alerted(workforce, report, SPEED)[SPAMMER] >= 3
    assert alerted(workforce, report, PACE)[SPAMMER] >= 4
    # What they said alone, without any clock, gives most of them away.
    assert alerted(workforce, report, TEAM)[SPAMMER] >= 3
    assert set(report.findings) | {LOAD} == set(MEASURES) == set(UNITS)
    assert {finding.undefined for finding in report.findings[GOLD]} == {findings.NOBODY_SHARED}


def test_a_standard_that_turns_is_found_by_the_fixed_pair_and_a_steady_one_is_not():
    workforce = simulate(Plan(seed=4, drifting=2))
    report = reported(workforce)
    drifted = {alert.labeler for alert in report.alerts if alert.measure == DRIFT}
    assert drifted == {worker.number for worker in workforce.workers if worker.drifts}
    for person in drifted:
        assert report.drift[person].day == pytest.approx(90, abs=25)
        assert report.findings[DRIFT][person].value < -0.2
    work, pair = workforce.as_work(), np.zeros(0)
    sources = np.array([FIXED_PAIR.index(source) if source in FIXED_PAIR else 9 for source in workforce.sources()])
    pair = preferences(work, sources, 0, 1)
    months = preference_over_time(pair, np.minimum(pair.day // 30, 5).astype(int), 6)
    assert all(month.low < month.value < month.high and month.value > 0.6 for month in months)


def test_bounds_and_level_are_data_and_a_measure_without_a_bound_raises_no_alert():
    workforce = simulate(Plan(seed=1, items_each=40))
    assert not reported(workforce, bounds={}).alerts
    only_pace = reported(workforce, bounds={SPEED: Bound(0.05, above=True)})
    assert {alert.measure for alert in only_pace.alerts} == {SPEED}
    assert only_pace.tests == 40
    harsh = reported(workforce, bounds={LOAD: Bound(0.01, above=True)})
    assert {alert.measure for alert in harsh.alerts} == {LOAD}
    assert len(harsh.alerted()) == 40
    assert len(reported(workforce, level=1e-30).alerts) < len(reported(workforce).alerts)


def test_gold_stands_as_the_work_of_one_more_person_and_is_not_watched():
    workforce = simulate(Plan(seed=2, items_each=40))
    researcher = next(worker.number for worker in workforce.workers if worker.kind == RESEARCHER)
    gold = np.arange(len(workforce.workers)) == researcher
    report = ongoing_report(workforce.as_work(), researchers=~gold & False, gold=gold)
    assert report.findings[GOLD][researcher].undefined
    honest = [report.findings[GOLD][worker.number].value for worker in workforce.labelers if worker.kind == HONEST]
    spammers = [report.findings[GOLD][worker.number].value for worker in workforce.labelers if worker.kind == SPAMMER]
    assert np.mean(honest) > 0.75
    assert np.mean(spammers) < 0.65
    assert researcher not in report.alerted()


def test_a_window_keeps_each_annotation_with_its_own_answers():
    workforce = simulate(Plan(seed=1, items_each=20))
    window = workforce.as_work().between(30, 60)
    inside = [
        one for one in workforce.work if 30 <= (one.submitted - workforce.plan.began).total_seconds() / 86400 < 60
    ]
    assert 0 < len(window) == len(inside) < len(workforce.work)
    for place, verdict in enumerate(inside):
        mine = window.annotation == place
        assert window.rank[mine].tolist() == list(verdict.ranks)
        assert window.place[mine].tolist() == list(verdict.shown)
        assert window.labeler[place] == verdict.worker.number


def test_an_empty_window_has_reasons_instead_of_figures_and_no_alerts():
    workforce = simulate(Plan(seed=1, items_each=20))
    work = workforce.as_work().between(1000, 2000)
    report = ongoing_report(work, researchers=np.zeros(work.labelers, dtype=bool))
    assert not report.alerts
    assert report.tests == 0
    assert all(one.value is None and one.said for of_person in report.findings.values() for one in of_person)
    assert BOUNDS[TEAM].bound > 0.5
