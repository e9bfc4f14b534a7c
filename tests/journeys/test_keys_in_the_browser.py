"""Keys as people have them: while an input method composes a text, and on keyboards of other scripts."""

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.models import Demonstration
from scripts.take_screenshots import open_session
from tests.app.labeling.annotations.conftest import Workshop
from tests.browsing import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine_name", ["sqlite"])]
EMAIL = "lena@example.org"
CONTROL, ENTER, PROCESSED = 2, 13, 229
NAMES = [
    ({"key": "k", "code": "KeyT"}, "k"),  # Dvorak: its own letter counts
    ({"key": "Л", "code": "KeyK", "shiftKey": True}, "K"),
    ({"key": "л", "code": "KeyK"}, "k"),
    ({"key": "я", "code": "KeyZ", "ctrlKey": True}, "z"),
    ({"key": "ν", "code": "KeyN"}, "n"),
    ({"key": "の", "code": "KeyK"}, "k"),
    ({"key": "ｊ", "code": "KeyJ"}, "j"),
    ({"key": "K", "code": "KeyK"}, "k"),  # Caps Lock
    ({"key": "х", "code": "BracketLeft"}, "["),
    ({"key": "ü", "code": "BracketLeft"}, "ü"),
    ({"key": "√", "code": "KeyV", "altKey": True}, "v"),
    ({"key": "１", "code": "Digit1"}, "1"),
    ({"key": "１", "code": ""}, "1"),
    ({"key": "٠", "code": "Digit0"}, "0"),
    ({"key": "١", "code": "Digit1"}, "1"),
    ({"key": "۷", "code": "Digit7"}, "7"),
    ({"key": "९", "code": "Digit9"}, "9"),
    ({"key": "²", "code": "Backquote"}, "²"),  # on a French keyboard: nothing a person means as a digit
    ({"key": "？", "code": "Slash", "shiftKey": True}, "?"),
    ({"key": "Enter", "code": "Enter"}, "Enter"),
    ({"key": "Dead", "code": "KeyE"}, "Dead"),
    ({}, ""),  # what a browser sends when it fills in a form
]


@pytest.fixture
def workshop(database, factory):
    factory.person(email=EMAIL, password=PASSWORD)
    return Workshop(database, factory)


def take(page, site, ready):
    open_session(page.context, site, EMAIL)
    page.goto("/label")
    page.get_by_role("button", name="Take the next task").click()
    expect(page.locator(f"{ready}[data-ready]")).to_be_visible()


def press_enter(devices, virtual):
    key = {"key": "Enter", "code": "Enter", "modifiers": CONTROL, "windowsVirtualKeyCode": virtual}
    for kind in ("rawKeyDown", "keyUp"):
        devices.send("Input.dispatchKeyEvent", {"type": kind, **key})


def test_no_key_acts_while_a_text_is_being_composed(page, site, workshop, database):
    workshop.campaign([(prompt, []) for prompt, _ in workshop.prompts(1)], kind="demonstration")
    take(page, site, "#writing-form")
    assert page.evaluate(
        """async (names) => {
          const { nameOf } = await import("/static/js/shared/keys.js");
          return names.map(nameOf);
        }""",
        [event for event, _ in NAMES],
    ) == [name for _, name in NAMES]

    page.evaluate("() => { self.sent = 0; document.addEventListener('submit', () => { self.sent += 1; }, true); }")
    devices = page.context.new_cdp_session(page)
    page.locator("#text").focus()
    devices.send("Input.imeSetComposition", {"text": "nihao", "selectionStart": 5, "selectionEnd": 5})
    press_enter(devices, PROCESSED)
    press_enter(devices, ENTER)  # told by isComposing alone
    assert page.evaluate("self.sent") == 0
    devices.send("Input.imeSetComposition", {"text": "", "selectionStart": 0, "selectionEnd": 0})
    devices.send("Input.insertText", {"text": "你好"})
    press_enter(devices, PROCESSED)  # told by its code alone: in Safari the composition has ended before its last key
    assert page.evaluate("self.sent") == 0
    press_enter(devices, ENTER)
    expect(page.get_by_text("Submitted: your text is stored. Thank you!")).to_be_visible()
    with database.reading() as session:
        assert session.scalars(select(Demonstration.text)).all() == ["你好"]
