"""Signing out and changing the password, with another browser that holds a copy of the cookie."""

import re

import pytest
from playwright.sync_api import expect

from tests.browsing import PASSWORD

OTHER = "green paper boats"


@pytest.fixture
def thief(page, chromium):
    """Another browser: takes a copy of the first one's cookies and asks to be let in."""
    context = chromium.new_context()
    window = context.new_page()

    def comes_in(cookies):
        context.clear_cookies()
        context.add_cookies(cookies)
        window.goto(re.match(r"https?://[^/]+", page.url)[0] + "/account/password")
        return window.get_by_role("heading", name="Choose your password").is_visible()

    yield comes_in
    context.close()


def sign_in(page, password):
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill("lena@example.org")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".menu")).to_be_visible()


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_copied_cookie_is_worth_nothing_after_signing_out_or_another_password(page, thief, factory):
    factory.person("lena@example.org", password=PASSWORD)
    sign_in(page, PASSWORD)
    copied = page.context.cookies()
    assert thief(copied)
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("E-mail")).to_be_visible()
    assert not thief(copied)

    sign_in(page, PASSWORD)
    copied = page.context.cookies()
    assert thief(copied)
    page.locator(".menu summary").click()
    page.get_by_role("link", name="Change password").click()
    expect(page.get_by_text("In this browser only.")).to_be_visible()
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password").fill(OTHER)
    page.get_by_label("Confirm password").fill(OTHER)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_text("The old one no longer works")).to_be_visible()
    assert not thief(copied)
    copied = page.context.cookies()
    page.goto("/account/password")
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_text("You are signed out in all browsers.")).to_be_visible()
    assert not thief(copied)
    sign_in(page, OTHER)
