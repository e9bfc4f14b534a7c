"""A person agrees to be counted, types and pastes; the numbers, and nothing else, come with the text."""

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.labeling.typing import service
from app.labeling.typing.rules import in_all
from app.models import TypingRecord
from scripts.take_screenshots import open_session
from tests.app.labeling.annotations.conftest import NOON, Workshop
from tests.browsing import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine_name", ["sqlite"])]
LENA = "lena@example.org"
PASTED = "It was a bright cold day in April. " * 9


def test_pastes_and_keys_are_counted_apart_once_the_person_has_agreed(page, site, database, factory):
    factory.person(email=LENA, password=PASSWORD)
    boss = factory.person(role="researcher")
    workshop = Workshop(database, factory)
    campaign = workshop.campaign([(p, []) for p, _ in workshop.prompts(1)], kind="demonstration")
    with database.transaction() as session:
        service.turn(session, boss, campaign, NOON, on=True)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_session(page.context, site, LENA)
    page.goto("/label")
    page.get_by_role("button", name="Take the next task").click()

    text = page.get_by_label("Your answer")
    text.press_sequentially("Before. ")  # nobody has agreed to anything yet
    expect(page.locator("[data-save-state]")).to_contain_text("Saved")
    page.get_by_role("button", name="I agree").click()
    expect(page.get_by_text("Counted here, as you agreed")).to_be_visible()
    expect(text).to_have_value("Before. ")
    page.wait_for_function("document.querySelector('[data-controller=\"labeling/typing\"]')")
    page.wait_for_load_state("networkidle")
    text.focus()
    page.keyboard.press("End")
    page.keyboard.type("你好 abc")
    page.keyboard.press("Enter")
    page.keyboard.press("Backspace")
    page.evaluate("text => navigator.clipboard.writeText(text)", PASTED)
    page.keyboard.press("Control+V")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_text("your text is stored")).to_be_visible()
    with database.reading() as session:
        record = session.scalars(select(TypingRecord)).one()
    counts = in_all(record.pages)
    assert (counts.pastes, counts.pasted, counts.longest) == (1, len(PASTED), len(PASTED))
    assert (counts.typed, counts.edits) == (len("你好 abc") + 1, 1)
    assert {type(value) for one in record.pages.values() for value in one.values()} == {int}
