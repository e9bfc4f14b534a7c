import json

import pytest
import torch

from tests import tiny
from trainer.__main__ import main
from trainer.contract.folder import ANSWERS, INPUTS, SCORES
from trainer.contract.records import AnswerToScore, Score, read_rows, write_rows
from trainer.data.batches import pad
from trainer.data.chat import encode_pair
from trainer.models.reward_model import centre, new_reward_model, scores

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


def test_no_answers_is_an_empty_result_and_a_missing_file_a_sentence(parent, tmp_path):
    folder, _ = parent
    (tmp_path / "empty" / INPUTS).mkdir(parents=True)
    write_rows(tmp_path / "empty" / INPUTS / ANSWERS, AnswerToScore, [])
    tiny.run_stage("score", tmp_path / "empty", config={"max_tokens": 64}, parents={"reward": folder})
    assert list(read_rows(tmp_path / "empty" / SCORES, Score)) == []

    missing = tiny.prepare_stage("score", tmp_path / "missing", config={"max_tokens": 64}, parents={"reward": folder})
    assert main(["score", str(missing)]) == 1
    assert "no answers to score" in json.loads((missing / "error.json").read_text())["message"]
