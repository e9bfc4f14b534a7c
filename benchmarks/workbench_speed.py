"""The ranking board with nine answers of 600 words each, in a real browser against the real server.

Measured are the time until the page shows its first text (first contentful paint), the time from a key or a drop to
the next frame when a card moves, and the size of our own scripts. The goals: paint below 1 s, a move below 50 ms at
the 95th percentile, scripts below 60 kB gzipped (all of them, libraries not counted).

    python benchmarks/workbench_speed.py [--json FILE] [--quick] [--rounds N]

Each round opens the page anew in a browser that has nothing cached; a table shows every round, so that the spread is
seen. Chromium is that of the system, else the one that Playwright brings.
"""

import argparse
import gzip
import hashlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from app.database import Database
from app.labeling.annotations import assigning, drafts, reservation
from app.labeling.annotations.rules.submission import Verdict
from app.labeling.campaigns import service as campaigns
from app.migrate import migrate
from app.models import Candidate, Prompt
from app.models.base import utc_now
from app.people import service as people

ANSWERS, WORDS = 9, 600
EMAIL, PASSWORD = "bench@example.org", "three quiet lanterns"
LABELS = {"use_case": "chat", "closed_domain": "no", "explicit_constraint": "no"}
GOALS = {"first_paint_ms": 1000, "key_p95_ms": 50, "drop_p95_ms": 50}
SCRIPTS_GOAL_KB = 60
SCRIPTS = Path(__file__).resolve().parents[1] / "static" / "js"
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]

# From the moment at which the browser got the input (its time stamp) to the first task after the frame that shows it.
WATCH = """kind => {
  window.moves = [];
  document.addEventListener(kind, (event) => {
    if (event.key === "Shift") return;
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => window.moves.push(performance.now() - event.timeStamp);
      port2.postMessage(0);
    });
  }, { capture: true });
}"""
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"

console = Console()


def prose(draw: random.Random, words: int) -> str:
    """Markdown of made-up words in paragraphs, with a list and some emphasis."""
    vocabulary = ["".join(draw.choices("abcdefghilmnoprstuv", k=draw.randint(2, 9))) for _ in range(900)]
    paragraphs = []
    for _ in range(words // 60):
        paragraph = draw.choices(vocabulary, k=60)
        paragraph[7] = f"**{paragraph[7]}**"
        paragraphs.append(" ".join(paragraph) + ".")
    items = "\n".join(f"- {' '.join(draw.choices(vocabulary, k=6))}" for _ in range(words % 60 // 6))
    return "\n\n".join([*paragraphs, items]).strip()


def furnish(url: str) -> str:
    """A labeler with one task, rated and ready to be ranked; the address of its board."""
    migrate(url)
    database, draw = Database(url), random.Random(1)
    with database.transaction() as session:
        person, _ = people.add_person(session, None, email=EMAIL, name="Bench", role="labeler")
        session.flush()
        people.choose_password(session, person.id, PASSWORD, PASSWORD)
        prompt = Prompt(
            fingerprint=hashlib.sha256(b"bench").hexdigest(),
            messages=[{"role": "user", "content": prose(draw, 60)}],
            source="benchmark",
        )
        session.add(prompt)
        session.flush()
        texts = [prose(draw, WORDS) for _ in range(ANSWERS)]
        candidates = [
            Candidate(
                prompt_id=prompt.id, text=text, text_sha256=hashlib.sha256(text.encode()).hexdigest(), origin="import:b"
            )
            for text in texts
        ]
        session.add_all(candidates)
        session.flush()
        campaigns.create_campaign(session, None, name="Bench", tasks=[(prompt.id, [c.id for c in candidates])])
        now = utc_now()
        assignment = assigning.take_next(session, person, now).assignment
        assert assignment is not None
        asked = reservation.work_for(session, person, assignment.task_id).version
        work = drafts.save_prompt_labels(session, person, assignment.task_id, now, LABELS, shown=asked)
        for candidate in work.order:
            drafts.save_answer(
                session, person, assignment.task_id, candidate, now, verdict=Verdict(draw.randint(1, 7)), shown=asked
            )
        place = f"/label/tasks/{assignment.task_id}/rank"
    database.dispose()
    return place


@contextmanager
def serving(data: Path, url: str) -> Iterator[str]:
    """The server as a deployment runs it, in a process of its own; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PREFLOOP_DATA_DIR": str(data), "PREFLOOP_DATABASE_URL": url}
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    with (data / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}/sign-in", timeout=5).close()
                break
            except OSError:
                if server.poll() is not None:
                    raise SystemExit((data / "server.log").read_text()) from None
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait()


@contextmanager
def window(browser: Browser, address: str) -> Iterator[Page]:
    """A signed-in window with an empty cache."""
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto("/sign-in")
    page.fill("input[name=email]", EMAIL)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button.primary")
    page.wait_for_url("**/label")
    context.new_cdp_session(page).send("Network.clearBrowserCache")
    yield page
    context.close()


def open_board(page: Page, place: str) -> float:
    """Open the board; the first contentful paint in milliseconds."""
    page.goto(place)
    page.wait_for_selector("#rank-form[data-ready]")
    while (painted := page.evaluate(FIRST_PAINT)) is None:
        page.wait_for_timeout(20)
    return float(painted)


def key_moves(page: Page, moves: int, draw: random.Random) -> list[float]:
    """Move cards by keyboard: into lanes first, then up and down through the order."""
    page.evaluate(WATCH, "keydown")
    keys = [str(draw.randint(1, ANSWERS)) for _ in range(ANSWERS)]
    keys += draw.choices(["Shift+J", "Shift+K", "t", *"123456789"], k=moves - len(keys))
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(25)
    page.wait_for_timeout(200)
    taken = page.evaluate("window.moves")
    return [float(ms) for ms in taken]


def drops(page: Page, count: int, draw: random.Random) -> list[float]:
    """Drag cards from lane to lane by mouse; only the drop is timed."""
    taken: list[float] = []
    page.evaluate(WATCH, "pointerup")
    for _ in range(count):
        card = page.locator(".lane .rank-card .letter").nth(draw.randrange(ANSWERS))
        card.scroll_into_view_if_needed()
        start = card.bounding_box()
        lanes = page.locator(".lane.filled")
        goal = lanes.nth(draw.randrange(lanes.count())).bounding_box()
        if start is None or goal is None:
            continue
        page.mouse.move(start["x"] + 4, start["y"] + 4)
        page.mouse.down()
        height = min(max(goal["y"] + 20, 60), 800)
        page.mouse.move(goal["x"] + 90, height, steps=6)
        page.mouse.up()
        page.wait_for_timeout(180)  # the card glides into its place
    taken = page.evaluate("window.moves")
    return [float(ms) for ms in taken]


def script_sizes() -> dict[str, int]:
    """Bytes of each of our own scripts, gzipped one by one as they travel."""
    return {
        str(file.relative_to(SCRIPTS)): len(gzip.compress(file.read_bytes(), 6))
        for file in sorted(SCRIPTS.rglob("*.js"))
    }


def measure(browser: Browser, address: str, place: str, moves: int, round_: int) -> dict[str, float]:
    draw = random.Random(round_)
    with window(browser, address) as page:
        first_paint = open_board(page, place)
        keys = key_moves(page, moves, draw)
        dropped = drops(page, max(5, moves // 4), draw)
    told: dict[str, float] = {"first_paint_ms": round(first_paint), "key_moves": len(keys), "drops": len(dropped)}
    for name, taken in (("key", keys), ("drop", dropped)):
        for share in (50, 95):
            told[f"{name}_p{share}_ms"] = round(float(np.percentile(taken, share)), 1)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="one round with few moves")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    rounds, moves = (1, 20) if given.quick else (given.rounds, 120)
    with tempfile.TemporaryDirectory(prefix="prefloop-benchmark-", ignore_cleanup_errors=True) as scratch:
        data = Path(scratch)
        url = f"sqlite:///{data / 'prefloop.db'}"
        place = furnish(url)
        with serving(data, url) as address, sync_playwright() as playwright:
            path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
            browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
            with window(browser, address) as page:
                open_board(page, place)  # the server has read its templates once
            results = [measure(browser, address, place, moves, number) for number in range(rounds)]
            browser.close()
    sizes = script_sizes()
    report(results, sizes)
    if given.json:
        told: dict[str, Any] = {"rounds": results, "goals": GOALS, "scripts_gzipped_bytes": sum(sizes.values())}
        given.json.write_text(json.dumps({**told, "scripts": sizes, "cores": os.cpu_count()}, indent=2) + "\n")


def report(results: list[dict[str, float]], sizes: dict[str, int]) -> None:
    table = Table(title=f"The ranking board, {ANSWERS} answers of {WORDS} words")
    table.add_column("round")
    for name in results[0]:
        table.add_column(name.replace("_", " "), justify="right")
    for number, result in enumerate(results, 1):
        table.add_row(str(number), *(f"{value:,}" for value in result.values()))
    table.add_section()
    table.add_row("goal", *(f"< {GOALS[name]:,}" if name in GOALS else "" for name in results[0]))
    console.print(table)
    total = sum(sizes.values()) / 1000
    console.print(f"own scripts: {total:.1f} kB gzipped in {len(sizes)} files (goal < {SCRIPTS_GOAL_KB} kB)")


if __name__ == "__main__":
    main()
