"""A labeler signs in, rates four answers and ranks them with a tie; what is stored is exactly that order."""

import hashlib

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.labeling.campaigns import service as campaigns
from app.labeling.campaigns.orders import stored_order
from app.models import Annotation, Candidate, Draft, Flag, Prompt, Ranking, Rating
from app.training.snapshots import service as snapshots
from scripts.take_screenshots import open_session
from tests.browsing import PASSWORD
from tests.journeys.conftest import until
from trainer.contract.folder import RANKINGS
from trainer.contract.records import Ranking as RankingRecord
from trainer.contract.records import read_rows

pytestmark = pytest.mark.browser

TEXTS = ["A haiku about rain.", "Rain falls on the roof.", "I will not.", "Soft rain, **soft** morning."]


@pytest.fixture
def labeler(factory):
    return factory.person(email=EMAIL, password=PASSWORD)


@pytest.fixture
def campaign(database):
    with database.transaction() as session:
        prompt = Prompt(
            fingerprint=hashlib.sha256(b"haiku").hexdigest(),
            messages=[{"role": "user", "content": "Write a haiku about rain."}],
            source="tests",
        )
        session.add(prompt)
        session.flush()
        candidates = [
            Candidate(
                prompt_id=prompt.id,
                text=text,
                text_sha256=hashlib.sha256(text.encode()).hexdigest(),
                origin="import:hidden-source",
            )
            for text in TEXTS
        ]
        session.add_all(candidates)
        session.flush()
        return campaigns.create_campaign(
            session, None, name="Rain", tasks=[(prompt.id, [candidate.id for candidate in candidates])]
        )


EMAIL = "lena@example.org"


def sign_in(page, email=EMAIL):
    open_session(page.context, "", email)
    page.goto("/label")


def question(page, text):
    """A question of the label schema that is answered by radio buttons."""
    return page.get_by_role("group", name=text)


def label_prompt(page):
    """Part 1 by keyboard: the use case by its first letters, then no and no."""
    expect(page.locator(".prompt-labels[data-ready]")).to_be_visible()
    page.keyboard.press("l")
    page.keyboard.type("gen")
    page.keyboard.press("Enter")
    page.keyboard.press("n")
    expect(page.locator("[data-open-labels]")).to_have_text("prompt: 1 to answer")
    page.keyboard.press("n")
    expect(page.locator("[data-open-labels]")).to_have_text("prompt labelled")


def rate_four(page, ratings):
    """Label the prompt, rate A, B, C, D by keyboard and go on with Enter; the fourth leads to the ranking."""
    page.get_by_role("button", name="Take the next task").click()
    label_prompt(page)
    for letter, rating in zip("ABCD", ratings, strict=True):
        expect(page.get_by_role("heading", name=f"Answer {letter} of 4", exact=True)).to_be_visible()
        expect(page.locator("#answer-form[data-ready]")).to_be_visible()
        page.keyboard.press(str(rating))
        expect(page.locator("[data-save-state]")).to_contain_text("Saved")
        page.keyboard.press("Enter")
    expect(page.locator("#rank-form[data-ready]")).to_be_visible()


def card(page, letter):
    return page.locator(f".rank-card[data-letter={letter}]")


def stored(database):
    """The stored ranks and ratings by the letter under which the person saw each answer."""
    with database.reading() as session:
        annotation = session.scalars(select(Annotation)).one()
        letters = dict(zip(annotation.shown_order, "ABCD", strict=True))
        ranks = {letters[row.candidate_id]: row.rank for row in session.scalars(select(Ranking))}
        ratings = {letters[row.candidate_id]: row.likert for row in session.scalars(select(Rating))}
        assert session.scalars(select(Draft)).first() is None
        return stored_order(annotation), ranks, ratings


def exported(database, settings):
    """The ranks that a snapshot hands to the trainer, by letter."""
    with database.transaction() as session:
        snapshot = snapshots.create_snapshot(session, settings, None, "journey")
        letters = dict(zip(session.scalars(select(Annotation)).one().shown_order, "ABCD", strict=True))
        [row] = read_rows(snapshots.folder_of(settings, snapshot) / RANKINGS, RankingRecord)
    assert "hidden-source" in row.answers[0].source
    return {letters[int(a.candidate_id)]: rank for a, rank in zip(row.answers, row.ranks, strict=True)}


def test_rating_and_ranking_by_keyboard_stores_exactly_the_shown_weak_order(
    page, labeler, campaign, database, settings
):
    sign_in(page)
    rate_four(page, [5, 2, 6, 5])
    card(page, "A").focus()
    for letter, lane in (("C", "1"), ("A", "3"), ("B", "4")):
        card(page, letter).focus()
        page.keyboard.press(lane)
    expect(page.locator("[data-primary]")).to_be_disabled()
    card(page, "D").focus()
    page.keyboard.press("4")
    page.keyboard.press("t")
    expect(page.locator("[data-result]")).to_have_text("C > A = D > B")
    expect(page.locator("[data-agreement]")).to_have_text("Your ratings agree with this order.")
    expect(page.locator("[data-save-state]")).to_contain_text("Saved")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Submitted: C > A = D > B.")).to_be_visible()
    order, ranks, ratings = stored(database)
    assert order == "C > A = D > B"
    assert ranks == {"A": 2, "B": 3, "C": 1, "D": 2}
    assert ratings == {"A": 5, "B": 2, "C": 6, "D": 5}
    assert exported(database, settings) == ranks


def drag(page, letter, lane, closed_up_to=None):
    """Drag a card into a lane; once all are placed, empty lanes close up and it stands in another one."""
    card(page, letter).locator(".letter").hover()  # waits until the card stands still after the last drop
    goal = page.locator(f"[data-lane='{lane}']").bounding_box()
    page.mouse.down()
    page.mouse.move(goal["x"] + 40, goal["y"] + goal["height"] / 2, steps=4)
    expect(page.locator(f".aimed:is([data-lane='{lane}'], :has(> [data-lane='{lane}']))")).to_have_count(1)
    page.mouse.up()
    expect(page.locator(f"[data-lane='{closed_up_to or lane}'] .rank-card[data-letter={letter}]")).to_be_visible()


def test_rating_and_ranking_by_mouse_stores_the_tie_and_the_flags(page, labeler, campaign, database):
    sign_in(page)
    page.get_by_role("button", name="Take the next task").click()
    page.get_by_label("Use case").select_option("Generation")
    question(page, "Closed domain").get_by_label("no").check()
    question(page, "Explicit constraint").get_by_label("yes").check()
    for number, rating in enumerate([3, 7, 3, 1], start=1):
        expect(page.locator("#answer-form[data-ready]")).to_be_visible()
        page.get_by_role("radio", name=str(rating), exact=True).check()
        kept = question(page, "Satisfies the explicit constraint")
        kept.get_by_label("yes" if rating > 1 else "no", exact=True).check()
        if rating == 1:
            page.get_by_label("Fails the task").check()
        page.locator("[data-primary]").click()
        page.wait_for_url("**/rank" if number == 4 else f"**answer={number + 1}")
    expect(page.locator("#rank-form[data-ready]")).to_be_visible()
    for letter, lane in (("B", 1), ("A", 2), ("C", 2)):
        drag(page, letter, lane)
    drag(page, "D", 4, closed_up_to=3)
    expect(page.locator("[data-result]")).to_have_text("B > A = C > D")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_text("Submitted: B > A = C > D.")).to_be_visible()
    order, ranks, _ = stored(database)
    assert order == "B > A = C > D"
    assert ranks == {"A": 2, "B": 1, "C": 2, "D": 3}
    with database.reading() as session:
        flags = session.scalars(select(Flag)).all()
        assert sum(flag.name == "fails_task" and flag.value == "yes" for flag in flags) == 1
        assert sum(flag.name == "satisfies_constraint" and flag.value == "yes" for flag in flags) == 3


def test_the_ranking_opens_when_the_prompt_is_labelled_too_and_the_page_leads_there(page, labeler, campaign, database):
    sign_in(page)
    page.get_by_role("button", name="Take the next task").click()
    for number in range(1, 5):
        expect(page.locator("#answer-form[data-ready]")).to_be_visible()
        page.keyboard.press("4")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**answer={number + 1}" if number < 4 else "**/label/tasks/*")
    expect(page.get_by_text("The ranking is still locked. The prompt is not labelled yet")).to_be_visible()
    expect(page.get_by_label("Use case")).to_be_focused()
    page.get_by_label("Use case").select_option("Chat")
    question(page, "Closed domain").get_by_label("yes").check()
    question(page, "Explicit constraint").get_by_label("no").check()
    for number in range(1, 5):  # a hallucination is asked about now, of every answer
        question(page, "Hallucination").get_by_label("no", exact=True).check()
        expect(page.locator("[data-save-state]")).to_contain_text("Saved")
        page.locator("[data-primary]").click()
        page.wait_for_url("**/rank" if number == 4 else f"**answer={number + 1}")
    expect(page.locator("#rank-form[data-ready]")).to_be_visible()


def test_labels_entered_quicker_than_they_are_saved_arrive_as_they_were_left(page, labeler, campaign, database):
    """The first save is slow; what follows must neither be overtaken by it nor lost when the page goes on."""
    slow = []

    def hold_the_first(route):
        if not slow:
            slow.append(route)
            page.wait_for_timeout(500)
        route.continue_()

    page.route("**/prompt-labels", hold_the_first)
    sign_in(page)
    page.get_by_role("button", name="Take the next task").click()
    label_prompt(page)
    page.keyboard.press("5")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Answer B of 4", exact=True)).to_be_visible()
    expect(page.locator("[data-open-labels]")).to_have_text("prompt labelled")
    with database.reading() as session:
        content = session.scalars(select(Draft)).one().content
    assert content["prompt"] == {"use_case": "generation", "closed_domain": "no", "explicit_constraint": "no"}


def test_a_proposal_is_not_submitted_before_the_person_agrees(page, labeler, campaign, database):
    sign_in(page)
    rate_four(page, [4, 4, 6, 2])
    page.get_by_role("button", name="Propose from ratings").click()
    expect(page.locator("[data-result]")).to_have_text("Proposed: C > A = B > D")
    expect(page.locator("[data-primary]")).to_be_disabled()
    with database.reading() as session:
        assert "ranks" not in session.scalars(select(Draft)).one().content
    page.get_by_role("button", name="Keep this order").click()
    expect(page.locator("[data-primary]")).to_be_enabled()
    page.locator("[data-primary]").click()
    expect(page.get_by_text("Submitted: C > A = B > D.")).to_be_visible()


def test_what_cannot_be_sent_is_kept_on_the_device_and_sent_later(page, labeler, campaign, database):
    sign_in(page)
    page.get_by_role("button", name="Take the next task").click()
    expect(page.locator("#answer-form[data-ready]")).to_be_visible()
    page.context.set_offline(True)
    page.keyboard.press("6")
    expect(page.locator("[data-save-state]")).to_have_text("Offline, kept on this device")
    page.problems.clear()
    page.context.set_offline(False)
    expect(page.locator("[data-save-state]")).to_contain_text("Saved")
    page.problems.clear()
    with database.reading() as session:
        answers = session.scalars(select(Draft)).one().content["answers"]
    assert [answer["likert"] for answer in answers.values()] == [6]


def test_what_is_entered_before_the_script_arrives_counts_too(page, labeler, campaign, database):
    """On a slow line a person ticks and rates before the page's script is there."""
    held, slow = [], True
    page.route("**/js/*/controllers/*.js", lambda route: held.append(route) if slow else route.continue_())
    sign_in(page)
    page.get_by_role("button", name="Take the next task").click()
    page.get_by_label("Use case").select_option("Chat")
    question(page, "Explicit constraint").get_by_label("yes").check()
    page.get_by_role("radio", name="5", exact=True).check()
    slow = False
    for route in held:
        route.continue_()
    expect(question(page, "Satisfies the explicit constraint")).to_be_visible()

    def both_forms():
        with database.reading() as session:
            content = session.scalars(select(Draft)).one().content
        return content if content.get("prompt") and content.get("answers") else None

    content = until(page, both_forms)
    assert content["prompt"] == {"use_case": "chat", "explicit_constraint": "yes"}
    assert [answer["likert"] for answer in content["answers"].values()] == [5]
