"""A researcher types five answers and sees them by score, without reloading; a phone shows no more than fits."""

import pytest
from playwright.sync_api import expect

from app.models import Scoring
from tests.browsing import PASSWORD
from tests.scores import finish, reward_model

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine_name", ["sqlite"])]
TEXTS = ("one", "two", "three", "four", "five")


def test_five_typed_answers_come_back_in_the_order_of_their_scores(page, factory, database, settings):
    reward_model(factory)
    factory.person(email="rita@example.org", role="researcher", password=PASSWORD)
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill("rita@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Training", exact=True).click()
    page.get_by_role("link", name="Score", exact=True).click()
    expect(page.get_by_label("Reward model")).to_contain_text("reward-1 (held-out accuracy 0.710)")
    page.get_by_label("Prompt", exact=True).fill("Count.")
    for place, text in enumerate(TEXTS, 1):
        if place == 5:
            page.get_by_role("button", name="One more answer").click()
            expect(page.get_by_label("Answer 5")).to_be_focused()
        page.get_by_label(f"Answer {place}").fill(text)
    page.get_by_role("button", name="Score", exact=True).click()
    expect(page.get_by_text("queued")).to_be_visible()
    with database.reading() as session:
        scoring_id = session.query(Scoring).one().id
    finish(database, settings, scoring_id, [0.0, 2.0, -1.0, 1.0, 3.0], deviation=0.3)
    expect(page.locator(".scored-text").first).to_have_text("five")
    assert [text.strip() for text in page.locator(".scored-text").all_inner_texts()] == [
        *("five", "two", "four", "one", "three"),
    ]
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    places = {round(box["x"]) for box in (dot.bounding_box() for dot in page.locator(".score-picture").all())}
    assert len(places) == 1, "the pictures of one axis do not stand one below the other"
