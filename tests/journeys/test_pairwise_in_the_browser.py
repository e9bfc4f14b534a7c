"""A labeler compares two answers with two keys, by mouse or by touch, and what was chosen survives a reload."""

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.models import Annotation
from scripts.take_screenshots import open_session
from tests.app.labeling.annotations.conftest import Workshop
from tests.browsing import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine_name", ["sqlite"])]
EMAIL = "lena@example.org"


@pytest.fixture
def workshop(database, factory):
    factory.person(email=EMAIL, password=PASSWORD)
    return Workshop(database, factory)


def begin(page, site, workshop, steps, tasks=1):
    workshop.campaign(workshop.prompts(tasks, answers=2), kind="pairwise", settings={"steps": steps})
    open_session(page.context, site, EMAIL)
    page.goto("/label")
    page.get_by_role("button", name="Take the next task").click()
    expect(page.locator("#pair-form[data-ready]")).to_be_visible()


def strengths(database):
    """What each comparison said: above 0 where the first answer on the screen is better."""
    with database.reading() as session:
        found = []
        for annotation in session.scalars(select(Annotation).order_by(Annotation.id)):
            first = next(row for row in annotation.ranks if row.candidate_id == annotation.shown_order[0])
            found.append(annotation.strength if first.rank == 1 else -annotation.strength)
        return found


def test_a_whole_item_takes_two_keys_and_the_next_one_comes(page, site, workshop, database):
    begin(page, site, workshop, "8", tasks=2)
    result = page.locator("[data-result]")
    pressed = []
    for key, words in (("2", "A is better"), ("8", "B is much better")):
        expect(page.locator("#pair-form[data-ready]")).to_be_visible()
        pressed += [key, "Enter"]
        page.keyboard.press(key)
        expect(result).to_have_text(words)
        page.keyboard.press("Enter")
        expect(page.get_by_text(f"Submitted: {words}.")).to_be_visible()
    assert len(pressed) == 2 * 2
    assert strengths(database) == [3.0, -4.0]


def test_by_touch_on_a_phone_a_choice_survives_a_reload_and_can_be_undone(page, site, workshop, database):
    page.set_viewport_size({"width": 390, "height": 844})
    begin(page, site, workshop, "7")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    step = page.locator(".preference-steps label")
    assert min(step.nth(n).bounding_box()["width"] for n in range(7)) >= 40
    step.nth(5).click()
    expect(page.locator("[data-save-state]")).to_contain_text("Saved")
    page.reload()
    expect(page.locator("#pair-form[data-ready]")).to_be_visible()
    expect(page.locator("[data-result]")).to_have_text("B is better")
    step.nth(3).click()
    expect(page.locator("[data-result]")).to_have_text("A and B are about the same")
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.locator("[data-result]")).to_have_text("B is better")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_text("Submitted: B is better.")).to_be_visible()
    assert strengths(database) == [-2.0]
