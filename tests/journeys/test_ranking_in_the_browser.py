"""The ranking board as people use it: by keyboard alone, by mouse, by touch on a phone; nothing is stored unsaid."""

import hashlib
import random
import re

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.labeling.annotations import assigning, drafts, reservation
from app.labeling.annotations.rules.submission import Verdict
from app.labeling.campaigns import service as campaigns
from app.labeling.campaigns.orders import stored_order
from app.models import Annotation, Candidate, Draft, Person, Prompt
from app.models.base import utc_now
from app.web.addresses import shown
from scripts.take_screenshots import open_session
from tests.browsing import PASSWORD
from tests.factories import LABELLED
from tests.journeys.conftest import until as wait_until

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine_name", ["sqlite"])]
EMAIL = "lena@example.org"


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def labeler(factory):
    return factory.person(email=EMAIL, password=PASSWORD)


@pytest.fixture
def tasks(database, labeler, settings):
    """Makes a task for each number of answers; with ratings (or one for all), parts 1 and 2 are done."""

    def tasks(*counts, text="Answer {j} tells of the rain.", ratings=None):
        places = []
        for i, answers in enumerate(counts):
            with database.transaction() as session:
                prompt = Prompt(
                    fingerprint=sha(f"{i}"), messages=[{"role": "user", "content": f"Question {i}?"}], source="tests"
                )
                session.add(prompt)
                session.flush()
                texts = [text.format(j=j) for j in range(answers)]
                candidates = [
                    Candidate(prompt_id=prompt.id, text=t, text_sha256=sha(t), origin="import:somewhere") for t in texts
                ]
                session.add_all(candidates)
                session.flush()
                ids = [candidate.id for candidate in candidates]
                campaign = campaigns.create_campaign(session, None, name=f"Round {i}", tasks=[(prompt.id, ids)])
                if ratings is None:
                    continue
                person = session.get(Person, labeler.id)
                task = assigning.take_next(session, person, utc_now(), campaign.id).assignment.task_id
                asked = reservation.work_for(session, person, task).version
                work = drafts.save_prompt_labels(session, person, task, utc_now(), LABELLED, shown=asked)
                given = [ratings] * answers if isinstance(ratings, int) else ratings
                for candidate, likert in zip(work.order, given, strict=True):
                    now, verdict = utc_now(), Verdict(likert)
                    drafts.save_answer(session, person, task, candidate, now, verdict=verdict, shown=work.version)
                places.append(f"/label/tasks/{shown(settings.session_key, task)}/rank")
        return places

    return tasks


def sign_in(page):
    open_session(page.context, "", EMAIL)


@pytest.fixture
def board(page, tasks):
    """The board of a task whose answers A, B, C and D are rated 5, 2, 6 and 5."""

    def board(text="Answer {j} tells of the rain.", ratings=(5, 2, 6, 5)):
        [place] = tasks(len(ratings), text=text, ratings=ratings)
        sign_in(page)
        page.goto(place)
        return ready(page)

    return board


def ready(page):
    expect(page.locator("#rank-form[data-ready]")).to_be_visible()
    return page


def card(page, letter):
    return page.locator(f".rank-card[data-letter={letter}]")


def says(page, order):
    expect(page.locator("[data-result]")).to_have_text(order)


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def press_elsewhere(page, *keys):
    """Keys of other keyboards than this machine's."""
    press = "key => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { ...key, bubbles: true }))"
    for key in keys:
        page.evaluate(press, key)


def drafted(page, database, *, until):
    """The lanes of the draft by letter; what was done last is on its way for a moment."""

    def found():
        with database.reading() as session:
            draft = session.scalars(select(Draft)).one()
        ranks = draft.content.get("ranks", {})
        lanes = {"ABCDEFGHI"[i]: ranks[str(c)] for i, c in enumerate(draft.shown_order) if str(c) in ranks}
        return (lanes,) if until(lanes, draft.content) else ()

    return wait_until(page, found)[0]


def submitted(database):
    with database.reading() as session:
        return [stored_order(annotation) for annotation in session.scalars(select(Annotation))]


def test_a_whole_item_of_four_answers_takes_at_most_twenty_keys(page, tasks, database, labeler):
    """Part 1 with its three required labels, four ratings, the order C > A = D > B, submit: every key is counted."""
    tasks(4)
    sign_in(page)
    page.goto("/label")
    page.get_by_role("button", name="Take the next task").click()
    expect(page.locator("#answer-form[data-ready]")).to_be_visible()
    expect(page.locator(".prompt-labels[data-ready]")).to_be_visible()
    keys = 0

    def key(name):
        nonlocal keys
        keys += 1
        page.keyboard.press(name)

    for name in ("l", "g", "Enter", "n", "n"):  # the use case by its first letter, then no and no
        key(name)
    expect(page.locator("[data-open-labels]")).to_have_text("prompt labelled")
    for letter, rating in zip("ABCD", "5265", strict=True):
        expect(page.get_by_role("heading", name=f"Answer {letter} of 4", exact=True)).to_be_visible()
        expect(page.locator("#answer-form[data-ready]")).to_be_visible()
        key(rating)
        key("Enter")
    ready(page)
    for lane in "2412":  # A, B, C and D in turn: a digit goes on to the next answer
        key(lane)
    says(page, "C > A = D > B")
    key("Enter")
    expect(page.get_by_text("Submitted: C > A = D > B.")).to_be_visible()
    assert submitted(database) == ["C > A = D > B"]
    assert keys <= 20
    print(f"{keys} keys")


def test_weak_orders_entered_by_keyboard_are_those_in_the_database(page, tasks, database, labeler):
    draw = random.Random(4)
    counts = [4, 6, 9]
    places = tasks(*counts, ratings=4)
    sign_in(page)
    entered = []
    for place, answers in zip(places, counts, strict=True):
        ranks = [draw.randint(1, answers) for _ in range(answers)]
        page.goto(place)
        ready(page)
        press(page, *map(str, ranks))
        lanes = {rank: [a for a, r in zip("ABCDEFGHI", ranks, strict=False) if r == rank] for rank in sorted(ranks)}
        says(page, " > ".join(" = ".join(lane) for lane in lanes.values()))
        press(page, *draw.choices(["j", "k", "Shift+J", "Shift+K", "t"], k=8))
        entered.append(page.locator("[data-result]").text_content())
        press(page, "Enter")
        page.wait_for_url(re.compile(r"/label(/tasks/\d+/?)?$"))
    assert submitted(database) == entered


def test_steps_up_and_down_go_through_every_weak_order_and_can_be_undone(board, database):
    page = board()
    press_elsewhere(page, {"key": "１"}, {"key": "٢"}, {"key": "3"}, {"key": "۴"})
    card(page, "D").focus()
    for order in ("A > B > C = D", "A > B > D > C", "A > B = D > C", "A > D > B > C", "A = D > B > C"):
        press(page, "Shift+K")
        says(page, order)
    press_elsewhere(page, {"key": "Л", "code": "KeyK", "shiftKey": True})
    says(page, "D > A > B > C")
    expect(card(page, "D")).to_be_focused()
    press(page, "Control+z", "Control+z")
    says(page, "A > D > B > C")
    drafted(page, database, until=lambda lanes, _: lanes == {"A": 1, "D": 2, "B": 3, "C": 4})
    page.get_by_role("button", name="Redo").click()
    says(page, "A = D > B > C")
    drafted(page, database, until=lambda lanes, _: lanes == {"A": 1, "D": 1, "B": 2, "C": 3})
    press(page, "0")
    drafted(page, database, until=lambda _, content: content["none_acceptable"])
    press(page, "Control+z")
    drafted(page, database, until=lambda _, content: not content["none_acceptable"])
    expect(page.get_by_label("None is acceptable")).not_to_be_checked()


def test_choices_of_the_rating_form_are_undone_and_redone_and_saved(page, tasks, database, labeler):
    tasks(4)
    sign_in(page)
    page.goto("/label")
    page.get_by_role("button", name="Take the next task").click()
    expect(page.locator("#answer-form[data-ready]")).to_be_visible()
    expect(page.locator(".prompt-labels[data-ready]")).to_be_visible()

    def kept(likert, constraint):
        def until(_, content):
            likerts = [answer["likert"] for answer in content.get("answers", {}).values()]
            return likerts == [likert] and content.get("prompt", {}).get("explicit_constraint") == constraint

        drafted(page, database, until=until)

    page.get_by_role("group", name="Explicit constraint").get_by_label("yes").check()
    press(page, "3", "6")
    kept(6, "yes")
    press(page, "Control+z")
    kept(3, "yes")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    kept(None, None)
    expect(page.get_by_role("group", name="Satisfies the explicit constraint")).to_be_hidden()
    press(page, "Control+y", "Control+y")
    kept(3, "yes")
    page.get_by_role("textbox", name="Note").fill("hm")
    press(page, "Control+z")  # a text field keeps its own undo
    kept(3, "yes")


def test_a_proposal_is_in_no_form_before_it_is_agreed_to_whatever_happens_meanwhile(board, database):
    page = board()
    press(page, "p")
    says(page, "Proposed: C > A = D > B")
    press(page, "0")  # saves the mark, and must not take the proposal with it
    drafted(page, database, until=lambda lanes, content: content.get("none_acceptable") and not lanes)
    page.reload()
    ready(page)
    says(page, "0 of 4 placed")
    expect(page.locator("[data-primary]")).to_be_disabled()
    press(page, "p")
    other = page.context.new_page()
    other.goto(page.url)
    ready(other)
    says(other, "0 of 4 placed")
    other.close()
    press(page, "Enter")  # agrees; the next one submits
    says(page, "C > A = D > B")
    assert drafted(page, database, until=lambda lanes, _: lanes)["C"] == 1
    press(page, "Control+z")  # the agreement is taken back, and the draft with it
    drafted(page, database, until=lambda lanes, _: not lanes)
    press(page, "Control+Shift+z", "Enter")
    expect(page.get_by_text("Submitted: C > A = D > B.")).to_be_visible()


def test_an_order_against_the_ratings_is_listed_and_one_press_more_submits_it(board, database):
    page = board()
    press(page, "1", "4", "2", "3")
    expect(page.locator("[data-agreement]")).to_contain_text("Against your ratings: A (5) above C (6)")
    press(page, "Enter")
    expect(page.get_by_role("dialog").get_by_role("listitem")).to_have_text(["A (5) above C (6)"])
    press(page, "Escape")
    assert submitted(database) == []
    press(page, "Enter")
    expect(page.get_by_role("button", name="Submit all the same")).to_be_focused()
    press(page, "Enter")
    expect(page.get_by_text("Submitted: A > C > D > B.")).to_be_visible()


def scrolled(page, column):
    wait_until(page, lambda: column.evaluate("e => e.scrollTop") > 300)


LONG = "\n\n".join(f"Line {i} of answer {{j}} is about rain, roofs and the sound of both." for i in range(60))


def test_texts_are_read_side_by_side_together_and_compared(board):
    page = board(text=LONG)
    press(page, "v")
    columns = [card(page, letter) for letter in "ABCD"]
    tops = {round(column.bounding_box()["y"]) for column in columns}
    assert len(tops) == 1
    assert all(column.evaluate("e => e.scrollHeight > e.clientHeight") for column in columns)
    columns[0].hover()
    page.mouse.wheel(0, 400)
    scrolled(page, columns[0])
    assert columns[1].evaluate("e => e.scrollTop") == 0
    press(page, "y")
    page.mouse.wheel(0, 200)
    scrolled(page, columns[3])
    press(page, "v")
    expect(page.get_by_role("button", name="Stacked")).to_have_attribute("aria-pressed", "true")
    page.reload()
    ready(page)
    expect(page.locator("#rank-form")).to_have_attribute("data-view", "stacked")
    card(page, "B").focus()
    press(page, "3")  # ranks are given in every view
    says(page, "B · 1 of 4 placed")
    press(page, "Shift+E")
    expect(card(page, "C").get_by_role("button", name="Show all")).to_have_attribute("aria-expanded", "false")
    expect(card(page, "C").locator("[data-act=expand]")).to_have_text("Show all e")

    card(page, "A").focus()
    press(page, "c")
    expect(page.locator("[data-told]")).to_contain_text("Answer A is chosen")
    card(page, "C").get_by_role("button", name="Compare").click()
    dialog = page.get_by_role("dialog", name="Answers A and C, word by word")
    expect(dialog).to_contain_text("60 words only in A, 60 only in C")
    letter = {name: re.search(r"answer (\d)", card(page, name).text_content())[1] for name in "AC"}
    assert set(dialog.locator("[data-side] del").evaluate_all("all => all.map(e => e.childNodes[1].data.trim())")) == {
        letter["A"]
    }
    assert set(dialog.locator("[data-side] ins").evaluate_all("all => all.map(e => e.childNodes[1].data.trim())")) == {
        letter["C"]
    }
    press(page, "Escape")
    expect(dialog).to_be_hidden()


def test_the_difference_shows_both_texts_whole_and_only_what_differs(page, board):
    """In any script; the module is asked itself, for random texts and for Chinese."""
    board()
    wrong = page.evaluate(
        """async () => {
          const { difference, wordsOf } = await import("/static/js/shared/difference.js");
          const draw = (n) => Math.floor(Math.random() * n);
          const text = () => Array.from({ length: draw(14) }, () => "abcd"[draw(4)].repeat(1 + draw(6))).join(" ");
          const joined = (words) => words.map((word) => word.text).join("");
          for (let i = 0; i < 500; i += 1) {
            const [a, b] = [text(), text()];
            const parts = difference(wordsOf(a, "en"), wordsOf(b, "en"));
            const whole = joined(parts.flatMap((p) => p.left)) === a && joined(parts.flatMap((p) => p.right)) === b;
            const same = (p) => p.left.map((w) => w.key).join(" ") === p.right.map((w) => w.key).join(" ");
            if (!whole || parts.some((p) => p.same !== same(p))) return [a, b];
          }
          const { laidOut } = await import("/static/js/labeling/compare.js");
          for (const word of ["a".repeat(9000), "ก".repeat(9000), "e" + "\\u0301".repeat(9000)]) {
            const long = laidOut(`before ${word} after`);
            const pieces = [...long.querySelector(".long-word").childNodes].map((node) => node.data ?? "");
            const most = Math.max(...pieces.map((piece) => piece.length));
            if (long.textContent !== `before ${word} after` || most > 1000) return [word[0], most];
          }
          const [before, after] = ["今天天气很好，我们去公园。", "今天天气很好，我们去学校。"];
          const parts = difference(wordsOf(before, "zh"), wordsOf(after, "zh"));
          const told = parts.filter((p) => !p.same).map((p) => [joined(p.left), joined(p.right)]);
          return JSON.stringify(told) === '[["公园","学校"]]' ? null : told;
        }"""
    )
    assert wrong is None


@pytest.fixture
def phone(chromium, site):
    context = chromium.new_context(
        base_url=site, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=1
    )
    yield context.new_page()
    context.close()


class Pointer:
    """A real mouse, finger or pen, as the browser gets it from its window."""

    def __init__(self, page, kind):
        self.page, self.kind = page, kind
        self.devices = page.context.new_cdp_session(page)
        self.at = (0, 0)

    def _send(self, name, touch_name, buttons, at):
        x, y = self.at = at
        if self.kind == "touch":
            points = [] if touch_name == "touchEnd" else [{"x": x, "y": y}]
            self.devices.send("Input.dispatchTouchEvent", {"type": touch_name, "touchPoints": points})
        else:
            more = {
                "button": "left" if buttons or name == "mouseReleased" else "none",
                "buttons": buttons,
                "clickCount": 1,
            }
            self.devices.send(
                "Input.dispatchMouseEvent", {"type": name, "x": x, "y": y, "pointerType": self.kind, **more}
            )

    def down(self, at):
        if self.kind != "touch":
            self._send("mouseMoved", "", 0, at)
        self._send("mousePressed", "touchStart", 1, at)

    def move(self, to, steps=1):
        (x, y), (to_x, to_y) = self.at, to
        for step in range(1, steps + 1):
            share = step / steps
            self._send("mouseMoved", "touchMove", 1, (x + share * (to_x - x), y + share * (to_y - y)))

    def up(self):
        self._send("mouseReleased", "touchEnd", 0, self.at)


def finger(page, *points):
    """A real finger: down at the first point, through the others, up."""
    touch = Pointer(page, "touch")
    touch.down(points[0])
    for point in points[1:]:
        touch.move(point)
        page.wait_for_timeout(30)
    touch.up()


def middle(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_on_a_phone_a_finger_scrolls_drags_by_the_handle_and_ties(phone, tasks, database):
    [place] = tasks(4, text=LONG, ratings=[5, 2, 6, 5])
    sign_in(phone)
    phone.goto(place)
    ready(phone)
    for letter, rank in zip("ABCD", "2413", strict=True):
        card(phone, letter).get_by_role("combobox").select_option(rank)
    says(phone, "C > A > D > B")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")

    # A finger that scrolls over texts and over the heads of cards reorders nothing.
    for place_on_card in (".rank-text", ".letter"):
        start = card(phone, "A").locator(place_on_card)
        start.scroll_into_view_if_needed()
        x, y = middle(start)
        before = phone.evaluate("scrollY")
        finger(phone, (x, y), *((x, y - step) for step in range(20, 301, 20)))
        phone.wait_for_function("before => scrollY > before", arg=before)
        says(phone, "C > A > D > B")

    # By its handle a card goes where the finger goes.
    handle = card(phone, "D").locator(".grip")
    handle.scroll_into_view_if_needed()
    x, y = middle(handle)
    goal = middle(card(phone, "A").locator(".rank-tools"))
    finger(phone, (x, y), *((x, y + (goal[1] - y) * share / 12) for share in range(1, 13)), goal, goal)
    says(phone, "C > A = D > B")
    card(phone, "B").get_by_role("button", name="Tie B with the one above").tap()
    says(phone, "C > A = B = D")
    phone.get_by_role("button", name="Undo").tap()
    says(phone, "C > A = D > B")
    phone.get_by_role("button", name="Submit", exact=True).tap()
    expect(phone.get_by_text("Submitted: C > A = D > B.")).to_be_visible()
    assert submitted(database) == ["C > A = D > B"]


# Aiming --------------------------------------------------------------------------------------------------------------

GEOMETRY = """() => {
  const boxes = [...document.querySelectorAll("#rank-form :is([data-tray], .lane, .lane-gap, .rank-card)")];
  return boxes.filter((each) => each.checkVisibility()).map((each) => {
    const { x, y, width, height } = each.getBoundingClientRect();
    return [x, y + scrollY, width, height].map(Math.round).join(" ");
  });
}"""
PLACE = """lane => {
  const box = (selector) => document.querySelector(selector).getBoundingClientRect();
  const list = document.querySelector(`#rank-form [data-lane="${lane}"]`);
  const { x, y, width, height } = (list.closest(".lane, .tray") ?? list).getBoundingClientRect();
  const prompt = document.querySelector(".prompt-panel");
  const covers = getComputedStyle(prompt).position === "sticky" ? prompt.getBoundingClientRect().bottom : 0;
  const top = Math.max(0, covers) + 60;
  const bottom = box(".bench-bar").top - 60;
  const middle = { x: x + width / 2, y: y + height / 2 };
  const above = middle.y < top && scrollY > 0;
  const below = middle.y > bottom && scrollY + innerHeight < document.documentElement.scrollHeight - 1;
  return { ...middle, scrolled: scrollY, edge: above ? top - 50 : below ? bottom + 50 : null };
}"""


def place(page, lane):
    """The middle of a lane, of a gap or of the tray in the window."""
    there = page.evaluate(PLACE, lane)
    return there["x"], there["y"]


def carry(pointer, letter, lane, steps):
    """Drags a card to a place as a person would, scrolling at the edge; gives what is said before it is dropped."""
    page = pointer.page
    handle = card(page, letter).locator(".grip")
    handle.scroll_into_view_if_needed()
    before = page.evaluate(GEOMETRY)
    pointer.down(middle(handle))
    for _ in range(200):
        there = page.evaluate(PLACE, lane)
        if there["edge"] is not None:
            pointer.move((there["x"], there["edge"]), 2)
            page.wait_for_timeout(40)
            continue
        pointer.move((there["x"], there["y"]), steps)
        if page.evaluate(PLACE, lane)["scrolled"] == there["scrolled"]:
            break  # else it went on scrolling until the pointer was there
    assert page.evaluate(GEOMETRY) == before
    aimed = page.locator(f".aimed:is([data-lane='{lane}'], :has(> [data-lane='{lane}']))")
    expect(aimed).to_have_count(1)
    expect(page.locator(".aimed")).to_have_count(1)
    shown = page.locator("[data-outcome]").text_content()
    pointer.up()
    expect(page.locator("[data-outcome]")).to_have_count(0)
    return shown


def closed_up(lanes):
    if not all(lanes.values()):
        return lanes
    used = sorted(set(lanes.values()))
    return {letter: used.index(lane) + 1 for letter, lane in lanes.items()}


def order(lanes):
    used = sorted({lane for lane in lanes.values() if lane})
    return " > ".join(" = ".join(a for a in lanes if lanes[a] == lane) for lane in used)


AIMS = [
    pytest.param(kind, answers, seed, id=f"{kind}-{answers}", marks=() if answers == quick else pytest.mark.slow)
    for kind, quick in (("mouse", 4), ("touch", 4), ("pen", 0))
    for seed, answers in enumerate(range(4, 10))
]


@pytest.mark.parametrize(("kind", "answers", "seed"), AIMS)
def test_a_card_lands_where_the_mark_shows_however_it_is_dragged(kind, answers, seed, chromium, site, tasks, database):
    """From the tray into the lanes, then between them: slow and fast, near and far, into lanes, gaps and back."""
    draw = random.Random(f"{kind} {seed}")
    size = {"width": 390, "height": 844} if kind == "touch" else {"width": 1440, "height": draw.choice((900, 2400))}
    context = chromium.new_context(base_url=site, viewport=size, has_touch=kind == "touch", is_mobile=kind == "touch")
    page = context.new_page()
    page.emulate_media(reduced_motion="reduce")
    [address] = tasks(answers, ratings=4)
    sign_in(page)
    page.goto(address)
    ready(page)
    pointer = Pointer(page, kind)
    lanes = dict.fromkeys("ABCDEFGHI"[:answers], 0)
    some = draw.sample(list(lanes), answers)
    for letter in [*some, *draw.choices(some, k=4 if answers < 5 else 12)]:
        most = max(lanes.values()) if all(lanes.values()) else answers
        places = range(1, most + 1)
        lane = draw.choice([*places, *(place - 0.5 for place in (*places, most + 1) if all(lanes.values()))])
        shown = carry(pointer, letter, lane, steps=draw.choice((1, 3, 40)))
        lanes = closed_up(lanes | {letter: lane})
        assert shown == (order(lanes) if all(lanes.values()) else f"rank {lane}")
        expect(page.locator("[data-result]")).to_have_text(re.compile(rf"^{order(lanes)}( ·|$)"))
    press(page, "Enter")
    page.wait_for_url(re.compile(r"/label(/tasks/\d+/?)?$"))
    assert submitted(database) == [order(lanes)]
    context.close()


def test_what_is_aimed_at_is_stored(board, database):
    """Past a lane into the next one, and between two lanes: neither becomes a tie."""
    page = board()
    mouse = Pointer(page, "mouse")
    press(page, "1", "2")
    assert carry(mouse, "C", 3, steps=40) == "rank 3"
    says(page, "A > B > C · 3 of 4 placed")
    drafted(page, database, until=lambda lanes, _: lanes == {"A": 1, "B": 2, "C": 3})
    card(page, "D").focus()
    press(page, "4")
    assert carry(mouse, "D", 1.5, steps=40) == "A > D > B > C"
    says(page, "A > D > B > C")
    drafted(page, database, until=lambda lanes, _: lanes == {"A": 1, "D": 2, "B": 3, "C": 4})


def test_a_drag_that_is_called_off_changes_nothing(board):
    page = board()
    press(page, "1", "2", "2", "3")
    mouse = Pointer(page, "mouse")
    for call_off in ("Escape", "Control+z"):
        mouse.down(middle(card(page, "A").locator(".letter")))
        mouse.move(place(page, 3), 5)
        expect(page.locator("[data-outcome]")).to_have_text("B = C > A = D")
        press(page, call_off)
        expect(page.locator(".aimed")).to_have_count(0)
        mouse.move(place(page, 1), 5)
        mouse.up()
    says(page, "A > B = C · 3 of 4 placed")  # what was undone
