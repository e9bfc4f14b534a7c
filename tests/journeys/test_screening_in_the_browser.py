"""A screening by keyboard alone and on a phone: joining, working, handing in, and rating what was written."""

import re

import pytest
from playwright.sync_api import expect

from app.quality.screening.rules.plans import DEMONSTRATIONS
from tests.app.quality.screening.conftest import Office
from tests.browsing import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine_name", ["sqlite"])]


@pytest.fixture
def office(database, factory):
    return Office(database, factory)


@pytest.fixture
def screening(office):
    bank = office.bank("Hard prompts", kind="demonstration", items=3, gold=False)
    return office.screening({DEMONSTRATIONS: bank}, items={DEMONSTRATIONS: 2})


def press_until(page, target, key="Tab", most=60):
    """Move the focus by keyboard until it is where it should be."""
    for _ in range(most):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError("the keyboard does not lead there")


def test_an_invited_person_does_the_test_by_keyboard_and_a_researcher_rates_it_so(page, office, screening):
    page.goto(f"/join/{office.invite(screening)}")
    press_until(page, page.get_by_label("E-mail"))
    for text in ("ann@example.org", "Ann", PASSWORD, PASSWORD):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    press_until(page, page.get_by_role("button", name="Begin the test"))
    page.keyboard.press("Enter")
    expect(page.locator("[data-clock]")).to_have_text(re.compile(r"^59 min \d+ s$"))
    press_until(page, page.get_by_role("button", name="Go on"))
    page.keyboard.press("Enter")
    for text in ("I would listen first.", "I would say what I know."):
        expect(page.get_by_text("time left")).to_be_visible()
        expect(page.locator("textarea:focus")).to_have_value("")
        page.keyboard.type(text)
        expect(page.locator("[data-save-state]")).to_contain_text("Saved")
        page.keyboard.press("Control+Enter")
        page.wait_for_load_state("networkidle")
    expect(page.get_by_text("2 of 2 done")).to_be_visible()
    press_until(page, page.get_by_label("war"))
    page.keyboard.press("Space")
    press_until(page, page.get_by_role("button", name="Keep"))
    page.keyboard.press("Enter")
    press_until(page, page.get_by_role("button", name="Hand in the test"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
    page.context.clear_cookies()
    office.factory.person("rae@example.org", "researcher", PASSWORD)
    page.goto(f"/sign-in?next=/screenings/{screening.id}/rate")
    page.get_by_label("E-mail").fill("rae@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    for key in "65":
        page.locator("form[data-ready]").wait_for()
        page.keyboard.press(key)
        with page.expect_navigation():
            page.keyboard.press("Enter")
    expect(page.get_by_text("5.50")).to_be_visible()


def test_the_page_of_a_test_says_by_itself_that_the_time_is_up_and_fits_a_phone(chromium, site, office, screening):
    context = chromium.new_context(
        base_url=site, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, locale="zh-CN"
    )
    page = context.new_page()
    page.goto(f"/join/{office.invite(screening)}")
    page.locator("input[name=email]").fill("bo@example.org")
    for name in ("password", "again"):
        page.locator(f"input[name={name}]").fill(PASSWORD)
    page.get_by_role("button", name="加入").tap()
    page.clock.install()
    page.get_by_role("button", name="开始测试").tap()
    expect(page.locator("[data-clock]")).to_have_text(re.compile(r"^59 .*\d+ "))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    with page.expect_navigation():
        page.clock.fast_forward(61 * 60_000)
    context.close()
