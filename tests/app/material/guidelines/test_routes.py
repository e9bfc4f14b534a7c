"""The pages of guidelines and questions, as each role meets them."""

import html
import re

import pytest
from sqlalchemy import select

from app.demo.labelers import SimulatedLabeler
from app.demo.visitor import LabelerAtWork
from app.labeling.campaigns.rules.campaigns import PRIORITY
from app.language import gettext, speak
from app.models import (
    Annotation,
    Announcement,
    Campaign,
    Guideline,
    GuidelineConfirmation,
    GuidelineVersion,
    Question,
    QuestionPost,
)
from app.models.base import utc_now
from tests.app.material.guidelines.conftest import ROUND_ONE
from tests.browsing import PASSWORD


@pytest.fixture
def guideline(office):
    return office.guideline()


@pytest.fixture
def campaign(office, guideline):
    return office.campaign(office.prompts(4), instructions="**Read** twice.")


def take(browse):
    return browse.post("/label/next").headers["location"]


def confirm(browse, place, then="next", status=303):
    version = re.search(r'name="version_id" value="(\d+)"', browse.get(place))[1]
    return browse.post(place, {"version_id": version, "then": then}, status)


def at_a_task(browse, email="lena@example.org"):
    """A labeler who has confirmed the guideline and holds a task; its address."""
    browse.as_("labeler", email)
    browse.get("/label")
    return confirm(browse, take(browse)).headers["location"]


def count(database, table):
    with database.reading() as session:
        return len(session.scalars(select(table)).all())


def changes(page):
    """The texts (before, after) that a page hands to the browser, which shows what differs."""
    pairs = re.findall(
        r"<template data-before>(.*?)</template>\s*<template data-after>(.*?)</template>", page, re.DOTALL
    )
    return [tuple(map(html.unescape, pair)) for pair in pairs]


# Writing -----------------------------------------------------------------------------------------


def test_a_researcher_previews_publishes_and_sees_what_differs(browse, guideline, campaign, database):
    browse.as_("researcher")
    place = f"/guidelines/{guideline.id}"
    assert campaign.name in browse.get("/guidelines")
    assert "Version 2" in browse.get(f"{place}/write")
    form = {"text": ROUND_ONE.replace("helpful", "**kind**"), "changes": "Kindness first.", "based_on": "1"}
    page = browse.post(f"{place}/write", {**form, "then": "preview"}, 200).text
    assert "<strong>kind</strong>" in page
    assert [("helpful" in before, "**kind**" in after) for before, after in changes(page)] == [(True, True)]
    assert count(database, GuidelineVersion) == 1
    browse.post(f"{place}/write", {**form, "then": "publish"})
    page = browse.get(f"{place}/versions/2")
    assert [("helpful" in before, "**kind**" in after) for before, after in changes(page)] == [(True, True)]
    assert "Kindness first." in page
    assert "What differs" not in browse.get(f"{place}/versions/1")
    assert "<strong>kind</strong>" in browse.get(place)


@pytest.mark.parametrize(
    ("form", "status", "told"),
    [
        ({"text": ""}, 422, "no text yet"),
        ({"text": "x" * 100_000}, 422, "60,000 fit"),
        ({"changes": ""}, 422, "what changes"),
        ({"based_on": "0"}, 409, "was published while you wrote"),
        ({"based_on": "one"}, 422, "whole number"),
        ({"text": ROUND_ONE}, 422, "Nothing differs"),
    ],
)
def test_a_refused_version_comes_back_with_a_sentence_and_what_was_typed(
    browse, guideline, database, form, status, told
):
    browse.as_("admin")
    browse.get("/guidelines")
    sent = {"text": "Be brave & brief.", "changes": "Bravery.", "based_on": "1", **form}
    page = browse.post(f"/guidelines/{guideline.id}/write", sent, status).text
    assert told in page
    if "text" not in form:
        assert "Be brave &amp; brief." in page
    assert count(database, GuidelineVersion) == 1


def test_a_preview_hides_no_version_that_somebody_else_has_published_meanwhile(browse, office, guideline, database):
    browse.as_("researcher")
    browse.get("/guidelines")
    form = {"text": "By the second.", "changes": "Mine.", "based_on": "1"}
    office.publish(None, guideline, "By the first.")
    place = f"/guidelines/{guideline.id}/write"
    page = browse.post(place, {**form, "then": "preview"}, 200).text
    kept = re.search(r'name="based_on" value="(\d+)"', page)[1]
    page = browse.post(place, {**form, "based_on": kept}, 409).text
    assert "Version 2 was published while you wrote" in page
    assert changes(page) == [("By the first.", "By the second.")]
    kept = re.search(r'name="based_on" value="(\d+)"', page)[1]
    browse.post(place, {**form, "based_on": kept})
    assert count(database, GuidelineVersion) == 3


def test_a_new_document_is_previewed_published_and_followed(browse, guideline, campaign, database):
    browse.as_("researcher")
    browse.get("/guidelines/new")
    form = {"name": "Travel", "phase": "training", "text": "## Trains\n\nFirst."}
    assert '<h2 dir="auto">Trains</h2>' in browse.post("/guidelines", {**form, "then": "preview"}, 200).text
    assert count(database, Guideline) == 1
    assert "visible characters" in browse.post("/guidelines", {**form, "name": ""}, 422).text
    assert "already" in browse.post("/guidelines", {**form, "name": guideline.name}, 409).text
    assert f'<a href="/guidelines/{guideline.id}">House rules</a>, version 1' in browse.get(f"/campaigns/{campaign.id}")
    place = browse.post("/guidelines", form).headers["location"]
    assert "None at the moment" in browse.get(place)
    browse.post(f"{place}/campaigns", {"campaign_id": campaign.id})
    assert f'<li><a href="/campaigns/{campaign.id}">' in browse.get(place)
    assert ">Travel</a>, version 1" in browse.get(f"/campaigns/{campaign.id}")
    browse.post(f"{place}/campaigns", {"campaign_id": 999}, 404)


def test_only_researchers_and_admins_write_and_answer(browse, guideline):
    for role in ("labeler", "engineer"):
        browse.as_(role)
        for place in ("/guidelines", "/guidelines/new", f"/guidelines/{guideline.id}", "/questions"):
            browse.get(place, 403)
    for role in ("researcher", "admin"):
        browse.as_(role)
        assert 'href="/guidelines"' in browse.get("/guidelines")


def test_what_is_not_there_is_not_found(browse, guideline):
    browse.as_("admin")
    for place in (
        "/guidelines/999",
        "/guidelines/999/write",
        f"/guidelines/{guideline.id}/versions/2",
        f"/guidelines/{guideline.id}/versions/99999999999999999999",
        "/questions/999",
        "/label/campaigns/999/guideline",
    ):
        browse.get(place, 404)
    for place in ("/guidelines/999/write", "/questions/999/answers", "/questions/999/announcement"):
        browse.post(place, {"text": "Yes.", "changes": "All.", "based_on": "1"}, 404)
    for place in ("/label/tasks/999/questions", "/label/questions/999/posts", "/label/questions/999/read"):
        browse.post(place, {"text": "Why?"}, 404)
    browse.post("/label/announcements/999/dismiss", {}, 404)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_translation_is_written_previewed_published_and_read_by_its_readers(browse, guideline, campaign):
    browse.as_("researcher")
    place = f"/guidelines/{guideline.id}"
    browse.get(f"{place}/write")
    form = {"text": ROUND_ONE, "text-zh-Hans": "# 评判\n\n有帮助的在前。", "changes": "Chinese.", "based_on": "1"}
    page = browse.post(f"{place}/write", {**form, "then": "preview"}, 200).text
    assert '<h1 dir="auto">评判</h1>' in page
    assert "# 评判" in page  # the form keeps it
    browse.post(f"{place}/write", {**form, "then": "publish"})
    assert '<div class="article" lang="zh-Hans"><h1 dir="auto">评判</h1>' in browse.get(place)
    again = {**form, "text-zh-Hans": "# 评判\n\n真实的在前。", "changes": "Truth.", "based_on": "2"}
    browse.post(f"{place}/write", {**again, "then": "publish"})
    page = browse.get(f"{place}/versions/3")
    assert '<h3 lang="zh-Hans">简体中文</h3>' in page
    assert changes(page) == [("# 评判\n\n有帮助的在前。", "# 评判\n\n真实的在前。")]
    assert '<h3 lang="en">' not in page

    browse.as_("labeler")
    reading = f"/label/campaigns/{campaign.id}/guideline"
    assert '<h1 dir="auto">Judging</h1>' in browse.get(reading)
    browse.post("/account/language", {"locale": "zh-Hans", "back": "/label"})
    page = browse.get(reading)
    assert '<div class="article" lang="zh-Hans"><h1 dir="auto">评判</h1>' in page
    assert "Judging" not in page


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.usefixtures("guideline")
def test_who_reads_a_language_that_a_guideline_lacks_is_told_so(browse, campaign):
    browse.as_("labeler")
    reading = f"/label/campaigns/{campaign.id}/guideline"
    note = gettext("This guideline is not there in your language yet; this is the original.")
    assert note not in browse.get(reading)
    browse.post("/account/language", {"locale": "zh-Hans", "back": "/label"})
    page = browse.get(reading)
    speak("zh-Hans")
    note = gettext("This guideline is not there in your language yet; this is the original.")
    speak("en")
    assert note in page
    assert '<div class="article" lang="en"><h1 dir="auto">Judging</h1>' in page


# Reading and confirming --------------------------------------------------------------------------


def test_a_labeler_reads_confirms_and_gets_the_next_task(browse, campaign, database):
    browse.as_("labeler")
    assert "Read version 1" in browse.get("/label")
    place = take(browse)
    assert place == f"/label/campaigns/{campaign.id}/guideline"
    page = browse.get(place)
    assert "read version 1 and confirm it" in page
    assert "What changed" not in page
    assert '<h1 dir="auto">Judging</h1>' in page
    assert confirm(browse, place).headers["location"].startswith("/label/tasks/")
    assert count(database, GuidelineConfirmation) == 1
    assert "you confirmed it" in browse.get(place)
    assert "Read version 1" not in browse.get("/label")


def test_a_new_version_gives_notice_in_a_task_and_tells_what_changed_before_the_next(
    browse, office, guideline, campaign
):
    place = at_a_task(browse)
    assert "is new to you" not in browse.get(place)
    office.publish(None, guideline, ROUND_ONE.replace("first", "last"), "Turned round.")
    assert "is new to you (version 2)" in browse.get(place)
    browse.post(f"{place}/skip", {"reason": "seen_before"})
    reading = f"/label/campaigns/{campaign.id}/guideline"
    page = browse.get(reading)
    assert "Turned round." in page
    assert changes(page) == [(ROUND_ONE, ROUND_ONE.replace("first", "last"))]
    assert confirm(browse, reading, then="").headers["location"] == "/label"


def test_a_version_replaced_while_it_was_read_is_not_confirmed(browse, office, guideline, campaign, database):
    browse.as_("labeler")
    place = f"/label/campaigns/{campaign.id}/guideline"
    version = re.search(r'name="version_id" value="(\d+)"', browse.get(place))[1]
    office.publish(None, guideline, "All new.")
    page = browse.post(place, {"version_id": version}, 409).text
    assert "Version 2 was published while you were reading" in page
    assert "All new." in page
    assert count(database, GuidelineConfirmation) == 0
    browse.post(place, {"version_id": "two"}, 422)


def test_a_simulated_labeler_confirms_too_before_the_first_task(app_client, office, campaign, database):
    office.factory.person(email="robot@example.org", password=PASSWORD)
    robot = LabelerAtWork("http://testserver", SimulatedLabeler("robot", noise=0.0, tie_threshold=0.1, seed=1))
    robot.http = app_client
    robot.get("/sign-in")
    robot.post("/sign-in", {"email": "robot@example.org", "password": PASSWORD})
    robot.get("/account/password")
    done = 0
    while robot.do_next_task():
        done += 1
    assert done == 4
    assert count(database, Annotation) == 4
    assert count(database, GuidelineConfirmation) == 1


@pytest.mark.parametrize("phase", ["training", "evaluation"])
def test_the_guide_shows_the_current_text_and_the_priority_of_the_phase(browse, office, phase):
    office.guideline("Judging", phase)
    office.campaign(office.prompts(1), phase=phase, instructions="**Read** twice.")
    page = browse.get(at_a_task(browse))
    panel = re.search(r'<dialog id="guide".*?</dialog>', page, re.DOTALL)[0]
    assert '<h1 dir="auto">Judging</h1>' in panel
    assert "Read</strong> twice" in panel
    assert PRIORITY[phase][:40] in panel
    assert ("high stakes" in panel) == (phase == "evaluation")


def test_the_name_of_an_evaluation_is_hidden_on_the_page_of_its_guideline(browse, office):
    office.guideline("Judging", "evaluation")
    campaign = office.campaign(office.prompts(1), name="new-model against old-model", phase="evaluation")
    place = at_a_task(browse)
    pages = [browse.get(place), browse.get(f"/label/campaigns/{campaign.id}/guideline"), browse.get("/label")]
    browse.post(f"{place}/questions", {"text": "Why?"})
    pages.append(browse.get("/label"))
    assert not any("new-model" in page for page in pages)


def test_an_imported_campaign_has_no_page_for_labelers(browse, office, guideline):
    campaign = office.campaign([], name="import of secret-model", imported=True)
    browse.as_("labeler")
    assert "secret-model" not in browse.get(f"/label/campaigns/{campaign.id}/guideline", 404)


# Asking and answering ----------------------------------------------------------------------------


def test_a_question_is_asked_in_the_task_answered_announced_and_dismissed(browse, office, campaign, database):
    place = at_a_task(browse)
    assert browse.post(f"{place}/questions", {"text": "I am Lena. Tie all?"}).headers["location"] == place
    assert "I am Lena" in browse.get("/label")
    browse.as_("researcher", "ravi@example.org")
    assert "1 open" in browse.get("/guidelines")
    question = re.search(r'href="(/questions/\d+)"', browse.get("/questions"))[1]
    page = browse.get(question)
    assert "Question 0?" in page
    assert "Reply" in page
    assert "secret-origin" not in page
    browse.post(f"{question}/answers", {"text": "If they are equal."})
    assert "Every question has its answer" in browse.get("/questions")
    assert "I am Lena" in browse.get("/questions?show=all")
    assert "I am Lena. Tie all?</textarea>" in browse.get(question)
    browse.post(f"{question}/announcement", {"question": "Tie all?", "answer": "If they are equal."})
    browse.as_("labeler", "otto@example.org")
    page = browse.get("/label")
    assert "If they are equal." in page
    assert not any(secret in page for secret in ("I am Lena", "lena", "ravi", "Your questions"))
    browse.post(re.search(r'action="(/label/announcements/\d+/dismiss)"', page)[1])
    assert "If they are equal." not in browse.get("/label")
    panel = browse.get(at_a_task(browse, "olga@example.org"))
    assert "If they are equal." in panel
    assert not any(secret in panel for secret in ("I am Lena", "lena@", "ravi"))
    assert count(database, Announcement) == 1


def test_the_guide_panel_gets_its_list_back_and_unread_answers_are_marked(browse, office, campaign, database):
    place = at_a_task(browse)
    browse.get(place)
    headers = {"HX-Request": "true", "Accept": "application/json", "X-CSRF-Token": browse.token}
    answer = browse.client.post(
        f"{place}/questions", data={"text": "Tie <b>all</b>?", "about": "campaign"}, headers=headers
    )
    assert answer.status_code == 200
    assert "<!doctype" not in answer.text
    assert "Tie &lt;b&gt;all&lt;/b&gt;?" in answer.text
    assert "waiting" in answer.text
    with database.reading() as session:
        question = session.scalars(select(Question)).one()
    assert question.task_id is None
    office.answer(office.researcher(), question, now=utc_now())
    assert "1 new" in browse.get(place)
    assert "<strong>1</strong> new answer" in browse.get("/label")
    answer = browse.client.post(f"/label/questions/{question.id}/posts", data={"text": "And two?"}, headers=headers)
    assert "And two?" in answer.text
    assert "new answer" not in answer.text
    office.answer(office.factory.person(role="researcher"), question, "Two as well.", utc_now())
    browse.post(f"/label/questions/{question.id}/read")
    assert "new answer" not in browse.get("/label")


@pytest.mark.parametrize(
    ("text", "told"), [("", "question is empty"), ("x" * 100_000, "100,000 characters; 4,000 fit")]
)
def test_a_question_that_will_not_do_gets_a_sentence(browse, campaign, database, text, told):
    place = at_a_task(browse)
    assert told in browse.post(f"{place}/questions", {"text": text}, 422).text
    headers = {"HX-Request": "true", "Accept": "application/json", "X-CSRF-Token": browse.token}
    answer = browse.client.post(f"{place}/questions", data={"text": text}, headers=headers)
    assert answer.status_code == 422
    assert told in answer.json()["error"]
    assert count(database, QuestionPost) == 0


@pytest.mark.parametrize(("text", "told"), [("", "is empty"), ("x" * 100_000, "4,000 fit")])
def test_an_answer_that_will_not_do_comes_back_with_a_sentence(browse, office, campaign, database, text, told):
    ana, *_ = office.people(1)
    office.confirm(ana, campaign)
    question = office.ask(ana, office.take(ana).assignment.task_id)
    browse.as_("researcher")
    browse.get("/questions")
    place = f"/questions/{question.id}"
    assert told in browse.post(f"{place}/answers", {"text": text}, 422).text
    assert (
        "Answer the question first" in browse.post(f"{place}/announcement", {"question": "q", "answer": "a"}, 422).text
    )
    browse.post(f"{place}/answers", {"text": "Yes."})
    page = browse.post(f"{place}/announcement", {"question": "My own words", "answer": text}, 422).text
    assert told in page
    assert "My own words" in page
    assert count(database, Announcement) == 0


def test_a_labeler_cannot_answer_or_announce(browse, office, campaign):
    place = at_a_task(browse)
    browse.post(f"{place}/questions", {"text": "Tie all?"})
    for act in ("answers", "announcement"):
        browse.post(f"/questions/1/{act}", {"text": "Yes.", "question": "q", "answer": "a"}, 403)


def test_active_text_in_questions_answers_and_guidelines_stays_text(browse, office, campaign, guideline):
    bad = "<script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=alert(1)>"
    office.publish(None, guideline, bad)
    place = at_a_task(browse)
    browse.post(f"{place}/questions", {"text": bad})
    for page in (browse.get(place), browse.get("/label"), browse.get(f"/label/campaigns/{campaign.id}/guideline")):
        assert "<script>alert" not in page
        assert "<img" not in page


# Choosing ----------------------------------------------------------------------------------------


def test_a_new_campaign_names_its_guideline(browse, office, database):
    office.prompts(1)
    office.guideline("Older rules")  # which a campaign that names none goes by
    chosen = office.guideline("Short rules")
    other_phase = office.guideline("Trial rules", phase="evaluation")
    browse.as_("engineer")
    assert "Short rules (training)" in browse.get("/campaigns/new?kind=demonstration")
    form = {"kind": "demonstration", "name": "Answers", "guideline_id": chosen.id}
    refused = browse.post("/campaigns", {**form, "guideline_id": other_phase.id}, 422).text
    assert "is for evaluation labels" in refused
    assert re.search(rf'value="{other_phase.id}" selected', refused)
    browse.post("/campaigns", {**form, "guideline_id": 99}, 404)
    assert count(database, Campaign) == 0
    place = browse.post("/campaigns", form).headers["location"]
    assert "Short rules" in browse.get(place)
