"""Every labeler page in both themes passes axe-core, and none is wider than a narrow screen."""

from pathlib import Path

import pytest

from scripts.take_screenshots import sign_in
from tests.scenes import LABELER_PAGES, STRANGER, TASK, furnish

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine_name", ["sqlite"])]

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = """async (rules) => {
  const found = await axe.run(document, { runOnly: { type: "tag", values: rules }, resultTypes: ["violations"] });
  const told = (rule) => rule.nodes.map((node) => `${rule.id}: ${node.target} — ${node.failureSummary}`);
  return found.violations.flatMap(told);
}"""
DRESS = "theme => { document.documentElement.dataset.theme = theme; }"


@pytest.fixture
def furnished(site, settings, database):
    furnish(settings, database)
    return site


def visit_all(chromium, site, look):
    """Every labeler page in a window of its person; what ``look`` finds on each, by page."""
    found = {}
    for email in dict.fromkeys(who for _, who, _ in LABELER_PAGES):
        context = chromium.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        context.add_init_script(path=AXE)
        task = sign_in(context, site, email) if email != STRANGER else ""
        page = context.new_page()
        for name, _, place in (entry for entry in LABELER_PAGES if entry[1] == email):
            assert task or TASK not in place, f"{email} holds no task"
            page.goto(site + place.replace(TASK, task, 1))
            page.wait_for_load_state("networkidle")
            if problems := look(page):
                found[name] = problems
        context.close()
    return found


def test_no_labeler_page_breaks_a_rule_of_wcag_in_either_theme_or_scrolls_sideways_on_a_narrow_screen(
    chromium, furnished
):
    def look(page):
        problems = []
        for theme in ("light", "dark"):
            page.evaluate(DRESS, theme)
            problems += [f"{theme}: {problem}" for problem in page.evaluate(RUN, RULES)]
        page.set_viewport_size({"width": 320, "height": 640})
        if (surplus := page.evaluate("document.documentElement.scrollWidth - innerWidth")) > 0:
            problems.append(f"{surplus} px wider than 320 px")
        page.set_viewport_size({"width": 1440, "height": 900})
        return problems

    found = visit_all(chromium, furnished, look)
    assert not found, "\n".join(f"{name}\n  " + "\n  ".join(problems) for name, problems in found.items())
