"""Reward models on full rankings: the product's stage beside TRL, one forward per answer, and the limit.

Four methods learn from the same rankings (or, the last, compute as many tokens), each in a process of its own:

T  TRL's RewardTrainer on all C(K,2) pairs, at its best batch size, in an environment that this script makes
A  our `reward` stage with one forward per answer (`share_prefixes` off)
S  our `reward` stage as it is: a prompt once, each of its answers once
L  plain forward + backward of the same model over the unique tokens, at its best batch size

    python benchmarks/reward_model_vs_trl.py [--json FILE] [--quick] [--repeats N] [--trl-repeats N] [--cells K,P …]

Seconds are those of the training loop: `train()` of TRL, `time/train_seconds` of the stage (data path, optimizer steps
and logging included). Tokenising is outside for everyone. All methods inherit one environment, in which threads at a
barrier spin (OMP_WAIT_POLICY=ACTIVE), the fastest for all of them where nobody else wants the cores. Run it on an idle
machine.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from math import comb, isclose
from pathlib import Path

from trainer.__main__ import cpu_name, git_state
from trainer.contract.folder import CONFIG, MANIFEST, METRICS, RunManifest, RunSpec, write_json

HERE = Path(__file__).resolve().parent
PARTS = HERE / "reward_model_vs_trl"
TRL_ENVIRONMENT = HERE.parent / "build" / "benchmarks" / "trl"

METHODS = {"T": "T: TRL, all pairs", "A": "A: each answer", "S": "S: ours", "L": "L: limit"}
TARGETS = {(4, 128): 6.0, (4, 512): 10.0, (9, 128): 18.0, (9, 512): 33.0}
"""(K, prompt tokens) -> least T/S that is asked for."""
LIMIT_TARGET = 1.10
"""Largest S/L that is asked for."""

SAME = 1e-4
"""Relative difference of loss and gradient norm up to which two methods do the same."""

SEED = 1
MEAN_ANSWER = 64
CONTEXT = 1024
MAX_TOKENS = 640
"""Prompt + answer of the largest cell fit; nothing is cut."""
OPTIMIZER = {"learning_rate": 5e-4, "adam_beta1": 0.9, "adam_beta2": 0.95, "weight_decay": 0.0, "max_grad_norm": 1.0}
BATCH_SIZES = (1, 2, 4, 8, 16, 32)
SWEEP_BATCH_TOKENS = 10_000
"""Batch sizes beyond are not tried: all methods are slower there, and memory grows."""


@dataclass(frozen=True)
class Cell:
    """One size of problem: prompts of so many tokens with K answers each."""

    k: int
    prompt_tokens: int
    prompts: int

    @property
    def name(self):
        return f"k{self.k}-p{self.prompt_tokens}"

    @property
    def pairs(self):
        """Comparisons of a prompt."""
        return comb(self.k, 2)

    @property
    def row_tokens(self):
        """Prompt + answer, on average."""
        return self.prompt_tokens + MEAN_ANSWER


@dataclass(frozen=True)
class Plan:
    """What is measured: the model, the cells, and how often.

    Attributes:
        model: sizes of the Llama, fields of ``PretrainConfig``.
        repeats: method -> measurements in each cell.
        sweep_tokens: tokens about which each batch size is tried on, twice.
        targets: whether the targets speak of this model.
    """

    model: dict
    cells: list
    prompts_per_step: int
    repeats: dict
    sweep_tokens: int
    threads: int
    targets: bool


CHECK = Cell(4, 128, 4)
"""Small enough for one optimizer step, in which loss and gradient of T, A and S must agree."""


def full_plan(given):
    model = {"vocabulary_size": 4096, "hidden_size": 384, "layers": 6, "heads": 6, "context": CONTEXT}
    # The cheapest cell takes more prompts, so that seconds rather than moments are compared.
    cells = [Cell(k, prompt, 32 if (k, prompt) == (4, 128) else 16) for k, prompt in given.cells or TARGETS]
    repeats = {"S": given.repeats, "L": given.repeats, "A": 1, "T": given.trl_repeats}
    return Plan(model, cells, 8, repeats, 6_000, given.threads, targets=True)


def quick_plan(given):
    model = {"vocabulary_size": 1024, "hidden_size": 128, "layers": 2, "heads": 4, "context": CONTEXT}
    return Plan(
        model, [Cell(4, 128, 16), Cell(9, 512, 4)], 4, dict.fromkeys(METHODS, 1), 3_000, given.threads, targets=False
    )


class Bench:
    """A folder of work in which every measurement is a process of its own."""

    def __init__(self, plan, folder, trl_python):
        self.plan = plan
        self.folder = folder
        self.trl_python = trl_python
        self.count = 0
        self.environment = {
            "OMP_WAIT_POLICY": "ACTIVE",
            **os.environ,
            "OMP_NUM_THREADS": str(plan.threads),
            "TOKENIZERS_PARALLELISM": "false",
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(folder / "huggingface"),
        }

    def process(self, command):
        """Run to the end; returns wall seconds and peak resident MB.

        Raises:
            SystemExit: it failed; with the end of what it said.
        """
        self.count += 1
        log = self.folder / f"{self.count:03d}.log"
        started = time.perf_counter()
        with log.open("wb") as file:
            child = subprocess.Popen(list(map(str, command)), stdout=file, stderr=file, env=self.environment)
            # wait4 tells of this child alone; RUSAGE_CHILDREN would tell of the largest so far.
            _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said = log.read_text(errors="replace")[-4000:]
            raise SystemExit(f"{' '.join(map(str, command))} ended with {child.returncode}:\n{said}")
        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
        return {"process_seconds": time.perf_counter() - started, "peak_rss_mb": usage.ru_maxrss / unit}

    def part(self, script, job, python=sys.executable):
        """Run a script of this benchmark on a job; returns what it found and what the process cost."""
        job_file, result_file = (self.folder / f"{self.count + 1:03d}.{kind}.json" for kind in ("job", "result"))
        job_file.write_text(json.dumps(job))
        cost = self.process([python, PARTS / script, job_file, result_file])
        return {**json.loads(result_file.read_text()), **cost}

    def make_data(self):
        cells = {
            cell.name: {"k": cell.k, "prompt_tokens": cell.prompt_tokens, "prompts": cell.prompts}
            for cell in self.plan.cells
        }
        cells["check"] = {"k": CHECK.k, "prompt_tokens": CHECK.prompt_tokens, "prompts": CHECK.prompts}
        job = {"folder": str(self.folder), "seed": SEED, "max_tokens": MAX_TOKENS, "model": self.plan.model}
        self.data = self.part("make_data.py", {**job, "cells": cells})

    def best_batch_size(self, method, cell):
        """Try batch sizes on rows of this cell's length; returns seconds by batch size."""
        rows_per_item = 2 if method == "T" else 1
        sizes = [size for size in BATCH_SIZES if size * rows_per_item * cell.row_tokens <= SWEEP_BATCH_TOKENS]
        if method == "T":
            pairs = -(-self.plan.sweep_tokens // (2 * cell.row_tokens))
            pairs = -(-pairs // sizes[-1]) * sizes[-1]
            job = {**self.trl_job(cell.name, cell.pairs * self.plan.prompts_per_step), "sweep_pairs": pairs}
            found = self.part("train_with_trl.py", {**job, "batch_sizes": sizes}, self.trl_python)
        else:
            job = self.limit_job(cell, self.plan.sweep_tokens)
            found = self.part("measure_limit.py", {**job, "batch_sizes": sizes})
        return {int(size): seconds for size, seconds in found["seconds"].items()}

    def trl_job(self, name, pairs_per_step):
        return {
            "threads": self.plan.threads,
            "model": str(self.folder / "reward"),
            "pairs": str(self.folder / name / "pairs.json"),
            "pairs_per_step": pairs_per_step,
            "optimizer": {**OPTIMIZER, "lr_scheduler_type": "cosine"},
        }

    def limit_job(self, cell, tokens):
        return {
            "threads": self.plan.threads,
            "model": str(self.folder / "reward"),
            "row_tokens": cell.row_tokens,
            "tokens": tokens,
        }

    def limit(self, cell, batch_size):
        tokens = self.data["cells"][cell.name]["unique_tokens"]
        return self.part("measure_limit.py", {**self.limit_job(cell, tokens), "batch_size": batch_size})

    def trl(self, name, pairs_per_step, batch_size):
        """TRL on all pairs of a cell, as many comparisons an optimizer step as the stage has."""
        job = {**self.trl_job(name, pairs_per_step), "batch_size": batch_size}
        return self.part("train_with_trl.py", job, self.trl_python)

    def stage(self, name, prompts_per_step, share_prefixes):
        """The product's own stage in a run folder, as a person or the worker starts it."""
        run = self.folder / f"run-{self.count:03d}"
        run.mkdir()
        config = {
            **OPTIMIZER,
            "threads": self.plan.threads,
            "device": "cpu",
            "prompts_per_batch": prompts_per_step,
            "max_tokens": MAX_TOKENS,
            "share_prefixes": share_prefixes,
        }
        snapshot, sft = self.folder / name / "snapshot", self.folder / "sft"
        write_json(
            run / CONFIG, RunSpec(stage="reward", seed=SEED, snapshot=snapshot, parents={"sft": sft}, config=config)
        )
        cost = self.process([sys.executable, "-m", "trainer", "reward", run])
        manifest = RunManifest.model_validate_json((run / MANIFEST).read_text())
        lines = [json.loads(line) for line in (run / METRICS).read_text().splitlines()]
        first = next(line for line in lines if "loss/train" in line)
        return {
            "seconds": manifest.metrics["time/train_seconds"],
            "prepare_seconds": manifest.metrics["time/prepare_seconds"],
            "comparisons": manifest.metrics["data/pairs_used"],
            "optimizer_steps": lines[-1]["total"],
            "tokens_computed": round(
                manifest.metrics["time/tokens_per_second"] * manifest.metrics["time/train_seconds"]
            ),
            "first_log": {"loss": first["loss/train"], "grad_norm": first["optimizer/gradient_norm"]},
            "notes": manifest.notes,
            **cost,
        }

    def check(self):
        """One optimizer step on all rankings of a small cell: T, A and S must tell the same loss and gradient norm."""
        everything = CHECK.pairs * CHECK.prompts
        found = {
            "T": self.trl("check", everything, CHECK.pairs),
            "A": self.stage("check", CHECK.prompts, share_prefixes=False),
            "S": self.stage("check", CHECK.prompts, share_prefixes=True),
        }
        for method, run in found.items():
            if run["comparisons"] != everything or run["optimizer_steps"] != 1:
                raise SystemExit(
                    f"{method} saw {run['comparisons']} comparisons in {run['optimizer_steps']} steps, "
                    f"not {everything} in 1: the methods do not do the same work."
                )
            for name, value in run["first_log"].items():
                if not isclose(value, found["T"]["first_log"][name], rel_tol=SAME):
                    raise SystemExit(f"The {name} of {method} is {value}, TRL's {found['T']['first_log'][name]}.")
        return {method: run["first_log"] for method, run in found.items()}

    def measure(self, method, cell, best):
        """One measurement of one method in one cell."""
        if method == "L":
            run = self.limit(cell, best["L"])
        elif method == "T":
            run = self.trl(cell.name, cell.pairs * self.plan.prompts_per_step, best["T"])
        else:
            run = self.stage(cell.name, self.plan.prompts_per_step, share_prefixes=method == "S")
        counts = self.data["cells"][cell.name]
        if method != "L" and run["comparisons"] != counts["comparisons"]:
            raise SystemExit(f"{method} saw {run['comparisons']} comparisons, not {counts['comparisons']}.")
        expected = {"T": counts["pair_tokens"], "S": counts["unique_tokens"]}
        if method in expected and run["tokens_computed"] != expected[method]:
            raise SystemExit(f"{method} computed {run['tokens_computed']} tokens, not {expected[method]}.")
        return {"method": method, "cell": cell.name, **run}


def trl_environment(path):
    """The Python of a virtual environment with TRL beside our versions of torch and transformers; made once."""
    ours = [f"{package}=={version(package).partition('+')[0]}" for package in ("torch", "transformers")]
    wanted = [*ours, "trl", "datasets", "peft"]
    python, stamp = path / "bin" / "python", path / "made-for.txt"
    if not (stamp.exists() and stamp.read_text() == "\n".join(wanted)):
        say(f"making an environment with TRL in {path} (once; torch is the large part)")
        subprocess.run([sys.executable, "-m", "venv", "--clear", path], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", *wanted],
            check=True,
            stdout=sys.stderr,
        )
        stamp.write_text("\n".join(wanted))
    return python


def run_plan(plan, bench):
    """Check, sweep, then measure in turn: every method of every cell before any is repeated, order turned each time."""
    say("data and models")
    bench.make_data()
    say("T, A and S: the same loss and gradient?")
    check = bench.check()
    sweeps, best = {}, {}
    # Rows, and so the best batch, depend on the prompt's length and not on K.
    for cell in {cell.prompt_tokens: cell for cell in reversed(plan.cells)}.values():
        for method in ("T", "L"):
            seconds = bench.best_batch_size(method, cell)
            best[method, cell.prompt_tokens] = min(seconds, key=seconds.get)
            sweeps[f"{method} p{cell.prompt_tokens}"] = seconds
            say(f"{method}, prompt {cell.prompt_tokens}: " + ", ".join(f"{b}: {s:.1f} s" for b, s in seconds.items()))
    runs = []
    for repeat in range(max(plan.repeats.values())):
        for cell in plan.cells:
            methods = [method for method in ("S", "L", "A", "T") if repeat < plan.repeats[method]]
            for method in methods if repeat % 2 == 0 else reversed(methods):
                sizes = {name: best[name, cell.prompt_tokens] for name in ("T", "L")}
                run = bench.measure(method, cell, sizes)
                runs.append({"repeat": repeat, "batch_size": sizes.get(method), **run})
                say(f"{cell.name} {method} #{repeat + 1}: {run['seconds']:.2f} s, {run['peak_rss_mb']:,.0f} MB")
    return {"check": check, "sweeps": sweeps, "runs": runs, "data": bench.data}


def summarise(plan, result):
    """Per cell: median, least and most seconds of each method, their ratios, tokens a second and memory."""
    rows = []
    for cell in plan.cells:
        counts = result["data"]["cells"][cell.name]
        row = {"k": cell.k, "prompt_tokens": cell.prompt_tokens, "prompts": cell.prompts, **counts, "methods": {}}
        for method in METHODS:
            runs = [run for run in result["runs"] if run["method"] == method and run["cell"] == cell.name]
            seconds = [run["seconds"] for run in runs]
            row["methods"][method] = {
                "seconds": statistics.median(seconds),
                "seconds_min": min(seconds),
                "seconds_max": max(seconds),
                "process_seconds": statistics.median(run["process_seconds"] for run in runs),
                "unique_tokens_per_second": counts["unique_tokens"] / statistics.median(seconds),
                "peak_rss_mb": max(run["peak_rss_mb"] for run in runs),
                "batch_size": runs[0]["batch_size"],
            }
        ratio = {name: value["seconds"] for name, value in row["methods"].items()}
        row |= {"T/S": ratio["T"] / ratio["S"], "A/S": ratio["A"] / ratio["S"], "S/L": ratio["S"] / ratio["L"]}
        if plan.targets:
            row["targets"] = {"T/S": TARGETS[cell.k, cell.prompt_tokens], "S/L": LIMIT_TARGET}
        rows.append(row)
    return rows


def markdown(plan, result, rows, machine):
    """The report: three tables and what stands behind them."""
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    yield (
        f"Llama of {result['data']['parameters'] / 1e6:.1f} M parameters, fp32, {plan.threads} threads, "
        f"{plan.prompts_per_step} prompts an optimizer step, answers of 56–72 tokens; {machine['cpu']}, {versions}.\n\n"
    )
    yield "Seconds of one epoch, median [least–most]:\n\n"
    yield from table(
        [*SIZE, "prompts", "pairs", "unique tokens", *METHODS.values(), "T/S", "A/S", "S/L"],
        ([*size(row), *amounts(row), *(spread(row["methods"][m]) for m in METHODS), *ratios(row)] for row in rows),
    )
    yield "\nUnique tokens a second; seconds of the whole process (imports, tokenising, saving, measuring):\n\n"
    yield from table(
        [*SIZE, *(f"{m} tokens/s" for m in METHODS), *(f"{m} process" for m in METHODS)],
        (
            [
                *size(row),
                *(f"{row['methods'][m]['unique_tokens_per_second']:,.0f}" for m in METHODS),
                *(f"{row['methods'][m]['process_seconds']:.1f}" for m in METHODS),
            ]
            for row in rows
        ),
    )
    yield "\nPeak resident memory of the process in MB (batch size chosen), and growth over the first row:\n\n"
    yield from table(
        [*SIZE, *METHODS],
        ([*size(row), *(memory(row["methods"][m], rows[0]["methods"][m]) for m in METHODS)] for row in rows),
    )
    yield f"\nOne step on the same rankings with equal weights, relative to T: {agreement(result['check'])}.\n"


SIZE = ("K", "prompt")


def size(row):
    return row["k"], row["prompt_tokens"]


def amounts(row):
    return row["prompts"], f"{row['comparisons']:,}", f"{row['unique_tokens']:,}"


def ratios(row):
    """The three ratios, with their targets where they have one."""
    targets = row.get("targets")
    least, most = (f" (≥ {targets['T/S']:.0f})", f" (≤ {targets['S/L']:.2f})") if targets else ("", "")
    return f"**{row['T/S']:.1f}**{least}", f"{row['A/S']:.1f}", f"**{row['S/L']:.2f}**{most}"


def agreement(check):
    reference = check["T"]
    return "; ".join(
        f"{method} loss {abs(seen['loss'] / reference['loss'] - 1):.1e}, "
        f"gradient norm {abs(seen['grad_norm'] / reference['grad_norm'] - 1):.1e}"
        for method, seen in check.items()
        if method != "T"
    )


def table(heads, rows):
    yield "| " + " | ".join(heads) + " |\n"
    yield "|" + "---:|" * len(heads) + "\n"
    for row in rows:
        yield "| " + " | ".join(map(str, row)) + " |\n"


def spread(seen):
    if seen["seconds_min"] == seen["seconds_max"]:
        return f"{seen['seconds']:.2f}"
    return f"{seen['seconds']:.2f} [{seen['seconds_min']:.2f}–{seen['seconds_max']:.2f}]"


def memory(seen, first):
    chosen = f" ({seen['batch_size']})" if seen["batch_size"] else ""
    return f"{seen['peak_rss_mb']:,.0f}{chosen}, {seen['peak_rss_mb'] - first['peak_rss_mb']:+,.0f}"


def machine_facts(result, environment):
    """Where and with what this was measured."""
    trl_run = next(run for run in result["runs"] if run["method"] == "T")
    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "wait_policy": environment["OMP_WAIT_POLICY"],
        "versions": {"torch": version("torch"), "transformers": version("transformers")}
        | {"trl": trl_run["versions"]["trl"]},
        "trl_environment": trl_run["versions"],
        "git": git_state(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def cell(text):
    """A size of problem as it is written on the command line."""
    found = tuple(map(int, text.split(",")))
    if found not in TARGETS:
        raise ValueError(text)
    return found


def say(line):
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write every number here as well")
    parser.add_argument("--quick", action="store_true", help="a tiny model, two cells, once: does it run?")
    parser.add_argument("--repeats", type=int, default=3, help="measurements of S and L in each cell (A: at most 2)")
    parser.add_argument("--trl-repeats", type=int, default=1, help="measurements of T in each cell")
    parser.add_argument("--cells", type=cell, nargs="+", metavar="K,P", help="only these: K answers, P prompt tokens")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--environment", type=Path, default=TRL_ENVIRONMENT, help="where TRL is or shall be installed")
    given = parser.parse_args()
    plan = (quick_plan if given.quick else full_plan)(given)
    if (load := os.getloadavg()[0]) > 0.5:
        say(f"This machine is busy (load {load:.1f}): the seconds below will say less than they could.")
    started = time.perf_counter()
    trl_python = trl_environment(given.environment)
    with tempfile.TemporaryDirectory(prefix="prefloop-reward-vs-trl-") as folder:
        bench = Bench(plan, Path(folder), trl_python)
        result = run_plan(plan, bench)
    rows = summarise(plan, result)
    machine = {"load_at_start": load, **machine_facts(result, bench.environment)}
    print("".join(markdown(plan, result, rows, machine)), end="")
    say(f"{time.perf_counter() - started:.0f} s in all")
    if given.json:
        settings = {"model": plan.model, "threads": plan.threads, "prompts_per_step": plan.prompts_per_step}
        write_json(given.json, {"machine": machine, "settings": settings, "cells": rows, **result})


if __name__ == "__main__":
    main()
