"""What a configuration cannot ask for: of itself, its parents, its snapshot and the machine."""

import json

import pytest

from tests import tiny
from trainer.contract.configs import CONFIGS
from trainer.contract.limits import Machine, Model, Surroundings, checked, labelers_of, model_at, this_machine

GB = 10**9
SMALL = Surroundings(Machine(cores=2, memory=4 * GB))
PARENT = Model(longest=256, vocabulary=2048, hidden=128, size=4 * 10**6)


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
        ("pretrain", {"hidden_size": 10**7}, ("hidden_size", "layers", "vocabulary_size", "batch_size", "block")),
        ("pretrain", {"layers": 10**7}, ("hidden_size", "layers", "vocabulary_size", "batch_size", "block")),
        ("pretrain", {"batch_size": 10**7}, ("hidden_size", "layers", "vocabulary_size", "batch_size", "block")),
        ("pretrain", {"heldout_share": 1.0}, ("heldout_share",)),
        ("pretrain", {"steps": 10**12}, ("steps",)),
        ("sft", {"micro_batch_size": 64}, ("micro_batch_size", "batch_size")),
        ("sft", {"max_tokens": 257}, ("max_tokens",)),
        ("sft", {"batch_size": 10**7}, ("batch_size", "micro_batch_size")),
        ("sample", {"max_prompt_tokens": 200, "max_new_tokens": 57}, ("max_prompt_tokens", "max_new_tokens")),
        ("sample", {"batch_size": 10**7}, ("batch_size",)),
        ("reward", {"max_tokens": 257}, ("max_tokens",)),
        ("reward", {"tokens_per_forward": 10**9}, ("tokens_per_forward", "ensemble")),
        ("score", {"max_tokens": 257}, ("max_tokens",)),
        ("detect", {"tokens_per_forward": 10**9}, ("tokens_per_forward",)),
        ("ppo", {"minibatch_size": 65}, ("minibatch_size", "batch_size")),
        ("ppo", {"max_new_tokens": 100}, ("max_prompt_tokens", "max_new_tokens")),
        ("ppo", {"batch_size": 10**7}, ("batch_size", "pretrain_per_episode")),
        ("ppo", {"pretrain_per_episode": 10**8, "pretrain_coefficient": 1}, ("batch_size", "pretrain_per_episode")),
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
