"""Skipping a task: the reasons, what becomes of the assignment, taking it back, and what researchers see."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.errors import Conflict, Invalid, NotFound
from app.labeling.annotations import drafts, reservation, service, skips
from app.labeling.annotations.rules.submission import Verdict
from app.labeling.campaigns import skipped
from app.labeling.campaigns.rules import skips as rules
from app.models import Assignment, AuditEvent, Draft, Skip
from tests.app.labeling.annotations.conftest import NOON

LATER = NOON + timedelta(minutes=5)


def skip(workshop, person, task_id, reason="unclear", note="", now=NOON):
    with workshop.database.transaction() as session:
        skips.skip(session, person, task_id, now, reason=reason, note=note)


def take_back(workshop, person, task_id, now=LATER):
    with workshop.database.transaction() as session:
        return skips.take_back(session, person, task_id, now).task_id


def rows(workshop, table):
    with workshop.database.reading() as session:
        return session.scalars(select(table)).all()


# The rules


@pytest.mark.parametrize("reason", rules.REASONS)
def test_every_reason_is_enough_by_itself_but_another_one_needs_words(reason):
    assert (rules.skip_problem(reason, "  ") is None) == (reason != "other")
    assert rules.skip_problem(reason, "a word") is None


@pytest.mark.parametrize(
    ("reason", "note", "said"),
    [
        ("", "", "Choose the reason"),
        ("bored", "", "“bored” is none of the reasons"),
        ("other", " \n", "Say in a few words"),
        ("unclear", "x" * (rules.LONGEST_NOTE + 1), "The note has 301 characters; 300 fit"),
    ],
)
def test_a_skip_that_says_too_little_or_too_much_is_refused(reason, note, said):
    assert said in rules.skip_problem(reason, note)


def test_every_reason_has_its_short_name_and_is_known_to_the_database(workshop):
    assert set(rules.IN_SHORT) == set(rules.REASONS)
    workshop.campaign(workshop.prompts(len(rules.REASONS)))
    ana = workshop.people(1)[0]
    for reason in rules.REASONS:
        skip(workshop, ana, workshop.take(ana).assignment.task_id, reason, "because")
    assert {row.reason for row in rows(workshop, Skip)} == set(rules.REASONS)


# What becomes of the task


def test_a_skipped_task_goes_to_others_and_never_comes_back(workshop):
    workshop.campaign(workshop.prompts(1))
    ana, ben = workshop.people(2)
    task_id = workshop.take(ana).assignment.task_id
    skip(workshop, ana, task_id, "expertise", " Not my topic. ")
    assert workshop.take(ana, NOON + timedelta(days=9)).reason.startswith("You have done your share")
    with pytest.raises(Conflict, match="You have skipped this task"):
        workshop.submit(ana, task_id)
    assert workshop.take(ben).assignment.task_id == task_id
    (row,) = rows(workshop, Skip)
    assert (row.reason, row.note, row.skipped_at, row.person_id) == ("expertise", "Not my topic.", NOON, ana.id)
    (event,) = [event for event in rows(workshop, AuditEvent) if event.action == "skipped task"]
    assert event.detail == {"reason": "expertise", "note": "Not my topic."}


def test_nobody_skips_what_they_do_not_hold_or_for_no_known_reason(workshop):
    workshop.campaign(workshop.prompts(1))
    ana, ben = workshop.people(2)
    task_id = workshop.take(ana).assignment.task_id
    with pytest.raises(NotFound):
        skip(workshop, ben, task_id)
    with pytest.raises(Invalid):
        skip(workshop, ana, task_id, "bored")
    assert rows(workshop, Skip) == []
    assert rows(workshop, Assignment)[0].person_id == ana.id


def test_a_skip_is_taken_back_with_what_was_entered(workshop):
    workshop.campaign(workshop.prompts(2))
    ana = workshop.people(1)[0]
    task_id = workshop.take(ana).assignment.task_id
    with workshop.database.transaction() as session:
        work = reservation.work_for(session, ana, task_id)
        first = work.order[0]
        drafts.save_answer(session, ana, task_id, first, NOON, verdict=Verdict(likert=6), shown=work.version)
    skip(workshop, ana, task_id)
    assert workshop.take(ana).assignment.task_id != task_id
    assert take_back(workshop, ana, task_id) == task_id
    with workshop.database.reading() as session:
        work = reservation.work_for(session, ana, task_id)
    assert work.submission.verdicts[first].likert == 6
    assert work.assignment.reserved_until == LATER + timedelta(minutes=30)
    assert rows(workshop, Skip) == []


def test_a_skip_stays_when_it_is_too_old_or_the_assignment_is_taken_or_it_is_none_of_theirs(workshop):
    workshop.campaign(workshop.prompts(1))
    ana, ben = workshop.people(2)
    task_id = workshop.take(ana).assignment.task_id
    skip(workshop, ana, task_id)
    with pytest.raises(NotFound):
        take_back(workshop, ben, task_id)
    with pytest.raises(Conflict, match="can be taken back for 10 minutes"):
        take_back(workshop, ana, task_id, NOON + timedelta(minutes=10, seconds=1))
    workshop.take(ben, LATER)
    with pytest.raises(Conflict, match="Somebody else is working on this task"):
        take_back(workshop, ana, task_id, LATER)
    assert [row.person_id for row in rows(workshop, Skip)] == [ana.id]


# What researchers see


def test_researchers_see_skips_by_reason_and_prompt_and_what_two_find_unclear(workshop):
    campaign = workshop.campaign(workshop.prompts(2), overlap=3)
    noise = workshop.campaign(workshop.prompts(1, origin="import:noise", start=9), name="Noise")
    ana, ben, eve = workshop.people(3)
    first = workshop.take(ana, campaign_id=campaign.id).assignment.task_id
    skip(workshop, ana, first, "unclear", "Which one?")
    for person in (ben, eve):
        assert workshop.take(person, campaign_id=campaign.id).assignment.task_id == first
    skip(workshop, ben, first, "uncomfortable")
    second = workshop.take(ben, campaign_id=campaign.id).assignment.task_id
    skip(workshop, ben, second, "unclear")
    with workshop.database.reading() as session:
        seen = skipped.skipped_in(session, campaign.id, 9)
        assert [p.unclear_to_many for p in seen.prompts] == [False, False]
        assert skipped.skipped_in(session, noise.id, 9).times == 0
    skip(workshop, eve, first, "unclear")
    with workshop.database.reading() as session:
        seen = skipped.skipped_in(session, campaign.id, 1)
    assert seen.reasons == [("unclear", 3), ("uncomfortable", 1)]
    (row,) = seen.prompts
    assert (row.reasons, row.notes, row.unclear_to_many) == ({"unclear": 2, "uncomfortable": 1}, ["Which one?"], True)
    assert (seen.of_prompts, seen.times) == (2, 4)


# The pages


@pytest.fixture
def at_work(browse, workshop):
    workshop.campaign(workshop.prompts(2))
    browse.as_("labeler")
    browse.get("/label")
    return browse


def take(browse):
    return browse.post("/label/next").headers["location"]


def test_skipping_leads_to_the_next_task_and_can_be_taken_back_there(at_work, workshop):
    place = take(at_work)
    assert "counts against nobody" in at_work.get(place)
    after = at_work.post(f"{place}/skip", {"reason": "language"}).headers["location"]
    assert after.startswith("/label/tasks/")
    assert after != place
    assert at_work.client.get(place).headers["location"] == "/label"
    assert "You have skipped this task" in at_work.get("/label")
    again = at_work.post(f"{place}/skip/undo").headers["location"]
    assert again == place
    assert "The task is yours again" in at_work.get(place)
    at_work.post(f"{place}/skip/undo", status=404)


def test_the_next_page_offers_to_take_the_skip_back(at_work):
    place = take(at_work)
    after = at_work.post(f"{place}/skip", {"reason": "language"}).headers["location"]
    page = at_work.get(after)
    assert f'action="{place}/skip/undo"' in page
    assert "Take it back" in page
    assert "Take it back" not in at_work.get(after)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Choose the reason that comes closest"),
        ({"reason": "bored"}, "“bored” is none of the reasons"),
        ({"reason": "other"}, "Say in a few words why"),
        ({"reason": "unclear", "note": "x" * 301}, "The note has 301 characters; 300 fit"),
    ],
)
def test_a_refused_skip_is_explained_in_its_form_and_keeps_the_task(at_work, workshop, given, said):
    place = take(at_work)
    page = at_work.post(f"{place}/skip", given, status=422).text
    assert f'role="alert" id="skip-error">{said}' in page
    assert "data-refused" in page
    assert given.get("note", "") in page
    assert rows(workshop, Skip) == []
    at_work.get(place)


def test_the_campaign_page_tells_reasons_without_names(browse, workshop):
    campaign = workshop.campaign(workshop.prompts(1), overlap=2)
    ana, ben = workshop.people(2)
    task_id = workshop.take(ana).assignment.task_id
    skip(workshop, ana, task_id, "other", "Two questions in one.")
    workshop.take(ben)
    browse.as_("researcher")
    page = browse.get(f"/campaigns/{campaign.id}")
    assert "“Two questions in one.”" in page
    assert "another reason" in page
    assert f"labeler-{ana.id}" not in page
    assert "mend or withdraw" not in page
    browse.get(re.search(r'href="(/prompts/\d+)"', page)[1])


def test_a_campaign_without_skips_says_nothing_of_them(browse, workshop):
    campaign = workshop.campaign(workshop.prompts(1))
    browse.as_("researcher")
    assert "skips-title" not in browse.get(f"/campaigns/{campaign.id}")


def test_a_draft_that_was_skipped_is_not_a_draft_to_go_on_with(workshop):
    """A submission that was on its way while the task was skipped in another tab is refused."""
    workshop.campaign(workshop.prompts(1))
    ana = workshop.people(1)[0]
    task_id = workshop.take(ana).assignment.task_id
    skip(workshop, ana, task_id)
    with workshop.database.transaction() as session, pytest.raises(Conflict, match="You have skipped"):
        service.submit(session, ana, task_id, LATER, drafts.draft_submission(session, ana, task_id))
    assert len(rows(workshop, Draft)) == 1
