"""Models from elsewhere: a chat template without a place for the system, another template, a short context."""

import json
import shutil

import pytest
import torch
from transformers import AutoTokenizer

from tests import tiny
from trainer.__main__ import main
from trainer.contract.folder import ANSWERS, DEMONSTRATIONS, INPUTS, METRICS, PROMPTS, RANKINGS
from trainer.contract.records import (
    Answer,
    AnswerToScore,
    Demonstration,
    Message,
    Prompt,
    Ranking,
    read_rows,
    write_rows,
)
from trainer.models.reward_model import new_reward_model

NO_SYSTEM = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
SYSTEM = [Message(role="system", content="Be brief."), Message(role="user", content="Name it.")]
SHORT = {"max_new_tokens": 4, "max_prompt_tokens": 32}


def with_template(folder, template):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    sft = with_template(tiny.model_folder(root / "sft"), NO_SYSTEM)
    new_reward_model(sft, 0, torch.Generator().manual_seed(0)).save_pretrained(root / "reward")
    tiny.tokenizer().save_pretrained(root / "reward")
    with_template(root / "reward", NO_SYSTEM)
    return {"sft": sft, "base": sft, "policy": sft, "reference": sft, "reward": root / "reward"}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    """24 prompts, of which one of the training split and one held out begin with a system message."""
    folder = tiny.snapshot(tmp_path_factory.mktemp("snapshot"), prompts=24)
    for name, kind in ((PROMPTS, Prompt), (DEMONSTRATIONS, Demonstration), (RANKINGS, Ranking)):
        rows = [
            row.model_copy(
                update=({"messages": SYSTEM} if row.prompt_id in ("p5", "p7") else {})
                | ({"annotator": f"labeler-{i // 2 % 2}"} if kind is Ranking else {})
            )
            for i, row in enumerate(read_rows(folder / name, kind))
        ]
        write_rows(folder / name, kind, rows)
    return folder


STAGES = {
    "sft": ({"epochs": 1, "max_tokens": 48}, ["base"], ["d5"]),
    "reward": ({"max_tokens": 48}, ["sft"], ["r5"]),
    "crossvalidate": ({"max_tokens": 48, "folds": 2, "seeds": 1}, ["sft"], ["r5"]),
    "ppo": ({"iterations": 1, "batch_size": 24, "minibatch_size": 8, **SHORT}, ["sft", "reward"], ["p5"]),
    "evaluate": (SHORT, ["policy", "reference", "reward"], ["p7", "d7"]),
    "sample": ({"answers_per_prompt": 1, **SHORT}, ["policy"], ["p5"]),
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_prompt_that_the_template_refuses_is_left_out_and_named(models, snapshot, tmp_path, stage):
    config, roles, names = STAGES[stage]
    (tmp_path / INPUTS).mkdir()
    shutil.copy(snapshot / PROMPTS, tmp_path / INPUTS / PROMPTS)
    manifest = tiny.run_stage(
        stage, tmp_path, config=config, snapshot=snapshot, parents={role: models[role] for role in roles}
    )
    told = [note for note in manifest.notes if "System role not supported" in note]
    for name in names:
        assert any(name in note and "left out" in note for note in told)
    left = {"sft": ("data/demonstrations", 17), "reward": ("data/prompts", 17), "sample": ("data/prompts", 22)}
    if stage in left:
        key, count = left[stage]
        assert manifest.metrics[key] == count


@pytest.mark.parametrize(("stage", "role"), [("score", "reward"), ("detect", "policy")])
def test_where_every_row_needs_its_result_the_run_says_which_it_cannot_read_and_does_not_start(
    models, tmp_path, stage, role
):
    rows = [
        AnswerToScore(answer_id=f"a{i}", messages=SYSTEM if i == 2 else tiny.messages("Name it."), text="red stone")
        for i in range(4)
    ]
    folder = tiny.prepare_stage(stage, tmp_path, config={"max_tokens": 48}, parents={role: models[role]})
    (folder / INPUTS).mkdir()
    write_rows(folder / INPUTS / ANSWERS, AnswerToScore, rows)
    assert main([stage, str(folder)]) == 1
    told = json.loads((folder / "error.json").read_text())
    assert "System role not supported" in told["message"]
    assert "(a2)" in told["message"]
    assert "goes on from its last checkpoint" not in told["message"]
    assert told["resumable"] is False
    assert not (folder / METRICS).exists()


def test_a_snapshot_of_which_nothing_can_be_read_stops_with_the_reason(models, snapshot, tmp_path):
    other = shutil.copytree(snapshot, tmp_path / "snapshot")
    rows = [row.model_copy(update={"messages": SYSTEM}) for row in read_rows(other / DEMONSTRATIONS, Demonstration)]
    write_rows(other / DEMONSTRATIONS, Demonstration, rows)
    folder = tiny.prepare_stage("sft", tmp_path / "run", snapshot=other, parents={"base": models["base"]})
    spec = json.loads((folder / "config.json").read_text())
    spec["config"]["max_tokens"] = 48
    (folder / "config.json").write_text(json.dumps(spec))
    assert main(["sft", str(folder)]) == 1
    told = json.loads((folder / "error.json").read_text())
    assert "Nothing is left to read: 24 × a demonstration is left out" in told["message"]
    assert told["resumable"] is False


@pytest.mark.parametrize(("stage", "role"), [("ppo", "reward"), ("evaluate", "reference")])
def test_one_vocabulary_with_two_templates_is_refused(models, snapshot, tmp_path, stage, role):
    other = with_template(shutil.copytree(models[role], tmp_path / "other"), NO_SYSTEM.replace("eos_token", "'\\n'"))
    config, roles, _ = STAGES[stage]
    parents = {name: models[name] for name in roles} | {role: other}
    folder = tiny.prepare_stage(stage, tmp_path / "run", config=config, snapshot=snapshot, parents=parents)
    assert main([stage, str(folder)]) == 1
    told = json.loads((folder / "error.json").read_text())
    assert "different chat templates" in told["message"]
    assert told["resumable"] is False


def test_pairs_that_are_the_same_after_the_cut_are_told_and_not_counted(models, tmp_path):
    """Twelve pairs, three of them held out, that differ behind the cut, beside eight that do not."""
    folder = tiny.snapshot(tmp_path / "snapshot")
    rows = [
        Ranking(
            ranking_id=f"r{i}",
            prompt_id=f"p{i}",
            messages=tiny.messages(f"Name it {i}."),
            answers=[
                Answer(candidate_id=f"c{i}-{k}", text=("red " * 60 if i < 12 else "") + word)
                for k, word in enumerate(("stone", "river"))
            ],
            ranks=[1, 2],
            annotator="ann",
            split="heldout" if i % 4 == 3 else "train",
        )
        for i in range(20)
    ]
    write_rows(folder / RANKINGS, Ranking, rows)
    given = {"config": {"max_tokens": 48}, "parents": {"sft": models["sft"]}}
    manifest = tiny.run_stage("reward", tmp_path / "run", snapshot=folder, **given)
    assert any(note.startswith("12 pairs are the same after the cut and teach nothing (") for note in manifest.notes)
    assert manifest.metrics["data/pairs_used"] == 6
    assert manifest.metrics["data/heldout_pairs_used"] == 2
    assert manifest.metrics["data/rankings_all_tied"] == 0
    assert manifest.judging.accuracy.n == 2

    write_rows(folder / RANKINGS, Ranking, rows[:12])
    run = tiny.prepare_stage("reward", tmp_path / "nothing", snapshot=folder, **given)
    assert main(["reward", str(run)]) == 1
    assert "no strict preference among them that a model could see in 48 tokens" in (run / "error.json").read_text()
