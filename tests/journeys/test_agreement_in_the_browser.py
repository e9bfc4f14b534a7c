"""The page of agreement fills itself in when the report is made, and its matrix is read by keys, pointer and finger."""

import pytest
from playwright.sync_api import expect

from app.web.reports import Reports
from tests.app.quality.agreement.conftest import Judged, Office
from tests.browsing import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine_name", ["sqlite"])]


def test_a_report_comes_by_itself_and_its_matrix_is_read_cell_by_cell(page, factory, database, monkeypatch):
    office = Office(Judged(database))
    factory.person(email="rita@example.org", role="researcher", password=PASSWORD)
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill("rita@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    monkeypatch.setattr(Reports.ask, "__defaults__", (0.0,))
    page.goto("/agreement?convention=half_credit")
    expect(page.locator(".verdict .large")).to_contain_text("47.9")
    ann, ben, rae = (f"labeler-{person.id}" for person in (office.ann, office.ben, office.rae))
    matrix, words = page.locator(".matrix"), page.locator("[data-words][role=status]")
    expect(page.locator("[data-controller='quality/matrix'][data-ready]")).to_be_visible()
    page.get_by_role("group", name="Labeler by labeler").focus()
    read = set()
    for key in ("ArrowRight", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
        expect(matrix.locator(".current")).to_have_count(1)
        read.add(words.inner_text().partition(":")[0])
    assert len(read) >= 3
    assert all(" and " in pair for pair in read)
    cell = matrix.locator(f"td[data-words^='{rae} and {ann}']")
    cell.hover()
    expect(words).to_have_text(
        f"{rae} and {ann}: 0.0\u00a0%, n = 6 pairs of answers, prompts: 1; 95 %: "
        "no interval, because all of it stems from one prompt"
    )
    matrix.locator(f"td[data-words^='{ann} and {ben}']").click()
    expect(words).to_contain_text("100.0")
