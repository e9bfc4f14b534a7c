"""Pretraining: a tokenizer and a model from nothing."""

import json

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests import tiny
from trainer.contract.folder import saved_step
from trainer.stages.pretrain import split

STEPS = 12


@pytest.fixture
def config(tmp_path):
    return {
        "corpus": str(tiny.corpus_file(tmp_path / "corpus.txt")),
        "vocabulary_size": 320,
        "hidden_size": 32,
        "layers": 2,
        "heads": 2,
        "context": 64,
        "block": 16,
        "batch_size": 4,
        "steps": STEPS,
        "checkpoint_every": 4,
        "heldout_share": 0.2,
        "learning_rate": 1e-2,
    }


def test_a_document_that_another_repeats_is_held_out_with_it():
    documents = [text for i in range(40) for text in (f"Document number {i}.", f"DOCUMENT  number {i}")]
    train, heldout = split(documents, 0.2, 1)
    assert (len(train), len(heldout)) == (64, 16)
    assert {text.split()[2].strip(".") for text in train}.isdisjoint(text.split()[2].strip(".") for text in heldout)


def test_the_loss_falls_and_every_file_is_there(tmp_path, config):
    manifest = tiny.run_stage("pretrain", tmp_path / "run", config=config)

    lines = tiny.metrics(tmp_path / "run")
    assert [line["step"] for line in lines] == list(range(1, STEPS + 1))
    assert lines[-1]["loss/train"] < 0.7 * lines[0]["loss/train"]
    assert lines[-1]["loss/heldout"] < lines[3]["loss/heldout"]
    assert manifest.metrics["loss/heldout"] == pytest.approx(lines[-1]["loss/heldout"])
    assert {
        "model/model.safetensors",
        "model/tokenizer.json",
        "metrics.jsonl",
        "samples.jsonl",
    } <= manifest.files.keys()
    assert manifest.provenance["seed"] == 0
    assert manifest.provenance["peak_rss_mb"] > 0
    samples = [json.loads(line) for line in (tmp_path / "run" / "samples.jsonl").read_text().splitlines()]
    assert {sample["step"] for sample in samples} == {4, 8, 12}
    assert "pretrain" in (tmp_path / "run" / "model" / "README.md").read_text()


def test_the_saved_folder_loads_with_transformers_alone(tmp_path, config):
    tiny.run_stage("pretrain", tmp_path / "run", config=config)

    model = AutoModelForCausalLM.from_pretrained(tmp_path / "run" / "model")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "run" / "model")

    assert model.config.vocab_size == len(tokenizer)
    assert model.config.eos_token_id == tokenizer.eos_token_id == model.generation_config.eos_token_id
    said = tokenizer.apply_chat_template(
        [{"role": "user", "content": "hello"}], tokenize=False, add_generation_prompt=True
    )
    assert said == "<|bos|><|user|>hello<|end|><|assistant|>"


def test_resuming_after_a_kill_equals_never_stopping(tmp_path, config, monkeypatch):
    tiny.run_stage("pretrain", tmp_path / "whole", config=config)
    tiny.stop_at(monkeypatch, 1)
    with pytest.raises(SystemExit):
        tiny.run_stage("pretrain", tmp_path / "killed", config=config)
    monkeypatch.undo()
    assert saved_step(tmp_path / "killed") == 1
    tiny.kill_at(monkeypatch, 7)
    with pytest.raises(tiny.Killed):
        tiny.run_stage("pretrain", tmp_path / "killed", config=config)
    assert not (tmp_path / "killed" / "manifest.json").exists()
    monkeypatch.undo()

    manifest = tiny.run_stage("pretrain", tmp_path / "killed", config=config)

    assert manifest.metrics["loss/heldout"] == tiny.metrics(tmp_path / "whole")[-1]["loss/heldout"]
    assert tiny.metrics(tmp_path / "killed") == tiny.metrics(tmp_path / "whole")
    assert tiny.same_weights(tmp_path / "killed", tmp_path / "whole")
    whole, killed = ((tmp_path / name / "samples.jsonl").read_text() for name in ("whole", "killed"))
    assert whole == killed


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(tmp_path, config):
    for name, seed in [("one", 1), ("again", 1), ("other", 2)]:
        tiny.run_stage("pretrain", tmp_path / name, config=config, seed=seed)

    assert tiny.metrics(tmp_path / "one") == tiny.metrics(tmp_path / "again")
    assert tiny.same_weights(tmp_path / "one", tmp_path / "again")
    assert not tiny.same_weights(tmp_path / "one", tmp_path / "other")


def test_a_corpus_shorter_than_a_block_is_refused_with_a_sentence(tmp_path, config):
    (tmp_path / "corpus.txt").write_text("two words")
    folder = tiny.prepare_stage("pretrain", tmp_path / "run", config=config)

    assert tiny.main(["pretrain", str(folder)]) == 1

    assert 'fewer tokens than one "block"' in json.loads((folder / "error.json").read_text())["message"]
