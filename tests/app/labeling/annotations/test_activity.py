"""Active time: what counts of what pages report, and that it never exceeds the time of the reservation."""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from sqlalchemy import select

from app.errors import Invalid, NotFound
from app.labeling.annotations import activity, reservation
from app.labeling.annotations.rules import activity as rules
from app.labeling.annotations.rules.activity import Active, Report
from app.models import Annotation, Draft
from tests.app.labeling.annotations.conftest import NOON

VIEW, OTHER = "view-0001", "view-0002"


def later(seconds):
    return NOON + timedelta(seconds=seconds)


# The rules


def test_what_is_new_in_a_report_counts_and_the_same_again_does_not():
    once = rules.counted(Active(), Report(VIEW, {"prompt": 10, "ranking": 5}), 60)
    assert once.parts == {"prompt": 10, "ranking": 5}
    assert rules.counted(once, Report(VIEW, {"prompt": 10, "ranking": 5}), 60).parts == once.parts
    assert rules.counted(once, Report(VIEW, {"prompt": 7}), 60).parts == once.parts  # an older one that comes late
    assert rules.counted(once, Report(VIEW, {"prompt": 12}), 60).parts == {"prompt": 12, "ranking": 5}
    assert rules.counted(once, Report(OTHER, {"prompt": 12}), 60).parts == {"prompt": 22, "ranking": 5}


def test_what_does_not_fit_into_the_hold_is_not_made_up_for_later():
    full = rules.counted(Active(), Report(VIEW, {"prompt": 50}), 20)
    assert full.parts == {"prompt": 20}
    assert rules.counted(full, Report(VIEW, {"prompt": 51}), 100).parts == {"prompt": 21}


parts = some.dictionaries(some.sampled_from(["prompt", "ranking", "answer:1"]), some.floats(0, 500), max_size=3)
events = some.lists(some.tuples(some.sampled_from([VIEW, OTHER, "view-0003"]), parts, some.floats(0, 90)), max_size=25)


@settings(max_examples=300, deadline=None)
@given(events, some.randoms())
def test_whatever_comes_in_whatever_order_no_more_than_the_clock_ran_is_counted(reports, chance):
    """Reports repeated and shuffled, from several pages at once, while the clock goes on."""
    sent = reports + chance.sample(reports, len(reports) // 2)
    chance.shuffle(sent)
    active, clock, total = Active(), 0.0, 0.0
    largest: dict[tuple[str, str], float] = {}
    for view, seconds, passed in sent:
        clock += passed
        active = rules.counted(active, Report(view, seconds), clock)
        for part, value in seconds.items():
            largest[view, part] = max(largest.get((view, part), 0.0), value)
        assert active.total <= clock + 1e-6
        assert active.total >= total - 1e-9  # nothing is taken away
        assert sum(rules.rounded(active.parts).values()) <= clock + 1e-6
        total = active.total
    assert total <= sum(largest.values()) + 1e-6  # nor invented
    before = active
    for view, seconds, _ in sent:  # all of it once more changes nothing
        active = rules.counted(active, Report(view, seconds), clock + 10_000)
    assert active.parts == before.parts


@pytest.mark.parametrize(
    ("view", "seconds"),
    [
        ("", "{}"),
        ("short", "{}"),
        ("with space in it", "{}"),
        (VIEW, ""),
        (VIEW, "[1]"),
        (VIEW, '{"prompt": -1}'),
        (VIEW, '{"prompt": 86401}'),
        (VIEW, '{"prompt": 1e400}'),
        (VIEW, '{"prompt": NaN}'),
        (VIEW, '{"prompt": true}'),
        (VIEW, '{"prompt": "9"}'),
        (VIEW, json.dumps({f"answer:{i}": 1 for i in range(25)})),
    ],
)
def test_what_is_no_measurement_is_said_to_be_none(view, seconds):
    assert isinstance(rules.report_of(view, seconds), str)


def test_a_report_is_read_as_seconds_by_part():
    assert rules.report_of(VIEW, '{"prompt": 3, "answer:7": 1.5}') == Report(VIEW, {"prompt": 3.0, "answer:7": 1.5})


# The store


@pytest.fixture
def reserved(workshop):
    """A task in Ana's hands since noon."""
    workshop.campaign(workshop.prompts(1), reserved_minutes=10)
    ana, ben = workshop.people(2)
    return workshop, ana, ben, workshop.take(ana).assignment.task_id


def report(workshop, person, task_id, now, seconds, view=VIEW):
    with workshop.database.transaction() as session:
        activity.keep(session, person, task_id, now, view=view, seconds=json.dumps(seconds))


def stored(workshop):
    with workshop.database.reading() as session:
        annotation = session.scalars(select(Annotation)).one()
        return annotation.active_seconds, annotation.seconds


def test_a_submission_keeps_the_active_time_of_each_part_beside_the_time_of_the_reservation(reserved):
    workshop, ana, _, task_id = reserved
    with workshop.database.reading() as session:
        first = reservation.work_for(session, ana, task_id).order[0]
    report(workshop, ana, task_id, later(30), {"prompt": 12.34, f"answer:{first}": 8})
    report(workshop, ana, task_id, later(50), {"prompt": 12.34, f"answer:{first}": 8}, view=OTHER)
    report(workshop, ana, task_id, later(59), {"ranking": 400}, view="view-0003")
    workshop.submit(ana, task_id, later(60))
    parts, seconds = stored(workshop)
    assert seconds == 60
    assert parts == {"prompt": 24.6, f"answer:{first}": 16.0, "ranking": 18.3}


def test_without_a_measurement_there_is_none(reserved):
    workshop, ana, _, task_id = reserved
    workshop.submit(ana, task_id, later(60))
    assert stored(workshop) == (None, 60)


def test_a_reservation_that_ran_out_and_came_back_counts_with_what_was_done_in_it(reserved):
    workshop, ana, ben, task_id = reserved
    report(workshop, ana, task_id, later(100), {"prompt": 90})
    assert workshop.take(ben, later(601)).assignment.task_id == task_id
    report(workshop, ana, task_id, later(700), {"prompt": 190})  # somebody else's by now
    assert workshop.take(ana, later(2000)).assignment.task_id == task_id
    report(workshop, ana, task_id, later(2030), {"ranking": 1000}, view=OTHER)
    workshop.submit(ana, task_id, later(2040))
    assert stored(workshop) == ({"prompt": 90.0, "ranking": 40.0}, 140)


def test_only_whoever_has_or_had_a_task_reports_and_only_its_own_parts(reserved):
    workshop, ana, ben, task_id = reserved
    with pytest.raises(NotFound):
        report(workshop, ben, task_id, later(9), {"prompt": 9})
    with pytest.raises(Invalid, match="no part “answer:999999”"):
        report(workshop, ana, task_id, later(9), {"answer:999999": 9})
    workshop.submit(ana, task_id, later(10))
    report(workshop, ana, task_id, later(11), {"prompt": 9})  # the last page says good-bye too late
    assert stored(workshop) == (None, 10)


# The pages


def test_what_is_saved_brings_its_time_along_and_a_wrong_time_never_hinders_it(browse, workshop, database):
    workshop.campaign([(workshop.prompts(1)[0][0], [])], kind="demonstration")
    browse.as_("labeler")
    browse.get("/label")
    place = browse.post("/label/next").headers["location"]
    with database.transaction() as session:
        draft = session.scalars(select(Draft)).one()
        draft.reserved_since = draft.started_at - timedelta(seconds=100)
    page = browse.get(place)
    assert f'data-idle-after="{rules.IDLE_AFTER_SECONDS}"' in page
    saved = {"text": "half", "autosave": "1", "active_view": VIEW}
    browse.post(f"{place}/text", {**saved, "active_seconds": '{"writing": -4}'}, status=204)
    browse.post(f"{place}/text", {**saved, "active_seconds": '{"writing": 40}'}, status=204)
    browse.post(f"{place}/activity", {"active_view": VIEW, "active_seconds": '{"writing": 41}'}, status=204)
    for wrong in ("{", '{"writing": -4}', '{"writing": 86401}', '{"dreaming": 4}'):
        given = {"active_view": VIEW, "active_seconds": wrong}
        assert browse.post(f"{place}/activity", given, status=422).text
    browse.post("/label/tasks/999/activity", {"active_view": VIEW, "active_seconds": "{}"}, status=404)
    last = {"text": "A whole sentence.", "active_view": VIEW, "active_seconds": '{"writing": 50}'}
    browse.post(f"{place}/submit", last)
    assert stored(workshop)[0] == {"writing": 50.0}
    # The last page says good-bye after its task has gone.
    browse.post(f"{place}/activity", {"active_view": VIEW, "active_seconds": "{}"}, status=204)
