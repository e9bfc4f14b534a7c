"""Scores all the way: a request over HTTP, a real worker process, a small reward model, the same numbers by hand."""

import csv
import json

import pytest
import torch

from app.models import ModelVersion, Run, Scoring
from app.training.scoring import commands
from tests import tiny
from trainer.data.batches import pad
from trainer.data.chat import encode_pair
from trainer.models.reward_model import centre, new_reward_model, scores

ROUNDING = 1e-5
WAITS = 5
"""Minutes more than the first: on a busy machine a worker takes its time to start."""
PROMPTS = ("Name the apple.", "Name the river, please.")
ANSWERS = ("A red apple.", "river river river", "stone")


@pytest.fixture
def model(factory, settings, tmp_path):
    """A registered reward model of two layers, trained (so it says) on 64 tokens."""
    folder = settings.data_dir / "runs" / "9" / "model"
    model = new_reward_model(tiny.model_folder(tmp_path / "sft"), 0, torch.Generator().manual_seed(0))
    centre(model, [0.7])
    model.save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    run = factory.add(Run(name="reward-1", stage="reward", status="succeeded", config={"max_tokens": tiny.CONTEXT}))
    factory.add(ModelVersion(name="tiny", kind="reward", path="runs/9/model", run_id=run.id))
    return model


def by_hand(model, prompt, answer):
    toy = tiny.tokenizer()
    ids = [token for part in encode_pair(toy, tiny.messages(prompt), answer, tiny.CONTEXT) for token in part]
    with torch.no_grad():
        return scores(model, *pad([ids], 0, "right")).item()


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_programs_and_commands_get_the_models_own_scores(
    call, model, database, settings, start_worker, tmp_path, monkeypatch
):
    start_worker(forked=True)
    items = [{"id": prompt, "prompt": prompt, "answers": list(ANSWERS)} for prompt in PROMPTS]
    status, body = call.post("/scores?wait=60", {"model": "tiny", "items": items})
    for _ in range(WAITS):
        if body["status"] not in ("queued", "running"):
            break
        status, body = call.get(f"/scores/{body['id']}?wait=60")
    assert (status, body["status"], body["error"]) == (200, "succeeded", None)
    for prompt, item in zip(PROMPTS, body["results"], strict=True):
        wanted = [by_hand(model, prompt, answer) for answer in ANSWERS]
        assert [answer["score"] for answer in item["answers"]] == pytest.approx(wanted, abs=ROUNDING)
        assert [answer["rank"] for answer in item["answers"]] == [
            1 + sum(other > score for other in wanted) for score in wanted
        ]

    file, out = tmp_path / "answers.jsonl", tmp_path / "scores.csv"
    rows = [{"prompt": prompt, "answer": answer} for answer in ANSWERS for prompt in PROMPTS]
    file.write_text("\n".join(map(json.dumps, [*rows, {"prompt": "no answer"}])))
    said = []
    assert commands.score(database, settings, "tiny", file, out, wait=True, say=said.append)
    assert "line 7: The row has no answer" in said[0]
    with out.open(newline="") as written:
        found = {(row["prompt"], row["answer"]): float(row["score"]) for row in csv.DictReader(written)}
    assert found == pytest.approx({(r["prompt"], r["answer"]): by_hand(model, *r.values()) for r in rows}, abs=ROUNDING)

    assert commands.score(database, settings, "1", file, tmp_path / "again.parquet", wait=True, say=said.append)
    assert (tmp_path / "again.parquet").exists()
    with database.reading() as session:
        assert session.query(Scoring).count() == 2, "the same file was scored again instead of taken up"
