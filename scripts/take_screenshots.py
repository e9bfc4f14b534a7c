"""Pictures of the pages of a running Prefloop, light and dark, desktop and phone.

python scripts/take_screenshots.py http://127.0.0.1:8000 EMAIL PASSWORD --out pictures /dashboard /runs
"""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]


def sign_in(page: Page, address: str, email: str, password: str) -> None:
    page.goto(f"{address}/sign-in")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", password)
    page.click("main button.primary")
    page.wait_for_load_state()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("email")
    parser.add_argument("password")
    parser.add_argument("pages", nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--themes", nargs="+", default=["light", "dark"])
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--viewport-only", action="store_true", help="what fits on the screen, not the whole page")
    parser.add_argument("--wait", type=float, default=1.0, help="seconds before the picture")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        for size in given.sizes:
            width, height = SIZES[size]
            context = browser.new_context(viewport={"width": width, "height": height}, has_touch=size == "phone")
            page = context.new_page()
            page.on("console", lambda m: print("console:", m.text) if m.type in ("error", "warning") else None)
            sign_in(page, given.address, given.email, given.password)
            for theme in given.themes:
                context.add_cookies([{"name": "theme", "value": theme, "url": given.address}])
                for path in given.pages:
                    page.goto(given.address + path)
                    page.wait_for_timeout(1000 * given.wait)
                    name = path.strip("/").replace("/", "-").replace("?", "-").replace("=", "-") or "home"
                    page.screenshot(path=given.out / f"{name}-{size}-{theme}.png", full_page=not given.viewport_only)
                    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    if overflow > 0:
                        print(f"{path} is {overflow} px too wide at {width} px")
        browser.close()


if __name__ == "__main__":
    main()
