"""Layers that are computed again on the way back give the same weights, and are computed again."""

import pytest
import torch

from tests import tiny
from trainer.contract.configs import SftConfig
from trainer.contract.errors import StageError
from trainer.models.activations import layers_of, learning_from, recompute_layers
from trainer.models.adapters import add_adapters
from trainer.models.vocabulary import next_token_loss

IDS = torch.arange(8, 40).reshape(2, 16)
EVERY = torch.ones_like(IDS, dtype=torch.bool)
AGAIN = SftConfig(activation_checkpointing=True)


@pytest.mark.parametrize("rank", [0, 2], ids=["whole", "lora"])
def test_all_layers_but_the_last_are_computed_twice(rank):
    model = tiny.model(tiny.tokenizer(), layers=3)
    add_adapters(model, SftConfig(lora_rank=rank), 0)
    recompute_layers(model, AGAIN)
    calls = [0, 0, 0]

    def count(number):
        def hook(*_given):
            calls[number] += 1

        return hook

    for number, layer in enumerate(layers_of(model)):
        layer.self_attn.register_forward_pre_hook(count(number))
    with learning_from(model):
        next_token_loss(model, IDS, EVERY).backward()
    assert calls == [2, 2, 1]
    with torch.no_grad():
        next_token_loss(model, IDS, EVERY)
    assert calls == [3, 3, 2]


STAGES = {
    "pretrain": {"steps": 3, "batch_size": 4, "block": 32, "context": 64, "hidden_size": 32, "heads": 2},
    "sft": {"epochs": 1, "batch_size": 4, "tokens_per_forward": 60},
    "reward": {"epochs": 1, "prompts_per_batch": 4, "tokens_per_forward": 120},
    "ppo": {"iterations": 2, "batch_size": 4, "minibatch_size": 2, "max_new_tokens": 8},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("activations")
    sft, snapshot = tiny.model_folder(root / "sft"), tiny.snapshot(root / "snapshot")
    tiny.run_stage("reward", root / "reward", config={"epochs": 1}, snapshot=snapshot, parents={"sft": sft})
    return sft, snapshot, root / "reward" / "model", tiny.corpus_file(root / "corpus.txt")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_ends_at_the_same_weights_to_the_bit(stage, world, tmp_path):
    sft, snapshot, reward, corpus = world
    parents = {"pretrain": {}, "sft": {"base": sft}, "reward": {"sft": sft}, "ppo": {"sft": sft, "reward": reward}}
    for name, again in (("kept", False), ("again", True)):
        config = STAGES[stage] | {"activation_checkpointing": again}
        if stage == "pretrain":
            config |= {"corpus": str(corpus), "layers": 2, "vocabulary_size": 320}
        given = {"config": config, "parents": parents[stage], "snapshot": None if stage == "pretrain" else snapshot}
        tiny.run_stage(stage, tmp_path / name, **given)
    assert tiny.same_weights(tmp_path / "kept", tmp_path / "again")
    kept, again = (
        [line["loss/train"] for line in tiny.metrics(tmp_path / name) if "loss/train" in line]
        for name in ("kept", "again")
    )
    assert kept == again


def test_a_family_that_cannot_says_so(monkeypatch):
    model = tiny.model(tiny.tokenizer())

    def refuse(*_given):
        raise ValueError("not compatible")

    monkeypatch.setattr(model, "activation_checkpointing_enable", refuse)
    with pytest.raises(StageError, match="cannot compute its layers again"):
        recompute_layers(model, AGAIN)
