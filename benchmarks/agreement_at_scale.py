"""The agreement report by the number of judgements of pairs: seconds and peak memory.

200 labelers rank 2 to 9 answers of made-up prompts with ties. Most prompts are ranked by three people, one in ten by
eight (a calibration pool). The report holds every figure on rankings, with 1,000 resamples of the prompts: three
conventions and tau-b, over pairs and tasks, alpha, tie rates of each labeler, the labeler × labeler matrix, two
divisions of the labelers, and slices by use case, language, campaign and month. Each size runs in a process of its own,
so that its peak of memory is its own. Asked for: a million judgements under 20 s on two cores and under 1.5 GB.

    python benchmarks/agreement_at_scale.py [--json FILE] [--quick] [--twos]

``--twos`` has two answers to every prompt: as many prompts as there can be for so many judgements, the hardest case.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from app.quality.rules.rankings import Judgements
from app.quality.rules.report import Groups, Slicing, ranking_report
from app.quality.rules.resamples import DRAWS

SIZES = (10_000, 100_000, 1_000_000)
LABELERS = 200
PEOPLE, POOL_PEOPLE, POOL = 3, 8, 0.1
MB = 1 << 20


def make(judgements: int, *, twos: bool) -> dict[str, np.ndarray]:
    """Rankings by noisy labelers: long arrays, as a query would give them."""
    random = np.random.default_rng(1)
    skill = random.uniform(0.5, 3, LABELERS)
    rows: list[tuple[np.ndarray, ...]] = []
    task_of, labeler_of = [], []
    made = task = 0
    while made < judgements:
        answers = 2 if twos else int(random.integers(2, 10))
        people = random.choice(LABELERS, POOL_PEOPLE if random.random() < POOL else PEOPLE, replace=False)
        worth = random.normal(size=answers)
        seen = skill[people, None] * worth + random.gumbel(size=(len(people), answers))
        ranking = len(task_of) + np.arange(len(people)).repeat(answers)
        item = np.tile(task * 10 + np.arange(answers), len(people))
        rows.append((ranking, item, -np.round(seen).astype(np.int64).ravel()))
        task_of += [task] * len(people)
        labeler_of += people.tolist()
        made += len(people) * answers * (answers - 1) // 2
        task += 1
    ranking, item, rank = (np.concatenate(column) for column in zip(*rows, strict=True))
    return {
        "ranking": ranking,
        "item": item,
        "rank": rank,
        "task": np.array(task_of),
        "labeler": np.array(labeler_of),
    }


def peak_mb() -> float:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MB


def report(path: str, told: Any) -> None:
    """Make the report and tell the figures; runs in a process of its own."""
    with np.load(path) as file:
        data = dict(file)
    before, started, worked = peak_mb(), time.monotonic(), time.process_time()
    judgements = Judgements.of_rankings(
        data["ranking"], data["item"], data["rank"], task=data["task"], labeler=data["labeler"]
    )
    tasks = np.arange(data["task"].max() + 1)
    found = ranking_report(
        judgements,
        slicings={
            name: Slicing([f"{name} {i}" for i in range(parts)], tasks * 7919 % parts)
            for name, parts in (("use case", 10), ("language", 4), ("campaign", 6), ("month", 12))
        },
        groups={
            "role": Groups(["labeler", "researcher"], (np.arange(LABELERS) < LABELERS // 10).astype(int)),
            "population": Groups(["training", "held-out"], np.arange(LABELERS) % 2),
        },
        seed=1,
    )
    seconds, worked = time.monotonic() - started, time.process_time() - worked
    headline = found.overall["non_tie"].micro
    told.put(
        {
            "judgements": len(judgements.sign),
            "prompts": len(tasks),
            "comparisons": headline.counts.pairs,
            "labeler pairs": len(found.labelers),
            "agreement": round(headline.value or 0, 4),
            "low": round(headline.low or 0, 4),
            "high": round(headline.high or 0, 4),
            "seconds": round(seconds, 1),
            "processor s": round(worked, 1),
            "MB before": round(before),
            "MB peak": round(peak_mb()),
        }
    )


def measure(judgements: int, *, twos: bool, scratch: Path) -> dict[str, Any]:
    path = scratch / f"{judgements}.npz"
    np.savez(path, **make(judgements, twos=twos))
    spawn = multiprocessing.get_context("spawn")
    told = spawn.Queue()
    process = spawn.Process(target=report, args=(str(path), told))
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
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="prefloop-benchmark-") as scratch:
        results = [
            measure(size // (10 if given.quick else 1), twos=given.twos, scratch=Path(scratch)) for size in SIZES
        ]
    table = Table(title=f"Agreement of {LABELERS} labelers, {DRAWS:,} resamples")
    for name in results[0]:
        table.add_column(name, justify="right")
    for result in results:
        table.add_row(*(f"{value:,}" for value in result.values()))
    Console().print(table)
    if given.json:
        given.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
