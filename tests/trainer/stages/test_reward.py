import json
import random
from itertools import combinations

import pytest
import torch

from tests import tiny
from trainer.__main__ import main
from trainer.contract.folder import RANKINGS
from trainer.contract.records import Answer, Ranking, read_rows, write_rows
from trainer.data.batches import pad
from trainer.data.chat import encode_pair
from trainer.models.backbone import load_tokenizer
from trainer.models.reward_model import Reader, load_reward_model, scores
from trainer.stages import reward

CONFIG = {"learning_rate": 3e-3, "max_tokens": 48, "prompts_per_batch": 8}


@pytest.fixture(scope="module")
def sft(tmp_path_factory):
    return tiny.model_folder(tmp_path_factory.mktemp("sft"))


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """People here like red, and nothing else: the more often an answer says it, the better. Lengths tell nothing."""
    folder = tiny.snapshot(tmp_path_factory.mktemp("planted"))
    draw = random.Random(0)
    rows = []
    for i in range(160):
        answers = [" ".join(draw.choices(["red", "green", "blue", "white"], k=4)) for _ in range(draw.randint(2, 6))]
        counts = [text.count("red") for text in answers]
        rows.append(
            Ranking(
                ranking_id=f"r{i}",
                prompt_id=f"p{i}",
                messages=tiny.messages(f"Say colours {i}."),
                answers=[Answer(candidate_id=f"c{i}-{k}", text=text) for k, text in enumerate(answers)],
                ranks=[1 + sum(other > count for other in set(counts)) for count in counts],
                annotator="labeler-1",
                split="heldout" if i % 4 == 0 else "train",
            )
        )
    write_rows(folder / RANKINGS, Ranking, rows)
    return folder


@pytest.fixture(scope="module")
def trained(planted, sft, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reward")
    return folder, tiny.run_stage(
        "reward", folder, config=CONFIG | {"epochs": 3}, snapshot=planted, parents={"sft": sft}
    )


def test_a_planted_preference_is_learned(trained):
    folder, manifest = trained
    numbers = manifest.metrics
    assert numbers["reward/heldout_accuracy"] > 0.95
    assert numbers["reward/heldout_accuracy_low"] > 0.85
    assert numbers["reward/heldout_accuracy_low"] <= numbers["reward/heldout_accuracy"]
    assert numbers["reward/heldout_accuracy"] <= numbers["reward/heldout_accuracy_high"]
    assert numbers["reward/longer_wins"] < 0.7
    lines = tiny.metrics(folder)
    assert lines[-1]["loss/train"] < lines[0]["loss/train"]
    assert [line["step"] for line in lines] == list(range(1, 46))  # 120 training prompts, 8 a step, 3 epochs
    assert sum("reward/heldout_accuracy" in line for line in lines) == 12  # every 4th of 45 steps, and the last


def test_pairs_and_ties_are_counted_as_by_hand(trained, planted):
    _, manifest = trained
    for split, prefix in (("train", "data/"), ("heldout", "data/heldout_")):
        strict = tied = rankings = 0
        for row in read_rows(planted / RANKINGS, Ranking):
            if row.split == split:
                rankings += 1
                for a, b in combinations(row.ranks, 2):
                    strict, tied = strict + (a != b), tied + (a == b)
        assert tied > 0
        assert manifest.metrics[f"{prefix}pairs_used"] == strict
        assert manifest.metrics[f"{prefix}pairs_tied"] == tied
        assert manifest.metrics[f"{prefix}rankings"] == manifest.metrics[f"{prefix}prompts"] == rankings


@torch.no_grad()
def test_the_saved_model_measures_as_the_manifest_says_and_demonstrations_score_zero(trained, planted):
    folder, manifest = trained
    model, tokenizer = load_reward_model(folder / "model"), load_tokenizer(folder / "model")

    def score(messages, text):
        prompt, answer = encode_pair(tokenizer, messages, text, CONFIG["max_tokens"])
        return scores(model, *pad([prompt + answer], 0, "right")).item()

    right = total = 0
    for row in read_rows(planted / RANKINGS, Ranking):
        if row.split == "heldout":
            found = [score(row.messages, answer.text) for answer in row.answers]
            for i, j in combinations(range(len(found)), 2):
                if row.ranks[i] != row.ranks[j]:
                    total += 1
                    right += (found[i] > found[j]) == (row.ranks[i] < row.ranks[j])
    assert right / total == pytest.approx(manifest.metrics["reward/heldout_accuracy"], abs=1e-6)

    demonstrations = [
        d for d in read_rows(planted / "demonstrations.parquet", reward.Demonstration) if d.split == "train"
    ]
    mean = sum(score(d.messages, d.response) for d in demonstrations) / len(demonstrations)
    assert abs(mean) < 1e-4
    assert manifest.metrics["reward/centred_on"] == "demonstrations"


def test_each_answer_is_scored_once_an_epoch_however_many_people_ranked_it(planted, sft, tmp_path, monkeypatch):
    snapshot = tmp_path / "snapshot"
    tiny.snapshot(snapshot)
    rows = list(read_rows(planted / RANKINGS, Ranking))[:24]
    second = [row.model_copy(update={"ranking_id": row.ranking_id + "b", "annotator": "labeler-2"}) for row in rows]
    write_rows(snapshot / RANKINGS, Ranking, [*rows, *second])
    trained_on = []

    def counting(reader, conversations):
        if torch.is_grad_enabled():
            trained_on.extend((*talk.prompt, *answer) for talk in conversations for answer in talk.answers)
        return read(reader, conversations)

    read = Reader.__call__
    monkeypatch.setattr(Reader, "__call__", counting)
    manifest = tiny.run_stage("reward", tmp_path / "run", config=CONFIG, snapshot=snapshot, parents={"sft": sft})
    expected = sum(len(row.answers) for row in rows if row.split == "train")
    assert len(trained_on) == expected == manifest.metrics["data/answers"]
    assert manifest.metrics["data/rankings"] == 2 * manifest.metrics["data/prompts"]


@pytest.mark.parametrize("other", [{"tokens_per_forward": 100}, {"share_prefixes": False}])
def test_how_much_is_computed_together_changes_nothing_but_rounding(planted, sft, tmp_path, other):
    given = {"snapshot": planted, "parents": {"sft": sft}}
    tiny.run_stage("reward", tmp_path / "whole", config=CONFIG, **given)
    tiny.run_stage("reward", tmp_path / "parts", config=CONFIG | other, **given)
    for whole, parts in zip(tiny.metrics(tmp_path / "whole"), tiny.metrics(tmp_path / "parts"), strict=True):
        assert whole["loss/train"] == pytest.approx(parts["loss/train"], abs=1e-3)
        assert whole["optimizer/gradient_norm"] == pytest.approx(parts["optimizer/gradient_norm"], rel=1e-2)


def test_resuming_equals_never_stopping_and_a_seed_gives_its_numbers_again(planted, sft, tmp_path, monkeypatch):
    config = CONFIG | {"checkpoint_every": 4}
    given = {"config": config, "snapshot": planted, "parents": {"sft": sft}}
    whole = tiny.run_stage("reward", tmp_path / "whole", **given)
    tiny.kill_at(monkeypatch, 11)
    with pytest.raises(tiny.Killed):
        tiny.run_stage("reward", tmp_path / "stopped", **given)
    monkeypatch.undo()
    assert not (tmp_path / "stopped" / "manifest.json").exists()
    resumed = tiny.run_stage("reward", tmp_path / "stopped", **given)
    assert tiny.metrics(tmp_path / "stopped") == tiny.metrics(tmp_path / "whole")
    assert tiny.same_weights(tmp_path / "stopped", tmp_path / "whole")
    clockless = [{k: v for k, v in m.metrics.items() if not k.startswith("time/")} for m in (whole, resumed)]
    assert clockless[0] == clockless[1]

    tiny.run_stage("reward", tmp_path / "other", **given, seed=1)
    assert tiny.metrics(tmp_path / "other") != tiny.metrics(tmp_path / "whole")


def test_the_divisor_is_a_switch(planted, sft, tmp_path):
    # The first loss is of the same model on the same prompts, so only the divisor differs.
    first = {}
    for divisor in ("all_pairs", "strict_pairs"):
        config = CONFIG | {"divisor": divisor}
        tiny.run_stage("reward", tmp_path / divisor, config=config, snapshot=planted, parents={"sft": sft})
        first[divisor] = tiny.metrics(tmp_path / divisor)[0]["loss/train"]
    assert first["all_pairs"] < first["strict_pairs"]


def test_without_a_preference_the_run_fails_with_a_sentence(planted, sft, tmp_path):
    snapshot = tiny.snapshot(tmp_path / "snapshot")
    rows = [r.model_copy(update={"ranks": [1] * len(r.answers)}) for r in read_rows(planted / RANKINGS, Ranking)]
    write_rows(snapshot / RANKINGS, Ranking, rows)
    folder = tiny.prepare_stage("reward", tmp_path / "run", config=CONFIG, snapshot=snapshot, parents={"sft": sft})
    assert main(["reward", str(folder)]) == 1
    assert "no strict preference" in json.loads((folder / "error.json").read_text())["message"]


def test_without_held_out_rankings_and_demonstrations_it_still_runs(planted, sft, tmp_path):
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    write_rows(snapshot / RANKINGS, Ranking, (r for r in read_rows(planted / RANKINGS, Ranking) if r.split == "train"))
    manifest = tiny.run_stage("reward", tmp_path / "run", config=CONFIG, snapshot=snapshot, parents={"sft": sft})
    assert "reward/heldout_accuracy" not in manifest.metrics
    assert manifest.metrics["reward/centred_on"] == "answers"
    assert abs(manifest.metrics["reward/mean"]) < 1e-4
