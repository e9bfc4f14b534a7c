"""How the preparation of a reward run grows: InstructGPT's 33,207 training prompts with K = 4 to 9 answers.

Writes a snapshot of made-up English of the paper's lengths, and prepares it in a process of its own as the `reward`
stage does: Parquet to validated rankings to token ids. Three sizes show how time and memory grow, and reaching for a
batch in the middle of the epoch shows what resuming costs. Judging the same rankings with scores drawn at random shows
what the pictures of a run's page cost.

    python benchmarks/reward_at_scale.py [--json FILE] [--quick]
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from trainer.contract.folder import RANKINGS
from trainer.contract.records import Answer, Message, Ranking, write_rows
from trainer.data.corpus import stdlib_docstrings
from trainer.data.reading import read_rankings
from trainer.data.tokenizer import train_tokenizer
from trainer.judging.judge import judge
from trainer.models.backbone import load_tokenizer
from trainer.stages.reward_judging import scored

PROMPTS = 33_207  # InstructGPT, Table 6: training prompts of the reward model
PROMPT_WORDS, ANSWER_WORDS = 100, 36  # about 200 and 72 tokens; the paper's mean prompt has 199 (Table 9)
MAX_TOKENS = 1024
SECONDS, MEGABYTES = 120, 1000

console = Console(width=120)


def rankings(count, words):
    """Rankings whose texts are pieces of a corpus, cut anywhere."""
    draw = random.Random(0)

    def text(mean):
        length = draw.randint(mean // 6, 2 * mean - mean // 6)
        start = draw.randrange(len(words) - length)
        return " ".join(words[start : start + length])

    for i in range(count):
        answers = draw.randint(4, 9)
        yield Ranking(
            ranking_id=str(i),
            prompt_id=str(i),
            messages=[Message(role="user", content=text(PROMPT_WORDS))],
            answers=[
                Answer(candidate_id=f"{i}-{k}", text=text(ANSWER_WORDS), likert=draw.randint(1, 7))
                for k in range(answers)
            ],
            ranks=[draw.randint(1, answers) for _ in range(answers)],
            annotator=f"labeler-{i % 40}",
        )


def peak_mb():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def prepare(folder):
    """In a process of its own: read the rankings; prints what it took."""
    tokenizer = load_tokenizer(folder)
    before = peak_mb()
    started = time.monotonic()
    splits, _ = read_rankings(folder / RANKINGS, tokenizer, MAX_TOKENS)
    train = splits["train"]
    seconds = time.monotonic() - started
    prepared_mb = peak_mb()
    started = time.monotonic()
    for element in range(len(train) // 2, len(train) // 2 + 64):
        train.conversations(element, MAX_TOKENS)
    batch = time.monotonic() - started
    started = time.monotonic()
    scores = np.random.default_rng(0).normal(size=(len(train.answer_spans), 1))
    judge(scored(train, [scores], []), split="train", seed=0)
    print(
        json.dumps(
            {
                "prompts": len(train),
                "answers": len(train.answer_spans),
                "tokens": len(train.tokens),
                "seconds": round(seconds, 2),
                "batch_milliseconds": round(1000 * batch, 2),
                "peak_mb": prepared_mb,
                "libraries_mb": before,
                "judging_seconds": round(time.monotonic() - started, 2),
                "judging_peak_mb": peak_mb(),
            }
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="a tenth of the prompts")
    parser.add_argument("--prepare", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.prepare:
        prepare(given.prepare)
        return
    full = PROMPTS // 10 if given.quick else PROMPTS
    found = []
    with tempfile.TemporaryDirectory(prefix="prefloop-scale-") as name:
        folder = Path(name)
        texts = list(stdlib_docstrings())[:4000]
        train_tokenizer(texts, 4096).save_pretrained(folder)
        words = [word for text in texts for word in text.split()]
        for count in (full // 4, full // 2, full):
            write_rows(folder / RANKINGS, Ranking, rankings(count, words))
            megabytes = (folder / RANKINGS).stat().st_size / 1e6
            done = subprocess.run(
                [sys.executable, __file__, "--prepare", str(folder)], check=True, capture_output=True, text=True
            )
            found.append({**json.loads(done.stdout.splitlines()[-1]), "parquet_mb": round(megabytes, 1)})
            console.print(f"· {found[-1]}", highlight=False)

    table = Table(title="Preparing rankings for a reward run", caption=f"limits: {SECONDS} s, {MEGABYTES} MB")
    for heading in (
        "prompts",
        "answers",
        "tokens",
        "s",
        "peak MB",
        "of it libraries",
        "a batch of 64, ms",
        "judging s",
        "peak MB",
    ):
        table.add_column(heading, justify="right")
    for row in found:
        table.add_row(
            *(f"{row[key]:,}" for key in ("prompts", "answers", "tokens")),
            f"{row['seconds']:.1f}",
            f"{row['peak_mb']:,}",
            f"{row['libraries_mb']:,}",
            f"{row['batch_milliseconds']:.1f}",
            f"{row['judging_seconds']:.1f}",
            f"{row['judging_peak_mb']:,}",
        )
    console.print(table)
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
