"""Does a reward model find the truth, and what should it make of ties? Rankings of a hidden utility, learned back.

Each word of a small vocabulary has a hidden weight and an answer's utility is the mean over its words. A simulated
person feels the utility plus Gumbel noise (so that of two answers i is felt better with chance σ(u_i - u_j)), and puts
answers into one lane whose felt utilities lie within a threshold, which is tuned to tie 0, 10, 30 or 60 % of the
pairs. The product's own ``reward`` and ``score`` stages train a small Llama from random weights on the rankings, once
for each treatment of ties. Held-out answers then show how often the model orders two of them as the hidden utilities
do, and as the noisy people do, beside the best that anything can reach there: the hidden utility itself.

    python benchmarks/reward_ties.py [--json FILE] [--quick]
"""

import argparse
import json
import math
import multiprocessing
import statistics
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import get_args

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import track
from rich.table import Table

from trainer.__main__ import main as run_stage
from trainer.contract.configs import PretrainConfig, Ties
from trainer.contract.folder import ANSWERS, CONFIG, INPUTS, MANIFEST, MODEL, RANKINGS, SCORES, RunManifest, RunSpec
from trainer.contract.records import Answer, AnswerToScore, Message, Ranking, Score, read_rows, write_rows

console = Console()

WORDS = (  # noqa: SIM905 - forty lines otherwise
    "amber anchor apple arrow autumn basket beacon bridge candle canyon castle circle copper cotton desert feather "
    "forest garden harbor hollow island ivory jungle kettle ladder lantern marble meadow mirror mountain needle ocean "
    "orchard pebble pepper planet ribbon river silver thunder"
).split()

SPREAD = 4.0
"""Standard deviation of a word's weight in units of the noise: the best possible accuracy becomes 0.75 to 0.8."""

TRAINING = {"learning_rate": 4e-3, "epochs": 2, "warmup_share": 0.1}


@dataclass(frozen=True)
class Size:
    """How much is simulated.

    Attributes:
        train: prompts to learn from.
        heldout: prompts to measure on.
        seeds: repetitions, each with other weights, answers, noise and model.
        shares: of tied pairs.
    """

    train: int
    heldout: int
    seeds: tuple[int, ...]
    shares: tuple[float, ...]


FULL = Size(train=3000, heldout=1500, seeds=(1, 2, 3), shares=(0.0, 0.1, 0.3, 0.6))
QUICK = Size(train=500, heldout=300, seeds=(1,), shares=(0.0, 0.3))


@dataclass(frozen=True)
class Judged:
    """One prompt with its answers.

    Attributes:
        messages: the prompt.
        texts: K answers, 4 to 6.
        utilities: (K,) the truth, in units of the noise.
        felt: (K,) utilities plus the noise of the one person who judges.
        split: ``train`` or ``heldout``.
    """

    messages: list[Message]
    texts: list[str]
    utilities: np.ndarray
    felt: np.ndarray
    split: str


def simulate(size: Size, seed: int) -> list[Judged]:
    draw = np.random.default_rng(seed)
    weights = draw.normal(0, SPREAD, len(WORDS))
    judged = []
    for number in range(size.train + size.heldout):
        chosen = [draw.integers(len(WORDS), size=draw.integers(5, 11)) for _ in range(draw.integers(4, 7))]
        utilities = np.array([weights[words].mean() for words in chosen])
        judged.append(
            Judged(
                [Message(role="user", content=f"Write the words of number {number}.")],
                [" ".join(WORDS[word] for word in words) for words in chosen],
                utilities,
                utilities + draw.gumbel(size=len(utilities)),
                "train" if number < size.train else "heldout",
            )
        )
    return judged


def weak_order(felt: np.ndarray, threshold: float) -> list[int]:
    """Fill lanes from the best: a lane takes all that is at most ``threshold`` below its best answer."""
    ranks, lane, best = [0] * len(felt), 0, math.inf
    for answer in np.argsort(-felt):
        if best - felt[answer] > threshold:
            lane, best = lane + 1, felt[answer]
        ranks[answer] = lane
    return ranks


def tied_share(judged: list[Judged], threshold: float) -> float:
    pairs = [a == b for one in judged for a, b in combinations(weak_order(one.felt, threshold), 2)]
    return sum(pairs) / len(pairs)


def threshold_for(judged: list[Judged], share: float) -> float:
    """The threshold that ties this share of all pairs, by bisection."""
    low, high = 0.0, 20.0
    if share == 0:
        return low
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if tied_share(judged, middle) < share else (low, middle)
    return (low + high) / 2


def write_snapshot(folder: Path, judged: list[Judged], threshold: float) -> Path:
    folder.mkdir(parents=True)
    write_rows(
        folder / RANKINGS,
        Ranking,
        (
            Ranking(
                ranking_id=f"r{number}",
                prompt_id=f"p{number}",
                messages=one.messages,
                answers=[Answer(candidate_id=f"{number}-{k}", text=text) for k, text in enumerate(one.texts)],
                ranks=weak_order(one.felt, threshold),
                annotator="simulated",
                split=one.split,
            )
            for number, one in enumerate(judged)
        ),
    )
    return folder


def write_parent(folder: Path, judged: list[Judged], seed: int) -> Path:
    """The model that training starts from: two layers with random weights, and a tokenizer that knows the words."""
    import torch
    from transformers.utils import logging

    from trainer.data.tokenizer import train_tokenizer
    from trainer.models.backbone import build_llama

    logging.disable_progress_bar()

    tokenizer = train_tokenizer([text for one in judged[:1000] for text in one.texts], 512)
    torch.manual_seed(seed)
    build_llama(PretrainConfig(hidden_size=64, layers=2, heads=2, context=64), tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def run(stage: str, folder: Path, **spec) -> RunManifest:
    """Run a stage in its folder, which keeps what it said."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"threads": 1, "device": "cpu", "max_tokens": 64, **spec.pop("config", {})}
    (folder / CONFIG).write_text(RunSpec(stage=stage, config=config, **spec).model_dump_json())
    with (folder / "said.txt").open("w") as said, redirect_stdout(said), redirect_stderr(said):
        status = run_stage([stage, str(folder)])
    if status:
        raise SystemExit((folder / "said.txt").read_text())
    return RunManifest.model_validate_json((folder / MANIFEST).read_text())


def learn(folder: Path, size: Size, seed: int, share: float, ties: Ties) -> dict:
    """One training on one set of rankings; returns its row of numbers."""
    started = time.monotonic()
    judged = simulate(size, seed)
    threshold = threshold_for(judged, share)
    snapshot = write_snapshot(folder / "snapshot", judged, threshold)
    parent = write_parent(folder / "parent", judged, seed)
    config = {**TRAINING, "ties": ties, "checkpoint_every": 10_000, "log_every": 10}
    reward = run("reward", folder / "reward", seed=seed, snapshot=snapshot, parents={"sft": parent}, config=config)

    heldout = [one for one in judged if one.split == "heldout"]
    scores = score(folder / "score", folder / "reward" / MODEL, heldout)
    pairs = compare(heldout, scores, threshold)
    return {
        "seed": seed,
        "share": share,
        "ties": ties,
        "threshold": threshold,
        **pairs.figures(),
        **expected_ties(pairs, ties, reward.metrics.get("reward/tie_parameter")),
        "stage_accuracy": reward.judging.accuracy.value,
        "stage_separation": reward.judging.ties.separation.value,
        "seconds": time.monotonic() - started,
    }


def score(folder: Path, model: Path, judged: list[Judged]) -> list[np.ndarray]:
    """Scores of all answers of each prompt, by the ``score`` stage."""
    (folder / INPUTS).mkdir(parents=True)
    texts = [(one.messages, text) for one in judged for text in one.texts]
    rows = (AnswerToScore(answer_id=str(i), messages=asked, text=text) for i, (asked, text) in enumerate(texts))
    write_rows(folder / INPUTS / ANSWERS, AnswerToScore, rows)
    run("score", folder, parents={"reward": model})
    flat = np.array([row.score for row in read_rows(folder / SCORES, Score)])
    return np.split(flat, np.cumsum([len(one.texts) for one in judged])[:-1])


@dataclass(frozen=True)
class Pairs:
    """All pairs (i, j) of held-out answers, each once.

    Attributes:
        rewards: (N,) score of i minus score of j.
        truth: (N,) utility of i minus utility of j.
        lanes: (N,) rank of j minus rank of i: positive where i was put higher, 0 where they are tied.
    """

    rewards: np.ndarray
    truth: np.ndarray
    lanes: np.ndarray

    def figures(self) -> dict[str, float | None]:
        strict = self.lanes != 0
        return {
            "tied": float(1 - strict.mean()),
            "true_order": same_sign(self.rewards, self.truth),
            "accuracy": same_sign(self.rewards[strict], self.lanes[strict]),
            "possible": same_sign(self.truth[strict], self.lanes[strict]),
            "separation": smaller(np.abs(self.rewards[~strict]), np.abs(self.rewards[strict])),
            "separation_possible": smaller(np.abs(self.truth[~strict]), np.abs(self.truth[strict])),
        }


def compare(judged: list[Judged], scores: list[np.ndarray], threshold: float) -> Pairs:
    gaps = [
        (rewards[i] - rewards[j], one.utilities[i] - one.utilities[j], ranks[j] - ranks[i])
        for one, rewards in zip(judged, scores, strict=True)
        for ranks in [weak_order(one.felt, threshold)]
        for i, j in combinations(range(len(ranks)), 2)
    ]
    return Pairs(*np.array(gaps).T)


def same_sign(one: np.ndarray, other: np.ndarray) -> float:
    """Share of pairs ordered alike; no order counts one half."""
    return float((0.5 + 0.5 * np.sign(one) * np.sign(other)).mean())


def smaller(some: np.ndarray, others: np.ndarray) -> float | None:
    """Chance that one of ``some`` is smaller than one of ``others``."""
    if not len(some):
        return None
    return float(1 - np.searchsorted(np.sort(others), some).mean() / len(others))


def expected_ties(pairs: Pairs, ties: Ties, value: float | None) -> dict[str, float]:
    """What a likelihood of ties has learned: its parameter, and the share of held-out pairs it expects to be tied."""
    import torch

    from trainer.losses.preference import tie_losses

    if value is None:
        return {}
    parameter = torch.tensor(value if ties == "davidson" else value - 1, dtype=torch.float64).log()
    chances = tie_losses(torch.from_numpy(pairs.rewards), ties, parameter).neg().exp()
    return {"tie_value": value, "tied_expected": chances.mean().item()}


def measure(size: Size) -> list[dict]:
    """Every training, two at a time."""
    jobs = [
        (seed, share, ties)
        for seed in size.seeds
        for share in size.shares
        # Without ties the treatments differ in nothing that is learned from data.
        for ties in (get_args(Ties) if share else ["drop"])
    ]
    with (
        tempfile.TemporaryDirectory(prefix="prefloop-ties-") as root,
        ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        started = [pool.submit(learn, Path(root) / str(i), size, *job) for i, job in enumerate(jobs)]
        return [job.result() for job in track(started, "training", console=console)]


def summary(rows: list[dict]) -> list[dict]:
    """Mean and standard deviation over the seeds, for each share of ties and each treatment."""
    cells = defaultdict(list)
    for row in rows:
        row["short"] = row["possible"] - row["accuracy"]
        cells[row["share"], row["ties"]].append(row)
    return [
        {"share": share, "ties": ties, "seeds": len(some)}
        | {
            name: {
                "mean": statistics.fmean(row[name] for row in some),
                "std": statistics.stdev(row[name] for row in some) if len(some) > 1 else None,
            }
            for name in some[0]
            if name not in ("seed", "share", "ties") and some[0][name] is not None
        }
        for (share, ties), some in sorted(cells.items(), key=lambda cell: cell[0][0])
    ]


ACCURACIES = {
    "true order": ("true_order", 3, True),
    "strict pairs": ("accuracy", 3, True),
    "best possible": ("possible", 3, True),
    "short by": ("short", 4, True),
}
TIES_SEEN = {
    "ties apart": ("separation", 3, True),
    "possible": ("separation_possible", 3, False),
    "ν or θ": ("tie_value", 2, True),
    "expected": ("tied_expected", 3, True),
    "seen": ("tied", 3, False),
}
"""Header -> name of the number, its digits, and whether its standard deviation is shown."""


def table(title: str, cells: list[dict], columns: dict[str, tuple[str, int, bool]]) -> Table:
    drawn = Table(title=title, box=SIMPLE, padding=(0, 1, 0, 0))
    for name in ("ties", "treatment", *columns):
        drawn.add_column(name, no_wrap=True)
    for cell in cells:
        numbers = []
        for name, digits, spread in columns.values():
            found = cell.get(name)
            deviation = f" ±{found['std']:.{digits}f}" if spread and found and found["std"] is not None else ""
            numbers.append(f"{found['mean']:.{digits}f}{deviation}" if found else "")
        drawn.add_row(f"{cell['share']:.0%}", cell["ties"], *numbers)
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="one seed, 500 prompts, 0 and 30 %% ties")
    given = parser.parse_args()
    started = time.monotonic()
    size = QUICK if given.quick else FULL
    rows = measure(size)
    cells = summary(rows)
    seconds = round(time.monotonic() - started, 1)
    console.print(table("Held-out accuracy, mean ± s.d. over seeds", cells, ACCURACIES))
    tied = [cell for cell in cells if cell["share"]]
    console.print(table("Held-out ties: chance that one lies closer than a strict pair; their share", tied, TIES_SEEN))
    without_ties = next(cell for cell in cells if cell["share"] == 0)
    worst = max(rows, key=lambda row: row["short"])
    console.print(
        f"Without ties {without_ties['short']['mean']:.4f} short of the best possible accuracy; at worst "
        f"{worst['short']:.4f} ({worst['ties']}, {worst['share']:.0%} ties, seed {worst['seed']}). {seconds} s in all.",
        highlight=False,
    )
    if given.json:
        given.json.write_text(json.dumps({"seconds": seconds, "cells": cells, "runs": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
