"""What a configuration cannot ask for: of itself, its parents, its snapshot and the machine."""

import json

import pytest

from tests import tiny
from trainer.contract.configs import CONFIGS, PARENTS
from trainer.contract.limits import (
    UNKNOWN_CONTEXT,
    Machine,
    Model,
    Surroundings,
    checked,
    labelers_of,
    least_memory,
    model_at,
    settled_by_models,
    this_machine,
)

GB = 10**9
SMALL = Surroundings(Machine(cores=2, memory=4 * GB))
PARENT = Model(longest=256, vocabulary=2048, hidden=128, size=4 * 10**6)

PPO_MEMORY = ("lora_rank", "batch_size", "pretrain_per_episode", "dtype")


def wrong(stage, given, around=SMALL):
    """The fields of each thing that is wrong."""
    config, found = checked(stage, given, around)
    assert (config is None) == bool(found)
    return [problem.fields for problem in found]


@pytest.mark.parametrize(
    ("stage", "given", "fields"),
    [
        ("pretrain", {"threads": 10_000_000}, ("threads",)),
        ("pretrain", {"threads": 3}, ("threads",)),
        ("pretrain", {"block": 257}, ("block", "context")),
        ("pretrain", {"hidden_size": 100, "heads": 3}, ("hidden_size", "heads")),
        ("pretrain", {"hidden_size": 4, "heads": 4}, ("hidden_size", "heads")),
        (
            "pretrain",
            {"hidden_size": 10**7},
            ("hidden_size", "layers", "vocabulary_size", "tokens_per_forward", "block"),
        ),
        ("pretrain", {"layers": 10**7}, ("hidden_size", "layers", "vocabulary_size", "tokens_per_forward", "block")),
        (
            "pretrain",
            {"batch_size": 10**7, "tokens_per_forward": 10**9},
            ("hidden_size", "layers", "vocabulary_size", "tokens_per_forward", "block"),
        ),
        ("pretrain", {"heldout_share": 1.0}, ("heldout_share",)),
        ("pretrain", {"steps": 10**12}, ("steps",)),
        ("sft", {"max_tokens": 257}, ("max_tokens",)),
        ("sft", {"tokens_per_forward": 10**9}, ("lora_rank", "tokens_per_forward", "dtype")),
        ("sample", {"max_prompt_tokens": 200, "max_new_tokens": 57}, ("max_prompt_tokens", "max_new_tokens")),
        ("sample", {"max_new_tokens": 256}, ("max_prompt_tokens", "max_new_tokens")),
        ("sample", {"batch_size": 10**7}, ("batch_size", "dtype")),
        ("reward", {"max_tokens": 257}, ("max_tokens",)),
        ("reward", {"tokens_per_forward": 10**9}, ("lora_rank", "tokens_per_forward", "dtype", "ensemble")),
        ("score", {"max_tokens": 257}, ("max_tokens",)),
        ("detect", {"tokens_per_forward": 10**9}, ("tokens_per_forward", "dtype")),
        ("sft", {"processes": 33}, ("processes", "batch_size")),
        ("reward", {"processes": 65}, ("processes", "prompts_per_batch")),
        ("ppo", {"processes": 33}, ("processes", "minibatch_size")),
        ("ppo", {"minibatch_size": 65}, ("minibatch_size", "batch_size")),
        ("ppo", {"max_new_tokens": 256}, ("max_prompt_tokens", "max_new_tokens")),
        ("ppo", {"batch_size": 10**7}, PPO_MEMORY),
        ("ppo", {"pretrain_per_episode": 10**8, "pretrain_coefficient": 1}, PPO_MEMORY),
        ("evaluate", {"max_new_tokens": 2**31 - 1}, ("max_prompt_tokens", "max_new_tokens")),
    ],
)
def test_each_contradiction_stands_at_its_fields(stage, given, fields):
    around = Surroundings(SMALL.machine, {"sft": PARENT, "base": PARENT, "policy": PARENT, "reward": PARENT})
    assert wrong(stage, given, around) == [fields]
    for problem in checked(stage, given, around)[1]:
        assert "%" not in str(problem)


def test_all_that_is_wrong_is_told_at_once():
    given = {"threads": 99, "block": 999, "hidden_size": 99, "steps": 0, "blok": 3}
    assert wrong("pretrain", given) == [
        ("steps",),
        ("blok",),
        ("threads",),
        ("block", "context"),
        ("hidden_size", "heads"),
    ]


def test_a_wrong_setting_is_not_held_against_the_others_as_well():
    assert wrong("pretrain", {"block": -5, "context": 64}) == [("block",)]


def test_what_fits_is_let_through_and_what_is_not_known_is_no_reason_to_refuse():
    everything = Surroundings(SMALL.machine, dict.fromkeys(("sft", "base", "policy", "reward", "reference"), PARENT))
    for stage in CONFIGS:
        for around in (everything, SMALL, Surroundings(), Surroundings(None, {"sft": Model()}, None)):
            assert wrong(stage, {}, around) == []
    assert wrong("sft", {"max_tokens": 5000, "threads": 5000}, Surroundings(None, {"base": Model()})) == []


@pytest.mark.parametrize(
    ("given", "labelers", "fields"),
    [
        ({}, {"a": None}, [("folds",)]),
        ({"folds": 2}, {"a": None, "b": None}, []),
        ({"grouping": "labeler_group"}, {"a": "x", "b": "x", "c": None}, [("grouping",)]),
        ({"grouping": "labeler_group"}, {"a": "x", "b": "y"}, []),
    ],
)
def test_cross_validation_needs_people_to_leave_out(given, labelers, fields):
    assert wrong("crossvalidate", given, Surroundings(labelers=labelers)) == fields


def test_folders_tell_what_a_model_reads_and_who_ranked(tmp_path):
    model = model_at(tiny.model_folder(tmp_path / "model"))
    assert (model.longest, model.hidden) == (tiny.CONTEXT, 32)
    assert model.size > 10_000
    assert labelers_of(tiny.snapshot(tmp_path / "snapshot") / "rankings.parquet") == {"labeler-1": None}
    assert model_at(tmp_path / "nowhere") == Model()
    assert labelers_of(tmp_path / "nowhere.parquet") is None
    (tmp_path / "config.json").write_text('{"hidden_size": "wide", "vocab_size": ')
    assert model_at(tmp_path) == Model()
    machine = this_machine()
    assert machine.cores >= 1
    assert machine.memory > 10**8


@pytest.mark.parametrize("ties", ["drop", "soft", "davidson", "rao_kupper"])
@pytest.mark.parametrize("margin", ["none", "likert", "strength"])
def test_a_likelihood_of_ties_is_refused_beside_a_margin(ties, margin):
    found = checked("reward", {"ties": ties, "margin": margin}, Surroundings())[1]
    told = [(problem.fields, str(problem).split(".")[0]) for problem in found]
    refused = margin != "none" and ties in ("davidson", "rao_kupper")
    assert told == [(("margin", "ties"), f"A likelihood of ties ({ties}) knows no margin")] * refused


@pytest.mark.parametrize(
    ("stage", "config", "words"),
    [
        (
            "pretrain",
            {"threads": 10_000_000, "block": 900},
            ['field "threads": At most', 'fields "block" and "context"'],
        ),
        ("pretrain", {"hidden_size": 10**7}, ["GB of memory"]),
        (
            "crossvalidate",
            {"max_tokens": 999},
            ['"max_tokens": Prompt and answer', '"folds": Labelers in this snapshot: 1'],
        ),
    ],
)
def test_a_run_by_hand_is_refused_before_torch_is_loaded(tmp_path, stage, config, words):
    needs = stage == "crossvalidate"
    folder = tiny.prepare_stage(
        stage,
        tmp_path / "run",
        config={"device": "cpu", **config},
        snapshot=tiny.snapshot(tmp_path / "snapshot") if needs else None,
        parents={"sft": tiny.model_folder(tmp_path / "sft")} if needs else None,
    )
    assert tiny.main([stage, str(folder)]) == 1
    message = json.loads((folder / "error.json").read_text())["message"]
    for word in words:
        assert word in message


def test_what_is_left_to_the_models_is_what_the_one_of_them_reads_that_reads_least():
    models = {"policy": PARENT, "reference": Model(longest=200), "reward": Model()}
    assert settled_by_models(CONFIGS["evaluate"](max_new_tokens=50), models).max_prompt_tokens == 150
    assert settled_by_models(CONFIGS["sft"](), {"base": PARENT}).max_tokens == 256
    assert settled_by_models(CONFIGS["sft"](), {"base": Model()}).max_tokens == UNKNOWN_CONTEXT
    assert settled_by_models(CONFIGS["sft"](max_tokens=9), {"base": PARENT}).max_tokens == 9
    # A score is read as far as the reward model was trained to.
    assert settled_by_models(CONFIGS["score"](), {"reward": PARENT}).max_tokens is None


def test_families_have_names_of_their_own_for_what_they_read(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "gpt2", "n_positions": 1024, "n_embd": 768}')
    assert model_at(tmp_path) == Model(longest=1024, hidden=768)


@pytest.mark.parametrize(
    ("stage", "given", "gigabytes"),
    [
        ("sft", {}, 16),  # weights, gradients and two moments in float32, whatever it computes in
        ("sft", {"dtype": "bfloat16"}, 16),
        ("sft", {"lora_rank": 8}, 4),
        ("sft", {"lora_rank": 8, "dtype": "bfloat16"}, 2),
        ("sample", {}, 4),
        ("sample", {"dtype": "bfloat16"}, 2),
        # Policy and values, the reference, the reward and the policy's average.
        ("ppo", {}, 16 + 16 + 4 + 4 + 4),
        ("ppo", {"dtype": "bfloat16"}, 16 + 16 + 2 + 2 + 4),
        ("ppo", {"lora_rank": 8, "dtype": "bfloat16"}, 2 + 2),
    ],
)
def test_the_least_memory_follows_what_learns_and_in_which_numbers(stage, given, gigabytes):
    model = Model(size=4 * GB)
    models = dict.fromkeys(("base", "sft", "policy", "reward"), model)
    roles = {role: models[role] for role, _kind in PARENTS[stage]}
    assert least_memory(CONFIGS[stage](**given), roles) == pytest.approx(gigabytes * GB, rel=0.001)
