"""A two-layer model, a toy tokenizer and a small snapshot, built on the spot in a moment."""

import json
from pathlib import Path

import torch

from trainer.__main__ import main
from trainer.contract.configs import PretrainConfig
from trainer.contract.folder import (
    DEMONSTRATIONS,
    MANIFEST,
    PROMPTS,
    RANKINGS,
    RunManifest,
    RunSpec,
    checkpoints_of,
    write_json,
)
from trainer.contract.records import Answer, Demonstration, Message, Prompt, Ranking, write_rows
from trainer.data.tokenizer import train_tokenizer
from trainer.loop import stopping
from trainer.loop.metrics import MetricsLog
from trainer.models.backbone import build_llama

COLOURS = ["red", "green", "blue", "white", "black", "grey", "pink", "brown"]
THINGS = ["apple", "river", "house", "stone", "cloud", "paper", "garden", "window"]

CORPUS = [f"The {thing} is {colour}. A {colour} {thing} stands here." for colour in COLOURS for thing in THINGS]

CONTEXT = 64
COMMON = {"threads": 1, "device": "cpu"}
"""Configuration that every stage accepts; one thread, for the model is too small to share."""


def tokenizer(vocabulary_size=320):
    return train_tokenizer(CORPUS, vocabulary_size)


def model(tokenizer, seed=0, hidden_size=32, layers=2):
    torch.manual_seed(seed)
    config = PretrainConfig(hidden_size=hidden_size, layers=layers, heads=2, context=CONTEXT)
    return build_llama(config, tokenizer).eval()


def model_folder(path, seed=0):
    """A saved policy: model, tokenizer and chat template."""
    path = Path(path)
    toy = tokenizer()
    model(toy, seed).save_pretrained(path)
    toy.save_pretrained(path)
    return path


def messages(text):
    return [Message(role="user", content=text)]


def snapshot(path, prompts=16, answers=4):
    """Prompts, demonstrations and rankings about coloured things; every fourth prompt is held out.

    The more often an answer names its prompt's thing, the better it ranks; the two last are tied.
    """
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    rows, demonstrations, rankings = [], [], []
    for i in range(prompts):
        thing, colour = THINGS[i % len(THINGS)], COLOURS[(i * 3 + i // len(COLOURS)) % len(COLOURS)]
        split = "heldout" if i % 4 == 3 else "train"
        asked = messages(f"Name the {thing} {i}.")
        rows.append(Prompt(prompt_id=f"p{i}", messages=asked, use_case="brainstorming", split=split))
        demonstrations.append(
            Demonstration(
                demonstration_id=f"d{i}",
                prompt_id=f"p{i}",
                messages=asked,
                response=f"A {colour} {thing}.",
                split=split,
            )
        )
        texts = [" ".join([thing] * max(0, answers - 1 - k)) + f" {COLOURS[k % 8]}." for k in range(answers)]
        order = [(k + i) % answers for k in range(answers)]
        rankings.append(
            Ranking(
                ranking_id=f"r{i}",
                prompt_id=f"p{i}",
                messages=asked,
                answers=[Answer(candidate_id=f"c{i}-{k}", text=texts[k], source="sft") for k in order],
                ranks=[min(k + 1, answers - 1) for k in order],
                annotator="labeler-1",
                campaign="colours",
                split=split,
            )
        )
    write_rows(path / PROMPTS, Prompt, rows)
    write_rows(path / DEMONSTRATIONS, Demonstration, demonstrations)
    write_rows(path / RANKINGS, Ranking, rankings)
    return path


def corpus_file(path):
    Path(path).write_text("\n\n".join(CORPUS), encoding="utf-8")
    return path


def prepare_stage(stage, folder, *, config=None, snapshot=None, parents=None, seed=0):
    """Write ``config.json`` of a run folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    spec = RunSpec(
        stage=stage, seed=seed, snapshot=snapshot, parents=parents or {}, config={**COMMON, **(config or {})}
    )
    write_json(folder / "config.json", spec)
    return folder


def run_stage(stage, folder, *, config=None, snapshot=None, parents=None, seed=0):
    """Run a stage in this process; returns its manifest. Calling again in the same folder resumes."""
    prepare_stage(stage, folder, config=config, snapshot=snapshot, parents=parents, seed=seed)
    status = main([stage, str(folder)])
    assert status == 0, (Path(folder) / "error.json").read_text()
    return RunManifest.model_validate_json((Path(folder) / MANIFEST).read_text())


def metrics(folder):
    """Lines of ``metrics.jsonl`` without the clock, which is the one thing that may differ."""
    lines = [json.loads(line) for line in (Path(folder) / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if not name.startswith("time/")} for line in lines]


def weights(folder):
    """Tensors of the saved model by name."""
    from safetensors.torch import load_file

    return load_file(Path(folder) / "model" / "model.safetensors")


def same_weights(one, other):
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


class Killed(BaseException):
    """Not an Exception, as a kill is none: no handler of a stage may catch it."""


def stop_at(monkeypatch, step):
    """Tell the next stage in this process to stop, as SIGTERM would, when it writes the metrics of this step."""
    write = MetricsLog.write

    def write_and_tell(self, at, total, values):
        write(self, at, total, values)
        if at == step:
            monkeypatch.setattr(stopping._ours, "wanted", True)

    monkeypatch.setattr(MetricsLog, "write", write_and_tell)


def kill_at(monkeypatch, step):
    """Stop the next stage in this process when it writes the metrics of this step; undo with ``monkeypatch.undo()``."""
    write = MetricsLog.write

    def write_or_die(self, at, total, values):
        write(self, at, total, values)
        if at == step:
            raise Killed

    monkeypatch.setattr(MetricsLog, "write", write_or_die)


def kept_steps(folder):
    """Steps of the checkpoints that lie in a folder, oldest first."""
    return [step for step, _ in checkpoints_of(folder)]
