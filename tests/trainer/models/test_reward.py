"""One reward, whoever asks: training, score, PPO and evaluation read the same answer the same way."""

import json
import math

import numpy as np
import pytest
import torch

from tests import tiny
from trainer.contract.folder import ANSWERS, INPUTS, RANKINGS, SCORES
from trainer.contract.records import Answer, AnswerToScore, Message, Ranking, Score, read_rows, write_rows
from trainer.data.chat import encode_pair
from trainer.data.conversations import conversations
from trainer.data.reading import read_rankings
from trainer.models.backbone import load_tokenizer
from trainer.models.reward import Reward, Rewards
from trainer.models.reward_model import centre, new_reward_model

ROUNDING = 1e-4
MEMBERS = 3


@pytest.fixture(scope="module")
def sft(tmp_path_factory):
    return tiny.model_folder(tmp_path_factory.mktemp("sft"))


@pytest.fixture(scope="module")
def ensemble(sft, tmp_path_factory):
    """Three models that say very different things of the same answer."""
    folder = tmp_path_factory.mktemp("reward")
    for number in range(MEMBERS):
        model = new_reward_model(sft, 0, torch.Generator().manual_seed(number), max_tokens=48)
        centre(model, [0.5 * number])
        model.save_pretrained(folder / "members" / str(number + 1) if number else folder)
    tiny.tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    return tiny.snapshot(tmp_path_factory.mktemp("snapshot"), prompts=8)


def scored(folder, reward, rows):
    """What ``score`` says of (prompt, text)."""
    (folder / INPUTS).mkdir(parents=True)
    asked = [
        AnswerToScore(answer_id=str(i), messages=tiny.messages(prompt), text=text)
        for i, (prompt, text) in enumerate(rows)
    ]
    write_rows(folder / INPUTS / ANSWERS, AnswerToScore, asked)
    tiny.run_stage("score", folder, parents={"reward": reward})
    return list(read_rows(folder / SCORES, Score))


def samples(folder):
    return [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]


def test_ppo_is_paid_what_score_says_of_the_same_answers_finished_or_not(sft, ensemble, snapshot, tmp_path):
    """The policy's end token is made likelier than usual, so that some answers end in time and some do not."""
    toy = tiny.tokenizer()
    policy = tiny.model(toy)
    with torch.no_grad():
        policy.lm_head.weight[toy.eos_token_id] *= 25
    policy.save_pretrained(tmp_path / "sft")
    toy.save_pretrained(tmp_path / "sft")
    config = {
        "iterations": 12,
        "batch_size": 4,
        "minibatch_size": 4,
        "max_new_tokens": 8,
        "max_prompt_tokens": 32,
        "learning_rate": 1e-9,
    }
    parents = {"sft": tmp_path / "sft", "reward": ensemble}
    tiny.run_stage("ppo", tmp_path / "ppo", config=config, snapshot=snapshot, parents=parents)
    shown = samples(tmp_path / "ppo")
    assert {row["finished"] for row in shown} == {True, False}
    found = scored(tmp_path / "score", ensemble, [(row["prompt"], row["answer"]) for row in shown])
    assert [row["score"] for row in shown] == pytest.approx([row.score for row in found], abs=ROUNDING)
    # All four answers of an iteration are shown, so its logged mean and deviation are theirs.
    for line in tiny.metrics(tmp_path / "ppo"):
        of_step = [row for row, sample in zip(found, shown, strict=True) if sample["step"] == line["step"]]
        if of_step:
            assert line["reward/score_mean"] == pytest.approx(np.mean([row.score for row in of_step]), abs=ROUNDING)
            assert line["reward/deviation"] == pytest.approx(np.mean([row.deviation for row in of_step]), abs=ROUNDING)


def test_evaluate_says_what_score_says(sft, ensemble, snapshot, tmp_path):
    config = {"max_new_tokens": 8, "max_prompt_tokens": 32}
    parents = {"policy": tiny.model_folder(tmp_path / "policy", seed=1), "reference": sft, "reward": ensemble}
    manifest = tiny.run_stage("evaluate", tmp_path / "run", config=config, snapshot=snapshot, parents=parents)
    shown = samples(tmp_path / "run")
    rows = [(row["prompt"], row[name]) for row in shown for name in ("answer", "reference")]
    found = [row.score for row in scored(tmp_path / "score", ensemble, rows)]
    told = [row[name] for row in shown for name in ("reward", "reward_reference")]
    assert told == pytest.approx(found, abs=ROUNDING)
    assert manifest.metrics["reward/policy"] == pytest.approx(np.mean(found[::2]), abs=ROUNDING)


def test_pessimism_pays_the_mean_less_what_the_members_disagree(sft, ensemble, snapshot, tmp_path):
    config = {"iterations": 1, "batch_size": 6, "minibatch_size": 6, "max_new_tokens": 8, "max_prompt_tokens": 32}
    line = {}
    for k in (0.0, 2.0):
        given = {"config": config | {"pessimism": k}, "snapshot": snapshot}
        tiny.run_stage("ppo", tmp_path / str(k), parents={"sft": sft, "reward": ensemble}, **given)
        (line[k],) = tiny.metrics(tmp_path / str(k))
    assert line[2.0]["reward/score_mean"] == line[0.0]["reward/score_mean"]
    lost = line[0.0]["reward/with_penalty"] - line[2.0]["reward/with_penalty"]
    assert lost == pytest.approx(2 * line[0.0]["reward/deviation"], abs=ROUNDING)
    assert lost > 0.1


def test_an_ensembles_numbers_by_hand():
    said = Rewards(np.array([[[1.0, 5.0], [2.0, 0.0]], [[3.0, 7.0], [2.0, 4.0]]]))
    assert said.mean.tolist() == [[2.0, 6.0], [2.0, 2.0]]
    assert said.deviation.tolist() == [1.0, 0.0]
    assert said.pessimistic(0.5).tolist() == [1.5, 2.0]
    assert said.pessimistic(0).tolist() == [2.0, 2.0]


@pytest.mark.parametrize("capacity", [0, 30, 1000])
def test_training_reads_an_answer_as_scoring_does_and_as_it_would_alone(tmp_path, capacity):
    toy = tiny.tokenizer()
    asked = [tiny.messages("Say red."), [Message(role="system", content="Be brief."), *tiny.messages("Name it. " * 9)]]
    texts = ["", "red", "A red stone.", "blue " * 20, "white " * 40, "<|end|> red"]
    rows = [
        Ranking(
            ranking_id=f"r{i}",
            prompt_id=f"p{i}",
            messages=messages,
            answers=[Answer(candidate_id=f"c{i}-{k}", text=text) for k, text in enumerate(texts)],
            ranks=list(range(1, 7)),
            annotator="ann",
        )
        for i, messages in enumerate(asked)
    ]
    write_rows(tmp_path / RANKINGS, Ranking, rows)
    train = read_rankings(tmp_path / RANKINGS, toy, 48)[0]["train"]

    def read(talks):
        return sorted((*talk.prompt, *answer) for talk in talks for answer in talk.answers)

    trained = [talk for element in range(len(train)) for talk in train.conversations(element, 48)[1]]
    pairs = [(messages, text) for messages in asked for text in texts]
    talks, places = conversations(pairs, toy, 48, capacity)
    alone = [[*prompt, *answer] for prompt, answer in (encode_pair(toy, *pair, 48) for pair in pairs)]
    assert read(trained) == read(talks) == sorted(map(tuple, alone))
    assert [[*talk.prompt, *answer] for talk in talks for answer in talk.answers] == [alone[i] for i in places]
    assert all(row[-1] == toy.eos_token_id for row in alone if len(row) < 48)


def test_a_model_is_read_as_far_as_it_was_trained(sft, snapshot, tmp_path):
    config = {"max_tokens": 20, "learning_rate": 1e-3}
    tiny.run_stage("reward", tmp_path / "run", config=config, snapshot=snapshot, parents={"sft": sft})
    folder = tmp_path / "run" / "model"
    assert Reward.load(folder).max_tokens == 20
    assert Reward.load(folder, max_tokens=30).max_tokens == 30
    # A model that does not say is read as far as its positions reach.
    config = json.loads((folder / "config.json").read_text())
    del config["prefloop_max_tokens"]
    (folder / "config.json").write_text(json.dumps(config))
    assert Reward.load(folder).max_tokens == tiny.CONTEXT
    assert load_tokenizer(folder).eos_token_id == tiny.tokenizer().eos_token_id
    assert math.isfinite(Reward.load(folder)([(tiny.messages("Say."), "red")], 100).mean[0, 0])
