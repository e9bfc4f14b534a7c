"""The guide panel by keyboard: read, ask without leaving the task, hear the answer."""

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.material.guidelines import questions, service
from app.models import Question
from app.models.base import utc_now
from tests.app.labeling.annotations.conftest import Workshop
from tests.browsing import PASSWORD

pytestmark = pytest.mark.browser


@pytest.fixture
def labeler(factory):
    return factory.person(email="lena@example.org", password=PASSWORD)


@pytest.fixture
def campaign(database, factory):
    with database.transaction() as session:
        service.ensure_defaults(session)
    workshop = Workshop(database, factory)
    return workshop.campaign(workshop.prompts(2), name="Rain")


def begin(page):
    """Sign in, confirm the guideline, and rate nothing yet."""
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill("lena@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Take the next task").click()
    expect(page.get_by_role("heading", name="Training labels: helpful first")).to_be_visible()
    page.get_by_role("button", name="I have read this, next task").click()
    expect(page.locator("#answer-form[data-ready]")).to_be_visible()
    expect(page.locator("#guide")).to_be_hidden()


def test_g_opens_and_closes_the_guide_and_the_page_behind_it_hears_no_keys(page, labeler, campaign):
    begin(page)
    page.keyboard.press("g")
    guide = page.get_by_role("dialog", name="Guide: Rain")
    expect(guide).to_be_visible()
    expect(guide.get_by_role("heading", name="What comes first: the more helpful answer")).to_be_visible()
    expect(guide.get_by_role("heading", name="Worked examples")).to_be_attached()
    page.keyboard.press("5")
    page.keyboard.press("g")
    expect(guide).to_be_hidden()
    expect(page.get_by_role("radio", name="5", exact=True)).not_to_be_checked()
    page.keyboard.press("g")
    expect(guide.get_by_label("Your question", exact=True)).to_be_hidden()
    page.keyboard.press("q")
    expect(guide.get_by_label("Your question", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(guide).to_be_hidden()


def test_a_question_is_asked_by_keyboard_and_its_answer_is_marked(page, labeler, campaign, database, factory):
    begin(page)
    page.keyboard.press("6")
    expect(page.locator("[data-save-state]")).to_contain_text("Saved")
    page.keyboard.press("q")
    guide = page.get_by_role("dialog", name="Guide: Rain")
    expect(guide.get_by_label("Your question", exact=True)).to_be_focused()
    page.keyboard.type("Why g and q?")
    page.reload()
    expect(page.locator("#answer-form[data-ready]")).to_be_visible()
    page.keyboard.press("q")
    expect(guide.get_by_label("Your question", exact=True)).to_have_value("Why g and q?")
    page.keyboard.press("Control+Enter")
    expect(guide.get_by_role("status")).to_contain_text("Asked")
    expect(guide.locator("[data-questions]")).to_contain_text("Why g and q?")
    expect(guide.get_by_label("Your question", exact=True)).to_have_value("")
    expect(page.locator("[data-tab='1']")).to_contain_text("6")  # the rating of before is still there
    researcher = factory.person(role="researcher")
    with database.transaction() as session:
        question = session.scalars(select(Question)).one()
        questions.answer(session, researcher, question.id, utc_now(), text="They are near at hand.")
    page.reload()
    expect(page.get_by_role("button", name="Guide g 1 new")).to_be_visible()
    page.keyboard.press("g")
    expect(guide.get_by_text("They are near at hand.")).to_be_visible()
    guide.get_by_role("button", name="Mark as read").click()
    expect(guide.get_by_role("button", name="Mark as read")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Guide g", exact=True)).to_be_visible()


def test_what_cannot_be_sent_stays_in_the_field_with_a_sentence(page, labeler, campaign):
    begin(page)
    page.keyboard.press("q")
    guide = page.get_by_role("dialog", name="Guide: Rain")
    page.keyboard.type("Is anybody there?")
    page.context.set_offline(True)
    page.keyboard.press("Control+Enter")
    expect(guide.get_by_role("alert")).to_contain_text("There is no connection")
    expect(guide.get_by_label("Your question", exact=True)).to_have_value("Is anybody there?")
    page.context.set_offline(False)
    page.problems.clear()
    page.keyboard.press("Control+Enter")
    expect(guide.locator("[data-questions]")).to_contain_text("Is anybody there?")
    expect(guide.get_by_role("alert")).to_have_count(0)


def test_the_exception_holds_with_all_three_parts_only(page, database, factory, labeler):
    workshop = Workshop(database, factory)
    workshop.campaign(workshop.prompts(1), name="Trial", phase="evaluation")
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill("lena@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Take the next task").click()
    expect(page.locator("#answer-form[data-ready]")).to_be_visible()
    page.keyboard.press("g")
    parts = page.get_by_role("group", name="May the more helpful of two answers win?")
    boxes = parts.get_by_role("checkbox")
    expect(boxes).to_have_count(3)
    for place in range(3):
        expect(parts.locator("output")).to_contain_text("the more truthful and harmless answer is ranked above")
        boxes.nth(place).check()
    expect(parts.locator("output")).to_contain_text("All three hold")
    boxes.nth(1).uncheck()
    expect(parts.locator("output")).to_contain_text("Not all three hold")
