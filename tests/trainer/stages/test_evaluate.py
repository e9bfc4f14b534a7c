"""Evaluation: how far a policy went from its reference, and what it gained."""

import json

import pytest
import torch

from tests import tiny
from trainer.contract.folder import PROMPTS
from trainer.contract.records import Prompt, read_rows, write_rows
from trainer.models.reward_model import new_reward_model
from trainer.stages import evaluate

CONFIG = {"max_new_tokens": 8, "max_prompt_tokens": 32, "batch_size": 3}


@pytest.fixture
def setting(tmp_path):
    sft = tiny.model_folder(tmp_path / "sft", seed=0)
    tokenizer = tiny.tokenizer()
    reward = new_reward_model(sft, tokenizer.pad_token_id, torch.Generator().manual_seed(0))
    reward.save_pretrained(tmp_path / "reward")
    tokenizer.save_pretrained(tmp_path / "reward")
    return {
        "config": CONFIG,
        "snapshot": tiny.snapshot(tmp_path / "snapshot"),
        "parents": {
            "policy": tiny.model_folder(tmp_path / "policy", seed=1),
            "reference": sft,
            "reward": tmp_path / "reward",
        },
    }


def test_every_number_comes_with_its_error(tmp_path, setting):
    metrics = tiny.run_stage("evaluate", tmp_path / "run", **setting).metrics

    assert metrics["data/prompts"] == 4, "held-out prompts only"
    for name in ("kl/sequence", "reward/policy", "reward/reference", "reward/gain", "length/policy", "finished/policy"):
        assert metrics[f"{name}_se"] is not None
    assert metrics["kl/sequence"] > 0
    assert metrics["reward/gain"] == pytest.approx(metrics["reward/policy"] - metrics["reward/reference"])
    assert metrics["kl/token"] == pytest.approx(metrics["kl/sequence"] / metrics["length/policy"])
    assert metrics["loss/demonstrations_policy"] > 0
    (line,) = tiny.metrics(tmp_path / "run")
    assert line["kl/sequence"] == metrics["kl/sequence"]
    samples = [json.loads(line) for line in (tmp_path / "run" / "samples.jsonl").read_text().splitlines()]
    assert len(samples) == 4


def test_a_policy_is_at_no_distance_from_itself(tmp_path, setting):
    setting["parents"]["reference"] = setting["parents"]["policy"]

    metrics = tiny.run_stage("evaluate", tmp_path / "run", **setting).metrics

    assert metrics["kl/sequence"] == pytest.approx(0, abs=1e-6)


def test_the_sampled_kl_is_the_kl_of_the_distributions():
    """One-token answers: the mean over many samples against the sum over the vocabulary, within 4 standard errors."""
    tokenizer = tiny.tokenizer()
    policy, reference = tiny.model(tokenizer, seed=1), tiny.model(tokenizer, seed=2)
    with torch.no_grad():
        policy.lm_head.weight.mul_(8)
        reference.lm_head.weight.mul_(8)
    prompt = [1, 4, 50]
    config = evaluate.EvaluateConfig(batch_size=500)
    n = 2000
    answers = evaluate.generate(policy, tokenizer, [prompt] * n, max_new_tokens=1, seeds=range(n))

    sampled = evaluate.divergence(policy, reference, tokenizer, prompts=[prompt] * n, answers=answers, config=config)

    with torch.no_grad():
        p, q = (torch.log_softmax(m(torch.tensor([prompt])).logits[0, -1], -1) for m in (policy, reference))
    exact = (p.exp() * (p - q)).sum().item()
    assert exact > 0.1
    assert abs(sampled.mean().item() - exact) < 4 * sampled.std().item() / n**0.5


def test_batches_change_nothing_but_rounding(tmp_path, setting):
    one = tiny.run_stage("evaluate", tmp_path / "one", **setting).metrics
    setting["config"] = {**CONFIG, "batch_size": 64}
    other = tiny.run_stage("evaluate", tmp_path / "other", **setting).metrics

    assert one == pytest.approx(other, rel=1e-4, abs=1e-5)


def test_no_heldout_prompts_is_refused_with_a_sentence(tmp_path, setting):
    path = setting["snapshot"] / PROMPTS
    write_rows(path, Prompt, [row for row in read_rows(path, Prompt) if row.split == "train"])
    folder = tiny.prepare_stage("evaluate", tmp_path / "run", **setting)

    assert tiny.main(["evaluate", str(folder)]) == 1

    assert "no held-out prompts" in json.loads((folder / "error.json").read_text())["message"]
