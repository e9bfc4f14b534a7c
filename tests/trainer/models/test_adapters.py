"""Adapters learn beside a model that stays as it is, say nothing before they learned, and are merged or kept apart."""

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, GPT2Config

from tests import tiny
from trainer.contract.configs import SftConfig
from trainer.contract.errors import StageError
from trainer.contract.folder import CHECKPOINTS, checkpoints_of
from trainer.models.adapters import (
    ADAPTER,
    add_adapters,
    learned_state,
    learning,
    load_learned,
    merge_adapters,
    save_adapters,
    without_adapters,
)

IDS = torch.arange(8, 40).reshape(2, 16)
CONFIG = SftConfig(lora_rank=4, lora_alpha=8)


def gpt2():
    torch.manual_seed(0)
    sizes = {"vocab_size": 320, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
    return AutoModelForCausalLM.from_config(GPT2Config(**sizes)).eval()


@pytest.fixture(params=["llama", "gpt2"])
def model(request):
    return tiny.model(tiny.tokenizer()) if request.param == "llama" else gpt2()


@torch.no_grad()
def said(model):
    return model(IDS).logits


@torch.no_grad()
def learn(model):
    """As if it had learned: every parameter that learns is moved."""
    source = torch.Generator().manual_seed(1)
    for parameter in learning(model):
        parameter.add_(torch.randn(parameter.shape, generator=source) * 0.1)


def test_fresh_adapters_say_nothing_and_are_all_that_learns(model):
    before, weights = said(model), {name: p.clone() for name, p in model.named_parameters()}
    add_adapters(model, CONFIG, 3)
    assert torch.equal(said(model), before)
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert names
    assert all("lora_" in name for name in names)
    model(IDS).logits.sum().backward()
    learn(model)
    assert not torch.allclose(said(model), before)
    with without_adapters(model):
        assert torch.equal(said(model), before)
    assert [name for name, parameter in model.named_parameters() if parameter.requires_grad] == names
    kept = {name.replace(".base_layer", ""): parameter for name, parameter in model.named_parameters()}
    assert all(torch.equal(kept[name], value) for name, value in weights.items())


def test_the_same_seed_draws_the_same_adapters_and_leaves_other_draws_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    one, two = tiny.model(tiny.tokenizer()), tiny.model(tiny.tokenizer())
    torch.manual_seed(0)
    add_adapters(one, CONFIG, 3)
    assert torch.equal(torch.rand(1), expected)
    add_adapters(two, CONFIG, 3)
    assert all(torch.equal(a, b) for a, b in zip(learning(one), learning(two), strict=True))
    other = tiny.model(tiny.tokenizer())
    add_adapters(other, CONFIG, 4)
    assert not all(torch.equal(a, b) for a, b in zip(learning(one), learning(other), strict=True))


def test_merged_they_are_an_ordinary_model_that_says_the_same(model):
    names = set(model.state_dict())
    add_adapters(model, CONFIG, 3)
    learn(model)
    before = said(model)
    merge_adapters(model)
    assert set(model.state_dict()) == names
    torch.testing.assert_close(said(model), before, rtol=1e-4, atol=1e-5)


def test_kept_apart_peft_opens_them(model, tmp_path):
    model.save_pretrained(tmp_path / "base")
    add_adapters(model, CONFIG, 3)
    learn(model)
    save_adapters(model, CONFIG, tmp_path / "adapter")
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "base", dtype=torch.float32)
    opened = PeftModel.from_pretrained(base, tmp_path / "adapter").eval()
    torch.testing.assert_close(said(opened), said(model), rtol=1e-5, atol=1e-6)


def test_a_checkpoint_keeps_what_learns_and_nothing_else(model):
    add_adapters(model, CONFIG, 3)
    learn(model)
    state = {name: value.clone() for name, value in learned_state(model).items()}
    assert sum(value.numel() for value in state.values()) < sum(p.numel() for p in model.parameters()) / 3
    before = said(model)
    learn(model)
    load_learned(model, state)
    assert torch.equal(said(model), before)
    with pytest.raises(RuntimeError, match="other adapters"):
        load_learned(model, dict(list(state.items())[1:]))


def test_a_name_that_no_layer_has_is_told(model):
    with pytest.raises(StageError, match="lora_targets"):
        add_adapters(model, SftConfig(lora_rank=2, lora_targets="nowhere"), 0)


def test_named_layers_alone_get_adapters():
    model = tiny.model(tiny.tokenizer())
    add_adapters(model, SftConfig(lora_rank=2, lora_targets="q_proj, v_proj"), 0)
    assert {name.split(".")[-4] for name, p in model.named_parameters() if p.requires_grad} == {"q_proj", "v_proj"}


# In the stages -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("adapters")
    return root, tiny.model_folder(root / "base"), tiny.snapshot(root / "snapshot", prompts=8)


LORA = {"lora_rank": 4, "learning_rate": 1e-2}
SIZES = {
    "sft": {"epochs": 4, "batch_size": 3, "max_tokens": 48, "checkpoint_every": 2},
    "reward": {"epochs": 4, "prompts_per_batch": 3, "max_tokens": 48, "checkpoint_every": 2},
    "ppo": {
        "iterations": 4,
        "batch_size": 4,
        "minibatch_size": 2,
        "max_new_tokens": 6,
        "max_prompt_tokens": 40,
        "checkpoint_every": 2,
    },
}


@pytest.fixture(scope="module")
def parents(world):
    root, base, snapshot = world
    sft, reward = root / "sft-0", root / "reward-0"
    tiny.run_stage("sft", sft, config=LORA | SIZES["sft"], snapshot=snapshot, parents={"base": base})
    given = {"config": LORA | SIZES["reward"], "snapshot": snapshot, "parents": {"sft": sft / "model"}}
    tiny.run_stage("reward", reward, **given)
    return {"sft": sft / "model", "reward": reward / "model"}


def parents_of(stage, world, parents):
    if stage == "sft":
        return {"base": world[1]}
    return parents if stage == "ppo" else {"sft": parents["sft"]}


@pytest.mark.parametrize("stage", ["sft", "reward", "ppo"])
def test_a_stage_learns_by_adapters_and_resumes_to_the_same_weights(stage, world, parents, tmp_path, monkeypatch):
    given = {"config": LORA | SIZES[stage], "snapshot": world[2], "parents": parents_of(stage, world, parents)}
    tiny.run_stage(stage, tmp_path / "whole", **given)
    killed = tiny.prepare_stage(stage, tmp_path / "killed", **given)
    tiny.kill_at(monkeypatch, 3)
    with pytest.raises(tiny.Killed):
        tiny.main([stage, str(killed)])
    monkeypatch.undo()
    sizes = [path.stat().st_size for _, path in checkpoints_of(killed / CHECKPOINTS)]
    tiny.run_stage(stage, killed, **given)
    assert tiny.same_weights(tmp_path / "whole", killed)
    if stage != "ppo":  # which keeps its history of two models
        assert max(sizes) < (killed / "model" / "model.safetensors").stat().st_size

    start = given["parents"]["base" if stage == "sft" else "sft"]
    loader = AutoModelForSequenceClassification if stage == "reward" else AutoModelForCausalLM
    merged = loader.from_pretrained(killed / "model")
    assert not [name for name in merged.state_dict() if "lora" in name]
    base = loader.from_pretrained(start, **({"num_labels": 1} if stage == "reward" else {}))
    with torch.no_grad():
        before = base(IDS[:1]).logits
        apart = PeftModel.from_pretrained(base, killed / ADAPTER).eval()(IDS[:1]).logits
        torch.testing.assert_close(apart, merged(IDS[:1]).logits, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(before, apart, atol=1e-3), "it has learned"


def test_with_adapters_ppo_begins_at_the_supervised_model_and_measures_how_far_it_goes(world, parents, tmp_path):
    given = {"config": LORA | SIZES["ppo"], "snapshot": world[2], "parents": parents}
    tiny.run_stage("ppo", tmp_path / "ppo", **given)
    first, *later = tiny.metrics(tmp_path / "ppo")
    assert first["kl/sequence"] == 0
    assert all(line["kl/sequence"] != 0 for line in later), "the reference stays where the policy began"
    assert all(line["ppo/first_ratio_off_one"] == 0 for line in (first, *later))
