"""Reading: exact texts by one key, directions and code as they are meant, the judgment beside a long answer, swipes."""

import re

import pytest
from playwright.sync_api import expect

from scripts.take_screenshots import sign_in
from tests.scenes import ANSWERS, RANKING, RATING, furnish_for_reading

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine_name", ["sqlite"])]


@pytest.fixture
def furnished(site, database):
    furnish_for_reading(database)
    return site


def number_of(page, task, beginning):
    """Open the answer that begins so; its number."""
    for number in range(1, len(ANSWERS) + 1):
        html = page.request.get(f"{task}?answer={number}").text()
        if re.search(rf'answer-text".*?<pre class="raw-text">\n{re.escape(beginning)}', html, re.DOTALL):
            page.goto(f"{task}?answer={number}")
            expect(page.locator("#answer-form[data-ready]")).to_be_visible()
            return number
    raise AssertionError(beginning)


def test_a_text_is_read_as_it_is_meant_and_one_key_shows_it_exactly(page, furnished):
    task = furnished + sign_in(page.context, furnished, RATING)
    code = number_of(page, task, "```c")
    box = page.locator(".answer-text pre").first
    expect(box).to_have_attribute("tabindex", "0")
    assert page.locator(".answer-text pre").last.get_attribute("tabindex") is None, "it scrolls nowhere"
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.keyboard.press("r")
    expect(page.get_by_role("button", name="Raw text")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".answer-text")).to_be_hidden()
    expect(page.locator(".prompt-text .article").first).to_be_hidden()
    raw = page.locator(".answer-panel .raw-text")
    assert raw.evaluate("e => e.textContent") == ANSWERS[1]
    assert raw.evaluate("e => getComputedStyle(e).whiteSpaceCollapse") == "preserve"
    page.goto(f"{task}?answer={code % 9 + 1}")
    expect(page.locator("#answer-form[data-ready]")).to_be_visible()
    expect(page.locator(".answer-text")).to_be_hidden()  # it stays for the task
    page.keyboard.press("r")
    expect(page.locator(".answer-text")).to_be_visible()

    number_of(page, task, "# البحث")
    directions = page.locator(".answer-text").evaluate(
        "e => [...e.children].map(child => [child.tagName, getComputedStyle(child).direction])"
    )
    assert ["H1", "rtl"] in directions
    assert ["UL", "rtl"] in directions
    assert ["PRE", "ltr"] in directions

    number_of(page, task, "## Part 1")
    page.keyboard.press("p")
    expect(page.locator(".prompt-text")).to_be_hidden()
    page.mouse.wheel(0, 30_000)
    expect(page.locator(".scale")).to_be_in_viewport(ratio=1)
    page.reload()
    expect(page.locator(".prompt-text")).to_be_hidden()  # so does a folded prompt


def test_the_ranking_board_shows_exact_texts_by_the_same_key(page, furnished):
    task = furnished + sign_in(page.context, furnished, RANKING)
    page.goto(f"{task}/rank")
    expect(page.locator("#rank-form[data-ready]")).to_be_visible()
    page.keyboard.press("r")
    expect(page.locator(".rank-card .article")).to_have_count(9)
    assert sorted(page.locator(".rank-card .raw-text").evaluate_all("all => all.map(e => e.textContent)")) == sorted(
        ANSWERS
    )
    expect(page.locator(".rank-card .article:visible")).to_have_text(["(empty answer)"])


SWIPE = """([from, to]) => {
  const panel = document.querySelector(".answer-panel");
  const touch = (x) => new Touch({ identifier: 1, target: panel, clientX: x, clientY: 400 });
  const say = (type, x) => panel.dispatchEvent(
    new TouchEvent(type, { bubbles: true, touches: [touch(x)], changedTouches: [touch(x)] })
  );
  say("touchstart", from);
  say("touchend", to);
}"""


def test_on_a_phone_a_swipe_leads_to_the_next_answer_and_a_short_one_does_not(chromium, furnished):
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    task = furnished + sign_in(context, furnished, RATING)
    page.goto(task)
    expect(page.locator("#answer-form[data-ready]")).to_be_visible()
    page.evaluate(SWIPE, [200, 180])
    page.evaluate(SWIPE, [300, 100])
    page.wait_for_url("**answer=2")
    expect(page.locator("#answer-form[data-ready]")).to_be_visible()
    page.evaluate(SWIPE, [100, 300])
    page.wait_for_url("**answer=1")
    context.close()
