"""Consensus beside majority on a simulated workforce whose truth is known.

Forty labelers (25 honest with different skill and tastes, 5 spammers, 5 who go by the place on the screen, 5 careless)
rank answers whose worth is hidden; most prompts are ranked by three of them. For each seed four ways to put the
rankings together are held against the hidden order: the verdict that most gave on each pair, the whole order that most
gave, Davidson's model with all labelers alike, and with labelers by their reliability. A pair counts if its answers
are not equally good; an order says 1 where it has it right, one half where it leaves a tie. Flags are put together by
majority and by Dawid & Skene's model; what counts is the share of answers and flags that come out wrong. Researchers'
work is left out.

    python benchmarks/consensus_on_hidden_truth.py [--json FILE] [--quick] [--seeds N]
"""

import argparse
import json
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
from rich.console import Console
from rich.table import Table

from app.demo.workforce import Workforce, simulate
from app.demo.workforce_people import RESEARCHER, Plan
from app.demo.workforce_tasks import FLAGS
from trainer.statistics.aggregation import FlagVotes, fit, flags, orders
from trainer.statistics.consensus import majority, plurality
from trainer.statistics.crowd import majority_classes
from trainer.statistics.rankings import Judgements

WAYS = ("majority of each pair", "plurality of orders", "Davidson, all alike", "Davidson by reliability")


def pairs_right(workforce: Workforce) -> dict[str, float]:
    """The share of pairs that each way has in the hidden order."""
    everything = workforce.judgements()
    judgements = everything.only(np.array([verdict.worker.kind != RESEARCHER for verdict in workforce.work]))
    task = np.full(len(judgements.answers), -1)
    task[judgements.pair] = judgements.task[judgements.ranking]
    worth = {verdict.task.item.number: [one.worth for one in verdict.task.item.answers] for verdict in workforce.work}
    judged = np.flatnonzero(task >= 0)
    first, second = judgements.answers[judged].T
    of = [worth[number] for number in task[judged].tolist()]
    truth = np.array([np.sign(w[i] - w[j]) for w, i, j in zip(of, first.tolist(), second.tolist(), strict=True)])
    found = (
        majority(judgements)[0],
        plurality(judgements),
        _signs(judgements, task, "davidson"),
        _signs(judgements, task, "reliability"),
    )
    counted = truth != 0
    return {
        way: float(((said[judged] == truth) + (said[judged] == 0) / 2)[counted].mean())
        for way, said in zip(WAYS, found, strict=True)
    }


def _signs(judgements: Judgements, task: np.ndarray, method: str) -> np.ndarray:
    """What the consensus says of each pair, without ties of its own making."""
    figures = orders(fit(judgements, method="davidson" if method == "davidson" else "reliability"), tie_below=0.5)
    ranks = [dict(zip(f.consensus.answers, f.consensus.ranks, strict=True)) if f.consensus else {} for f in figures]
    return np.array(
        [
            np.sign(ranks[of].get(other, 0) - ranks[of].get(one, 0)) if of >= 0 else 0
            for of, (one, other) in zip(task.tolist(), judgements.answers.tolist(), strict=True)
        ]
    )


def flags_wrong(workforce: Workforce) -> dict[str, float]:
    """The share of flags of answers that come out wrong, over all flags that the simulation knows."""
    labels = [
        (verdict.task.item.number, place, verdict.worker.number, said, verdict.task.item.answers[place].flags)
        for verdict in workforce.work
        if verdict.worker.kind != RESEARCHER
        for place, said in enumerate(verdict.flags)
    ]
    cells, item = np.unique(np.array([label[:2] for label in labels]), axis=0, return_inverse=True)
    item = item.reshape(-1)
    rater = np.array([label[2] for label in labels])
    wrong: dict[str, list[float]] = {"majority": [], "Dawid–Skene": []}
    for name in FLAGS:
        value = np.array([name in label[3] for label in labels], dtype=np.int64)
        truth = np.zeros(len(cells), dtype=bool)
        truth[item] = [name in label[4] for label in labels]
        found = flags(FlagVotes(item, rater, value), items=len(cells), raters=len(workforce.workers))
        wrong["majority"].append(float((majority_classes(item, value, (len(cells), 2)) != truth).mean()))
        wrong["Dawid–Skene"].append(float(((found.chance > 0.5) != truth).mean()))
    return {way: fmean(each) for way, each in wrong.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="two seeds with a third of the work")
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    seeds = range(1, (2 if given.quick else given.seeds) + 1)
    rows, flag_rows = [], []
    for seed in seeds:
        workforce = simulate(Plan(seed=seed, items_each=30) if given.quick else Plan(seed=seed))
        rows.append(pairs_right(workforce))
        flag_rows.append(flags_wrong(workforce))
    table = Table(title=f"Hidden order, {len(rows)} simulated workforces of 40")
    for heading in ("way", "pairs right", "least", "most", "ahead of the pairs' majority"):
        table.add_column(heading)
    for way in WAYS:
        values = [row[way] for row in rows]
        ahead = [row[way] - row[WAYS[0]] for row in rows]
        spread = f"{fmean(values):.3f} ± {stdev(values):.3f}"
        table.add_row(
            way, spread, f"{min(values):.3f}", f"{max(values):.3f}", f"in {sum(a > 0 for a in ahead)} of {len(rows)}"
        )
    console = Console()
    console.print(table)
    for way in flag_rows[0]:
        values = [row[way] for row in flag_rows]
        console.print(f"flags wrong, {way}: {100 * fmean(values):.2f} % ± {100 * stdev(values):.2f}")
    if given.json:
        given.json.write_text(json.dumps({"pairs_right": rows, "flags_wrong": flag_rows}, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
