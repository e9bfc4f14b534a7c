"""Correcting one's own submission: the newest counts once, the earlier ones are kept, and the time is limited."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.errors import Conflict, Invalid, NotFound
from app.labeling.annotations import corrections, drafts, reservation, service, skips
from app.labeling.annotations.rules.corrections import correctable_until, correction_problem
from app.labeling.campaigns.orders import stored_order
from app.models import (
    Annotation,
    AnnotationVersion,
    Assignment,
    AuditEvent,
    Demonstration,
    Draft,
    Flag,
    Ranking,
    Rating,
    WrittenText,
)
from app.training.snapshots import service as snapshots
from tests.app.labeling.annotations.conftest import NOON, verdict_on
from tests.app.labeling.annotations.test_routes import at_work, lanes, rate_all, whole_task  # noqa: F401
from trainer.contract.folder import RANKINGS
from trainer.contract.records import Ranking as RankingRecord
from trainer.contract.records import read_rows

SQLITE = pytest.mark.parametrize("engine_name", ["sqlite"])


def test_the_time_to_correct_begins_with_the_first_submission():
    until = correctable_until(NOON, 30)
    assert until == NOON + timedelta(minutes=30)
    assert correctable_until(NOON, 0) is None
    assert correction_problem(until, until) is None
    assert "ended at 12:30" in correction_problem(until, until + timedelta(seconds=1))
    assert "takes no corrections" in correction_problem(None, NOON)
    assert "reviewed" in correction_problem(until, NOON, decided=True)


@pytest.fixture
def submitted(workshop):
    """A labeler who has submitted one task: (person, task id)."""
    workshop.campaign(workshop.prompts(2), correction_minutes=30)
    [person] = workshop.people(1)
    assignment = workshop.take(person).assignment
    workshop.submit(person, assignment.task_id)
    return person, assignment.task_id


def correct(workshop, person, task_id, now=NOON, ranks=(4, 3, 2, 1)):
    with workshop.database.transaction() as session:
        corrections.begin(session, person, task_id, now)
    with workshop.database.transaction() as session:
        order = reservation.work_for(session, person, task_id).order
        said = verdict_on(order, ratings=[1, 2, 3, 4], ranks=list(ranks), flags={"fails_task": "yes"})
        return service.submit(session, person, task_id, now, said)


def ranked(version):
    """The ranks of an earlier version in the order in which its answers were shown."""
    rank_of = {row["candidate_id"]: row["rank"] for row in version.content["ranks"]}
    return [rank_of[candidate] for candidate in version.content["shown_order"]]


def test_a_correction_takes_the_place_of_the_submission_and_the_earlier_one_is_kept_whole(workshop, submitted):
    person, task_id = submitted
    correct(workshop, person, task_id, NOON + timedelta(minutes=10))
    correct(workshop, person, task_id, NOON + timedelta(minutes=20), ranks=(1, 1, 2, 2))
    with workshop.database.reading() as session:
        annotation = session.scalars(select(Annotation)).one()
        assert stored_order(annotation) == "A = B > C = D"
        assert (annotation.submitted_at, annotation.corrected_at) == (NOON, NOON + timedelta(minutes=20))
        for table, rows in ((Ranking, 4), (Rating, 4)):
            assert session.scalar(select(func.count()).select_from(table)) == rows
        assert {f.value for f in session.scalars(select(Flag).where(Flag.name == "fails_task"))} == {"yes"}
        first, second = session.scalars(select(AnnotationVersion).order_by(AnnotationVersion.number))
        assert (first.number, second.number) == (1, 2)
        assert first.replaced_at == NOON + timedelta(minutes=10)
        assert ranked(first) == [1, 2, 3, 4]
        assert [row["likert"] for row in first.content["ratings"]] == [5, 5, 5, 5]
        assert {row["value"] for row in first.content["flags"] if row["name"] == "fails_task"} == {"no"}
        assert ranked(second) == [4, 3, 2, 1]
        assert first.content["submitted_at"] == NOON.isoformat()
        actions = session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()
        assert actions.count("submitted annotation") == 1
        assert actions.count("corrected annotation") == 2
        assert session.scalars(select(Draft)).all() == []


@SQLITE
def test_a_correction_begins_with_what_was_submitted_and_leaving_it_changes_nothing(workshop, submitted):
    person, task_id = submitted
    with workshop.database.transaction() as session:
        corrections.begin(session, person, task_id, NOON)
    with workshop.database.reading() as session:
        work = reservation.work_for(session, person, task_id)
        assert work.submission.ranks == dict(zip(work.order, [1, 2, 3, 4], strict=True))
        assert {verdict.likert for verdict in work.submission.verdicts.values()} == {5}
        assert work.submission.prompt_labels["use_case"] == "chat"
        assert work.before_ranking == []
    with workshop.database.transaction() as session:
        corrections.leave(session, person, task_id)
    with workshop.database.reading() as session:
        assert session.scalars(select(Draft)).all() == []
        assert session.scalars(select(AnnotationVersion)).all() == []
    with pytest.raises(Conflict, match="already submitted"):
        workshop.submit(person, task_id)


@SQLITE
def test_the_window_ends_while_somebody_corrects_and_their_draft_stays_in_sight(workshop, submitted):
    person, task_id = submitted
    late = NOON + timedelta(minutes=31)
    with workshop.database.transaction() as session:
        corrections.begin(session, person, task_id, NOON)
        order = reservation.work_for(session, person, task_id).order
        drafts.save_ranks(session, person, task_id, NOON, dict(zip(order, [4, 3, 2, 1], strict=True)))
    for attempt in (
        lambda session: drafts.save_ranks(session, person, task_id, late, dict.fromkeys(order, 1)),
        lambda session: service.submit(session, person, task_id, late, verdict_on(order)),
        lambda session: reservation.renew(session, person, task_id, late),
    ):
        with workshop.database.transaction() as session, pytest.raises(Conflict, match="time to correct this ended"):
            attempt(session)
    with workshop.database.reading() as session:
        work = reservation.work_for(session, person, task_id)
        assert list(work.submission.ranks.values()) == [4, 3, 2, 1]
        annotation = session.scalars(select(Annotation)).one()
        assert stored_order(annotation) == "A > B > C > D"


@SQLITE
def test_nobody_corrects_too_late_or_anothers_work_or_skips_what_they_have_submitted(workshop, submitted):
    person, task_id = submitted
    stranger = workshop.factory.person()
    with workshop.database.transaction() as session, pytest.raises(NotFound):
        corrections.begin(session, stranger, task_id, NOON)
    with workshop.database.transaction() as session, pytest.raises(Conflict, match="ended"):
        corrections.begin(session, person, task_id, NOON + timedelta(minutes=31))
    with workshop.database.transaction() as session:
        corrections.begin(session, person, task_id, NOON)
    with workshop.database.transaction() as session, pytest.raises(Invalid, match="submitted this already"):
        skips.skip(session, person, task_id, NOON, reason="unclear")
    with workshop.database.reading() as session:
        assignment = session.scalars(select(Assignment).where(Assignment.submitted_at.is_not(None))).one()
        assert assignment.person_id == person.id


@SQLITE
def test_what_a_person_can_still_correct_is_listed_newest_first(workshop, submitted):
    person, task_id = submitted
    later = NOON + timedelta(minutes=20)
    second = workshop.take(person, later).assignment.task_id
    workshop.submit(person, second, later)
    with workshop.database.reading() as session:
        listed = corrections.correctable(session, person, later)
        assert [(annotation.task_id, until) for annotation, until in listed] == [
            (second, later + timedelta(minutes=30)),
            (task_id, NOON + timedelta(minutes=30)),
        ]
        at_the_end = corrections.correctable(session, person, NOON + timedelta(minutes=40))
        assert [annotation.task_id for annotation, _until in at_the_end] == [second]


@SQLITE
def test_a_snapshot_takes_the_newest_and_a_frozen_one_does_not_change(workshop, submitted, settings):
    person, task_id = submitted

    def frozen(name):
        with workshop.database.transaction() as session:
            snapshot = snapshots.create_snapshot(session, settings, None, name)
            return snapshots.folder_of(settings, snapshot) / RANKINGS

    before = frozen("before")
    kept = before.read_bytes()
    correct(workshop, person, task_id, ranks=(4, 3, 2, 1))
    [row] = read_rows(frozen("after"), RankingRecord)
    assert sorted(row.ranks) == [1, 2, 3, 4]
    assert before.read_bytes() == kept
    [old] = read_rows(before, RankingRecord)
    assert [rank + new for rank, new in zip(old.ranks, row.ranks, strict=True)] == [5, 5, 5, 5]


@SQLITE
def test_a_submission_is_opened_changed_and_submitted_again_in_the_pages_of_the_task(at_work, database):  # noqa: F811
    place, order = whole_task(at_work)
    at_work.post(f"{place}/submit", lanes(order))
    assert "C &gt; A = D &gt; B" in at_work.get(f"{place}/correct")
    assert at_work.post(f"{place}/correct").headers["location"] == place
    page = at_work.get(place)
    assert "You are correcting what you submitted" in page
    assert 'data-open="skip"' not in page
    rate_all(at_work, place, ratings=(7, 7, 1, 1))
    assert re.search(r'<option value="3" selected', at_work.get(f"{place}/rank"))
    at_work.post(f"{place}/submit", lanes(order, (1, 1, 2, 2)))
    assert "Corrected: A = B &gt; C = D." in at_work.get("/label")
    with database.reading() as session:
        annotation = session.scalars(select(Annotation)).one()
        assert stored_order(annotation) == "A = B > C = D"
        assert [rating.likert for rating in annotation.ratings if rating.candidate_id == int(order[0])] == [7]
    at_work.post(f"{place}/correct")
    at_work.post(f"{place}/correct/leave")
    at_work.post(f"{place}/submit", lanes(order), status=409)


@SQLITE
def test_a_demonstration_is_corrected_in_its_place(browse, workshop, database):
    workshop.campaign([(prompt, []) for prompt, _ in workshop.prompts(1)], name="Write", kind="demonstration")
    browse.as_("labeler")
    browse.get("/label")
    place = browse.post("/label/next").headers["location"]
    browse.post(f"{place}/submit", {"text": "First thoughts."})
    browse.post(f"{place}/correct")
    assert "First thoughts." in browse.get(place)
    kept_from_before = {"text": "Zeroth thoughts.", "autosave": "1", "revision": "0.oldtab.3"}
    browse.post(f"{place}/text", kept_from_before, status=409)
    browse.post(f"{place}/submit", {"text": "Second thoughts."})
    with database.reading() as session:
        assert session.scalars(select(Demonstration.text)).all() == ["Second thoughts."]
        texts = session.scalars(select(WrittenText).order_by(WrittenText.number)).all()
        assert [(text.content["text"], text.state) for text in texts] == [
            ("First thoughts.", "replaced"),
            ("Second thoughts.", "accepted"),
        ]


@SQLITE
@pytest.mark.parametrize(("minutes", "status"), [("0", 303), ("10080", 303), ("10081", 422), ("-1", 422), ("x", 422)])
def test_a_campaign_says_how_long_its_people_may_correct(browse, workshop, minutes, status):
    workshop.prompts(1)
    browse.as_("researcher")
    form = {"name": "Rain", "origin": ["import:secret-origin-0", "import:secret-origin-1"], "prompts": "1"}
    browse.get("/campaigns/new")
    browse.post("/campaigns", {**form, "correction_minutes": minutes}, status=status)
