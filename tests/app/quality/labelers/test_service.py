"""The report on ongoing work, made of a database in which a simulated workforce has worked."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from app.demo.workforce_people import HONEST, SPAMMER
from app.demo.workforce_records import email_of
from app.models import Annotation, GoldItem, Person, Task
from app.quality.labelers import service
from app.quality.labelers.rules.bounds import Filters, settled
from app.quality.labelers.rules.ongoing import TEAM

SQLITE = pytest.mark.parametrize("engine_name", ["sqlite"])
pytestmark = pytest.mark.xdist_group("workforce")


@pytest.fixture
def workforce(at_work, request):
    """Forty labelers and three researchers with a few tasks each, or as many as a test asks for."""
    return at_work(getattr(request, "param", 12))


@SQLITE
@pytest.mark.parametrize("workforce", [60], indirect=True)
def test_the_page_s_report_names_all_spammers_and_at_most_one_honest_labeler(database, workforce):
    with database.reading() as session:
        report = service.report(session, Filters())
        kind_of = {
            session.query(Person.id).filter_by(email=email_of(worker)).scalar(): worker.kind
            for worker in workforce.workers
        }
    alerted = [kind_of[report.workers[number].id] for number in report.found.alerted()]
    assert alerted.count(SPAMMER) == 5
    assert alerted.count(HONEST) <= 1
    assert report.submissions == len(workforce.work)
    assert report.pair is not None
    assert len(report.months) == len(report.monthly[TEAM]) > 1
    assert all(len(of_month) == len(report.workers) + 1 for of_month in report.monthly[TEAM])


@SQLITE
def test_the_arrays_are_those_of_the_simulation(database, workforce):
    with database.reading() as session:
        found = service.material(session, Filters())
    found = replace(found, work=found.work.only(found.work.labeler < len(found.workers)))  # without gold
    wanted = workforce.as_work()
    by_wanted, by_found = (np.argsort(work.day, kind="stable") for work in (wanted, found.work))
    assert np.allclose(wanted.seconds[by_wanted], found.work.seconds[by_found], equal_nan=True)
    assert np.array_equal(wanted.words[by_wanted], found.work.words[by_found])
    assert sorted(wanted.rank) == sorted(found.work.rank)
    assert sorted(wanted.rating) == sorted(found.work.rating)
    assert sorted(wanted.place) == sorted(found.work.place)
    assert len(np.unique(found.work.task)) == len(np.unique(wanted.task))


@SQLITE
def test_gold_of_a_task_measures_everybody_who_judged_it(database, workforce):
    with database.transaction() as session:
        session.query(GoldItem).delete()
        task = session.query(Task).join(Annotation, Annotation.task_id == Task.id).first()
        said = session.query(Annotation).filter_by(task_id=task.id).first()
        ranks = {str(row.candidate_id): row.rank for row in said.ranks}
        session.add(GoldItem(task_id=task.id, content={"ranks": ranks}, reason="So."))
        people = {row.person_id for row in session.query(Annotation).filter_by(task_id=task.id)}
    with database.reading() as session:
        report = service.report(session, Filters())
    measured = {
        worker.id
        for worker, finding in zip(report.workers, report.found.findings["gold"], strict=False)
        if finding.value is not None
    }
    assert measured == people
    assert report.found.findings["gold"][report.number_of(said.person_id)].value == 1.0


@SQLITE
def test_a_campaign_and_a_time_are_taken_alone_and_nothing_is_said_of_nobody(database, workforce):
    with database.reading() as session:
        whole = service.report(session, Filters())
        middle = sorted(row.submitted_at for row in session.query(Annotation))[len(workforce.work) // 2]
        first = service.report(session, Filters(before=middle))
        second = service.report(session, Filters(since=middle))
        nobody = service.report(session, Filters(campaign=999))
    assert 0 < first.submissions < whole.submissions
    assert first.submissions + second.submissions == whole.submissions
    assert (nobody.submissions, list(nobody.workers), nobody.found.alerts) == (0, [], [])


@pytest.mark.parametrize(
    ("now", "minutes", "monday"),
    [
        ((2026, 5, 7, 15), 60, (2026, 5, 4)),
        ((2026, 5, 4, 0, 59), 60, (2026, 4, 27)),  # what was submitted on Sunday evening can still be corrected
        ((2026, 5, 4, 1), 60, (2026, 5, 4)),
        ((2026, 5, 7, 15), 7 * 24 * 60, (2026, 4, 27)),
        ((2026, 5, 4, 0), 0, (2026, 5, 4)),
    ],
)
def test_people_read_about_themselves_by_whole_weeks_that_nothing_can_change_any_more(now, minutes, monday):
    assert settled(datetime(*now, tzinfo=UTC), minutes) == datetime(*monday, tzinfo=UTC)
