"""Writing by keyboard, mouse and touch: an answer, a set of pairs, a prompt from a scenario; and reviewing them."""

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.annotations import writing
from app.annotations.rules.authoring import Authored, Pair, items_of
from app.models import Demonstration, Prompt, WrittenText
from app.prompts.rules import prompt_fingerprint
from app.scenarios import service as scenarios
from tests.app.annotations.conftest import NOON, Workshop
from tests.browsing import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine_name", ["sqlite"])]


@pytest.fixture
def workshop(database, factory):
    factory.person(email="lena@example.org", password=PASSWORD)
    return Workshop(database, factory)


@pytest.fixture
def phone(chromium, site):
    context = chromium.new_context(base_url=site, viewport={"width": 390, "height": 844}, has_touch=True)
    yield context.new_page()
    context.close()


def sign_in(page, email="lena@example.org"):
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "sign-in" not in url)


def begin(page):
    sign_in(page)
    page.goto("/label")
    page.get_by_role("button", name="Take the next task").click()
    expect(page.locator("#writing-form[data-ready]")).to_be_visible()


def stored(database, table):
    with database.reading() as session:
        return session.scalars(select(table).order_by(table.id)).all()


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_answer_by_keyboard_with_both_previews_and_a_text_that_is_too_long(page, workshop, database):
    workshop.campaign([(prompt, []) for prompt, _ in workshop.prompts(1)], kind="demonstration", needs_review=True)
    begin(page)
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.type("Rain **falls**.")
    expect(page.locator("[data-preview] .as-reader strong")).to_have_text("falls")
    expect(page.locator("[data-length]")).to_have_text("2 words · 15 characters")
    expect(page.locator("[data-preview] .as-model")).to_be_hidden()
    page.keyboard.press("Alt+v")
    expect(page.locator("[data-preview] .model-text")).to_have_text(
        "<|bos|><|user|>Question 0?<|end|><|assistant|>Rain **falls**.<|end|>"
    )
    expect(page.locator("[data-preview] .as-reader")).to_be_hidden()
    expect(page.locator("[data-save-state]")).to_contain_text("Saved")
    page.evaluate("document.querySelector('#text').value = 'x'.repeat(10_000_000)")
    page.keyboard.type("y")
    expect(page.locator("[data-too-long]")).to_contain_text("10,000,001 characters; 100,000 fit")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#text")).to_be_focused()
    assert stored(database, WrittenText) == []
    page.keyboard.press("Control+a")
    page.keyboard.type("Soft rain.")
    expect(page.locator("[data-too-long]")).to_be_hidden()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("a researcher reads your text")).to_be_visible()
    assert [text.content for text in stored(database, WrittenText)] == [{"text": "Soft rain."}]


def test_a_set_of_pairs_by_keyboard_alone(page, workshop, database):
    workshop.campaign([], kind="authoring", prompt_form="few_shot", pieces=1)
    begin(page)
    page.keyboard.type("Say how it sounds.")
    for text in ("Post", "Mood"):
        page.keyboard.press("Tab")
        page.keyboard.press("Control+a")
        page.keyboard.type(text)
    for label in ("lovely", "good", "awful", "bad", "fine", "good"):
        page.keyboard.press("Tab")
        while page.evaluate("document.activeElement.tagName") == "BUTTON":
            page.keyboard.press("Tab")
        page.keyboard.type(label)
    expect(page.locator(".preview-item")).to_have_count(3)
    page.keyboard.press("Alt+Enter")
    expect(page.locator("[data-pair]")).to_have_count(4)
    page.keyboard.type("bleak")
    page.keyboard.press("Tab")
    page.keyboard.type("bad")
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("[data-pair-said]")).to_have_text("Now pair 2.")
    expect(page.locator(".preview-item")).to_have_count(4)
    page.locator("[data-pair]").nth(2).get_by_role("button", name="Remove pair 3").press("Enter")
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-pair]")).to_have_count(4)
    expect(page.get_by_label("Query of pair 3")).to_be_focused()
    page.get_by_label("Kind of task").focus()
    page.keyboard.type("class")
    expect(page.locator("[data-save-state]")).to_contain_text("Saved")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("your text is stored")).to_be_visible()
    pairs = (Pair("lovely", "good"), Pair("bleak", "bad"), Pair("awful", "bad"), Pair("fine", "good"))
    items = items_of(Authored("few_shot", "", "", "Say how it sounds.", pairs, "Post", "Mood"))
    assert [p.messages[0]["content"] for p in stored(database, Prompt)] == [item.prompt for item in items]
    assert [d.text for d in stored(database, Demonstration)] == ["good", "bad", "bad", "good"]


def test_a_set_by_touch_on_a_phone_survives_a_reload(phone, workshop, database):
    workshop.campaign([], kind="authoring", prompt_form="few_shot", pieces=1)
    begin(phone)
    assert fits(phone)
    phone.get_by_label("Instruction").fill("Translate.")
    for number, (query, response) in enumerate((("eau", "water"), ("feu", "fire")), start=1):
        phone.get_by_label(f"Query of pair {number}").fill(query)
        phone.get_by_label(f"Response of pair {number}").fill(response)
    phone.get_by_role("button", name="Move pair 2 up").tap()
    phone.get_by_role("button", name="Remove pair 3").tap()
    expect(phone.locator(".preview-item")).to_have_count(2)
    phone.get_by_label("Kind of task").select_option("other")
    expect(phone.locator("[data-save-state]")).to_contain_text("Saved")
    phone.reload()
    expect(phone.get_by_label("Query of pair 1")).to_have_value("feu")
    phone.get_by_role("button", name="The model").tap()
    expect(phone.locator("[data-item='2'] .model-text")).to_contain_text("Input: feu Output: fire Input: eau Output:")
    assert fits(phone)
    phone.get_by_role("button", name="Submit", exact=True).tap()
    expect(phone.get_by_text("your text is stored")).to_be_visible()
    assert [d.text for d in stored(database, Demonstration)] == ["fire", "water"]


def test_a_prompt_from_a_scenario_and_a_known_one_refused_beside_its_field(page, workshop, database):
    with database.transaction() as session:
        for title in ("plan a garden", "learn to swim"):
            scenarios.add(session, None, NOON, title=title, text=f"Somebody wants to {title}.")
    workshop.campaign([], kind="authoring", prompt_form="user_based", pieces=1)
    workshop.prompts(1)
    begin(page)
    expect(page.get_by_text("Somebody wants to plan a garden.")).to_be_visible()
    page.get_by_label("Scenario", exact=True).select_option(label="learn to swim")
    expect(page.get_by_text("Somebody wants to learn to swim.")).to_be_visible()
    expect(page.get_by_text("Somebody wants to plan a garden.")).to_be_hidden()
    with database.transaction() as session:
        prompt = session.scalars(select(Prompt)).one()
        prompt.fingerprint = prompt_fingerprint(prompt.messages)
    page.get_by_label("Prompt", exact=True).fill("Question 0?")
    page.get_by_label("Its answer").fill("Start shallow.")
    page.get_by_label("Kind of task").select_option("open_qa")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_role("alert").get_by_text("in the pool already")).to_be_visible()
    expect(page.get_by_label("Its answer")).to_have_value("Start shallow.")
    page.problems.clear()  # the browser names the refusal in its console
    page.get_by_label("Prompt", exact=True).fill("How do I begin to swim?")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_text("your text is stored")).to_be_visible()
    assert stored(database, Prompt)[-1].detail["scenario"]["title"] == "learn to swim"


def test_reviews_by_keyboard_alone(page, workshop, database, factory):
    workshop.campaign([(p, []) for p, _ in workshop.prompts(3)], kind="demonstration", needs_review=True)
    (author,) = workshop.people(1)
    for number in range(3):
        task_id = workshop.take(author).lease.task_id
        with database.transaction() as session:
            writing.submit_demonstration(session, author, task_id, NOON, f"Answer {number}")
    factory.person("ruth@example.org", "researcher", PASSWORD)
    sign_in(page, "ruth@example.org")
    page.goto("/reviews/next")
    ready = page.locator("#review-form[data-ready]")
    expect(ready).to_be_visible()
    page.keyboard.press("6")
    page.keyboard.press("a")
    expect(page.get_by_text("Accepted.")).to_be_visible()
    expect(ready).to_be_visible()
    page.keyboard.press("s")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("Say more.")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    expect(page.get_by_text("Sent back to its author")).to_be_visible()
    expect(ready).to_be_visible()
    page.keyboard.press("x")
    page.keyboard.type("Off topic.")
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    expect(page.get_by_text("No text waits for you.")).to_be_visible()
    told = [(text.state, text.rating, text.reason) for text in stored(database, WrittenText)]
    assert told == [("accepted", 6, ""), ("sent_back", None, "Say more."), ("rejected", None, "Off topic.")]
