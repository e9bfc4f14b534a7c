"""Peak memory of fine-tuning and of reward training beside TRL's, on the same model and the same texts.

The model is that of ``memory_by_stage.py``: the shape of Qwen2-0.5B with 151,936 tokens, random weights, in bfloat16,
adapters of rank 16 beside every linear layer. Both sides compute in bfloat16, compute their layers again on the way
back, and read as many tokens together. TRL stands in an environment of its own (as for ``reward_model_vs_trl.py``);
each side is a process of its own, and the peak is what the system says of it at its end.

    python benchmarks/memory_vs_trl.py [--json FILE] [--quick] [--cells sft-512,sft-4096,reward-512]

``--quick`` takes a model of two layers and a small vocabulary, to see that everything runs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from memory_by_stage import GIGABYTE, SMALL, WHOLE, base_model
from reward_model_vs_trl import TRL_ENVIRONMENT, trl_environment
from rich.console import Console
from rich.table import Table
from transformers import AutoTokenizer

from tests import tiny
from trainer.contract.folder import DEMONSTRATIONS, METRICS, PROMPTS, RANKINGS
from trainer.contract.records import Answer, Demonstration, Message, Prompt, Ranking, write_rows

PART = Path(__file__).parent / "memory_vs_trl" / "train_with_trl.py"
CELLS: dict[str, dict[str, Any]] = {
    # (stage, tokens of a prompt, tokens of an answer, rows that TRL reads together)
    "sft-512": {"stage": "sft", "prompt": 128, "answer": 384, "rows": 8},
    "sft-4096": {"stage": "sft", "prompt": 64, "answer": 4032, "rows": 1},
    # Four answers of a prompt are six pairs, of which two are read together: as many tokens as four answers.
    "reward-512": {"stage": "reward", "prompt": 256, "answer": 256, "rows": 4},
}
STEPS = 3
THREADS = 2
ANSWERS = 4


def text_of(tokenizer: Any, tokens: int, start: int) -> str:
    """Words that make about so many tokens, other ones for each start."""
    said = " ".join((tiny.CORPUS[start % len(tiny.CORPUS) :] + tiny.CORPUS) * (1 + tokens // 300))
    return str(tokenizer.decode(tokenizer(said, add_special_tokens=False)["input_ids"][:tokens]))


def rows_of(cell: dict[str, Any], tokenizer: Any) -> list[dict[str, Any]]:
    count = STEPS * cell["rows"]
    rows = []
    for place in range(count):
        answers = [text_of(tokenizer, cell["answer"], 7 * place + number + 1) for number in range(ANSWERS)]
        rows.append({"prompt": text_of(tokenizer, cell["prompt"], place), "answer": answers[0], "answers": answers})
    return rows


def snapshot_of(rows: list[dict[str, Any]], folder: Path) -> Path:
    folder.mkdir(parents=True)
    prompts, demonstrations, rankings = [], [], []
    for number, row in enumerate(rows):
        name, asked = f"p{number}", [Message(role="user", content=row["prompt"])]
        prompts.append(Prompt(prompt_id=name, messages=asked, split="train"))
        demonstrations.append(
            Demonstration(
                demonstration_id=f"d{number}", prompt_id=name, messages=asked, response=row["answer"], split="train"
            )
        )
        answers = [
            Answer(candidate_id=f"c{number}-{k}", text=text, source="sft") for k, text in enumerate(row["answers"])
        ]
        rankings.append(
            Ranking(
                ranking_id=f"r{number}",
                prompt_id=name,
                messages=asked,
                answers=answers,
                ranks=[1, 2, 3, 4],
                annotator="one",
                campaign="one",
                split="train",
            )
        )
    write_rows(folder / PROMPTS, Prompt, prompts)
    write_rows(folder / DEMONSTRATIONS, Demonstration, demonstrations)
    write_rows(folder / RANKINGS, Ranking, rankings)
    return folder


def ours(cell: dict[str, Any], base: Path, rows: list[dict[str, Any]], root: Path) -> dict[str, Any]:
    stage, longest = cell["stage"], cell["prompt"] + cell["answer"]
    config = {
        "threads": THREADS,
        "dtype": "bfloat16",
        "lora_rank": 16,
        "lora_alpha": 32,
        "activation_checkpointing": True,
        "epochs": 1,
        "tokens_per_forward": longest * cell["rows"],
        "max_tokens": min(longest + 64, 4096),
        "learning_rate": 1e-5,
        ("batch_size" if stage == "sft" else "prompts_per_batch"): cell["rows"],
    }
    folder, snapshot = root / "ours", snapshot_of(rows, root / "snapshot")
    parents = {"base": base} if stage == "sft" else {"sft": base}
    tiny.prepare_stage(stage, folder, config=config, snapshot=snapshot, parents=parents)
    subprocess.run([sys.executable, "-m", "trainer", stage, str(folder)], check=True, stdout=subprocess.DEVNULL)
    told = json.loads((folder / "manifest.json").read_text())
    lines = [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]
    return {
        "peak_gb": told["provenance"]["peak_rss_mb"] * 2**20 / GIGABYTE,
        "losses": [line["loss/train"] for line in lines],
        "seconds": (lines[-1]["time/seconds"] - lines[0]["time/seconds"]) / (len(lines) - 1),
    }


def theirs(cell: dict[str, Any], base: Path, rows: list[dict[str, Any]], root: Path, python: Path) -> dict[str, Any]:
    (root / "rows.json").write_text(json.dumps(rows))
    job = {
        "stage": cell["stage"],
        "model": str(base),
        "rows": str(root / "rows.json"),
        "rows_together": cell["rows"],
        "max_tokens": min(cell["prompt"] + cell["answer"] + 64, 4096),
        "steps": STEPS,
        "threads": THREADS,
    }
    (root / "job.json").write_text(json.dumps(job))
    subprocess.run(
        [python, PART, root / "job.json", root / "result.json"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    found: dict[str, Any] = json.loads((root / "result.json").read_text())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--cells", default=",".join(CELLS))
    parser.add_argument("--environment", type=Path, default=TRL_ENVIRONMENT)
    given = parser.parse_args()
    python = trl_environment(given.environment)
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        base = base_model(root / "base", SMALL if given.quick else WHOLE)
        tokenizer = AutoTokenizer.from_pretrained(base)
        for name in given.cells.split(","):
            cell, place = CELLS[name], root / name
            if given.quick:
                cell = cell | {"prompt": 16, "answer": 48}
            place.mkdir()
            rows = rows_of(cell, tokenizer)
            found.append(
                {"cell": name, "ours": ours(cell, base, rows, place), "trl": theirs(cell, base, rows, place, python)}
            )
            print(json.dumps(found[-1]), file=sys.stderr)
    table = Table("work", "ours, GB", "TRL, GB", "ours / TRL", "ours, s a step", "TRL, s a step")
    for row in found:
        us, them = row["ours"], row["trl"]
        ratio = f"{us['peak_gb'] / them['peak_gb']:.2f}"
        seconds = (f"{us['seconds']:.1f}", f"{them['seconds']:.1f}")
        table.add_row(row["cell"], f"{us['peak_gb']:.2f}", f"{them['peak_gb']:.2f}", ratio, *seconds)
    Console().print(table)
    if given.json:
        given.json.write_text(json.dumps({"steps": STEPS, "cells": CELLS, "found": found}, indent=2))


if __name__ == "__main__":
    main()
