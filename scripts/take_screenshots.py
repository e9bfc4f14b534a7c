"""Pictures of every page: light and dark, English and Chinese, desktop and phone, beside each other in index.html.

make screenshots                         furnishes a Prefloop of its own and takes all pictures into build/screenshots
python -m scripts.take_screenshots --pages ranking rating --sizes phone --locales zh-Hans
"""

import argparse
import html
import re
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from app.database import Database
from app.language import LOCALES
from app.main import create_app
from app.migrate import migrate
from app.settings import Settings
from scripts import chromium
from tests.browsing import PASSWORD
from tests.scenes import KEY, LABELER_PAGES, OTHER_PAGES, STRANGER, TASK, furnish

SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
THEMES = ("light", "dark")
LET_GO = """() => document.querySelectorAll("body *").forEach((element) => {
  if (getComputedStyle(element).position === "sticky") element.style.position = "static";
})"""


@contextmanager
def furnished_site() -> Iterator[str]:
    """The address of a Prefloop with something on every page; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="prefloop-pictures-") as folder:
        settings = Settings(data_dir=Path(folder), secret_key=KEY, generator_hosts="gpu-1.lan:8000, api.example.com")
        migrate(settings.database)
        database = Database(settings.database)
        furnish(settings, database)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(create_app(settings), host="127.0.0.1", port=port, log_level="warning"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join(10)
        database.dispose()


def open_session(context: BrowserContext, address: str, email: str) -> None:
    """Sign a person in without a page; a context that knows the address needs none."""
    form = context.request.get(f"{address}/sign-in").text()
    token = re.search(r'name="csrf-token" content="([^"]+)"', form)
    given = {"csrf_token": token[1] if token else "", "email": email, "password": PASSWORD}
    context.request.post(f"{address}/sign-in", form=given, max_redirects=0)


def sign_in(context: BrowserContext, address: str, email: str) -> str:
    """Open a session; the address of the task that the person holds, or nothing."""
    open_session(context, address, email)
    home = context.request.get(f"{address}/label")
    token = re.search(r'name="csrf-token" content="([^"]+)"', home.text())
    if not home.ok or not token:
        return ""
    taken = context.request.post(f"{address}/label/next", form={"csrf_token": token[1]}, max_redirects=0)
    place = taken.headers.get("location", "")
    return place if re.fullmatch(r"/label/tasks/\d+", place.partition("?")[0]) else ""


def take(page: Page, address: str, file: Path, *, full_page: bool) -> str:
    """One picture; what is wrong with the page, in words."""
    response = page.goto(address)
    page.wait_for_load_state("networkidle")
    if full_page:  # what sticks to an edge of the window would lie across the middle of the picture
        page.evaluate(LET_GO)
    page.screenshot(path=file, full_page=full_page)
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    status = response.status if response else 0
    return f"{overflow} px too wide" if overflow > 0 else f"answered {status}" if status >= 500 else ""


def take_all(browser: Browser, address: str, given: argparse.Namespace) -> list[tuple[str, str, str]]:
    """(page, kind of picture, file) of every picture taken."""
    taken = []
    wanted = [
        entry for entry in (*LABELER_PAGES, *OTHER_PAGES) if not given.pages or entry[0].split()[0] in given.pages
    ]
    for size in given.sizes:
        width, height = SIZES[size]
        for email in dict.fromkeys(who for _, who, _ in wanted):
            context = browser.new_context(
                viewport={"width": width, "height": height}, has_touch=size == "phone", reduced_motion="reduce"
            )
            task = sign_in(context, address, email) if email != STRANGER else ""
            page = context.new_page()
            for locale in given.locales:
                for theme in given.themes:
                    context.add_cookies([{"name": "theme", "value": theme, "url": address}])
                    page.set_extra_http_headers({"Accept-Language": locale})
                    speak(context, address, locale)
                    for name, _, place in (entry for entry in wanted if entry[1] == email):
                        file = f"{name.replace(' ', '-')}-{size}-{theme}-{locale}.png"
                        wrong = take(
                            page,
                            address + place.replace(TASK, task, 1),
                            given.out / file,
                            full_page=not given.viewport_only,
                        )
                        print(file, wrong and f"!! {wrong}", flush=True)
                        taken.append((name, f"{size}, {theme}, {locale}", file))
            context.close()
    return taken


def speak(context: BrowserContext, address: str, locale: str) -> None:
    """Choose the language as a person does, in the account's menu."""
    form = context.request.get(f"{address}/sign-in").text()
    token = re.search(r'name="csrf-token" content="([^"]+)"', form)
    context.request.post(
        f"{address}/account/language", form={"csrf_token": token[1] if token else "", "locale": locale, "back": "/"}
    )


def write_contact_sheet(folder: Path, taken: list[tuple[str, str, str]]) -> None:
    """All pictures of a page beside each other, each a link to itself."""
    rows = []
    for name in dict.fromkeys(name for name, _, _ in taken):
        pictures = "".join(
            f'<a href="{html.escape(file)}"><img src="{html.escape(file)}" alt="{html.escape(f"{name}, {kind}")}" '
            f'loading="lazy"><br>{html.escape(kind)}</a>'
            for other, kind, file in taken
            if other == name
        )
        rows.append(f"<h2>{html.escape(name)}</h2><div>{pictures}</div>")
    style = "body{font:14px system-ui;margin:2rem} div{display:flex;gap:1rem;overflow-x:auto} img{height:420px}"
    (folder / "index.html").write_text(
        f'<!doctype html><meta charset="utf-8"><title>Pages of Prefloop</title><style>{style}</style>{"".join(rows)}'
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/screenshots"))
    parser.add_argument("--pages", nargs="+", help="first words of the names of pages; all without it")
    parser.add_argument("--themes", nargs="+", default=list(THEMES), choices=THEMES)
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--locales", nargs="+", default=list(LOCALES), choices=list(LOCALES))
    parser.add_argument("--viewport-only", action="store_true", help="what fits on the screen, not the whole page")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with furnished_site() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.installed(), args=chromium.FLAGS)
        taken = take_all(browser, address, given)
        browser.close()
    write_contact_sheet(given.out, taken)
    print(f"{len(taken)} pictures: {given.out / 'index.html'}")


if __name__ == "__main__":
    main()
