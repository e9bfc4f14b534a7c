"""A labeler whose telephone speaks Chinese: from signing in to a submitted ranking by touch, no word in English."""

import re

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.annotations import service
from app.guidelines import service as guidelines
from app.models import Annotation
from tests.browsing import PASSWORD
from tests.journeys.test_ranking_in_the_browser import EMAIL, labeler, tasks  # noqa: F401 - fixtures

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("engine_name", ["sqlite"])]

OURS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const skip = ".article, code, pre, kbd, script, style, textarea, [lang=en], .menu > summary";
  const found = [];
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!parent.closest(skip) && parent.checkVisibility()) found.push(walker.currentNode.data);
  }
  return found;
}"""
"""All visible text that is not an answer, a key, a name or the other language's own name."""
WRITTEN_HERE = ("Prefloop", "Round 0", "Question 0?", "Lena")


def english(page):
    """Words of English that the page says by itself."""
    said = " ".join(page.evaluate(OURS))
    for name in WRITTEN_HERE:
        said = said.replace(name, "")
    return re.findall(r"[A-Za-z]{3,}", said)


@pytest.fixture
def telephone(chromium, site):
    context = chromium.new_context(
        base_url=site,
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        extra_http_headers={"Accept-Language": "zh-CN,zh;q=0.9"},
    )
    yield context.new_page()
    context.close()


def go_on(page, name):
    """What a button leads to must be in Chinese and fit on the screen."""
    with page.expect_navigation():
        page.get_by_role("button", name=name).tap()
    look(page)


def look(page):
    assert english(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.usefixtures("labeler")
def test_from_signing_in_to_a_submitted_ranking_everything_is_said_in_chinese(telephone, tasks, database):  # noqa: F811
    with database.transaction() as session:
        guidelines.ensure_defaults(session)
    tasks(4)
    page = telephone
    page.goto("/sign-in")
    look(page)
    page.get_by_label("邮箱").fill(EMAIL)
    page.get_by_label("密码").fill("nobody knows it")
    go_on(page, "登录")
    expect(page.get_by_role("alert")).to_contain_text("邮箱和密码与任何有效账号都不符")
    page.get_by_label("密码").fill(PASSWORD)
    go_on(page, "登录")
    go_on(page, "领取下一个任务")
    expect(page.get_by_role("heading", name="三个问题")).to_be_visible()
    go_on(page, "我已读过，下一个任务")

    expect(page.locator(".prompt-labels[data-ready]")).to_be_visible()
    page.get_by_label("用途").select_option(label="聊天")
    for question in ("封闭领域", "有明确限制"):
        page.get_by_role("group", name=question).get_by_label("否", exact=True).check()
    expect(page.locator("[data-open-labels]")).to_have_text("提示已标注")
    for letter, rating in zip("ABCD", (5, 2, 6, 5), strict=True):
        expect(page.get_by_role("heading", name=f"回答 {letter} 共 4 个")).to_be_visible()
        expect(page.locator("#answer-form[data-ready]")).to_be_visible()
        page.locator(f".likert-{rating}").tap()
        expect(page.locator("[data-save-state]")).to_contain_text("刚刚保存")
        go_on(page, "给回答排序" if letter == "D" else "下一个回答")

    expect(page.locator("#rank-form[data-ready]")).to_be_visible()
    for letter, rank in zip("ABCD", "2312", strict=True):
        page.get_by_label(f"回答 {letter} 的名次").select_option(rank)
    expect(page.locator("[data-result]")).to_have_text("C > A = D > B")
    look(page)
    go_on(page, re.compile("^提交$"))
    expect(page.get_by_role("status").first).to_contain_text("已提交：C > A = D > B。谢谢！")
    with database.reading() as session:
        assert service.stored_order(session.scalars(select(Annotation)).one()) == "C > A = D > B"
