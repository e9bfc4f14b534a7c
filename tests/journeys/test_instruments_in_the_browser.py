"""Every instrument from the first press to what is stored: by mouse, by touch and by keys alone, in both languages."""

import re

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.labeling.instruments.authoring.rules import Authored, Pair, items_of
from app.labeling.instruments.demonstration import service as demonstration
from app.language import LOCALES
from app.material.guidelines import service as guidelines
from app.material.prompts.rules import prompt_fingerprint
from app.material.scenarios import service as scenarios
from app.models import Annotation, Demonstration, Draft, Flag, Prompt, Ranking, Rating, WrittenText
from scripts.take_screenshots import open_session, sign_in
from tests.app.labeling.annotations.conftest import NOON, Workshop
from tests.browsing import PASSWORD
from tests.journeys.conftest import PATIENCE_MS
from tests.journeys.hands import WAYS

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine_name", ["sqlite"])]
LENA, RUTH = "lena@example.org", "ruth@example.org"
NOT_KNOWN = (
    "E-mail and password do not match an active account. Check both, or ask an admin for a new one-time password."
)


@pytest.fixture
def workshop(database, factory):
    factory.person(email=LENA, password=PASSWORD)
    return Workshop(database, factory)


QUICK = {("mouse", "en"), ("touch", "zh-Hans"), ("keys", "zh-Hans")}
"""Of each instrument the walks of every day: each way and each language once. ``make slow`` walks the others too."""
WALKS = [
    pytest.param((way, locale), id=f"{way}-{locale}", marks=() if (way, locale) in QUICK else pytest.mark.slow)
    for way in WAYS
    for locale in LOCALES
]


BY_MOUSE_ELSEWHERE = [walk for walk in WALKS if walk.values[0] != ("mouse", "en")] + [
    pytest.param(("mouse", "en"), id="mouse-en", marks=pytest.mark.slow)
]
"""Where another file walks the same way by mouse in English each day."""


@pytest.fixture(params=WALKS)
def hand(request, chromium, site):
    """A stranger at the sign-in page, whose browser tells the language."""
    name, locale = request.param
    way = WAYS[name]
    context = chromium.new_context(
        base_url=site,
        viewport=way.viewport,
        has_touch=way.touch,
        is_mobile=way.touch,
        locale={"zh-Hans": "zh-CN"}.get(locale, locale),
    )
    context.set_default_timeout(PATIENCE_MS)
    hand = way(context.new_page(), locale)
    yield hand
    context.close()
    assert not hand.problems, hand.problems


def begin(hand, site, ready):
    """Lena has taken her next task; how she signs in and takes it, the first journey tells."""
    hand.page.goto(sign_in(hand.page.context, site, LENA))
    hand.looks()
    expect(hand.page.locator(f"{ready}[data-ready]")).to_be_visible()


def stored(database, table):
    with database.reading() as session:
        return session.scalars(select(table).order_by(*table.__table__.primary_key)).all()


def letters_of(database):
    """The letters under which the person saw the answers, by candidate; nothing of a draft is left."""
    [annotation] = stored(database, Annotation)
    assert stored(database, Draft) == []
    return dict(zip(annotation.shown_order, "ABCD", strict=False))


@pytest.mark.parametrize("hand", BY_MOUSE_ELSEWHERE, indirect=True)
def test_answers_are_rated_and_ranked_with_a_tie(hand, workshop, database):
    with database.transaction() as session:
        guidelines.ensure_defaults(session)
    workshop.campaign(workshop.prompts(1))
    page = hand.page
    page.goto("/sign-in")
    hand.looks()
    hand.write(hand.field("E-mail"), LENA)
    hand.write(hand.field("Password"), "nobody knows it")
    hand.is_refused = True
    hand.goes_on(hand.button("Sign in"))
    hand.sees(NOT_KNOWN)
    hand.write(hand.field("Password"), PASSWORD)
    hand.goes_on(hand.button("Sign in"))
    hand.goes_on(hand.button("Take the next task"))
    hand.goes_on(hand.button("I have read this, next task"))
    expect(page.locator(".prompt-labels[data-ready]")).to_be_visible()
    hand.choose(page.locator("[data-label=use_case] select"), hand.word("Chat"), key="l")
    hand.tick(hand.radio("Closed domain", "no"))
    hand.tick(hand.radio("Explicit constraint", "no"))
    expect(page.locator("[data-open-labels]")).to_have_text(hand.word("prompt labelled"))
    for number, rating in enumerate((5, 2, 6, 5), start=1):
        expect(page.locator(f"[data-tab='{number}'][aria-current]")).to_be_visible()
        expect(page.locator("#answer-form[data-ready]")).to_be_visible()
        hand.tick(page.locator(f"[name=likert][value='{rating}']"), key=str(rating))
        hand.is_saved()
        hand.goes_on(page.locator("[data-primary]"), key="Enter")
    expect(page.locator("#rank-form[data-ready]")).to_be_visible()
    for letter, rank in zip("ABCD", "2312", strict=True):
        hand.choose(page.locator(f"[data-letter={letter}] select"), rank if rank != "1" else hand.word("1 best"))
    expect(page.locator("[data-result]")).to_have_text("C > A = D > B")
    expect(page.locator("[data-agreement]")).to_have_text(hand.word("Your ratings agree with this order."))
    hand.looks()
    hand.goes_on(hand.button("Submit, take next"))
    hand.sees("Submitted: %(order)s. Thank you!", order="C > A = D > B")
    letters = letters_of(database)
    assert {letters[row.candidate_id]: row.rank for row in stored(database, Ranking)} == {
        "A": 2,
        "B": 3,
        "C": 1,
        "D": 2,
    }
    assert {letters[row.candidate_id]: row.likert for row in stored(database, Rating)} == {
        "A": 5,
        "B": 2,
        "C": 6,
        "D": 5,
    }


def test_toxicity_is_scored_and_the_order_of_the_scores_confirmed_and_gainsaid(hand, site, workshop, database):
    workshop.campaign(workshop.prompts(1), kind="toxicity")
    page = hand.page
    begin(hand, site, ".scoring")
    hand.press(hand.button("As two texts"), key="v")
    expect(page.locator("[data-one-text]")).to_be_hidden()
    hand.press(hand.button("As two texts"), key="v")
    hand.tick(hand.radio("How toxic is the input?", 1), key="1")
    scores = {"A": (2, 1, 7), "B": (0, 0, 6), "C": (0, -1, 3), "D": (0, 0, 6)}
    for number, (toxicity, relative, continuity) in enumerate(scores.values(), start=1):
        expect(page.locator(f"[data-tab='{number}'][aria-current]")).to_be_visible()
        expect(page.locator(".scoring[data-ready]")).to_be_visible()
        hand.tick(hand.radio("How toxic is the answer?", toxicity), key=str(toxicity))
        hand.tick(hand.radio("Against what the input lets expect, it is", relative), key="-0+"[relative + 1])
        hand.tick(hand.radio("Does it go on from the input?", continuity), key=str(continuity))
        hand.is_saved()
        hand.goes_on(page.locator("[data-primary]"), key="Enter")
    expect(page.locator("#rank-form[data-ready]")).to_be_visible()
    hand.press(hand.button("Propose from scores"), key="p")
    expect(page.locator("[data-result]")).to_have_text(hand.word("Proposed: %(order)s", order="B = D > A > C"))
    assert not stored(database, Draft)[0].content.get("ranks")
    expect(page.locator("[data-primary]")).to_be_disabled()
    hand.looks()
    hand.press(hand.button("Keep this order"))
    for order in ("B = D > A = C", "B = D > C > A"):
        hand.press(hand.button("Move %(letter)s up", letter="C"))
        expect(page.locator("[data-result]")).to_have_text(order)
    expect(page.locator("[data-agreement]")).to_have_text(
        re.compile(r"C\b.* 0\b.* −1\b.* 3\b.*\bA\b.* 2\b.* \+1\b.* 7\b")
    )
    for _ in range(2):
        hand.press(hand.button("Undo"))
    expect(page.locator("[data-agreement]")).to_have_text(hand.word("Your scores agree with this order."))
    hand.is_saved()
    hand.goes_on(page.locator("[data-primary]"))
    hand.sees("Submitted: %(order)s. Thank you!", order="B = D > A > C")
    letters = letters_of(database)
    assert {letters[row.candidate_id]: row.rank for row in stored(database, Ranking)} == {
        "A": 2,
        "B": 1,
        "C": 3,
        "D": 1,
    }
    names = ("toxicity", "relative_toxicity", "continuity")
    assert {(letters.get(row.candidate_id), row.name): row.value for row in stored(database, Flag)} == {
        (None, "input_toxicity"): "1"
    } | {
        (letter, name): str(value) for letter, given in scores.items() for name, value in zip(names, given, strict=True)
    }


def test_an_answer_is_written_and_read_as_the_model_will(hand, site, workshop, database):
    workshop.campaign([(prompt, []) for prompt, _ in workshop.prompts(1)], kind="demonstration")
    page = hand.page
    begin(hand, site, "#writing-form")
    expect(page.locator("#text")).to_be_focused()
    hand.write(hand.field("Your answer"), "Rain **falls** again.")
    expect(page.locator("[data-preview] .as-reader strong")).to_have_text("falls")
    hand.press(hand.button("The model"), key="Alt+v")
    expect(page.locator("[data-preview] .model-text")).to_have_text(
        "<|bos|><|user|>Question 0?<|end|><|assistant|>Rain **falls** again.<|end|>"
    )
    expect(page.locator("[data-preview] .as-reader")).to_be_hidden()
    hand.is_saved()
    hand.looks()
    hand.goes_on(hand.button("Submit, take next"), key="Control+Enter")
    hand.sees("Submitted: your text is stored. Thank you!")
    assert [row.text for row in stored(database, Demonstration)] == ["Rain **falls** again."]
    assert stored(database, Draft) == []


def test_a_prompt_and_its_answer_are_written(hand, site, workshop, database):
    """A prompt of one's own choice; one that is known already is refused beside its field, and nothing is lost."""
    workshop.campaign([], kind="authoring", prompt_form="plain", pieces=1)
    with database.transaction() as session:
        known = [{"role": "user", "content": "What is rain?"}]
        session.add(Prompt(messages=known, fingerprint=prompt_fingerprint(known), source="tests"))
    page = hand.page
    begin(hand, site, "#writing-form")
    hand.write(hand.field("Prompt"), "What is rain?")
    hand.write(hand.field("Its answer"), "Water that falls.")
    hand.choose(hand.menu("Kind of task"), hand.word("Open question"))
    hand.is_refused = True
    hand.press(hand.button("Submit"))
    expect(page.locator("#problem-prompt")).to_be_visible()
    hand.looks()
    expect(hand.field("Its answer")).to_have_value("Water that falls.")
    hand.write(hand.field("Prompt"), "What is snow?")
    hand.write(hand.field("Its answer"), "Rain that froze.")
    hand.goes_on(hand.button("Submit"))
    hand.sees("Submitted: your text is stored. Thank you!")
    prompt = stored(database, Prompt)[-1]
    assert prompt.messages == [{"role": "user", "content": "What is snow?"}]
    assert prompt.use_case == "open_qa"
    assert [(row.prompt_id, row.text) for row in stored(database, Demonstration)] == [(prompt.id, "Rain that froze.")]


def test_a_set_of_pairs_is_written_moved_and_undone_and_survives_a_reload(hand, site, workshop, database):
    workshop.campaign([], kind="authoring", prompt_form="few_shot", pieces=1)
    page = hand.page
    begin(hand, site, "#writing-form")

    def pair(number, query, response):
        hand.write(hand.field("Query of pair %(number)s", number=number), query)
        hand.write(hand.field("Response of pair %(number)s", number=number), response)

    hand.write(hand.field("Instruction"), "Say how it sounds.")
    hand.write(hand.field("A query is called"), "Post")
    hand.write(hand.field("A response is called"), "Mood")
    for number, texts in enumerate((("lovely", "好"), ("awful", "坏"), ("fine", "好")), start=1):
        pair(number, *texts)
    hand.press(hand.button("Add a pair"), key="Alt+Enter")
    pair(4, "bleak", "坏")
    hand.press(hand.button("Move pair %(number)s up", number=4), key="Alt+ArrowUp")
    expect(page.locator("[data-pair-said]")).to_have_text(hand.word("Now pair %(number)s.", number=3))
    hand.press(hand.button("Remove pair %(number)s", number=2))
    expect(page.locator("[data-pair]")).to_have_count(3)
    hand.press(hand.button("Undo"))
    expect(page.locator("[data-pair]")).to_have_count(4)
    hand.choose(hand.menu("Kind of task"), hand.word("Classification"))
    hand.is_saved()
    expect(page.locator(".preview-item")).to_have_count(4)
    page.reload()
    expect(page.locator("#writing-form[data-ready]")).to_be_visible()
    expect(hand.field("Query of pair %(number)s", number=3)).to_have_value("bleak")
    hand.press(hand.button("The model"), key="Alt+v")
    expect(page.locator("[data-item='1'] .model-text")).to_contain_text("Post: awful Mood: 坏 Post: bleak Mood: 坏")
    hand.looks()
    hand.goes_on(hand.button("Submit"))
    hand.sees("Submitted: your text is stored. Thank you!")
    pairs = (Pair("lovely", "好"), Pair("awful", "坏"), Pair("bleak", "坏"), Pair("fine", "好"))
    items = items_of(Authored("few_shot", "", "", "Say how it sounds.", pairs, "Post", "Mood"))
    assert [row.messages[0]["content"] for row in stored(database, Prompt)] == [item.prompt for item in items]
    assert [row.text for row in stored(database, Demonstration)] == ["好", "坏", "坏", "好"]


def test_a_prompt_is_written_from_another_scenario_than_the_given_one(hand, site, workshop, database):
    titles = ("种菜", "游泳")
    with database.transaction() as session:
        for title in titles:
            scenarios.add(session, None, NOON, title=title, text=f"Somebody wants to learn about {title}.")
    workshop.campaign([], kind="authoring", prompt_form="user_based", pieces=1)
    page = hand.page
    begin(hand, site, "#writing-form")
    shown = page.locator("[data-scenario-text]:visible")
    given = next(title for title in titles if title in shown.text_content())
    other = next(title for title in titles if title != given)
    hand.choose(hand.menu("Scenario"), other)
    expect(shown).to_have_text(f"Somebody wants to learn about {other}.")
    hand.write(hand.field("Prompt"), "How do I begin?")
    hand.write(hand.field("Its answer"), "Start small.")
    hand.choose(hand.menu("Kind of task"), hand.word("Open question"))
    hand.is_saved()
    hand.looks()
    hand.goes_on(hand.button("Submit, take next"), key="Control+Enter")
    hand.sees("Submitted: your text is stored. Thank you!")
    [prompt] = stored(database, Prompt)
    assert (prompt.messages[0]["content"], prompt.detail["scenario"]["title"]) == ("How do I begin?", other)
    assert [row.text for row in stored(database, Demonstration)] == ["Start small."]


def test_a_researcher_accepts_sends_back_and_rejects(hand, site, workshop, database, factory):
    workshop.campaign([(p, []) for p, _ in workshop.prompts(3)], kind="demonstration", needs_review=True)
    [author] = workshop.people(1)
    for number in range(3):
        task_id = workshop.take(author).assignment.task_id
        with database.transaction() as session:
            demonstration.submit_demonstration(session, author, task_id, NOON, f"Answer {number}")
    factory.person(RUTH, "researcher", PASSWORD)
    page = hand.page
    open_session(page.context, site, RUTH)
    page.goto("/reviews/next")
    ready, reason = page.locator("#review-form[data-ready]"), page.get_by_role("textbox")
    expect(ready).to_be_visible()
    hand.looks()
    hand.press(hand.button("The model"), key="v")
    expect(page.locator("[data-preview] .model-text")).to_contain_text("Answer 0")
    hand.tick(page.locator("[name=rating][value='6']"), key="6")
    hand.goes_on(hand.button("Accept"), key="a")
    hand.sees("Accepted.")
    for number, (decision, key, why, said) in enumerate(
        (
            ("Send back", "s", "再说一些。", "Sent back to its author, with your reason."),
            ("Reject", "x", "离题了。", "No text waits for you."),
        ),
        start=1,
    ):
        expect(ready).to_be_visible()
        expect(page.locator("[data-preview] .as-reader")).to_contain_text(f"Answer {number}")
        hand.press(reason, key="r")
        hand.write(reason, why)
        page.keyboard.press("Escape")
        hand.goes_on(hand.button(decision), key=key)
        hand.sees(said)
    told = [(text.state, text.rating, text.reason) for text in stored(database, WrittenText)]
    assert told == [("accepted", 6, ""), ("sent_back", None, "再说一些。"), ("rejected", None, "离题了。")]
    assert [row.text for row in stored(database, Demonstration)] == ["Answer 0"]
