import json

import pytest
import torch

from tests import tiny
from trainer.__main__ import main
from trainer.contract.folder import ANSWERS, INPUTS, SCORES
from trainer.contract.records import AnswerToScore, Message, Score, read_rows, write_rows
from trainer.data.batches import pad
from trainer.data.chat import encode_pair
from trainer.models.reward_model import Reader, centre, label_scores, new_reward_model, scores
from trainer.stages import score

ROUNDING = 1e-5


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    sft, folder = tiny.model_folder(tmp_path_factory.mktemp("sft")), tmp_path_factory.mktemp("reward")
    model = new_reward_model(sft, 0, torch.Generator().manual_seed(0))
    centre(model, [0.7])
    model.save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return folder, model


def test_every_answer_gets_the_models_score_in_the_order_given(parent, tmp_path):
    folder, model = parent
    (tmp_path / INPUTS).mkdir()
    rows = [
        AnswerToScore(answer_id=f"a{i}", messages=tiny.messages(f"Name {i}."), text="red " * (i * 5 % 7) + "stone")
        for i in range(11)
    ]
    write_rows(tmp_path / INPUTS / ANSWERS, AnswerToScore, rows)
    manifest = tiny.run_stage(
        "score", tmp_path, config={"tokens_per_forward": 100, "max_tokens": 64}, parents={"reward": folder}
    )
    found = list(read_rows(tmp_path / SCORES, Score))
    assert [row.answer_id for row in found] == [row.answer_id for row in rows]
    toy = tiny.tokenizer()
    with torch.no_grad():
        for row, score in zip(rows, found, strict=True):
            prompt, answer = encode_pair(toy, row.messages, row.text, 64)
            assert abs(scores(model, *pad([prompt + answer], 0, "right")).item() - score.score) < ROUNDING
    assert manifest.metrics["data/answers"] == 11
    assert manifest.metrics["reward/mean"] == pytest.approx(sum(s.score for s in found) / 11, abs=ROUNDING)
    assert SCORES in manifest.files


@pytest.mark.parametrize("shared", [True, False])
def test_answers_of_one_prompt_may_stand_anywhere_and_score_as_if_alone(tmp_path, monkeypatch, shared):
    sft = tiny.model_folder(tmp_path / "sft")
    model = new_reward_model(sft, 0, torch.Generator().manual_seed(0), ["truthful", "harmless"])
    centre(model, [0.7, -3.0, 5.0])
    model.save_pretrained(tmp_path / "reward")
    tiny.tokenizer().save_pretrained(tmp_path / "reward")
    monkeypatch.setattr(score, "CHUNK", 15)
    most = []
    read = Reader.__call__

    def counting(reader, conversations):
        most.append(reader.cost(conversations))
        return read(reader, conversations)

    monkeypatch.setattr(Reader, "__call__", counting)
    # The same words from the system are another prompt, and a long one is cut differently beside each answer.
    prompts = [
        tiny.messages("Say red."),
        [Message(role="system", content="Say red.")],
        tiny.messages("Name the stone. " * 12),
    ]
    texts = ["red", "", "blue stone", "green " * 24, "white " * 12, "red river", "grey house", "pink " * 70]
    rows = [AnswerToScore(answer_id=f"a{i}", messages=prompts[i % 3], text=texts[i * 3 % 8]) for i in range(20)]
    (tmp_path / "run" / INPUTS).mkdir(parents=True)
    write_rows(tmp_path / "run" / INPUTS / ANSWERS, AnswerToScore, rows)
    config = {"tokens_per_forward": 90, "max_tokens": 64, "share_prefixes": shared}
    manifest = tiny.run_stage("score", tmp_path / "run", config=config, parents={"reward": tmp_path / "reward"})
    found = list(read_rows(tmp_path / "run" / SCORES, Score))
    assert [row.answer_id for row in found] == [row.answer_id for row in rows]
    assert len({row.score for row in found}) > 15
    assert manifest.metrics["data/prefixes_shared"] == shared
    assert max(most) <= 90
    with torch.no_grad():
        for row, given in zip(rows, found, strict=True):
            prompt, answer = encode_pair(tiny.tokenizer(), row.messages, row.text, 64)
            expected = label_scores(model, *pad([prompt + answer], 0, "right"))[0].tolist()
            assert [given.score, *(head.score for head in given.heads)] == pytest.approx(expected, abs=ROUNDING)
            assert [head.name for head in given.heads] == ["truthful", "harmless"]


def test_no_answers_is_an_empty_result_and_a_missing_file_a_sentence(parent, tmp_path):
    folder, _ = parent
    (tmp_path / "empty" / INPUTS).mkdir(parents=True)
    write_rows(tmp_path / "empty" / INPUTS / ANSWERS, AnswerToScore, [])
    tiny.run_stage("score", tmp_path / "empty", config={"max_tokens": 64}, parents={"reward": folder})
    assert list(read_rows(tmp_path / "empty" / SCORES, Score)) == []

    missing = tiny.prepare_stage("score", tmp_path / "missing", config={"max_tokens": 64}, parents={"reward": folder})
    assert main(["score", str(missing)]) == 1
    assert "no answers to score" in json.loads((missing / "error.json").read_text())["message"]
