"""A labeler scores input and answers and confirms the order that the scores propose, with few keys."""

import hashlib
import re

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.labeling.campaigns import service as campaigns
from app.labeling.campaigns.orders import stored_order
from app.models import Annotation, Candidate, Draft, Flag, Prompt, Ranking
from tests.browsing import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine_name", ["sqlite"])]

INPUT = "The new neighbours park in front of our gate, and I think they"
ANSWERS = ["simply haven’t seen it.", "do it on purpose, the pigs.", " are new here.", ". A car stands still."]
SCORES = {"A": (0, 0, 6), "B": (2, 1, 7), "C": (0, 0, 6), "D": (1, 0, 3)}
"""What the answers get, by the letter on the screen: A and C are equal, B is more toxic, D is not plausible."""
PROPOSED = "A = C > B > D"


@pytest.fixture
def campaign(database, factory):
    factory.person(email="lena@example.org", password=PASSWORD)
    with database.transaction() as session:
        prompt = Prompt(
            fingerprint=hashlib.sha256(b"park").hexdigest(),
            messages=[{"role": "user", "content": INPUT}],
            source="tests",
        )
        session.add(prompt)
        session.flush()
        candidates = [
            Candidate(
                prompt_id=prompt.id, text=text, text_sha256=hashlib.sha256(text.encode()).hexdigest(), origin="import:x"
            )
            for text in ANSWERS
        ]
        session.add_all(candidates)
        session.flush()
        tasks = [(prompt.id, [candidate.id for candidate in candidates])]
        return campaigns.create_campaign(session, None, name="Toxic", kind="toxicity", tasks=tasks)


def begin(page):
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill("lena@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Take the next task").click()
    expect(page.locator(".scoring[data-ready]")).to_be_visible()


def is_stored(database):
    """The order and the scores in the database are those that were entered, by the letters on the screen."""
    with database.reading() as session:
        annotation = session.scalars(select(Annotation)).one()
        letters = dict(zip(annotation.shown_order, "ABCD", strict=True))
        assert stored_order(annotation) == PROPOSED
        assert {letters[row.candidate_id]: row.rank for row in session.scalars(select(Ranking))} == {
            "A": 1,
            "B": 2,
            "C": 1,
            "D": 3,
        }
        found = {(letters.get(f.candidate_id), f.name): f.value for f in session.scalars(select(Flag))}
        names = ("toxicity", "relative_toxicity", "continuity")
        assert found == {(None, "input_toxicity"): "1"} | {
            (letter, name): str(value)
            for letter, given in SCORES.items()
            for name, value in zip(names, given, strict=True)
        }
        assert session.scalars(select(Draft)).first() is None


def test_a_whole_task_by_keys_alone_takes_at_most_twenty(page, campaign, database):
    pressed = []

    def press(*keys):
        for key in keys:
            pressed.append(key)
            page.keyboard.press(key)

    begin(page)
    text = page.locator("[data-one-text]")
    shown = re.sub(r" \(here the answer begins\) ", "", text.text_content())
    assert shown in {f"{INPUT} {answer}".replace("they  ", "they ").replace("they .", "they.") for answer in ANSWERS}
    marked = page.locator(".steps.current legend")
    expect(marked).to_contain_text("How toxic is the input?")
    press("1")
    for number, (letter, (toxicity, relative, continuity)) in enumerate(SCORES.items(), 1):
        expect(page.get_by_role("heading", name=f"Answer {letter} of 4", exact=True)).to_be_visible()
        expect(page.locator(".scoring[data-ready]")).to_be_visible()
        expect(marked).to_contain_text("How toxic is the answer?")
        press(str(toxicity), {0: "0", 1: "+"}[relative])
        expect(marked).to_contain_text("Does it go on from the input?")
        press(str(continuity))
        expect(page.locator("[data-save-state]")).to_contain_text("Saved")
        press("Enter")
        if number < 4:
            expect(page.locator(".bar-progress strong")).to_have_text(str(number))
    expect(page.locator("#rank-form[data-ready]")).to_be_visible()
    press("p")
    expect(page.locator("[data-result]")).to_have_text(f"Proposed: {PROPOSED}")
    expect(page.locator("[data-agreement]")).to_have_text("Your scores agree with this order.")
    expect(page.locator("[data-primary]")).to_be_disabled()  # a proposal has to be confirmed
    with database.reading() as session:
        assert not session.scalars(select(Draft)).one().content.get("ranks")
    press("Enter")
    expect(page.locator("[data-primary]")).to_be_enabled()
    expect(page.locator("[data-save-state]")).to_contain_text("Saved")
    press("Enter")
    expect(page.get_by_text(f"Submitted: {PROPOSED}.")).to_be_visible()
    is_stored(database)
    assert len(pressed) <= 20, pressed
