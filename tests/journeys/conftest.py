"""A real browser and a real server for the journeys."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from app.main import create_app
from scripts import chromium as program

PATIENCE_MS = 60_000
"""How long a browser may take for anything beside other work; what is quick is not made to wait."""


def until(page, what):
    """Wait until something is true, and return it."""
    give_up = time.monotonic() + PATIENCE_MS / 1000
    while not (found := what()) and time.monotonic() < give_up:
        page.wait_for_timeout(50)
    assert found, "it did not come to be"
    return found


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def engine_name(request):
    """What a page sends is stored by routes that have their own tests on either engine; here one is enough each day."""
    return request.param


@pytest.fixture(scope="session")
def chromium():
    """The Chromium of the system, or else the one that Playwright brings."""
    from playwright.sync_api import Error, expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=program.installed(), args=program.FLAGS)
        except Error as error:
            pytest.fail(f"No Chromium to drive: install one, or run `playwright install chromium`. {error}")
        yield browser
        browser.close()


@pytest.fixture
def site(settings, database) -> Iterator[str]:
    """The address of the application, served from a thread of this process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(settings), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    give_up = time.monotonic() + PATIENCE_MS / 1000
    while not server.started and time.monotonic() < give_up:
        time.sleep(0.02)
    assert server.started, "the server did not start"
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def page(chromium, site):
    """A fresh browser window that remembers what went wrong in it."""
    context = chromium.new_context(base_url=site, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
    yield page
    problems = page.problems
    context.close()
    assert not problems, problems
