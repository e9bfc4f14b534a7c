"""Models compute in bfloat16 when told so, what learns stays float32, and what is saved is what was measured."""

import pytest
import torch
from safetensors import safe_open

from tests import tiny
from trainer.contract.configs import SftConfig
from trainer.contract.records import Message
from trainer.loop.device import IN_FULL, Compute
from trainer.models.adapters import add_adapters, learning
from trainer.models.backbone import load_policy, token_logprobs
from trainer.models.precision import computes_in, computing, head_of, held_in, round_for_good, set_up
from trainer.models.reward import Reward
from trainer.models.vocabulary import next_token_loss

HALF = Compute(torch.device("cpu"), torch.bfloat16)
WHOLE, LORA = SftConfig(), SftConfig(lora_rank=2)
IDS = torch.arange(8, 40).reshape(2, 16)
EVERY = torch.ones_like(IDS, dtype=torch.bool)
ROUNDING = 2**-7
"""Of bfloat16, relative, with some room."""


@pytest.fixture(scope="module")
def sft(tmp_path_factory):
    return tiny.model_folder(tmp_path_factory.mktemp("precision") / "sft")


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    return tiny.snapshot(tmp_path_factory.mktemp("precision") / "snapshot")


def test_only_what_learns_as_a_whole_is_held_in_full():
    assert held_in(HALF, None) == held_in(HALF, LORA) == torch.bfloat16
    assert held_in(HALF, WHOLE) == held_in(IN_FULL, WHOLE) == held_in(IN_FULL, None) == torch.float32


def test_a_step_too_small_for_bfloat16_is_learned_all_the_same(sft):
    model = load_policy(sft, HALF, WHOLE)
    assert model.dtype == torch.float32
    assert computes_in(model) == torch.bfloat16
    before = [parameter.detach().clone() for parameter in learning(model)]
    for _ in range(3):
        next_token_loss(model, IDS, EVERY).backward()
        torch.optim.AdamW(learning(model), lr=1e-6, weight_decay=0).step()
    assert all(parameter.grad.dtype == torch.float32 for parameter in learning(model))
    moved = torch.cat([(a - b).abs().flatten() for a, b in zip(learning(model), before, strict=True)])
    assert moved.max() < 1e-5
    assert (moved > 0).float().mean() > 0.5


def test_adapters_stay_in_full_beside_weights_that_do_not(sft):
    model = load_policy(sft, HALF, LORA)
    assert model.dtype == torch.bfloat16
    add_adapters(model, LORA, 0)
    assert {parameter.dtype for parameter in learning(model)} == {torch.float32}
    next_token_loss(model, IDS, EVERY).backward()
    assert all(parameter.grad.isfinite().all() for parameter in learning(model))


@torch.no_grad()
@pytest.mark.parametrize("learns", [None, WHOLE], ids=["held", "rounded"])
def test_what_it_says_is_float32_and_that_of_full_numbers_up_to_rounding(sft, learns):
    full, half = load_policy(sft), load_policy(sft, HALF, learns)
    with computing(half):
        assert half(input_ids=IDS).logits.dtype == torch.bfloat16
    expected, said = (token_logprobs(model, IDS, EVERY) for model in (full, half))
    assert said.dtype == torch.float32
    assert not torch.equal(said, expected)
    torch.testing.assert_close(said, expected, rtol=ROUNDING, atol=ROUNDING)


@torch.no_grad()
def test_rounded_for_good_it_says_what_it_said_while_it_learned(sft):
    model = load_policy(sft, HALF, WHOLE)
    before = token_logprobs(model, IDS, EVERY)
    round_for_good(model)
    assert model.dtype == torch.bfloat16
    assert computes_in(model) == torch.bfloat16
    # Norms and the sums between layers were not rounded before.
    torch.testing.assert_close(token_logprobs(model, IDS, EVERY), before, rtol=ROUNDING, atol=ROUNDING)
    full = load_policy(sft)
    round_for_good(full)
    assert full.dtype == torch.float32


def dtypes_of(folder):
    with safe_open(folder / "model.safetensors", "pt") as file:
        return {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118 - it is no dict


LEARN = {"learning_rate": 5e-3}
STAGES = {
    "sft": LEARN | {"epochs": 2, "batch_size": 4},
    "reward": LEARN | {"epochs": 2, "prompts_per_batch": 4, "ensemble": 2},
    "ppo": {"iterations": 2, "batch_size": 4, "minibatch_size": 2, "max_new_tokens": 8},
}


def folders(run, sft, reward):
    return {"sft": {"base": sft}, "reward": {"sft": sft}, "ppo": {"sft": sft, "reward": reward}}[run]


@pytest.mark.parametrize("rank", [0, 2], ids=["whole", "lora"])
def test_each_stage_learns_in_bfloat16_leaves_such_a_model_and_resumes_to_the_bit(
    rank, sft, snapshot, tmp_path, monkeypatch
):
    for stage, config in STAGES.items():
        given = {
            "config": config | {"dtype": "bfloat16", "lora_rank": rank},
            "snapshot": snapshot,
            "parents": folders(stage, tmp_path / "sft" / "model", tmp_path / "reward" / "model")
            | ({"base": sft} if stage == "sft" else {}),
        }
        tiny.run_stage(stage, tmp_path / stage, **given)
        kept = dtypes_of(tmp_path / stage / "model")
        assert kept.pop("score.weight", "F32") == "F32"
        assert set(kept.values()) == {"BF16"}

        killed = tiny.prepare_stage(stage, tmp_path / f"{stage}-killed", **given)
        tiny.kill_at(monkeypatch, 2)
        with pytest.raises(tiny.Killed):
            tiny.main([stage, str(killed)])
        monkeypatch.undo()
        tiny.run_stage(stage, killed, **given)
        assert tiny.same_weights(killed, tmp_path / stage)


def test_a_saved_reward_model_says_to_the_bit_what_was_measured(sft, snapshot, tmp_path):
    config = STAGES["reward"] | {"dtype": "bfloat16", "prompts_per_batch": 12}
    told = tiny.run_stage("reward", tmp_path / "run", config=config, snapshot=snapshot, parents={"sft": sft})
    full = tiny.run_stage(
        "reward", tmp_path / "full", config=config | {"dtype": "float32"}, snapshot=snapshot, parents={"sft": sft}
    )
    assert told.metrics["loss/heldout"] == pytest.approx(full.metrics["loss/heldout"], rel=0.05)
    reward = Reward.load(tmp_path / "run" / "model", HALF)
    assert [model.dtype for model in reward.members] == [torch.bfloat16] * 2
    assert {model.score.weight.dtype for model in reward.members} == {torch.float32}
    pairs = [([Message(role="user", content="Say a colour.")], text) for text in ("red", "green", "no")]
    scores = reward(pairs, 1000).members
    again = Reward.load(tmp_path / "run" / "model", HALF)(pairs, 1000).members
    assert (scores == again).all()
    assert len(set(scores[0, :, 0].tolist())) == 3, "scores are finer than bfloat16 would have them"


def test_heads_of_scores_compute_in_full():
    hidden = torch.randn(3, 32, generator=torch.Generator().manual_seed(0)).bfloat16()
    model = torch.nn.Module()
    model.score = torch.nn.Linear(32, 1, bias=False)
    said = head_of(model, hidden)
    assert said.dtype == torch.float32
    assert torch.equal(said, model.score(hidden.float()))
    assert head_of(model.double(), hidden).dtype == torch.float64


def test_dropout_is_off_for_good_wherever_a_family_keeps_it():
    model = tiny.model(tiny.tokenizer())
    model.model.layers[0].self_attn.attention_dropout = 0.5
    model.model.layers[0].extra = torch.nn.Dropout(0.5)
    model = set_up(model, IN_FULL).train()
    assert model.model.layers[0].self_attn.attention_dropout == 0.0
    assert model.model.layers[0].extra.p == 0.0
