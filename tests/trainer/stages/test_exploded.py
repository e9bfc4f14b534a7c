"""A run that explodes, at whatever place: it keeps what was good, says what broke, and hands out nothing."""

import importlib
import json
import math
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests import tiny
from trainer.__main__ import main
from trainer.contract.folder import ANSWERS, INPUTS, MANIFEST, PROMPTS
from trainer.contract.records import AnswerToScore, Prompt, write_rows
from trainer.loop.checkpoint import latest_checkpoint
from trainer.models.reward_model import new_reward_model
from trainer.stages import ppo_learning

TENSOR = "model.layers.1.mlp.up_proj.weight"
REWARD = {"learning_rate": 3e-3, "max_tokens": 48, "prompts_per_batch": 4, "checkpoint_every": 1, "epochs": 1}
TRAINING = {
    "pretrain": {
        "vocabulary_size": 320,
        "hidden_size": 32,
        "layers": 2,
        "heads": 2,
        "context": 64,
        "block": 16,
        "batch_size": 2,
        "steps": 3,
        "checkpoint_every": 1,
    },
    "sft": {"epochs": 1, "batch_size": 4, "max_tokens": 48, "checkpoint_every": 1},
    "reward": REWARD | {"ensemble": 2},
    "crossvalidate": REWARD | {"folds": 2, "seeds": 1, "prompts_per_batch": 2},
    "ppo": {
        "iterations": 3,
        "batch_size": 8,
        "minibatch_size": 8,
        "max_new_tokens": 6,
        "max_prompt_tokens": 32,
        "checkpoint_every": 1,
        "pretrain_coefficient": 1.0,
    },
}
"""Three steps each, and a checkpoint after every one; an ensemble takes them twice, a cross-validation too."""

LAST = {"pretrain": 3, "sft": 3, "reward": 6, "crossvalidate": 6, "ppo": 3}
"""The last step of all; of several trainings it is the last one of the last."""

MODULES = {"crossvalidate": "reward_fitting", "reward": "reward_fitting", "ppo": "ppo_learning"}
"""Where the loop of a stage stands, if not in its own module."""


def saved(folder, model):
    model.save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def sft(tmp_path_factory):
    return tiny.model_folder(tmp_path_factory.mktemp("sft"))


@pytest.fixture(scope="module")
def reward(sft, tmp_path_factory):
    return saved(tmp_path_factory.mktemp("reward"), new_reward_model(sft, 0, torch.Generator().manual_seed(5)))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two people, so that one can be left out, and a corpus."""
    from trainer.contract.folder import RANKINGS
    from trainer.contract.records import Ranking, read_rows

    folder = tiny.snapshot(tmp_path_factory.mktemp("snapshot"))
    rows = [
        row.model_copy(update={"annotator": f"labeler-{i // 2 % 2}"})
        for i, row in enumerate(read_rows(folder / RANKINGS, Ranking))
    ]
    write_rows(folder / RANKINGS, Ranking, rows)
    return folder, str(tiny.corpus_file(tmp_path_factory.mktemp("corpus") / "corpus.txt"))


@pytest.fixture(scope="module")
def orders(sft, reward, data):
    snapshot, corpus = data
    roles = {
        "pretrain": {},
        "sft": {"base": sft},
        "reward": {"sft": sft},
        "crossvalidate": {"sft": sft},
        "ppo": {"sft": sft, "reward": reward},
        "sample": {"policy": sft},
        "detect": {"policy": sft},
        "score": {"reward": reward},
        "evaluate": {"policy": sft, "reference": sft, "reward": reward},
    }
    configs = TRAINING | {
        "sample": {"max_new_tokens": 4, "max_prompt_tokens": 32, "answers_per_prompt": 2},
        "detect": {"max_tokens": 48, "min_tokens": 1},
        "score": {"max_tokens": 48},
        "evaluate": {"max_new_tokens": 4, "max_prompt_tokens": 32},
    }
    configs = {
        name: config | ({"corpus": corpus} if name in ("pretrain", "ppo") else {}) for name, config in configs.items()
    }
    return {name: {"config": configs[name], "snapshot": snapshot, "parents": roles[name]} for name in roles}


def prepared(stage, folder, order):
    tiny.prepare_stage(stage, folder, **order)
    (folder / INPUTS).mkdir(exist_ok=True)
    write_rows(folder / INPUTS / PROMPTS, Prompt, [Prompt(prompt_id="p", messages=tiny.messages("Name it."))])
    row = AnswerToScore(answer_id="a", messages=tiny.messages("Name it."), text="A red stone.")
    write_rows(folder / INPUTS / ANSWERS, AnswerToScore, [row])
    return folder


def fails(stage, folder):
    assert main([stage, str(folder)]) == 1
    assert not (folder / MANIFEST).exists()
    assert not (folder / "model").exists()
    assert not list(folder.glob("*.parquet"))
    return json.loads((folder / "error.json").read_text())


@pytest.fixture(scope="module")
def whole(orders, tmp_path_factory):
    """What each stage leaves when nothing happens, made when it is first asked for."""
    made = {}

    def of(stage):
        if stage not in made:
            made[stage] = tmp_path_factory.mktemp(f"whole-{stage}")
            tiny.run_stage(stage, made[stage], **orders[stage])
        return made[stage]

    return of


def break_at(monkeypatch, stage, step, how):
    """Put NaN into the gradient of a step, or into the weights right after it; ``value`` breaks PPO's second model."""
    module = importlib.import_module(f"trainer.stages.{MODULES.get(stage, stage)}")
    make, taken, made = module.adamw, [], []

    def breaking(model, config, rate):
        optimizer = make(model, config, rate)
        made.append(optimizer)
        if stage == "ppo" and len(made) != (2 if how == "value" else 1):
            return optimizer
        victim = dict(model.named_parameters())[TENSOR]

        def after(*_):
            taken.append(1)
            if how == "weights" and len(taken) == step:
                victim.data[0, 0] = math.nan

        optimizer.register_step_post_hook(after)
        if how != "weights":
            victim.register_hook(lambda gradient: gradient * math.nan if len(taken) == step - 1 else None)
        return optimizer

    monkeypatch.setattr(module, "adamw", breaking)


def goes_on_as_if_nothing_had_happened(stage, folder, order, undisturbed):
    tiny.run_stage(stage, folder, **order)
    assert tiny.metrics(folder) == tiny.metrics(undisturbed)
    if stage != "crossvalidate":
        assert tiny.same_weights(folder, undisturbed)


@pytest.mark.parametrize("stage", TRAINING)
def test_nan_in_a_gradient_stops_before_the_step_and_the_run_goes_on_from_before(
    orders, whole, tmp_path, monkeypatch, stage
):
    # In a run of several trainings, in the middle of the second.
    step = LAST[stage] - 1
    folder = prepared(stage, tmp_path, orders[stage])
    break_at(monkeypatch, stage, step, "gradient")
    told = fails(stage, folder)
    assert told["kind"] == "NotFiniteError"
    assert (told["step"], told["tensor"]) == (step, TENSOR)
    assert "learning rate" in told["cause"]
    assert told["resumable"] is False
    assert f"Step {step} was not taken: " in told["message"]
    assert f"the gradient of {TENSOR}" in told["message"]
    assert f"The checkpoint of step {step - 1} is kept." in told["message"]
    assert tiny.kept_steps(folder / "checkpoints")[-1] == step - 1
    monkeypatch.undo()
    goes_on_as_if_nothing_had_happened(stage, folder, orders[stage], whole(stage))


@pytest.mark.parametrize("stage", TRAINING)
def test_nan_in_the_last_step_leaves_no_model_and_the_checkpoint_before_it(orders, whole, tmp_path, monkeypatch, stage):
    step = LAST[stage]
    folder = prepared(stage, tmp_path, orders[stage])
    break_at(monkeypatch, stage, step, "weights")
    told = fails(stage, folder)
    assert told["kind"] == "NotFiniteError"
    assert told["step"] == step
    assert TENSOR in told["tensor"]
    assert "The checkpoint was not written" in told["message"]
    assert latest_checkpoint(folder / "checkpoints")[0] == step - 1
    monkeypatch.undo()
    goes_on_as_if_nothing_had_happened(stage, folder, orders[stage], whole(stage))


def test_nan_in_the_pretraining_mix_is_named(orders, whole, tmp_path, monkeypatch):
    folder = prepared("ppo", tmp_path, orders["ppo"])
    loss, calls = ppo_learning.next_token_loss, []

    def breaking(*given):
        calls.append(1)
        return loss(*given) * (math.nan if len(calls) == 2 else 1)

    monkeypatch.setattr(ppo_learning, "next_token_loss", breaking)
    told = fails("ppo", folder)
    assert "Step 2 was not taken: the loss of the pretraining mix is nan" in told["message"]
    assert "pretrain_coefficient" in told["cause"]
    assert tiny.kept_steps(folder / "checkpoints") == [1]
    monkeypatch.undo()
    goes_on_as_if_nothing_had_happened("ppo", folder, orders["ppo"], whole("ppo"))


def test_nan_in_the_value_models_gradient_stops_too(orders, whole, tmp_path, monkeypatch):
    folder = prepared("ppo", tmp_path, orders["ppo"])
    break_at(monkeypatch, "ppo", 2, "value")
    told = fails("ppo", folder)
    assert (told["step"], told["tensor"]) == (2, TENSOR)
    assert tiny.kept_steps(folder / "checkpoints") == [1]
    monkeypatch.undo()
    goes_on_as_if_nothing_had_happened("ppo", folder, orders["ppo"], whole("ppo"))


def spoilt(path, source, tensor=TENSOR, value=math.nan, number=True):
    """A copy of a model of which one number, or one whole tensor, is not as it was."""
    path.mkdir()
    for file in source.iterdir():
        (path / file.name).write_bytes(file.read_bytes())
    tensors = load_file(path / "model.safetensors")
    tensors[tensor].reshape(-1)[: 1 if number else None] = value
    save_file(tensors, path / "model.safetensors", {"format": "pt"})
    return path


ROLES = [
    ("sft", "base"),
    ("reward", "sft"),
    ("crossvalidate", "sft"),
    ("ppo", "sft"),
    ("ppo", "reward"),
    ("sample", "policy"),
    ("detect", "policy"),
    ("score", "reward"),
    ("evaluate", "policy"),
    ("evaluate", "reference"),
    ("evaluate", "reward"),
]


@pytest.mark.parametrize(("stage", "role"), ROLES)
def test_a_model_with_one_nan_is_refused_before_anything_starts_and_put_right_it_is_taken(
    orders, whole, tmp_path, stage, role
):
    order = orders[stage]
    model = spoilt(tmp_path / "model", order["parents"][role])
    order = order | {"parents": order["parents"] | {role: model}}
    folder = prepared(stage, tmp_path / "run", order)
    told = fails(stage, folder)
    assert told["tensor"] == TENSOR
    assert str(model) in told["message"]
    assert "1 of " in told["message"]
    assert told["resumable"] is False
    assert not (folder / "metrics.jsonl").exists()
    assert not tiny.kept_steps(folder / "checkpoints")
    if stage in TRAINING:
        shutil.copy(orders[stage]["parents"][role] / "model.safetensors", model)
        goes_on_as_if_nothing_had_happened(stage, folder, order, whole(stage))


def test_a_spoilt_member_of_an_ensemble_is_refused_too(orders, reward, tmp_path):
    folder = spoilt(tmp_path / "first", reward, value=1.0)
    (folder / "members").mkdir()
    spoilt(folder / "members" / "2", reward)
    told = fails("score", prepared("score", tmp_path / "run", orders["score"] | {"parents": {"reward": folder}}))
    assert told["model"] == str(folder / "members" / "2")


@pytest.mark.parametrize(
    ("stage", "role", "who"),
    [
        ("sample", "policy", "The language model"),
        ("detect", "policy", "The language model"),
        ("score", "reward", "The reward model"),
        ("evaluate", "reward", "The reward model"),
        ("evaluate", "reference", "The language model"),
        ("reward", "sft", None),
        ("sft", "base", None),
    ],
)
def test_numbers_that_overflow_inside_a_model_are_not_handed_out(orders, tmp_path, stage, role, who):
    order = orders[stage]
    model = spoilt(tmp_path / "model", order["parents"][role], "model.norm.weight", 3e38, number=False)
    order = order | {"parents": order["parents"] | {role: model}}
    told = fails(stage, prepared(stage, tmp_path / "run", order))
    assert told["kind"] == "NotFiniteError"
    if who:
        assert who in told["message"]
        assert "weights are" in told["message"]
