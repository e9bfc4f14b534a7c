"""Supervised fine-tuning: only the answer's tokens teach."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests import tiny
from trainer.contract.folder import DEMONSTRATIONS, saved_step
from trainer.contract.records import Demonstration, read_rows, write_rows
from trainer.stages import sft

CONFIG = {"epochs": 3, "batch_size": 4, "max_tokens": 48, "checkpoint_every": 2, "learning_rate": 2e-2}


@pytest.fixture
def setting(tmp_path):
    return {
        "config": CONFIG,
        "snapshot": tiny.snapshot(tmp_path / "snapshot"),
        "parents": {"base": tiny.model_folder(tmp_path / "base")},
    }


def test_the_loss_falls_and_every_file_is_there(tmp_path, setting):
    manifest = tiny.run_stage("sft", tmp_path / "run", **setting)

    lines = tiny.metrics(tmp_path / "run")
    assert [line["step"] for line in lines] == list(range(1, 10)), "12 demonstrations, 4 a step, 3 epochs"
    assert lines[-1]["loss/train"] < 0.7 * lines[0]["loss/train"]
    assert [line["step"] for line in lines if "loss/heldout" in line] == [3, 6, 9], "once an epoch"
    assert lines[-1]["loss/heldout"] < lines[2]["loss/heldout"]
    assert manifest.metrics["data/demonstrations"] == 12
    assert manifest.metrics["data/heldout"] == 4
    assert len(manifest.provenance["parents"]["base"]["sha256"]) == 64
    assert manifest.provenance["snapshot"] == "snapshot"
    AutoModelForCausalLM.from_pretrained(tmp_path / "run" / "model")


def test_resuming_after_a_kill_equals_never_stopping(tmp_path, setting, monkeypatch):
    tiny.run_stage("sft", tmp_path / "whole", **setting)
    tiny.stop_at(monkeypatch, 5)
    with pytest.raises(SystemExit):
        tiny.run_stage("sft", tmp_path / "killed", **setting)
    monkeypatch.undo()
    assert saved_step(tmp_path / "killed") == 5
    tiny.kill_at(monkeypatch, 7)
    with pytest.raises(tiny.Killed):
        tiny.run_stage("sft", tmp_path / "killed", **setting)
    monkeypatch.undo()

    tiny.run_stage("sft", tmp_path / "killed", **setting)

    assert tiny.metrics(tmp_path / "killed") == tiny.metrics(tmp_path / "whole")
    assert tiny.same_weights(tmp_path / "killed", tmp_path / "whole")


def test_the_same_seed_gives_the_same_numbers(tmp_path, setting):
    for name, seed in [("one", 1), ("again", 1), ("other", 2)]:
        tiny.run_stage("sft", tmp_path / name, seed=seed, **setting)

    assert tiny.same_weights(tmp_path / "one", tmp_path / "again")
    assert not tiny.same_weights(tmp_path / "one", tmp_path / "other")


def test_parts_of_a_batch_add_up_to_it(tmp_path, setting):
    tiny.run_stage("sft", tmp_path / "whole", **setting)
    setting["config"] = {**CONFIG, "tokens_per_forward": 60}
    tiny.run_stage("sft", tmp_path / "parts", **setting)

    whole, parts = tiny.metrics(tmp_path / "whole"), tiny.metrics(tmp_path / "parts")
    assert [line["loss/train"] for line in parts] == pytest.approx([line["loss/train"] for line in whole], rel=1e-3)


def test_heldout_demonstrations_do_not_train(tmp_path, setting):
    tiny.run_stage("sft", tmp_path / "before", **setting)
    path = setting["snapshot"] / DEMONSTRATIONS
    rows = [
        row.model_copy(update={"response": "nonsense"}) if row.split == "heldout" else row
        for row in read_rows(path, Demonstration)
    ]
    write_rows(path, Demonstration, rows)

    tiny.run_stage("sft", tmp_path / "after", **setting)

    assert tiny.same_weights(tmp_path / "before", tmp_path / "after")


def test_only_answer_tokens_count():
    tokenizer = tiny.tokenizer()
    batch = [sft.Example([1, 4, 50, 51], [60, 61, 2]), sft.Example([1, 4], [70, 2])]

    ids, mask, counted = sft.collate(tokenizer, batch)

    assert ids[counted].tolist() == [60, 61, 2, 70, 2]
    assert mask.sum(dim=1).tolist() == [7, 4]


def test_padding_changes_nothing_and_prompt_labels_teach_nothing():
    tokenizer = tiny.tokenizer()
    model = tiny.model(tokenizer)
    short, long = sft.Example([1, 4], [70, 71, 2]), sft.Example([1, 4, 50, 51, 52, 53], [60, 61, 62, 2])

    together = sft.batch_loss(model, tokenizer, [short, long]) * 7
    apart = sft.batch_loss(model, tokenizer, [short]) * 3 + sft.batch_loss(model, tokenizer, [long]) * 4

    torch.testing.assert_close(together, apart, rtol=1e-5, atol=1e-5)


def test_a_snapshot_without_demonstrations_is_refused_with_a_sentence(tmp_path, setting):
    write_rows(setting["snapshot"] / DEMONSTRATIONS, Demonstration, [])
    folder = tiny.prepare_stage("sft", tmp_path / "run", **setting)

    assert tiny.main(["sft", str(folder)]) == 1

    assert "no demonstrations" in json.loads((folder / "error.json").read_text())["message"]
