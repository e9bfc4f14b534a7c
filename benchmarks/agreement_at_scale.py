"""The agreement report by the number of judgements of pairs, from the database to the figures: seconds and peak memory.

200 labelers rank and rate 2 to 9 answers of made-up prompts, with ties. Most prompts are ranked by three people, one in
ten by eight (a calibration pool). Everything is stored in a database as the application stores it (SQLite, or
PostgreSQL with ``--database``, which must be empty), and the report is made as the page makes it: every figure on
rankings, with 1,000 resamples of the prompts (three conventions and tau-b, over pairs and tasks, alpha, tie rates,
labeler × labeler, roles, groups, use cases, languages, campaigns, months), on the ratings, and on flags if asked for.
Each size runs in a process of its own, so that its peak of memory is its own. Asked for: a million judgements under
20 s on two cores and under 1.5 GB.

    python benchmarks/agreement_at_scale.py [--json FILE] [--quick] [--twos] [--flags N] [--database URL]

``--twos`` has two answers to every prompt: as many prompts as there can be for so many judgements, the hardest case.
``--flags`` asks so many yes-or-no questions about every answer; each is a row per person and answer.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from sqlalchemy import insert

from app.database import Database
from app.material.prompts.rules import USE_CASES, text_sha256
from app.migrate import migrate
from app.models import Annotation, Campaign, Candidate, Flag, Person, Prompt, Ranking, Rating, Task
from app.quality.agreement import service
from app.quality.agreement.rules.filters import Filters
from trainer.statistics.bootstrap import DRAWS
from trainer.statistics.ranking_agreement import HEADLINE

SIZES = (10_000, 100_000, 1_000_000)
LABELERS = 200
CAMPAIGNS = 6
PEOPLE, POOL_PEOPLE, POOL = 3, 8, 0.1
MB = 1 << 20


def rankings(judgements: int, *, twos: bool) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """(task, people, ranks by person and answer) of noisy labelers until there are so many judgements of pairs."""
    random = np.random.default_rng(1)
    skill = random.uniform(0.5, 3, LABELERS)
    made = task = 0
    while made < judgements:
        answers = 2 if twos else int(random.integers(2, 10))
        people = random.choice(LABELERS, POOL_PEOPLE if random.random() < POOL else PEOPLE, replace=False)
        worth = random.normal(size=answers)
        seen = skill[people, None] * worth + random.gumbel(size=(len(people), answers))
        yield task, people, np.unique(-np.round(seen), return_inverse=True)[1].reshape(seen.shape) + 1
        made += len(people) * answers * (answers - 1) // 2
        task += 1


def store(url: str, judgements: int, *, twos: bool, flags: int) -> None:
    """Fill an empty, migrated database."""
    began = datetime(2026, 1, 1, tzinfo=UTC)
    database = Database(url)
    rows: dict[Any, list[dict[str, Any]]] = {
        model: [] for model in (Prompt, Candidate, Task, Annotation, Ranking, Rating, Flag)
    }
    with database.transaction() as session:
        session.add_all(
            Person(
                id=n + 1,
                email=f"{n}@example.org",
                name=str(n),
                role="researcher" if n < LABELERS // 10 else "labeler",
                labeler_group=("training", "held-out")[n % 2],
                password_hash="",
            )
            for n in range(LABELERS)
        )
        session.add_all(Campaign(id=n + 1, name=f"campaign {n}") for n in range(CAMPAIGNS))
        session.flush()

        def write() -> None:
            for model, some in rows.items():
                if some:
                    session.execute(insert(model.__table__), some)
                    some.clear()

        answer = annotation = flag = 0
        for task, people, ranks in rankings(judgements, twos=twos):
            about = {"created_at": began}
            digest = text_sha256(str(task))
            asked = {"use_case": USE_CASES[task % 10], "language": ("en", "zh", "de", "fr")[task % 4]}
            rows[Prompt].append(
                {"id": task + 1, "fingerprint": digest, "messages": [], "source": "made up", "detail": {}}
                | asked
                | about
            )
            rows[Task].append(
                {"id": task + 1, "campaign_id": task % CAMPAIGNS + 1, "prompt_id": task + 1, "fingerprint": digest}
                | about
            )
            ids = range(answer + 1, answer + 1 + ranks.shape[1])
            answer += len(ids)
            made = {"prompt_id": task + 1, "text": "", "origin": "made up", "sampling": {}, "detail": {}} | about
            rows[Candidate].extend({"id": one, "text_sha256": str(one)} | made for one in ids)
            for person, order in zip(people.tolist(), ranks.tolist(), strict=True):
                annotation += 1
                rows[Annotation].append(
                    {
                        "id": annotation,
                        "campaign_id": task % CAMPAIGNS + 1,
                        "task_id": task + 1,
                        "person_id": person + 1,
                        "annotator": f"labeler-{person + 1}",
                        "shown_order": [],
                        "submitted_at": began + timedelta(minutes=task * 12 * 43_200 / judgements),
                    }
                )
                for one, rank in zip(ids, order, strict=True):
                    of = {"annotation_id": annotation, "candidate_id": one}
                    rows[Ranking].append({"rank": rank} | of)
                    rows[Rating].append({"likert": max(1, 8 - rank), "note": ""} | of)
                    for question in range(flags):
                        flag += 1
                        value = "yes" if (one * 31 + person + question) % 20 == 0 else "no"
                        rows[Flag].append({"id": flag, "name": f"flag_{question}", "value": value} | of)
            if len(rows[Ranking]) > 50_000:
                write()
        write()
    database.dispose()


def peak_mb() -> float:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MB


def report(url: str, told: Any) -> None:
    """Make the report and tell the figures; runs in a process of its own."""
    database = Database(url)
    before, started, worked = peak_mb(), time.monotonic(), time.process_time()
    steps: list[tuple[str, float]] = []
    with database.reading() as session:
        found = service.report(session, Filters(), seed=1, say=lambda step: steps.append((step, time.monotonic())))
    seconds, worked = time.monotonic() - started, time.process_time() - worked
    read = next(at for step, at in steps if step == service.COMPARING) - started
    headline = found.rankings.overall[HEADLINE].micro
    told.put(
        {
            "judgements": found.rankings.ties.counts.pairs,
            "prompts": found.prompts,
            "comparisons": headline.counts.pairs,
            "labeler pairs": len(found.rankings.labelers),
            "agreement": round(headline.value or 0, 4),
            "low": round(headline.low or 0, 4),
            "high": round(headline.high or 0, 4),
            "reading s": round(read, 1),
            "seconds": round(seconds, 1),
            "processor s": round(worked, 1),
            "MB before": round(before),
            "MB peak": round(peak_mb()),
        }
    )


def measure(judgements: int, given: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    url = given.database or f"sqlite:///{scratch / f'{judgements}.db'}"
    migrate(url)
    store(url, judgements, twos=given.twos, flags=given.flags)
    spawn = multiprocessing.get_context("spawn")
    told = spawn.Queue()
    process = spawn.Process(target=report, args=(url, told))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"the report failed with exit code {process.exitcode}")
    return told.get()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--twos", action="store_true", help="two answers to every prompt")
    parser.add_argument("--flags", type=int, default=0, help="questions about every answer")
    parser.add_argument("--database", help="URL of an empty database, which is filled with the largest size alone")
    given = parser.parse_args()
    sizes = [size // (10 if given.quick else 1) for size in (SIZES[-1:] if given.database else SIZES)]
    with tempfile.TemporaryDirectory(prefix="prefloop-benchmark-") as scratch:
        results = [measure(size, given, Path(scratch)) for size in sizes]
    table = Table(title=f"Agreement of {LABELERS} labelers, {DRAWS:,} resamples")
    for name in results[0]:
        table.add_column(name, justify="right")
    for result in results:
        table.add_row(*(f"{value:,}" for value in result.values()))
    Console(width=160).print(table)
    if given.json:
        given.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
