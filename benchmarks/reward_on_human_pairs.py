"""Reward models on what people preferred: the product's stage beside TRL on the same pairs, from the same small model.

    python benchmarks/reward_on_human_pairs.py --data FOLDER [--json FILE] [--quick] [--validate]

Two data sets, read from FOLDER and never copied:

UKPConvArgStrict (`pairs_ukpconvarg_votes.jsonl.gz`), which of two arguments convinces more. Cross-topic: a tested
debate, both of its sides, is never trained on. Of 12 debates 3 served to choose settings (`--validate`) and are always
trained on; the other 9 are tested in 3 folds of 3.
hh-rlhf harmless (`pairs_hh_harmless_*`), which of two answers harms less. 1,494 pairs to train on, 314 to test.

The base model is made here by the `pretrain` stage from the plain texts in FOLDER, with the texts of the hh training
pairs among them, each by itself so that nothing tells the better from the worse; no text of a debate, since each
debate but three is tested. Then every method starts from the same checkpoint:

TRL           RewardTrainer on the pairs, in its own random order
TRL in order  the same in the order that our stage draws (hh only), so that only rounding and one step of the schedule
              tell the two apart
ours          the `reward` stage on the same pairs: same token ids, same head weights for each seed, same pairs a step,
              epochs, AdamW and cosine schedule
debates       the `reward` stage as it is meant to be used: all arguments of a side of a debate in one step, each
              computed once
votes         the same, with the five people's votes in place of the gold verdict (ties dropped)

UKP's pairs are cut to 2,000 a fold for the first and the third; the last two take all, which costs them nothing.
"TRL in order", "debates" and "votes" are trained with the first seed only.

An accuracy is the share of test pairs ordered as people did, equal scores counting one half. Intervals are 95 %
bootstrap intervals over clusters (the sides of debates; conversations with the same first turn) and over seeds,
where there are several. Settings were chosen by `--validate` on training data alone, with our stage.
"""

import argparse
import gzip
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np
import transformers
from reward_model_vs_trl import TRL_ENVIRONMENT, trl_environment

from trainer.__main__ import cpu_name, git_state
from trainer.contract.folder import (
    ANSWERS,
    CONFIG,
    INPUTS,
    MANIFEST,
    RANKINGS,
    SCORES,
    RunManifest,
    RunSpec,
    write_json,
)
from trainer.contract.records import Answer, AnswerToScore, Message, Ranking, Score, read_rows, write_rows
from trainer.data.batches import shuffled
from trainer.data.chat import encode_pair
from trainer.judging.intervals import Resamples
from trainer.loop.seed import generator
from trainer.models.backbone import load_tokenizer
from trainer.models.reward_model import new_reward_model
from trainer.statistics.bootstrap import percentile_interval

TRL_SCRIPT = Path(__file__).resolve().parent / "reward_on_human_pairs" / "train_and_score_with_trl.py"

CORPORA = ("corpus_wikitext2_valid.txt.gz", "corpus_tinyshakespeare.txt.gz", "corpus_c4_demo.jsonl")
UKP = "pairs_ukpconvarg_votes.jsonl.gz"
HH_TRAIN, HH_TEST = "pairs_hh_harmless_train.jsonl.gz", "pairs_hh_harmless_test.jsonl"

MAX_TOKENS = 256
"""Of prompt + answer, the stage's default; a longer hh conversation loses its oldest tokens, for every method."""
FOLDS = 3
DEVELOPMENT = FOLDS
"""Number of the part of the debates that settings are chosen on; parts 0 to 2 are tested."""

OPTIMIZER = {"adam_beta1": 0.9, "adam_beta2": 0.95, "weight_decay": 0.0, "max_grad_norm": 1.0}
SCHEDULE = {"warmup_share": 0.0, "final_rate_share": 0.1}
TRL_SCHEDULE = {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr_rate": 0.1}}
"""The same schedule; Hugging Face counts steps from 0 and we from 1."""

FIRST_SEED_ONLY = {"TRL in order", "debates", "votes"}

SAME_SEEDS = {"TRL in order": "ours"}
"""Method -> the method whose trainings with the same seed differ from its own by the program alone."""

REFERENCES = {
    "UKP": ["SVM 0.78, BiLSTM 0.76 (published, 16 debates; Habernal & Gurevych 2016)"],
    "hh": [
        "GPT-2-large trained on 42k pairs 0.737 (published, whole test set)",
        "tf-idf difference + logistic regression 0.6115 (these pairs)",
    ],
}


@dataclass(frozen=True)
class Pair:
    """Two answers to one prompt and which of them is better.

    Attributes:
        messages: the prompt.
        answers: two texts.
        better: place of the better one; None where the gold standard names none.
        cluster: pairs with the same one are not independent.
        part: of the debates, for folds; 0 where there are none.
        votes: (person, "a" | "b" | "tie") where people's own votes are known.
    """

    name: str
    messages: list[Message]
    answers: tuple[str, str]
    better: int | None
    cluster: str
    part: int = 0
    votes: tuple[tuple[str, str], ...] = ()

    @property
    def longer(self):
        """Credit of "the longer answer is better"."""
        better, worse = len(self.answers[self.better]), len(self.answers[1 - self.better])
        return (better > worse) + 0.5 * (better == worse)


@dataclass(frozen=True)
class Settings:
    """How one method learns.

    Attributes:
        rate: peak learning rate.
        epochs: passes over the data.
        batch: prompts a step: pairs, or sides of debates.
        pairs: to train on at most, drawn once; None = all.
    """

    rate: float
    epochs: int
    batch: int
    pairs: int | None = None


@dataclass(frozen=True)
class Split:
    """Pairs to train on (UKP: with those that have votes only) and pairs to test on."""

    train: list[Pair]
    test: list[Pair]


@dataclass(frozen=True)
class Plan:
    """How much is done.

    Attributes:
        base: configuration of the `pretrain` stage.
        seeds: data set -> seeds; some methods take the first alone.
        folds: of UKP.
        settings: (data set, method) -> how it learns.
        most: pairs of a split at most; None = all.
    """

    base: dict
    seeds: dict
    folds: int
    settings: dict
    most: int | None
    threads: int


PAIRS = {"UKP": Settings(2e-4, 1, 32, 2000), "hh": Settings(2e-4, 1, 18)}
"""How TRL and ours learn from pairs.

18 divides the 1,494 pairs of hh, so that every step has as many. Of UKP's some 6,400 pairs a fold they see 2,000, to
save TRL's time; the rest is about the same 590 arguments.
"""
DEBATES = Settings(5e-4, 3, 1)
SETTINGS = {
    **{(data, method): PAIRS[data] for data in PAIRS for method in ("TRL", "ours")},
    ("hh", "TRL in order"): PAIRS["hh"],
    ("UKP", "debates"): DEBATES,
    ("UKP", "votes"): DEBATES,
}

CANDIDATES = {
    ("hh", "ours"): [Settings(rate, epochs, 18) for rate in (2e-4, 1e-3) for epochs in (1, 2)],
    ("UKP", "ours"): [Settings(rate, 1, 32, 2000) for rate in (2e-4, 5e-4, 1e-3)],
    ("UKP", "debates"): [Settings(rate, epochs, 1) for rate in (5e-4, 2e-3) for epochs in (3, 6)],
}
"""What ``--validate`` tries."""


def full_plan(given):
    base = {
        "vocabulary_size": 4096,
        "hidden_size": 128,
        "layers": 3,
        "heads": 4,
        "context": MAX_TOKENS,
        "steps": 400,
        "batch_size": 32,
        "block": 128,
    }
    return Plan(base, {"UKP": [1, 2], "hh": [1, 2, 3]}, FOLDS, SETTINGS, None, given.threads)


def quick_plan(given):
    base = {**full_plan(given).base, "vocabulary_size": 512, "hidden_size": 64, "layers": 2, "steps": 5, "block": 64}
    settings = {key: replace(value, epochs=1) for key, value in SETTINGS.items()}
    return Plan(base, {"UKP": [1], "hh": [1, 2]}, 1, settings, 96, given.threads)


# The data


def rows_of(path):
    return [json.loads(line) for line in text_of(path).split("\n") if line]


def text_of(path):
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()


def read_ukp(folder):
    """All pairs; those outside of UKPConvArgStrict, or tied in it, have no better side and only their votes."""
    rows = rows_of(folder / UKP)
    # `topic` is the debate and the side that its arguments take.
    debates = sorted({row["topic"].partition("_")[0] for row in rows})
    return [
        Pair(
            name=row["id"],
            messages=[Message(role="user", content=row["prompt"])],
            answers=(row["response_a"], row["response_b"]),
            better={"a": 0, "b": 1}.get(row["gold"]) if row["in_strict"] else None,
            cluster=row["topic"],
            part=debates.index(row["topic"].partition("_")[0]) % (FOLDS + 1),
            votes=tuple((vote["annotator"], vote["choice"]) for vote in row["votes"]),
        )
        for row in rows
    ]


def read_hh(path):
    return [
        Pair(
            name=row["id"],
            messages=[Message(**message) for message in row["prompt"]],
            answers=(row["chosen"], row["rejected"]),
            better=0,
            cluster=row["prompt"][0]["content"],
        )
        for row in rows_of(path)
    ]


def ukp_split(pairs, tested, left_out=()):
    """Train on all debates but those of the tested parts; test on gold verdicts."""
    train = [pair for pair in pairs if pair.part not in {tested, *left_out}]
    return Split(train, [pair for pair in pairs if pair.part == tested and pair.better is not None])


def write_corpus(folder, path):
    """Plain texts at hand, and every text of the hh training pairs by itself."""
    texts = []
    for name in CORPORA:
        if name.endswith(".jsonl"):
            texts += [row["text"] for row in rows_of(folder / name)]
        else:
            texts += re.split(r"\n\s*\n", text_of(folder / name))
    for pair in read_hh(folder / HH_TRAIN):
        texts += ["\n\n".join(message.content for message in pair.messages), *pair.answers]
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text.strip()}) + "\n" for text in texts if text.strip())
    return path


def rankings(pairs, split, method):
    """The pairs as the product keeps them.

    An answer that stands in several pairs has one id. In "debates" and "votes" all pairs of a debate's side share a
    prompt id and so a step; otherwise every pair has its own.
    """
    for pair in pairs:
        verdicts = [("gold", None if pair.better is None else "ab"[pair.better])]
        if method == "votes" and split == "train":
            verdicts = pair.votes
        for number, (person, choice) in enumerate(verdicts):
            if choice is None:
                continue
            yield Ranking(
                ranking_id=f"{pair.name}-{number}",
                prompt_id=pair.cluster if method in ("debates", "votes") else pair.name,
                messages=pair.messages,
                answers=[
                    Answer(candidate_id=sha256(text.encode()).hexdigest()[:16], text=text) for text in pair.answers
                ],
                ranks={"a": [1, 2], "b": [2, 1], "tie": [1, 1]}[choice],
                annotator=person,
                split=split,
            )


# The methods


class Bench:
    """A folder of work in which every training is a process of its own."""

    def __init__(self, plan, data, folder, trl_python):
        self.plan = plan
        self.data = data
        self.folder = folder
        self.trl_python = trl_python
        self.count = 0
        self.versions = {}
        self.environment = {
            **os.environ,
            "OMP_NUM_THREADS": str(plan.threads),
            "TOKENIZERS_PARALLELISM": "false",
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(folder / "huggingface"),
        }

    def process(self, command):
        """Run to the end.

        Raises:
            SystemExit: it failed; with the end of what it said.
        """
        done = subprocess.run(
            list(map(str, command)), env=self.environment, capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            said = (done.stdout + done.stderr)[-4000:]
            raise SystemExit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{said}")

    def stage(self, stage, config, seed=1, inputs=(), **spec):
        """Run a stage of the product in a new run folder, as its worker does; returns the folder and its manifest."""
        run = self.new_folder(stage)
        if inputs:
            (run / INPUTS).mkdir()
            write_rows(run / INPUTS / ANSWERS, AnswerToScore, inputs)
        config = {"threads": self.plan.threads, "device": "cpu", **config}
        write_json(run / CONFIG, RunSpec(stage=stage, seed=seed, config=config, **spec))
        self.process([sys.executable, "-m", "trainer", stage, run])
        return run, RunManifest.model_validate_json((run / MANIFEST).read_text())

    def new_folder(self, name):
        self.count += 1
        path = self.folder / f"{self.count:03d}-{name}"
        path.mkdir()
        return path

    def make_base(self):
        corpus = write_corpus(self.data, self.folder / "corpus.jsonl")
        run, manifest = self.stage("pretrain", {**self.plan.base, "corpus": str(corpus), "checkpoint_every": 10_000})
        self.base = run / "model"
        self.tokenizer = load_tokenizer(self.base)
        return manifest.metrics

    def train(self, method, split, settings, seed):
        """Train on one split and score its test pairs; returns the scores (pairs, 2) and what it cost."""
        run = self.with_trl if method.startswith("TRL") else self.with_stage
        split = replace(split, train=drawn(split.train, settings.pairs))
        found = run(method, split, settings, seed)
        right = credit(found["scores"], split.test)
        say(f"  {method}, seed {seed}: accuracy {right.mean():.4f}, {found['seconds']:.0f} s")
        return {**found, "credit": right}

    def with_stage(self, method, split, settings, seed):
        snapshot = self.new_folder("snapshot")
        sides = (rankings(pairs, side, method) for pairs, side in ((split.train, "train"), (split.test, "heldout")))
        write_rows(snapshot / RANKINGS, Ranking, (row for side in sides for row in side))
        config = {
            **OPTIMIZER,
            **SCHEDULE,
            "learning_rate": settings.rate,
            "epochs": settings.epochs,
            "prompts_per_batch": settings.batch,
            "max_tokens": MAX_TOKENS,
            "checkpoint_every": 10_000,
        }
        run, manifest = self.stage("reward", config, seed, snapshot=snapshot, parents={"sft": self.base})
        scores = self.scores(run / "model", split.test)
        check_agreement(manifest, credit(scores, split.test))
        return {
            "scores": scores,
            "seconds": manifest.metrics["time/train_seconds"],
            "tokens_per_second": manifest.metrics["time/tokens_per_second"],
            "pairs": manifest.metrics["data/pairs_used"],
            "notes": manifest.notes,
        }

    def scores(self, model, pairs):
        """Of both answers of every pair, by the product's `score` stage."""
        inputs = [
            AnswerToScore(answer_id=f"{number}-{side}", messages=pair.messages, text=pair.answers[side])
            for number, pair in enumerate(pairs)
            for side in (0, 1)
        ]
        run, _ = self.stage("score", {"max_tokens": MAX_TOKENS}, inputs=inputs, parents={"reward": model})
        found = list(read_rows(run / SCORES, Score))
        assert [row.answer_id for row in found] == [row.answer_id for row in inputs]
        return np.array([row.score for row in found]).reshape(-1, 2)

    def with_trl(self, method, split, settings, seed):
        folder = self.new_folder("trl")
        # The very model that our stage starts with under this seed, head included.
        start = new_reward_model(self.base, self.tokenizer.pad_token_id, generator(seed, "reward head"))
        start.save_pretrained(folder / "start")
        self.tokenizer.save_pretrained(folder / "start")
        judged = [pair for pair in split.train if pair.better is not None]
        pairs = [(self.tokens(pair, pair.better), self.tokens(pair, 1 - pair.better)) for pair in judged]
        epochs = settings.epochs
        if in_order := method == "TRL in order":
            pairs = [pairs[i] for epoch in range(epochs) for i in shuffled(len(judged), seed, epoch)]
            epochs = 1
        job = {
            "threads": self.plan.threads,
            "model": str(folder / "start"),
            "seed": seed,
            "pairs": pairs,
            "order": "sequential" if in_order else "random",
            "test": [self.tokens(pair, side) for pair in split.test for side in (0, 1)],
            "pairs_per_step": settings.batch,
            "epochs": epochs,
            "optimizer": {**OPTIMIZER, **TRL_SCHEDULE, "learning_rate": settings.rate},
        }
        (folder / "job.json").write_text(json.dumps(job))
        self.process([self.trl_python, TRL_SCRIPT, folder / "job.json", folder / "result.json"])
        found = json.loads((folder / "result.json").read_text())
        steps = settings.epochs * -(-len(judged) // settings.batch)
        if found["steps"] != steps:
            raise SystemExit(f"TRL took {found['steps']} steps, not {steps}: the methods do not do the same work.")
        self.versions = found["versions"]
        return {
            "scores": np.array(found["scores"]).reshape(-1, 2),
            "seconds": found["seconds"],
            "pairs": len(judged),
        }

    def tokens(self, pair, side):
        prompt, answer = encode_pair(self.tokenizer, pair.messages, pair.answers[side], MAX_TOKENS)
        return [*prompt, *answer]


def credit(scores, pairs):
    """(N,) 1 where the better answer scores higher, one half where both score the same."""
    rows, better = np.arange(len(pairs)), np.array([pair.better for pair in pairs])
    gap = scores[rows, better] - scores[rows, 1 - better]
    return (gap > 0) + 0.5 * (gap == 0)


def check_agreement(manifest, right):
    """The stage's own figure must be ours, but for pairs whose scores are equal up to rounding.

    Raises:
        SystemExit: it is not.
    """
    told = manifest.judging.accuracy
    if told.n != len(right) or abs(told.value - right.mean()) * len(right) > 2:
        raise SystemExit(
            f"The stage tells an accuracy of {told.value} on {told.n} pairs; its scores give {right.mean()} "
            f"on {len(right)}."
        )


# The run and its figures


def run_plan(plan, bench):
    """Every method on every split with every seed, in turn."""
    ukp, hh = read_ukp(bench.data), read_hh(bench.data / HH_TRAIN)
    splits = {
        "UKP": [ukp_split(ukp, fold) for fold in range(plan.folds)],
        "hh": [Split(hh, read_hh(bench.data / HH_TEST))],
    }
    results = {}
    for data, whole in splits.items():
        folds = [shortened(split, plan.most) for split in whole]
        methods = [method for name, method in plan.settings if name == data]
        runs = {method: [] for method in methods}
        for number, split in enumerate(folds):
            say(f"{data}, fold {number + 1} of {len(folds)}: {len(split.train)} pairs, {len(split.test)} tested")
            for seed in plan.seeds[data]:
                for method in methods:
                    if method in FIRST_SEED_ONLY and seed != plan.seeds[data][0]:
                        continue
                    run = bench.train(method, split, plan.settings[data, method], seed)
                    runs[method].append({"fold": number, "seed": seed, **run})
        results[data] = {"folds": folds, "runs": runs}
    return results


def shortened(split, most):
    """At most so many pairs on either side."""
    return Split(drawn(split.train, most), drawn(split.test, most))


def drawn(pairs, most):
    """At most so many pairs with a verdict, by the hash of their names; None = all pairs as they are."""
    if most is None:
        return pairs
    judged = (pair for pair in pairs if pair.better is not None)
    return sorted(judged, key=lambda pair: sha256(pair.name.encode()).digest())[:most]


def validate(plan, bench):
    """Try settings on parts of the training data; a line each."""
    hh, ukp = read_hh(bench.data / HH_TRAIN), read_ukp(bench.data)
    fifth = {pair.cluster for pair in hh if sha256(pair.cluster.encode()).digest()[0] % 5 == 0}
    splits = {
        "hh": Split([pair for pair in hh if pair.cluster not in fifth], [pair for pair in hh if pair.cluster in fifth]),
        "UKP": ukp_split(ukp, DEVELOPMENT, left_out=[0]),
    }
    found = []
    for (data, method), candidates in CANDIDATES.items():
        split = shortened(splits[data], plan.most)
        say(f"{data}, {method}: {len(split.train)} pairs, {len(split.test)} to choose by")
        for settings in candidates:
            say(str(settings))
            accuracy = float(bench.train(method, split, settings, seed=1)["credit"].mean())
            found.append({"data": data, "method": method, **asdict(settings), "accuracy": accuracy})
    print(f"{'data':5} {'method':8} {'rate':>7} {'epochs':>6} accuracy")
    for row in found:
        print(f"{row['data']:5} {row['method']:8} {row['rate']:7.0e} {row['epochs']:6} {row['accuracy']:.4f}")
    return found


def summarise(data, folds, runs):
    """Accuracy of each method on the pooled test pairs, and its difference from TRL's on the same pairs.

    Args:
        data: name of the data set.
        folds: its splits.
        runs: method -> trainings, each with the credit of the pairs of its fold's test.
    """
    pairs = [pair for split in folds for pair in split.test]
    names = sorted({pair.cluster for pair in pairs})
    draws = {
        "cluster": Bootstrap(np.array([names.index(pair.cluster) for pair in pairs])),
        "pair": Bootstrap(np.arange(len(pairs))),
    }
    credits_of = {"longer answer wins": np.array([[float(pair.longer)] for pair in pairs])}
    for method, found in runs.items():
        by_seed = ([run["credit"] for run in found if run["seed"] == seed] for seed in seeds_of(found))
        credits_of[method] = np.stack([np.concatenate(parts) for parts in by_seed], axis=1)
    ends = np.cumsum([len(split.test) for split in folds])[:-1]
    rows = []
    for method, right in credits_of.items():
        found = runs.get(method, [])
        by_seed = right.mean(0).tolist()
        row = {
            "data": data,
            "method": method,
            "trained_on": [int(run["pairs"]) for run in found],
            "tested": len(pairs),
            "clusters": len(names),
            "seeds": len(by_seed) if found else 0,
            "accuracy": statistics.mean(by_seed),
            "deviation": statistics.stdev(by_seed) if len(by_seed) > 1 else None,
            "by_fold": [float(part.mean()) for part in np.split(right, ends)],
            "interval": {kind: percentile_interval(draw.rates(right, method)) for kind, draw in draws.items()},
            "minutes": sum(run["seconds"] for run in found) / 60,
        }
        for other in {"TRL", "TRL in order"} & credits_of.keys() - {method}:
            # Seeds that only one of the two was trained with would compare more than the two.
            common = min(right.shape[1], credits_of[other].shape[1]) if found else credits_of[other].shape[1]
            mine = right[:, :common] if found else np.repeat(right, common, axis=1)
            others = credits_of[other][:, :common]
            row[f"minus {other}"] = {
                "value": float(mine.mean() - others.mean()),
                "interval": {
                    kind: percentile_interval(draw.rates(mine, method) - draw.rates(others, other))
                    for kind, draw in draws.items()
                },
            }
        rows.append(row)
    return rows


def seeds_of(runs):
    return sorted({run["seed"] for run in runs})


class Bootstrap:
    """Draws of clusters, the same for every method, and of each method's own seeds."""

    def __init__(self, clusters):
        """``clusters``: (N,) number of each pair's cluster."""
        self.clusters = clusters
        self.resamples = Resamples(int(clusters.max()) + 1, seed=0)

    def rates(self, right, method):
        """Accuracy under every draw.

        Args:
            right: (N, S) credit of each pair under each seed.
            method: whose seeds are drawn; ours and TRL in order share theirs, head and order, so that their
                seeds are pairs as well.
        """
        size = self.resamples.clusters
        columns = [np.bincount(self.clusters, weights=column, minlength=size) for column in right.T]
        counted = np.bincount(self.clusters, minlength=size)
        *sums, total = self.resamples.sums_of_part(np.arange(size), np.stack([*columns, counted], axis=1)).T
        rates = np.stack(sums, axis=1) / total[:, None]
        # One seed fewer than there are: so few drawn in full would vary too little (Rao & Wu 1988).
        few = max(1, rates.shape[1] - 1)
        drawn = np.random.default_rng(list(SAME_SEEDS.get(method, method).encode())).integers(
            rates.shape[1], size=(len(rates), few)
        )
        return np.take_along_axis(rates, drawn, axis=1).mean(1)


def markdown(rows, machine, base):
    """The table for docs/benchmarks.md and its footnotes."""
    heads = ["data", "method", "pairs", "tested (clusters)", "seeds", "accuracy", "95 %"]
    heads += ["minus TRL", "minus TRL in order", "by fold", "minutes"]
    yield "| " + " | ".join(heads) + " |\n" + "|---|---|" + "---:|" * (len(heads) - 2) + "\n"
    for row in rows:
        yield "| " + " | ".join(cells(row)) + " |\n"
    yield "\nReference figures, other models or less data:\n"
    yield "".join(f"- {data}: {line}\n" for data, lines in REFERENCES.items() for line in lines)
    yield (
        f"\nBase model: {base['model/parameters']:,} parameters, vocabulary {base['model/vocabulary']}, "
        f"{base['steps']} steps, loss {base['loss/heldout']:.2f} on held-out text. "
        f"Minutes of the training loop, all folds and seeds. {machine['cpu']}, {machine['threads']} threads, "
        f"torch {machine['versions']['torch']}, TRL {machine['trl_environment']['trl']}.\n"
    )


def cells(row):
    spread = f" ± {row['deviation']:.3f}" if row["deviation"] is not None else ""
    low, high = row["interval"]["cluster"]
    yield row["data"]
    yield row["method"]
    yield f"{statistics.mean(row['trained_on']):,.0f}" if row["trained_on"] else ""
    yield f"{row['tested']:,} ({row['clusters']})"
    yield str(row["seeds"] or "")
    yield f"{row['accuracy']:.3f}{spread}"
    yield f"{low:.3f} – {high:.3f}"
    for other in ("TRL", "TRL in order"):
        difference = row.get(f"minus {other}")
        yield signed(difference["value"], *difference["interval"]["cluster"]) if difference else ""
    yield " / ".join(f"{value:.3f}" for value in row["by_fold"]) if len(row["by_fold"]) > 1 else ""
    yield f"{row['minutes']:.1f}" if row["trained_on"] else ""


def signed(value, low, high):
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"


def machine_facts(plan, bench, load):
    """Where and with what this was measured."""
    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "threads": plan.threads,
        "load_at_start": load,
        "versions": {"torch": version("torch"), "transformers": transformers.__version__},
        "trl_environment": bench.versions,
        "git": git_state(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def told(results):
    """Every training as JSON holds it."""
    return [
        {
            "data": data,
            "method": method,
            **{name: value for name, value in run.items() if name not in ("scores", "credit")},
            "accuracy": float(run["credit"].mean()),
        }
        for data, result in results.items()
        for method, runs in result["runs"].items()
        for run in runs
    ]


def debates(results):
    """Which debates each fold tests."""
    return [sorted({pair.cluster for pair in split.test}) for split in results["UKP"]["folds"]]


def say(line):
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the files of pairs and of plain text")
    parser.add_argument("--json", type=Path, help="write every number here as well")
    parser.add_argument("--quick", action="store_true", help="a tiny model on a few pairs: does it run?")
    parser.add_argument("--validate", action="store_true", help="try settings on training data alone, no test")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--environment", type=Path, default=TRL_ENVIRONMENT, help="where TRL is or shall be installed")
    given = parser.parse_args()
    if missing := [name for name in (*CORPORA, UKP, HH_TRAIN, HH_TEST) if not (given.data / name).is_file()]:
        parser.error(f"{given.data} lacks {', '.join(missing)}")
    plan = (quick_plan if given.quick else full_plan)(given)
    transformers.logging.disable_progress_bar()
    load, started = os.getloadavg()[0], time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="prefloop-human-pairs-") as folder:
        trl_python = None if given.validate else trl_environment(given.environment)
        bench = Bench(plan, given.data, Path(folder), trl_python)
        base = bench.make_base()
        say(f"base model: loss {base['loss/heldout']:.3f} on held-out text, {time.perf_counter() - started:.0f} s")
        if given.validate:
            numbers = {"validation": validate(plan, bench)}
        else:
            results = run_plan(plan, bench)
            rows = [row for data, result in results.items() for row in summarise(data, **result)]
            numbers = {"rows": rows, "runs": told(results), "tested_debates": debates(results)}
        machine = machine_facts(plan, bench, load)
    if not given.validate:
        print("".join(markdown(rows, machine, base)), end="")
    say(f"{time.perf_counter() - started:.0f} s in all")
    if given.json:
        settings = {f"{data} {method}": asdict(value) for (data, method), value in plan.settings.items()}
        write_json(given.json, {"machine": machine, "base": base, "settings": settings, **numbers})


if __name__ == "__main__":
    main()
