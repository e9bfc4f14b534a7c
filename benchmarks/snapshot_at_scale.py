"""Freezing a pool of InstructGPT's size: time and memory, by the number of prompts.

Fills a fresh database with prompts that one person ranked (4 to 9 answers of about 400 characters each, rated and
flagged, in three campaigns) and freezes it, each size in a process of its own, so that its peak of memory is its own.
Twice the prompts must take about twice the time and no more memory.

    python benchmarks/snapshot_at_scale.py [--json FILE] [--quick] [--database postgresql://…]

With ``--database`` the (empty) database behind that address is used for the one full size.
"""

import argparse
import itertools
import json
import multiprocessing
import random
import resource
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table
from sqlalchemy import insert

from app.database import Database
from app.material.prompts.rules import prompt_fingerprint, text_sha256
from app.migrate import migrate
from app.models import (
    Annotation,
    Base,
    Campaign,
    Candidate,
    Flag,
    Person,
    Prompt,
    Ranking,
    Rating,
    Task,
    TaskCandidate,
)
from app.models.base import utc_now
from app.settings import Settings
from app.training.snapshots import service
from app.training.snapshots.rules import Filters

PROMPTS = 33_207  # of InstructGPT's reward model, table 6
ANSWER = 400  # characters
CAMPAIGNS = 3
PEOPLE = 40
BATCH = 1_000
MB = 1 << 20

console = Console()


def fill(database: Database, prompts: int) -> None:
    """Make the pool by plain inserts, a batch of prompts at a time; ids are given here."""
    draw = random.Random(1)
    answer_ids = itertools.count(1)
    now = utc_now()
    words = [f"w{draw.randrange(10**6):06d}" for _ in range(20_000)]

    def text(characters: int) -> str:
        return " ".join(draw.choices(words, k=characters // 8))

    with database.transaction() as session:
        people = [
            Person(email=f"p{i}@example.org", name=f"p{i}", role="labeler", password_hash="", labeler_group=f"g{i % 4}")
            for i in range(PEOPLE)
        ]
        session.add_all([*people, *(Campaign(name=f"Round {i}") for i in range(CAMPAIGNS))])
    for first in range(1, prompts + 1, BATCH):
        rows: dict[type[Base], list[dict[str, Any]]] = {
            table: [] for table in (Prompt, Task, Candidate, TaskCandidate, Annotation, Ranking, Rating, Flag)
        }
        for id_ in range(first, min(first + BATCH, prompts + 1)):
            messages = [{"role": "user", "content": text(ANSWER)}]
            fingerprint = prompt_fingerprint(messages)
            of = {"campaign_id": draw.randint(1, CAMPAIGNS), "created_at": now}
            rows[Prompt].append(
                {"id": id_, "fingerprint": fingerprint, "messages": messages, "source": "made", "created_at": now}
                | {"user_key": f"user{id_ % 5000}", "use_case": "chat", "detail": {}}
            )
            rows[Task].append({"id": id_, "prompt_id": id_, "fingerprint": fingerprint, **of})
            shown = [next(answer_ids) for _ in range(draw.randint(4, 9))]
            person = draw.randint(1, PEOPLE)
            rows[Annotation].append(
                {"id": id_, "campaign_id": of["campaign_id"], "task_id": id_, "person_id": person, "seconds": 60.0}
                | {"annotator": f"labeler-{person}", "shown_order": draw.sample(shown, len(shown)), "submitted_at": now}
            )
            rows[Flag].append({"annotation_id": id_, "candidate_id": None, "name": "use_case", "value": "open_qa"})
            for position, answer in enumerate(shown):
                said = text(ANSWER)
                rows[Candidate].append(
                    {"id": answer, "prompt_id": id_, "text": said, "text_sha256": text_sha256(said), "detail": {}}
                    | {"origin": "import:made", "sampling": {}, "created_at": now}
                )
                rows[TaskCandidate].append({"task_id": id_, "candidate_id": answer, "position": position})
                judged = {"annotation_id": id_, "candidate_id": answer}
                rows[Ranking].append(judged | {"rank": draw.randint(1, 4)})
                rows[Rating].append(judged | {"likert": draw.randint(1, 7), "note": ""})
                rows[Flag].append(judged | {"name": "fails_task", "value": draw.choice(("yes", "no"))})
        with database.transaction() as session:
            for table, some in rows.items():
                session.execute(insert(table.__table__), some)


def peak_mb() -> float:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MB


class Watch(threading.Thread):
    """Notes the memory of this process twenty times a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: list[float] = []
        self._over = threading.Event()

    def run(self) -> None:
        me = psutil.Process()
        while not self._over.wait(0.05):
            self.seen.append(me.memory_info().rss / MB)

    def stop(self) -> None:
        self._over.set()
        self.join()


def freeze(url: str, folder: Path, told: Any) -> None:
    """Freeze and tell the figures; runs in a process of its own."""
    database = Database(url)
    settings = Settings(data_dir=folder, database_url=url, secret_key="benchmark")
    with database.reading() as session:  # the libraries are loaded and the files of the database opened before
        service.queries.counts(session, Filters())
    before, watch, started = peak_mb(), Watch(), time.monotonic()
    watch.start()
    with database.reading() as session:
        frozen = service.freeze(session, settings, Filters())
    seconds = time.monotonic() - started
    watch.stop()
    told.put(
        {
            "seconds": round(seconds, 1),
            "mb_before": round(before),
            "mb_at_half_time": round(watch.seen[len(watch.seen) // 2]),
            "mb_peak": round(peak_mb()),
            "rankings": frozen.counts["rankings"],
            "pairs": frozen.counts["strict_pairs"] + frozen.counts["tied_pairs"],
        }
    )


def measure(prompts: int, url: str | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="prefloop-benchmark-") as scratch:
        folder = Path(scratch)
        url = url or f"sqlite:///{folder / 'prefloop.db'}"
        migrate(url)
        database = Database(url)
        started = time.monotonic()
        fill(database, prompts)
        database.dispose()
        console.print(f"· {prompts:,} prompts made in {time.monotonic() - started:.0f} s", highlight=False)
        spawn = multiprocessing.get_context("spawn")
        told = spawn.Queue()
        process = spawn.Process(target=freeze, args=(url, folder, told))
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(f"freezing failed with exit code {process.exitcode}")
        return {"prompts": prompts, **told.get()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--database", help="an empty PostgreSQL database, for the full size only")
    given = parser.parse_args()
    full = PROMPTS // 10 if given.quick else PROMPTS
    sizes = [full] if given.database else [full // 4, full // 2, full]
    results = [measure(prompts, given.database) for prompts in sizes]
    table = Table(title="Freezing a snapshot")
    for name in results[0]:
        table.add_column(name.replace("_", " "), justify="right")
    for result in results:
        table.add_row(*(f"{value:,}" for value in result.values()))
    console.print(table)
    if given.json:
        given.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
