"""Three ways in which a person works on a page: with a mouse, with a finger on a telephone, with the keyboard alone.

A journey is told once, in what is done (``press``, ``write``, ``tick``, ``choose``), and each hand does it its own way.
A hand also looks at what it uses: a mouse and a finger fail on what lies under something else, a finger on what is too
small, and the keyboard on what no Tab leads to and on a focus that nobody can see. ``key`` names the key of the page
for what is done; only the keyboard uses it, and where there is none it goes to the control by Tab.
"""

import re
from contextvars import copy_context
from typing import ClassVar

from playwright.sync_api import Locator, Page, ViewportSize, expect

from app.language import gettext, speak

SMALLEST = 24
"""CSS pixels, each way: the least target of WCAG 2.2, 2.5.8."""
MOST_TABS = 150
IS_FOCUSED = """(e) => e === document.activeElement
  || (e.type === "radio" && document.activeElement.type === "radio" && e.name === document.activeElement.name)"""
IS_BEHIND = """(e) => document.activeElement !== document.body
  && Boolean(document.activeElement.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_PRECEDING)"""
FOCUS_IS_SEEN = """() => {
  const focused = document.activeElement;
  const drawn = [focused, focused.nextElementSibling].filter(Boolean).map((each) => getComputedStyle(each));
  if (!drawn.some((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0)) return "no outline";
  const { left, right, top, bottom } = focused.getBoundingClientRect();
  const inside = (x, y) => x >= 0 && y >= 0 && x < innerWidth && y < innerHeight;
  for (const across of [0.05, 0.5, 0.95]) for (const down of [0.1, 0.5, 0.9]) {
    const [x, y] = [left + across * (right - left), top + down * (bottom - top)];
    if (inside(x, y) && focused.contains(document.elementFromPoint(x, y))) return "";
  }
  return "covered";
}"""
TARGET = (
    "(e) => { const { width, height } = (e.closest('label') ?? e).getBoundingClientRect(); return [width, height]; }"
)
OURS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = ".article, .running-text, .prompt-line, code, pre, textarea";
  const skip = `${texts}, kbd, script, style, [lang=en], .menu > summary`;
  const found = [];
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!parent.closest(skip) && parent.checkVisibility()) found.push(walker.currentNode.data);
  }
  return found.join(" ");
}"""
"""All visible text that is not an answer, a key, a person's name or the other language's own name."""
NAMES = ("Prefloop", "Markdown", "Round", "Question", "labeler-", "esc")
"""Names that stay as they are: of things, of keys, and of the campaigns and prompts of the tests."""


class Hand:
    """A person at a page, in a language; what a subclass adds is how they do things."""

    viewport: ClassVar[ViewportSize] = {"width": 1440, "height": 900}
    touch = False

    def __init__(self, page: Page, locale: str) -> None:
        self.page = page
        self.locale = locale
        self.is_refused = False
        """Whether the journey leads to a refusal, which the browser names in its console."""
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda message: self._hear(message.text) if message.type == "error" else None)

    def _hear(self, problem: str) -> None:
        if not (self.is_refused and "the server responded with a status of 4" in problem):
            self.problems.append(problem)

    def word(self, message: str, **values: object) -> str:
        """A sentence of the catalogue in the person's language."""
        context = copy_context()
        context.run(speak, self.locale)
        return context.run(gettext, message, **values)

    def called(self, message: str, **values: object) -> re.Pattern[str]:
        """The name of a button, with or without the keys that stand beside it."""
        return re.compile(rf"^{re.escape(self.word(message, **values))}( (ctrl|alt|\S))*$")

    def button(self, message: str, **values: object) -> Locator:
        return self.page.get_by_role("button", name=self.called(message, **values))

    def field(self, message: str, **values: object) -> Locator:
        return self.page.get_by_label(self.word(message, **values), exact=True)

    def menu(self, message: str) -> Locator:
        return self.page.get_by_role("combobox", name=self.word(message), exact=True)

    def radio(self, question: str, option: str | int) -> Locator:
        """An option of a question, by what it is called or by its value."""
        group = self.page.get_by_role("group", name=re.compile("^" + re.escape(self.word(question))))
        if isinstance(option, int):
            return group.locator(f"input[type=radio][value='{option}']")
        return group.get_by_role("radio", name=self.word(option), exact=True)

    def sees(self, message: str, **values: object) -> None:
        expect(self.page.get_by_text(self.word(message, **values)).first).to_be_visible()

    def is_saved(self) -> None:
        expect(self.page.locator("[data-save-state]")).to_contain_text(self.word("Saved just now"))

    def looks(self) -> None:
        """The page is as wide as its window and, for a Chinese reader, says nothing in English but names."""
        assert self.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        if self.locale == "en":
            return
        said = self.page.evaluate(OURS)
        for name in NAMES:
            said = said.replace(name, "")
        assert not (english := re.findall(r"[A-Za-z]{3,}", said)), english

    def press(self, control: Locator, key: str = "") -> None:
        raise NotImplementedError

    def goes_on(self, control: Locator, key: str = "") -> None:
        """Press what leads to another page, and look at that."""
        with self.page.expect_navigation():
            self.press(control, key)
        self.looks()

    def tick(self, option: Locator, key: str = "") -> None:
        self.press(option, key)
        expect(option).to_be_checked()

    def write(self, field: Locator, text: str) -> None:
        """Replace the text of a field."""
        self.press(field)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def choose(self, menu: Locator, option: str, key: str = "") -> None:
        """Choose from a menu, whose list the browser draws: nothing of ours to press."""
        menu.select_option(label=option)


class Mouse(Hand):
    def press(self, control: Locator, key: str = "") -> None:
        control.click()


class Finger(Hand):
    viewport: ClassVar[ViewportSize] = {"width": 390, "height": 844}
    touch = True

    def press(self, control: Locator, key: str = "") -> None:
        expect(control).to_be_visible()
        assert min(control.evaluate(TARGET)) >= SMALLEST, f"too small for a finger: {control}"
        control.tap()


class Keys(Hand):
    def reach(self, control: Locator) -> None:
        """Go to a control by Tab, as far on or back as it takes, and look whether the focus is seen there."""
        expect(control).to_be_visible()
        step = "Shift+Tab" if control.evaluate(IS_BEHIND) else "Tab"
        for _ in range(MOST_TABS):
            if control.evaluate(IS_FOCUSED):
                assert not (wrong := self.page.evaluate(FOCUS_IS_SEEN)), f"focus on {control}: {wrong}"
                return
            self.page.keyboard.press(step)
        raise AssertionError(f"no Tab leads to {control}")

    def press(self, control: Locator, key: str = "") -> None:
        expect(control).to_be_visible()
        if not key:
            self.reach(control)
        self.page.keyboard.press(key or "Enter")

    def tick(self, option: Locator, key: str = "") -> None:
        if not key:
            self.reach(option)
            self.page.keyboard.press("Space")
            while not option.is_checked():
                self.page.keyboard.press("ArrowDown")
        else:
            self.page.keyboard.press(key)
        expect(option).to_be_checked()

    def write(self, field: Locator, text: str) -> None:
        self.reach(field)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def choose(self, menu: Locator, option: str, key: str = "") -> None:
        if key:
            self.page.keyboard.press(key)
        self.reach(menu)
        for _ in range(menu.locator("option").count()):
            if menu.evaluate("e => e.selectedOptions[0].label") == option:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"no arrow leads to {option}")


WAYS = {"mouse": Mouse, "touch": Finger, "keys": Keys}
