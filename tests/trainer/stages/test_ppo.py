import json
import math

import numpy as np
import pytest
import torch

from tests import tiny
from trainer.__main__ import main
from trainer.contract.configs import PpoConfig
from trainer.contract.folder import PROMPTS, saved_step
from trainer.contract.records import Prompt, read_rows, write_rows
from trainer.data.chat import encode_pair, encode_prompt
from trainer.models.reward import Reward, Rewards
from trainer.models.reward_model import new_reward_model
from trainer.stages import ppo_learning, ppo_playing

CONFIG = {
    "iterations": 6,
    "batch_size": 16,
    "minibatch_size": 8,
    "max_new_tokens": 10,
    "max_prompt_tokens": 32,
    "warmup_iterations": 2,
    "learning_rate": 2e-3,
    "value_learning_rate": 2e-3,
}


@pytest.fixture(scope="module")
def parents(tmp_path_factory):
    """A policy, and a reward model whose random head is as good a taste as any."""
    sft, reward = tiny.model_folder(tmp_path_factory.mktemp("sft")), tmp_path_factory.mktemp("reward")
    model = new_reward_model(sft, 0, torch.Generator().manual_seed(5))
    model.save_pretrained(reward)
    tiny.tokenizer().save_pretrained(reward)
    return {"sft": sft, "reward": reward}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    return tiny.snapshot(tmp_path_factory.mktemp("snapshot"))


@pytest.fixture(scope="module")
def given(snapshot, parents):
    return {"config": CONFIG, "snapshot": snapshot, "parents": parents}


@pytest.fixture(scope="module")
def finished(given, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ppo")
    return folder, tiny.run_stage("ppo", folder, **given)


def test_at_the_start_kl_is_exactly_zero_and_the_ratio_exactly_one(finished):
    lines = tiny.metrics(finished[0])
    assert lines[0]["kl/sequence"] == 0
    assert lines[0]["kl/per_token"] == 0
    # Every iteration's first minibatch is asked before anything is learned from it.
    assert [line["ppo/first_ratio_off_one"] for line in lines] == [0] * 6
    assert lines[0]["ppo/ratio_off_one"] > 0
    assert lines[-1]["kl/sequence"] != 0


def test_parts_of_a_minibatch_add_up_to_it_and_are_looked_back_upon_alike(given, finished, tmp_path):
    mixed = CONFIG | {
        "iterations": 2,
        "pretrain_coefficient": 0.5,
        "corpus": str(tiny.corpus_file(tmp_path / "text.txt")),
    }
    for name, tokens in (("whole", 4096), ("parts", 100)):
        tiny.run_stage("ppo", tmp_path / name, **given | {"config": mixed | {"tokens_per_forward": tokens}})
    whole, parts = tiny.metrics(tmp_path / "whole"), tiny.metrics(tmp_path / "parts")
    assert [line["ppo/first_ratio_off_one"] for line in parts] == [0, 0]
    for name in ("loss/policy", "loss/value", "loss/pretrain", "optimizer/gradient_norm_policy", "kl/update"):
        assert parts[0][name] == pytest.approx(whole[0][name], rel=1e-3, abs=1e-6), name


def test_it_leaves_what_the_contract_promises(finished):
    folder, manifest = finished
    lines = tiny.metrics(folder)
    assert [line["step"] for line in lines] == list(range(1, 7))
    for name in (
        "reward/score_mean",
        "reward/with_penalty",
        "kl/sequence",
        "kl/per_token",
        "loss/policy",
        "loss/value",
    ):
        assert all(math.isfinite(line[name]) for line in lines)
    for name in ("ppo/clip_fraction", "answer/finished"):
        assert all(0 <= line[name] <= 1 for line in lines)
    assert all(line["ppo/ratio_max"] >= 1 for line in lines)
    assert all(0 < line["ppo/entropy"] < math.log(400) for line in lines)
    assert all(1 <= line["answer/length"] <= 10 for line in lines)
    # Warmup from a tenth of the peak: 0.1, 0.55, then constant.
    assert [line["optimizer/rate"] / 2e-3 for line in lines] == pytest.approx([0.1, 0.55, 1, 1, 1, 1])
    samples = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    assert {row["step"] for row in samples} == {1, 6}
    assert {"prompt", "answer", "sft_answer", "score", "kl"} <= samples[0].keys()
    assert manifest.metrics["data/episodes"] == 96
    assert "model/model.safetensors" in manifest.files


def even_tokens(reward, pairs, _capacity):
    """A taste planted in place of the reward model: ten times the share of even token ids, prompt included."""
    ids = [sum(encode_pair(reward.tokenizer, *pair, 64), []) for pair in pairs]  # noqa: RUF017
    return Rewards(np.array([[[10 * sum(i % 2 == 0 for i in row) / len(row)] for row in ids]]))


def test_the_planted_reward_rises(given, tmp_path, monkeypatch):
    monkeypatch.setattr(Reward, "__call__", even_tokens)
    config = CONFIG | {"iterations": 40, "batch_size": 32, "minibatch_size": 16, "missing_eos_penalty": 0.0}
    manifest = tiny.run_stage("ppo", tmp_path, **given | {"config": config})
    first = tiny.metrics(tmp_path)[0]
    noise = first["reward/score_std"] / math.sqrt(32)
    assert manifest.metrics["reward/score_end"] > first["reward/score_mean"] + 5 * noise
    assert manifest.metrics["kl/sequence_end"] > 0.1


def test_a_strong_penalty_keeps_the_policy_close(given, tmp_path):
    kl = {}
    for beta in (0.0, 2.0):
        config = CONFIG | {"iterations": 20, "learning_rate": 5e-3, "kl_coefficient": beta}
        kl[beta] = tiny.run_stage("ppo", tmp_path / str(beta), **given | {"config": config}).metrics["kl/sequence_end"]
    assert kl[2.0] < kl[0.0] / 2


def test_resuming_equals_never_stopping_and_a_seed_gives_its_numbers_again(given, tmp_path, monkeypatch):
    config = CONFIG | {"checkpoint_every": 2, "inner_epochs": 2}
    given = given | {"config": config}
    whole = tiny.run_stage("ppo", tmp_path / "whole", **given)
    tiny.stop_at(monkeypatch, 3)
    with pytest.raises(SystemExit):
        tiny.run_stage("ppo", tmp_path / "stopped", **given)
    monkeypatch.undo()
    assert saved_step(tmp_path / "stopped") == 3
    tiny.kill_at(monkeypatch, 5)
    with pytest.raises(tiny.Killed):
        tiny.run_stage("ppo", tmp_path / "stopped", **given)
    monkeypatch.undo()
    resumed = tiny.run_stage("ppo", tmp_path / "stopped", **given)
    assert tiny.metrics(tmp_path / "stopped") == tiny.metrics(tmp_path / "whole")
    assert (tmp_path / "stopped/samples.jsonl").read_text() == (tmp_path / "whole/samples.jsonl").read_text()
    assert tiny.same_weights(tmp_path / "stopped", tmp_path / "whole")
    assert resumed.metrics == whole.metrics

    tiny.run_stage("ppo", tmp_path / "other", **given, seed=1)
    assert tiny.metrics(tmp_path / "other") != tiny.metrics(tmp_path / "whole")


def test_held_out_prompts_are_never_answered(given, snapshot, tmp_path, monkeypatch):
    asked = set()

    def listening(model, tokenizer, prompts, **rest):
        asked.update(map(tuple, prompts))
        return generate(model, tokenizer, prompts, **rest)

    generate = ppo_playing.generate
    monkeypatch.setattr(ppo_playing, "generate", listening)
    tiny.run_stage("ppo", tmp_path, **given)
    toy = tiny.tokenizer()
    by_split = {"train": set(), "heldout": set()}
    for row in read_rows(snapshot / PROMPTS, Prompt):
        by_split[row.split].add(tuple(encode_prompt(toy, row.messages, 32)))
    assert by_split["heldout"]
    assert asked == by_split["train"]


def test_without_training_prompts_the_run_fails_with_a_sentence(given, tmp_path):
    other = tiny.snapshot(tmp_path / "snapshot")
    write_rows(other / PROMPTS, Prompt, [r for r in read_rows(other / PROMPTS, Prompt) if r.split == "heldout"])
    folder = tiny.prepare_stage("ppo", tmp_path / "run", **given | {"snapshot": other})
    assert main(["ppo", str(folder)]) == 1
    assert "no prompt of the training split" in json.loads((folder / "error.json").read_text())["message"]


def test_the_pretraining_mix_keeps_the_text_loss_low_and_shows_both_gradients(given, tmp_path):
    corpus = str(tiny.corpus_file(tmp_path / "corpus.txt"))
    config = CONFIG | {"pretrain_coefficient": 5.0, "corpus": corpus, "pretrain_per_episode": 2}
    tiny.run_stage("ppo", tmp_path / "run", **given | {"config": config})
    lines = tiny.metrics(tmp_path / "run")
    assert lines[-1]["loss/pretrain"] < lines[0]["loss/pretrain"]
    assert all(line["optimizer/gradient_norm_pretrain"] > 0 for line in lines)
    assert all(line["optimizer/gradient_norm_policy"] > 0 for line in lines)


def test_the_mix_adds_gamma_times_the_gradient_of_the_mean_token_loss(snapshot):
    toy = tiny.tokenizer()
    policy = tiny.model(toy)
    mix = torch.randint(6, 300, (5, 12), generator=torch.Generator().manual_seed(0))
    config = PpoConfig(pretrain_coefficient=3.0, pretrain_per_episode=2)
    for parameter in policy.parameters():
        parameter.grad = torch.ones_like(parameter)
    numbers = ppo_learning.add_pretraining(policy, mix, config, 4, torch.Generator().manual_seed(1))
    found = {name: parameter.grad.clone() for name, parameter in policy.named_parameters()}

    policy.zero_grad()
    rows = torch.randint(5, (8,), generator=torch.Generator().manual_seed(1))
    loss = policy(input_ids=mix[rows], labels=mix[rows]).loss  # transformers' own mean token loss
    loss.backward()
    assert numbers["loss/pretrain"] == pytest.approx(loss.item(), abs=1e-5)
    for name, parameter in policy.named_parameters():
        assert torch.allclose(found[name], 1 + 3 * parameter.grad, atol=1e-4)


def test_an_answer_that_does_not_end_costs_the_penalty(given, tmp_path):
    earned = {}
    for penalty in (0.0, 4.0):
        config = CONFIG | {"iterations": 1, "missing_eos_penalty": penalty}
        tiny.run_stage("ppo", tmp_path / str(penalty), **given | {"config": config})
        earned[penalty] = tiny.metrics(tmp_path / str(penalty))[0]
    unfinished = 1 - earned[0.0]["answer/finished"]
    assert unfinished > 0
    assert earned[4.0]["reward/score_mean"] == earned[0.0]["reward/score_mean"]
    difference = earned[0.0]["reward/with_penalty"] - earned[4.0]["reward/with_penalty"]
    assert difference == pytest.approx(4 * unfinished, abs=1e-4)


def test_the_average_of_constant_weights_is_that_constant_and_lags_behind_moving_ones():
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    average = [torch.tensor([1.0])]
    ppo_learning.move_average(average, [weight], 0.9, 1)
    assert average[0].item() == 1
    weight.data.fill_(2.0)
    ppo_learning.move_average(average, [weight], 0.9, 2)  # decay min(0.9, 3/12)
    assert average[0].item() == pytest.approx(0.25 * 1 + 0.75 * 2)
    ppo_learning.move_average(average, [weight], 0.9, 10_000)
    assert average[0].item() == pytest.approx(0.9 * 1.75 + 0.1 * 2)


def test_all_prompts_come_once_before_any_comes_twice():
    drawn = [i for iteration in range(1, 8) for i in ppo_playing.prompts_at(iteration, 10, 4, seed=3)]
    assert sorted(drawn[:10]) == sorted(drawn[10:20]) == list(range(10))
    assert drawn[:10] != drawn[10:20]
    assert sorted(ppo_playing.prompts_at(1, 2, 5, seed=0))[:2] == [0, 0]
