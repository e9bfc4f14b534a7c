"""Making a course, taking it, and what it opens."""

import re

import pytest
from sqlalchemy import select

from app.errors import Conflict, Invalid
from app.labeling.course import service
from app.material.guidelines import service as guidelines
from app.models import Assignment, AuditEvent, Course, CourseAttempt, CourseStep, GoldItem, Task
from tests.app.labeling.annotations.conftest import NOON

SQLITE = pytest.mark.parametrize("engine_name", ["sqlite"])


def steps_of(database, course_id):
    with database.reading() as session:
        wanted = select(CourseStep.id).where(CourseStep.course_id == course_id).order_by(CourseStep.position)
        return session.scalars(wanted).all()


def attempts(database):
    with database.reading() as session:
        return session.scalars(select(CourseAttempt).order_by(CourseAttempt.id)).all()


def take(workshop, person, course_id, choice, ranks):
    """A whole course: a page, a question and a practice item."""
    page, question, practice = steps_of(workshop.database, course_id)
    with workshop.database.transaction() as session:
        service.begin(session, person, course_id, NOON)
    with workshop.database.transaction() as session:
        service.answer_step(session, person, course_id, page)
        service.answer_step(session, person, course_id, question, choice=choice)
        service.answer_step(session, person, course_id, practice, ranks=ranks)
        return service.finish(session, person, course_id, NOON)


def test_a_campaign_gives_nothing_out_before_its_course_is_passed(workshop, course, gold):
    course_id, campaign_id = course
    _item, ids = gold
    ana, ben = workshop.people(2)
    ranks = dict.fromkeys(ids, 1)
    offer = workshop.take(ana, campaign_id=campaign_id)
    assert (offer.assignment, offer.to_learn) == (None, course_id)
    assert "First steps" in offer.reason
    assert not take(workshop, ana, course_id, choice=0, ranks=ranks).passed
    assert workshop.take(ana, campaign_id=campaign_id).assignment is None
    assert take(workshop, ana, course_id, choice=1, ranks=ranks).passed
    assert workshop.take(ana, campaign_id=campaign_id).assignment
    assert workshop.take(ben, campaign_id=campaign_id).to_learn == course_id
    assert [(one.passed, one.score) for one in attempts(workshop.database)] == [(False, 0.0), (True, 1.0)]


@SQLITE
def test_who_holds_a_task_when_a_course_comes_keeps_it(workshop, gold, researcher):
    campaign = workshop.campaign(workshop.prompts(2), name="Work")
    [ana] = workshop.people(1)
    current = workshop.take(ana, campaign_id=campaign.id).assignment
    with workshop.database.transaction() as session:
        made = service.create(session, researcher, name="Late", pass_share=1)
        session.flush()
        service.add_step(session, researcher, made.id, "page", {"title": "New", "text": "Words."})
        session.flush()
        session.expire_all()
        service.choose_campaigns(session, researcher, made.id, [campaign.id])
    assert workshop.take(ana, campaign_id=campaign.id).assignment.id == current.id


@SQLITE
def test_a_course_is_taken_again_when_its_guideline_changes(workshop, course, gold, researcher):
    course_id, campaign_id = course
    [ana] = workshop.people(1)
    with workshop.database.transaction() as session:
        document = guidelines.create_guideline(session, researcher, name="Ours", phase="training", text="Be kind.")
        session.flush()
        service.change(session, researcher, course_id, name="First steps", guideline_id=document.id, pass_share=0.8)
    ranks = dict.fromkeys(gold[1], 1)
    take(workshop, ana, course_id, choice=1, ranks=ranks)
    assert workshop.take(ana, campaign_id=campaign_id).to_learn is None
    with workshop.database.transaction() as session:
        assignment = session.scalars(select(Assignment).where(Assignment.person_id == ana.id)).one_or_none()
        if assignment:
            assignment.person_id = None
        guidelines.publish(session, researcher, document.id, text="Be kinder.", changes="Kinder.", based_on=1)
    assert workshop.take(ana, campaign_id=campaign_id).to_learn == course_id
    take(workshop, ana, course_id, choice=1, ranks=ranks)
    assert workshop.take(ana, campaign_id=campaign_id).to_learn is None


@SQLITE
def test_researchers_judge_without_a_course(workshop, course, researcher):
    assert workshop.take(researcher, campaign_id=course[1]).to_learn is None


@SQLITE
def test_the_first_answer_counts_and_nothing_is_skipped(workshop, course, gold):
    course_id, _campaign = course
    [ana] = workshop.people(1)
    page, question, practice = steps_of(workshop.database, course_id)
    with pytest.raises(Conflict, match="Begin the course first"), workshop.database.transaction() as session:
        service.answer_step(session, ana, course_id, page)
    with workshop.database.transaction() as session:
        service.begin(session, ana, course_id, NOON)
    with pytest.raises(Invalid, match="Choose one"), workshop.database.transaction() as session:
        service.answer_step(session, ana, course_id, question, choice=7)
    with workshop.database.transaction() as session:
        service.answer_step(session, ana, course_id, question, choice=0)
    with pytest.raises(Conflict, match="first answer counts"), workshop.database.transaction() as session:
        service.answer_step(session, ana, course_id, question, choice=1)
    with pytest.raises(Conflict, match="steps left"), workshop.database.transaction() as session:
        service.finish(session, ana, course_id, NOON)
    for ranks in ({}, dict.fromkeys(gold[1], 9), {gold[1][0]: 1}):
        with pytest.raises(Invalid), workshop.database.transaction() as session:
            service.answer_step(session, ana, course_id, practice, ranks=ranks)
    [attempt] = attempts(workshop.database)
    assert attempt.answers == {str(question): {"choice": 0}}


@SQLITE
def test_only_banks_gold_is_practised_on_and_a_campaign_has_one_course(workshop, course, gold, researcher):
    course_id, campaign_id = course
    with workshop.database.transaction() as session:
        task_id = session.scalars(select(Task.id).where(Task.campaign_id == campaign_id)).first()
        hidden = GoldItem(task_id=task_id, content={"ranks": {}}, reason="Hidden gold of a campaign in work.")
        session.add(hidden)
        session.flush()
        number = hidden.id
    with pytest.raises(Invalid, match="item of a bank"), workshop.database.transaction() as session:
        service.add_step(session, researcher, course_id, "practice", {}, number)
    with pytest.raises(Invalid, match="not in this course yet"), workshop.database.transaction() as session:
        service.add_step(session, researcher, course_id, "practice", {}, gold[0])
    with workshop.database.transaction() as session:
        other = service.create(session, researcher, name="Other", pass_share=0.5)
        session.flush()
        service.add_step(session, researcher, other.id, "page", {"title": "a", "text": "b"})
        number = other.id
    with pytest.raises(Conflict, match="Another course"), workshop.database.transaction() as session:
        service.choose_campaigns(session, researcher, number, [campaign_id])


# Pages -------------------------------------------------------------------------------------------


@SQLITE
def test_a_labeler_is_led_through_the_course_and_sees_at_once_what_researchers_chose(browse, workshop, course, gold):
    course_id, campaign_id = course
    browse.as_("labeler")
    assert "course first" in browse.get("/label")
    place = browse.post("/label/next", {"campaign_id": campaign_id}).headers["location"]
    assert place == f"/label/courses/{course_id}"
    assert "It opens: Work." in browse.get(place)
    page, question, practice = (f"{place}/steps/{step}" for step in steps_of(workshop.database, course_id))
    assert browse.post(place).headers["location"] == page
    assert "<em>this</em>" in browse.get(page)
    assert browse.post(page).headers["location"] == question
    asked = browse.get(question)
    assert "It is true." not in asked
    assert "Choose one" in browse.post(question, {}, 422).text
    browse.post(question, {"choice": "0"})
    told = browse.get(question)
    assert "That is not right." in told
    assert "It is true." in told
    asked = browse.get(practice)
    assert "The first one" not in asked
    order = re.findall(r'name="rank-(\d+)"', asked)
    refused = browse.post(practice, {f"rank-{order[0]}": "2", f"flags-{order[0]}": "fails_task"}, 422).text
    assert "Answer B has no rank yet." in refused
    assert re.search(rf'name="rank-{order[0]}".*?<option value="2" selected', refused, re.DOTALL)
    by_gold = {str(c): min(i, 3) for i, c in enumerate(gold[1], start=1)}
    swapped = {order: str(rank) for order, rank in by_gold.items()}
    first, second = str(gold[1][0]), str(gold[1][1])
    swapped[first], swapped[second] = swapped[second], swapped[first]
    browse.post(practice, {f"rank-{c}": rank for c, rank in swapped.items()} | {f"flags-{first}": "fails_task"})
    told = browse.get(practice)
    letters = {c: chr(65 + i) for i, c in enumerate(order)}
    assert f"The researchers prefer {letters[first]} to {letters[second]}." in told
    assert told.count("The researchers prefer") == 1
    assert "<strong>answers</strong>" in told
    assert "you, not the researchers" in told
    assert "the researchers, not you" in told
    assert browse.post(f"{place}/finish").headers["location"] == place
    assert "0 of 1 questions right" in browse.get(place)
    browse.post(place)
    browse.post(page)
    browse.post(question, {"choice": "1"})
    browse.post(practice, {f"rank-{c}": rank for c, rank in by_gold.items()})
    assert "You order them as the researchers do." in browse.get(practice)
    assert browse.post(f"{place}/finish").headers["location"] == "/label"
    assert "Passed: 1 of 1" in browse.get("/label")
    assert "/label/tasks/" in browse.post("/label/next", {"campaign_id": campaign_id}).headers["location"]


@SQLITE
def test_a_researcher_makes_a_course_step_by_step(browse, workshop, gold, database):
    campaign = workshop.campaign(workshop.prompts(1), name="Work")
    browse.as_("researcher")
    assert "no course yet" in browse.get("/courses")
    assert "at most 120" in browse.post("/courses", {"name": " ", "percent": "80"}, 422).text
    assert "0 to 100" in browse.post("/courses", {"name": "A", "percent": "800"}, 422).text
    place = browse.post("/courses", {"name": "Manners", "percent": "75"}).headers["location"]
    browse.post("/courses", {"name": "Manners", "percent": "75"}, 409)
    refused = browse.post(f"{place}/campaigns", {"campaign_id": campaign.id}, 409).text
    assert "no steps yet" in refused
    browse.post(f"{place}/steps", {"kind": "page", "title": "One", "text": "Read."})
    kept = {"kind": "question", "text": "Which?", "option": ["", "this", "that"], "right": "0", "why": "So."}
    refused = browse.post(f"{place}/steps", kept, 422).text
    assert "one that has words" in refused
    assert 'value="that"' in refused
    browse.post(f"{place}/steps", kept | {"right": "2"})
    assert "manners · Question 50?" in browse.get(place)
    browse.post(f"{place}/steps", {"kind": "practice", "gold": gold[0]})
    browse.post(f"{place}/steps", {"kind": "song"}, 422)
    with database.reading() as session:
        steps = session.scalars(select(CourseStep).order_by(CourseStep.position)).all()
        assert [step.kind for step in steps] == ["page", "question", "practice"]
        assert steps[1].content == {"text": "Which?", "options": ["this", "that"], "right": 1, "why": "So."}
    browse.post(f"{place}/steps/{steps[2].id}/move", {"towards": "start"})
    browse.post(f"{place}/steps/{steps[0].id}/move", {"towards": "start"})
    with database.reading() as session:
        moved = session.scalars(select(CourseStep.kind).order_by(CourseStep.position)).all()
        assert moved == ["page", "practice", "question"]
    browse.post(f"{place}/steps/{steps[1].id}/remove")
    browse.post(f"{place}/campaigns", {"campaign_id": campaign.id})
    browse.post(place, {"name": "Good manners", "percent": "50"})
    with database.reading() as session:
        course = session.scalars(select(Course)).one()
        assert (course.name, course.pass_share) == ("Good manners", 0.5)
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.action.like("%course%"))).all()
    for action in ("made course", "added course step", "moved course step", "removed course step", "changed course"):
        assert action in actions
    browse.as_("labeler", "lena@example.org")
    browse.post("/label/next", {"campaign_id": campaign.id})
    browse.post(f"/label{place}")
    browse.as_("researcher", "second@example.org")
    assert "in the middle of it" in browse.get(place)


@SQLITE
def test_labelers_do_not_make_courses(browse, course):
    browse.as_("labeler")
    browse.client.get("/courses")
    assert browse.client.get(f"/courses/{course[0]}").status_code == 403
    assert browse.client.get("/label/courses/999").status_code == 404
