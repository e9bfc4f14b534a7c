"""What can go wrong at work: nothing is lost, nothing is stored twice, and a sentence says what happened."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Error, expect
from sqlalchemy import func, select

from app.labeling.campaigns import service as campaigns
from app.labeling.campaigns.orders import stored_order
from app.models import Annotation, Assignment, Demonstration, Draft, Ranking, Task
from app.models.base import utc_now
from tests.browsing import PASSWORD
from tests.journeys.conftest import until
from tests.journeys.killable import KillableServer
from tests.journeys.test_labeling_in_the_browser import campaign, card, label_prompt, labeler, sign_in  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine_name", ["sqlite"])]
UNREACHABLE = "The server cannot be reached."


@pytest.fixture
def killable(settings, database):
    server = KillableServer(settings)
    yield server
    server.stop()


@pytest.fixture
def window(chromium, killable):
    """A browser window on the server that will be killed; its failed requests are no mistakes of the page."""
    context = chromium.new_context(base_url=killable.address, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    mistakes = []
    page.on("pageerror", lambda error: mistakes.append(str(error)))
    yield page
    context.close()
    assert not mistakes, mistakes


@pytest.fixture
def writing(campaign, database):  # noqa: F811
    """The same prompt to be answered by oneself."""
    with database.transaction() as session:
        prompt = campaigns.campaign_for(session, campaign.id)
        prompt_id = session.scalar(select(Task.prompt_id).where(Task.campaign_id == prompt.id))
        campaigns.set_status(session, None, campaign.id, "closed")
        return campaigns.create_campaign(
            session, None, name="Write", kind="demonstration", reserved_minutes=10, tasks=[(prompt_id, [])]
        )


def take(page):
    page.get_by_role("button", name="Take the next task").click()
    expect(page.locator("form[data-ready]").first).to_be_attached()


def text_field(page):
    return page.get_by_label("Your answer")


STORAGE = "JSON.stringify(localStorage)"


def drafted(database):
    with database.reading() as session:
        return session.scalars(select(Draft)).one().content


def saved(page):
    expect(page.locator("[data-save-state]")).to_contain_text("Saved")


def test_a_server_killed_while_typing_between_rating_and_ranking_and_during_submit_loses_and_doubles_nothing(
    window,
    killable,
    labeler,  # noqa: F811
    campaign,  # noqa: F811
    database,
):
    sign_in(window)
    take(window)
    label_prompt(window)
    window.keyboard.press("5")
    note = window.get_by_label("Note")
    note.press_sequentially("Rain on the ")
    saved(window)

    killable.kill()
    note.press_sequentially("roof, all night")
    expect(window.get_by_text(UNREACHABLE)).to_be_visible()
    killable.start()
    saved(window)
    expect(window.get_by_text(UNREACHABLE)).not_to_be_visible()
    assert [answer["note"] for answer in drafted(database)["answers"].values()] == ["Rain on the roof, all night"]

    window.locator("[data-primary]").click()
    for letter in "BCD":
        expect(window.get_by_role("heading", name=f"Answer {letter} of 4", exact=True)).to_be_visible()
        expect(window.locator("#answer-form[data-ready]")).to_be_visible()
        window.keyboard.press("4")
        saved(window)
        if letter == "D":
            killable.kill()
        window.keyboard.press("Enter")
    expect(window.get_by_text("The server did not answer. Everything you entered is kept")).to_be_visible()
    killable.start()
    window.keyboard.press("Enter")
    expect(window.locator("#rank-form[data-ready]")).to_be_visible()

    for letter, lane in zip("ABDC", "1223", strict=True):
        card(window, letter).focus()
        window.keyboard.press(lane)
    saved(window)

    def killed_before_it_arrives(route):
        killable.kill()
        route.abort()

    window.route("**/submit", killed_before_it_arrives, times=1)
    window.keyboard.press("Enter")
    expect(window.get_by_text("when the connection is back, submit again")).to_be_visible()
    with database.reading() as session:
        assert session.scalars(select(Annotation)).all() == []
    killable.start()

    def killed_after_it_was_stored(route):
        route.fetch(max_redirects=0)
        killable.kill()
        route.abort()

    window.route("**/submit", killed_after_it_was_stored, times=1)
    window.keyboard.press("Enter")
    until(window, lambda: not killable.process.is_alive())
    killable.start()
    window.wait_for_timeout(200)
    window.keyboard.press("Enter")
    expect(window.get_by_text("You have already submitted this task; nothing was stored twice.")).to_be_visible()
    with database.reading() as session:
        annotation = session.scalars(select(Annotation)).one()
        assert stored_order(annotation) == "A > B = D > C"
        assert session.scalar(select(func.count()).select_from(Ranking)) == 4
        assert [rating.note for rating in annotation.ratings if rating.note] == ["Rain on the roof, all night"]


def test_two_minutes_without_a_network_and_a_crash_of_the_browser_lose_no_letter(
    window,
    labeler,  # noqa: F811
    writing,
    database,
):
    window.clock.install()
    sign_in(window)
    take(window)
    address = window.url
    text_field(window).press_sequentially("Before. ")
    saved(window)
    window.context.set_offline(True)
    text_field(window).press_sequentially("Without a line. ")
    window.clock.fast_forward(120_000)
    expect(window.get_by_text(UNREACHABLE)).to_be_visible()
    text_field(window).press_sequentially("Two minutes later. ")
    window.context.set_offline(False)
    window.clock.fast_forward(6_000)
    until(window, lambda: drafted(database)["text"] == "Before. Without a line. Two minutes later. ")
    expect(window.get_by_text(UNREACHABLE)).not_to_be_visible()

    window.route("**/text", lambda route: route.abort())
    text_field(window).press_sequentially("Last words.")
    until(window, lambda: "Last words." in window.evaluate(STORAGE))
    with pytest.raises(Error, match="crash"):
        window.goto("chrome://crash")
    again = window.context.new_page()
    again.goto(address)
    expect(text_field(again)).to_have_value("Before. Without a line. Two minutes later. Last words.")
    until(again, lambda: drafted(database)["text"].endswith("later. Last words."))
    again.get_by_role("button", name="Submit", exact=True).click()
    expect(again.get_by_text("Submitted: your text is stored.")).to_be_visible()
    with database.reading() as session:
        assert session.scalars(select(Demonstration.text)).one().endswith("Last words.")
    assert kept_in(again) == []


def kept_in(page):
    return page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('kept:'))")


def test_of_two_tabs_on_one_task_neither_overwrites_the_other_unseen(window, labeler, writing, database):  # noqa: F811
    sign_in(window)
    take(window)
    other = window.context.new_page()
    other.goto(window.url)
    expect(other.locator("#writing-form[data-ready]")).to_be_visible()
    text_field(window).press_sequentially("From the first tab.")
    saved(window)
    text_field(other).press_sequentially("From the second.")
    sentence = "This was changed in another tab or on another device after this page was opened."
    expect(other.get_by_text(sentence)).to_be_visible()
    assert drafted(database)["text"] == "From the first tab."
    other.get_by_role("button", name="Submit", exact=True).click()
    expect(other.get_by_text(sentence)).to_be_visible()
    other.get_by_role("button", name="Keep what is here").click()
    saved(other)
    assert drafted(database)["text"] == "From the second."

    text_field(window).press_sequentially(" More.")
    expect(window.get_by_text(sentence)).to_be_visible()
    window.get_by_role("button", name="Show what was saved").click()
    expect(text_field(window)).to_have_value("From the second.")
    assert kept_in(window) == []
    window.get_by_role("button", name="Submit", exact=True).click()
    expect(window.get_by_text("Submitted: your text is stored.")).to_be_visible()
    other.get_by_role("button", name="Submit", exact=True).click()
    expect(other.get_by_text("You have already submitted this task; nothing was stored twice.")).to_be_visible()
    with database.reading() as session:
        assert session.scalars(select(Demonstration.text)).all() == ["From the second."]


def test_work_outlasts_a_session_and_goes_out_under_nobody_elses_name(
    window,
    labeler,  # noqa: F811
    writing,
    factory,
    database,
):
    factory.person(email="otto@example.org", password=PASSWORD)
    sign_in(window)
    take(window)
    text_field(window).press_sequentially("Signed in. ")
    saved(window)
    window.context.clear_cookies()
    text_field(window).press_sequentially("Signed out. ")
    expect(window.get_by_text("You are signed out. What you entered is kept in this browser")).to_be_visible()

    other = window.context.new_page()
    sign_in(other, "otto@example.org")
    text_field(window).press_sequentially("Still here. ")
    expect(window.get_by_text("Somebody else has signed in in this browser.")).to_be_visible()
    assert drafted(database)["text"] == "Signed in. "
    other.locator(".menu summary").click()
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_label("E-mail")).to_be_visible()
    assert len(kept_in(other)) == 1

    sign_in(other, "lena@example.org")
    text_field(window).press_sequentially("Back.")
    saved(window)
    assert drafted(database)["text"] == "Signed in. Signed out. Still here. Back."

    window.context.set_offline(True)
    text_field(window).press_sequentially(" Not yet sent.")
    until(window, lambda: "Not yet sent." in window.evaluate(STORAGE))
    window.context.set_offline(False)
    other.goto("/label")
    until(other, lambda: drafted(database)["text"].endswith(" Not yet sent."))
    other.goto(window.url)
    expect(other.locator("#writing-form[data-ready]")).to_be_visible()
    other.locator("[data-open=guide]").click()
    other.locator(".guide-ask > summary").click()
    other.get_by_label("Your question", exact=True).fill("Never asked?")
    other.keyboard.press("Escape")
    assert len(kept_in(other)) == 1  # it waits here to be asked, but goes with whoever wrote it
    other.locator(".menu summary").click()
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_label("E-mail")).to_be_visible()
    assert kept_in(other) == []


def test_a_reservation_warns_before_it_ends_and_comes_back_after_a_closed_laptop(window, labeler, writing, database):  # noqa: F811
    window.clock.install()
    sign_in(window)
    take(window)
    window.clock.fast_forward(8.5 * 60_000)
    expect(window.get_by_text("Your reservation of this task ends in less than two minutes.")).to_be_visible()
    window.get_by_role("button", name="Keep it").click()
    expect(window.get_by_text("Your reservation of this task ends")).not_to_be_visible()
    expect(window.locator("[data-clock]")).to_have_text(re.compile("^(10:00|9:5)"))

    window.clock.fast_forward(60 * 60_000)
    expect(window.get_by_text("Your reservation of this task has ended. What you entered is kept.")).to_be_visible()
    with database.transaction() as session:
        session.scalars(select(Assignment).where(Assignment.person_id.is_not(None))).one().reserved_until = (
            utc_now() - timedelta(hours=1)
        )
    text_field(window).press_sequentially("After the break.")
    window.clock.fast_forward(2_000)
    until(window, lambda: drafted(database).get("text") == "After the break.")
    expect(window.get_by_text("Your reservation of this task has ended.")).not_to_be_visible()
    with database.reading() as session:
        assert session.scalars(select(Assignment.reserved_until)).all()[-1] > utc_now()


def test_ten_megabytes_of_text_stay_in_the_field_with_a_sentence_beside_it(window, labeler, writing, database):  # noqa: F811
    sign_in(window)
    take(window)
    sent = []
    window.on("request", lambda request: sent.append(len(request.post_data or "")))
    field = text_field(window)
    field.evaluate(
        "field => { field.value = 'x'.repeat(10_000_000); field.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    beside = window.locator("#writing-form [data-too-long]")
    expect(beside).to_have_text(re.compile("The text has 10,000,000 characters; 100,000 fit."))
    window.get_by_role("button", name="Submit", exact=True).click()
    expect(beside).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    assert field.evaluate("field => field.value.length") == 10_000_000
    assert "text" not in drafted(database)
    assert not [length for length in sent if length > 1_000_000]
    field.fill("Short enough.")
    saved(window)
    expect(beside).not_to_be_visible()
    assert drafted(database)["text"] == "Short enough."
