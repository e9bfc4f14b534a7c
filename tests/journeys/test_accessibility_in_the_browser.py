"""Every labeler page, and what opens on it, passes axe-core in both themes; no window and no target is too small."""

from pathlib import Path

import pytest

from scripts.take_screenshots import sign_in
from tests.scenes import LABELER_PAGES, STRANGER, TASK, furnish

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine_name", ["sqlite"])]

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules for which it matters in which theme a page is; all others are asked once."""
RUN = """async ([place, type, rules]) => {
  const options = { runOnly: { type, values: rules }, resultTypes: ["violations"] };
  const found = await axe.run(document.querySelector(place), options);
  const told = (rule) => rule.nodes.map((node) => `${rule.id}: ${node.target} — ${node.failureSummary}`);
  return found.violations.flatMap(told);
}"""
DRESS = "theme => { document.documentElement.dataset.theme = theme; }"

DESKTOP, PHONE = (1440, 900, 1), (390, 844, 1)
NARROWEST, NARROW, ENLARGED, LARGEST = (320, 640, 1), (360, 740, 1), (720, 450, 2), (3840, 2160, 1)
"""Width and height in CSS pixels, and device pixels for each. The third is a window of 1440 by 900 at 200 % zoom."""
LONGEST_LINE = 80
"""Letters (WCAG 1.4.8)."""
SURPLUS = "place => { const box = document.querySelector(place); return box.scrollWidth - box.clientWidth; }"
COVERED = """() => {
  const covered = [];
  const controls = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  for (const control of document.querySelectorAll(controls)) {
    control.focus();
    if (document.activeElement !== control || !control.checkVisibility({ visibilityProperty: true })) continue;
    const box = control.getBoundingClientRect();
    const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
    const [top, bottom] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
    let seen = false;
    for (const across of [0.02, 0.5, 0.98]) for (let down = 0.02; down < 1; down += 0.06) {
      const at = document.elementFromPoint(left + across * (right - left), top + down * (bottom - top));
      seen ||= right > left && bottom > top && (control.contains(at) || (at && control.closest("label")?.contains(at)));
    }
    if (!seen) covered.push(control.outerHTML.slice(0, 120));
  }
  document.activeElement.blur();
  scrollTo(0, 0);
  return covered;
}"""
"""Controls that lie under something else, or outside of the window, when they have the focus."""
LONG_LINES = """(longest) => {
  const pen = document.createElement("canvas").getContext("2d");
  const long = [];
  for (const block of document.querySelectorAll("main :is(p, li, dd, summary, label, legend, h1, h2)")) {
    const look = getComputedStyle(block);
    const isText = !block.querySelector("p, div, ul, dl, form") && !look.whiteSpace.startsWith("pre");
    if (!isText || !block.checkVisibility({ visibilityProperty: true })) continue;
    const text = block.textContent.replace(/\\s+/g, " ").trim();
    pen.font = look.font;
    const width = block.clientWidth - parseFloat(look.paddingLeft) - parseFloat(look.paddingRight);
    const line = Math.min(text.length, (width / pen.measureText(text).width) * text.length);
    if (line <= longest || block.innerText.length <= longest) continue;
    long.push(`${Math.round(line)} letters: ${text.slice(0, 60)}`);
  }
  return long;
}"""

SMALL_TARGETS = """([width, height, of_links]) => {
  for (const closed of document.querySelectorAll("details, dialog")) closed.open = true;
  const tiny = new CSSStyleSheet();
  tiny.replaceSync("body * { font-size: 4px !important; line-height: 1 !important; }");
  document.adoptedStyleSheets = [tiny];
  const small = [];
  for (const each of document.querySelectorAll("a[href], button, summary, select, textarea, input, .grip")) {
    if (!each.checkVisibility() || getComputedStyle(each).display === "inline" || each.matches(".skip-link")) continue;
    const target = (each.matches("[type=checkbox], [type=radio]") && each.closest("label")) || each;
    const box = target.getBoundingClientRect();
    if (box.width < width || box.height < (each.matches("a") ? of_links : height)) {
      small.push(`${Math.round(box.width)} by ${Math.round(box.height)} px: ${each.outerHTML.slice(0, 120)}`);
    }
  }
  document.adoptedStyleSheets = [];
  return small;
}"""
"""Targets that would be too small for a finger if their glyphs were; of what is closed too, not of links in a text."""
LEAST, FINGER = 24, 44
"""CSS pixels (WCAG 2.2, 2.5.8 and 2.5.5)."""


def press(*keys):
    """Open something by keys of the page."""

    def press(page):
        for key in keys:
            page.keyboard.press(key)

    return press


def unfold_the_guide(page):
    page.keyboard.press("g")
    page.evaluate("document.querySelectorAll('#guide details').forEach((each) => { each.open = true; })")


OPENED = (
    # (page, what opens there, how, where to look)
    ("home", "account menu", lambda page: page.locator(".menu summary").click(), ".topbar"),
    ("rating 1", "guide with its questions", unfold_the_guide, "#guide[open]"),
    ("rating 1", "question to ask", press("q"), "#guide[open]"),
    ("rating 1", "skipping", press("s", "6"), "#skip[open]"),
    ("rating 1", "map of the keys", press("?"), "#keys[open]"),
    ("rating 4", "raw view", press("r"), ".raw-view main"),
    ("ranking", "word by word", press("j", "c", "j", "c"), "#difference[open]"),
    ("ranking", "order against the ratings", press(*"987654321", "Enter"), "#against[open]"),
    ("sensitive", "sensitive texts shown", press("b"), ".content-warning:not([data-texts-hidden])"),
    ("few-shot set", "preview as the model", press("Alt+v"), "[data-view=model]"),
    ("toxicity", "two texts", press("v"), ".scoring"),
)


@pytest.fixture
def furnished(site, settings, database):
    furnish(settings, database)
    return site


def visit_all(chromium, site, pages, look):
    """Pages in windows of their persons; what ``look`` finds on each, by page."""
    found = {}
    for email in dict.fromkeys(who for _, who, _ in pages):
        context = chromium.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        context.add_init_script(path=AXE)
        task = sign_in(context, site, email) if email != STRANGER else ""
        page = context.new_page()
        for name, _, place in (entry for entry in pages if entry[1] == email):
            assert task or TASK not in place, f"{email} holds no task"
            page.goto(site + place.replace(TASK, task, 1))
            page.wait_for_load_state("networkidle")
            if problems := look(page, name):
                found[name] = problems
        context.close()
    return "\n".join(f"{name}\n  " + "\n  ".join(problems) for name, problems in found.items())


def resize(page, size):
    width, height, pixels = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": pixels, "mobile": False}
    page.context.new_cdp_session(page).send("Emulation.setDeviceMetricsOverride", metrics)
    page.wait_for_function("width => innerWidth === width", arg=width)


def broken_rules(page, place="html"):
    problems = []
    for theme, rules in (("light", ["tag", RULES]), ("dark", ["rule", COLOURS])):
        page.evaluate(DRESS, theme)
        problems += [f"{theme}: {problem}" for problem in page.evaluate(RUN, [place, *rules])]
    return problems


def surplus(page, place="html"):
    wider = page.evaluate(SURPLUS, place)
    return [f"{wider} px wider than {page.evaluate('innerWidth')} px"] if wider > 0 else []


def test_no_labeler_page_breaks_a_rule_of_wcag_in_either_theme_or_is_too_large_or_its_targets_too_small_on_a_phone(
    chromium, furnished
):
    def look(page, _name):
        problems = broken_rules(page) + page.evaluate(LONG_LINES, LONGEST_LINE)
        resize(page, NARROWEST)
        page.context.new_cdp_session(page).send("Emulation.setTouchEmulationEnabled", {"enabled": True})
        page.wait_for_function("matchMedia('(pointer: coarse)').matches")
        problems += surplus(page)
        problems += [f"small target, {target}" for target in page.evaluate(SMALL_TARGETS, [LEAST, FINGER, LEAST])]
        page.context.new_cdp_session(page).send("Emulation.setTouchEmulationEnabled", {"enabled": False})
        resize(page, DESKTOP)
        return problems

    assert not (found := visit_all(chromium, furnished, LABELER_PAGES, look)), found


@pytest.mark.slow
def test_no_labeler_page_suffers_from_the_size_of_its_window(chromium, furnished):
    def look(page, _name):
        problems = []
        for size in (NARROW, ENLARGED, LARGEST):
            resize(page, size)
            problems += surplus(page)
            if size != LARGEST:
                problems += [f"covered at {size[0]} px: {control}" for control in page.evaluate(COVERED)]
        problems += page.evaluate(LONG_LINES, LONGEST_LINE)
        resize(page, DESKTOP)
        return problems

    assert not (found := visit_all(chromium, furnished, LABELER_PAGES, look)), found


@pytest.mark.slow
def test_what_opens_on_a_page_breaks_no_rule_of_wcag_in_either_theme_at_a_desk_or_on_a_phone(chromium, furnished):
    def look(page, name):
        problems = []
        for what, act, place in (scene[1:] for scene in OPENED if scene[0] == name):
            resize(page, DESKTOP)
            page.reload(wait_until="networkidle")
            act(page)
            page.wait_for_selector(place)
            for size in (DESKTOP, PHONE):
                resize(page, size)
                found = broken_rules(page, place) + surplus(page, place)
                problems += [f"{what}, {size[0]} px: {problem}" for problem in found]
        return problems

    pages = [entry for entry in LABELER_PAGES if entry[0] in {page for page, *_ in OPENED}]
    assert not (found := visit_all(chromium, furnished, pages, look)), found
