"""Skipping, sensitive texts, active time and one's own page, by keyboard alone and by touch on a phone."""

import hashlib

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.labeling.campaigns import service as campaigns
from app.models import Annotation, Candidate, Draft, Person, Prompt, Skip
from tests.browsing import PASSWORD
from tests.journeys.conftest import until
from tests.journeys.test_labeling_in_the_browser import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine_name", ["sqlite"])]


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def campaign(database, factory):
    """Two prompts to write an answer to, the first of them sensitive, and a labeler who knows the guideline."""
    factory.person(email="lena@example.org", password=PASSWORD)
    with database.transaction() as session:
        prompts = [
            Prompt(fingerprint=sha(text), messages=[{"role": "user", "content": text}], source="tests", sensitive=mark)
            for text, mark in (("A cruel thing?", True), ("A kind thing?", None))
        ]
        session.add_all(prompts)
        session.flush()
        tasks = [(prompt.id, []) for prompt in prompts]
        return campaigns.create_campaign(session, None, name="Things", kind="demonstration", tasks=tasks)


@pytest.fixture
def judged(database, factory):
    """One sensitive prompt with four answers to judge."""
    factory.person(email="lena@example.org", password=PASSWORD)
    with database.transaction() as session:
        messages = [{"role": "user", "content": "A cruel thing?"}]
        prompt = Prompt(fingerprint=sha("c"), messages=messages, source="tests", sensitive=True)
        session.add(prompt)
        session.flush()
        answers = [
            Candidate(prompt_id=prompt.id, text=f"Cruel answer {i}", text_sha256=sha(f"{i}"), origin="import:x")
            for i in range(4)
        ]
        session.add_all(answers)
        session.flush()
        return campaigns.create_campaign(session, None, name="Judged", tasks=[(prompt.id, [a.id for a in answers])])


def start(page):
    page.get_by_role("button", name="Take the next task").click()
    expect(page.locator("#skip[data-ready]")).to_be_attached()


def stored(database, table):
    with database.reading() as session:
        return session.scalars(select(table)).all()


@pytest.fixture
def phone(chromium, site):
    context = chromium.new_context(
        base_url=site, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    context.close()
    assert not problems, problems


def fits(page):
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_sensitive_texts_are_uncovered_and_covered_by_keyboard_and_stay_so(page, judged, database):
    sign_in(page)
    start(page)
    expect(page.locator(".content-warning[data-ready]")).to_be_visible()
    button = page.get_by_role("button", name="Show the texts")
    expect(button).to_be_focused()
    expect(button).to_have_accessible_description(
        "Sensitive content. The prompt is marked so; prompt and answers may be "
        "sexual, violent or hateful. The texts are hidden until you show them. You can also skip the task; that counts "
        "against nobody."
    )
    region = page.get_by_role("region", name="The prompt")
    assert "This text is hidden" in (heard := region.aria_snapshot())
    assert "cruel" not in heard
    page.keyboard.press("b")
    expect(page.get_by_role("status").filter(has_text="The texts are shown.")).to_be_attached()
    assert "A cruel thing?" in (heard := region.aria_snapshot())
    assert "This text is hidden" not in heard
    expect(region).to_be_focused()
    page.keyboard.press("4")  # the keys of the page work at once
    expect(page.locator("[data-save-state]")).to_contain_text("Saved")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Answer B of 4", exact=True)).to_be_visible()
    expect(page.locator(".content-warning[data-ready]:not([data-texts-hidden])")).to_be_visible()
    expect(page.locator("[data-answer]")).not_to_have_attribute("inert", "")
    page.keyboard.press("b")
    expect(page.locator("[data-answer]")).to_have_attribute("inert", "")
    assert "blur" in page.locator("[data-answer]").evaluate("e => getComputedStyle(e).filter")
    until(page, lambda: stored(database, Draft)[0].revealed_at is None)


def test_a_task_is_skipped_by_three_keys_and_taken_back(page, campaign, database):
    sign_in(page)
    start(page)
    page.get_by_role("button", name="Show the texts").focus()  # not in the text, where s is a letter
    page.keyboard.press("s")
    dialog = page.get_by_role("dialog", name="Skip this task")
    expect(dialog).to_be_visible()
    page.keyboard.press("6")  # another reason: the words are asked for, and the focus is there
    expect(dialog.get_by_label("A few words")).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(dialog).to_be_visible()  # nothing is skipped without them
    assert stored(database, Skip) == []
    page.keyboard.type("Too 1 sided")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("s")
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Skipped. The task goes to somebody else")).to_be_visible()
    expect(page.get_by_text("A kind thing?").first).to_be_visible()
    (row,) = stored(database, Skip)
    assert (row.reason, row.note) == ("uncomfortable", "Too 1 sided")
    undo = page.get_by_role("button", name="Take it back")
    undo.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The task is yours again")).to_be_visible()
    assert stored(database, Skip) == []


def test_on_a_phone_texts_are_uncovered_and_tasks_skipped_by_touch(phone, campaign, database):
    page = phone
    sign_in(page)
    start(page)
    fits(page)
    page.get_by_role("button", name="Show the texts").tap()
    expect(page.get_by_role("button", name="Hide the texts")).to_be_visible()
    page.get_by_role("button", name="Skip…").tap()
    dialog = page.get_by_role("dialog", name="Skip this task")
    dialog.get_by_label("I have seen this one before").tap()
    fits(page)
    dialog.get_by_role("button", name="Skip the task").tap()
    expect(page.get_by_text("Skipped. The task goes to somebody else")).to_be_visible()
    fits(page)
    assert [row.reason for row in stored(database, Skip)] == ["seen_before"]
    page.goto("/label/mine")
    expect(page.get_by_text("I have seen this one before")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="Take it back").tap()
    expect(page.get_by_text("The task is yours again")).to_be_visible()


def test_time_at_work_is_counted_while_the_person_is_active_and_shown_on_their_page(page, campaign, database):
    sign_in(page)
    with database.transaction() as session:
        session.scalars(select(Person).where(Person.email == "lena@example.org")).one().blur = "never"
    page.clock.install()
    start(page)
    with database.transaction() as session:  # the server's own clock has not moved: the reservation is made old enough
        draft = session.scalars(select(Draft)).one()
        draft.reserved_since = draft.started_at.replace(year=draft.started_at.year - 1)
    page.locator("#text").press_sequentially("A kind")
    expect(page.locator("[data-save-state]")).to_contain_text("Saved")  # before the clock is moved on
    for _ in range(8):  # at work for two minutes, with pauses of fifteen seconds
        page.clock.run_for(15_000)
        page.wait_for_load_state("networkidle")
        page.keyboard.press("ArrowLeft")
    page.clock.run_for(600_000)  # and then away: a minute of it still counts
    page.wait_for_load_state("networkidle")
    page.locator("#text").press_sequentially(" answer.")
    expect(page.locator("[data-save-state]")).to_contain_text("Saved just now")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_text("Submitted: your text is stored")).to_be_visible()
    (annotation,) = stored(database, Annotation)
    assert annotation.active_seconds["writing"] == pytest.approx(180, abs=20)
    page.keyboard.press("Tab")
    page.get_by_role("link", name="My work").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="My work")).to_be_visible()
    opened = page.get_by_role("link", name="Look again at what you submitted")
    opened.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What you submitted")).to_be_visible()
    expect(page.get_by_text("A kind")).to_be_visible()
