"""``prefloop score`` without a worker."""

import json

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.errors import Invalid, NotFound
from app.models import Run, Scoring
from app.training.scoring import commands
from tests.scores import reward_model

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"])


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps({"prompt": "Name a river.", "answers": ["Rhine", "Ebro"]}))
    return path


def test_without_waiting_the_file_is_queued_and_taken_up_when_it_comes_again(
    database, settings, factory, file, tmp_path
):
    model = reward_model(factory)
    reward_model(factory, "reward-2")
    for named in ("reward-1", str(model.id)):
        said = []
        assert commands.score(database, settings, named, file, tmp_path / "o.csv", wait=False, say=said.append)
        assert said == [
            "answers.jsonl: 2 answers to 1 prompts, 0 refused",
            f"scoring 1 is queued; the same command with --wait writes its scores to {tmp_path / 'o.csv'}",
        ]
    commands.score(database, settings, "reward-2", file, tmp_path / "o.csv", wait=False, say=said.append)
    with database.transaction() as session:
        assert session.query(Scoring).count() == 2
        session.query(Run).update({"status": "failed"})
    commands.score(database, settings, "reward-1", file, tmp_path / "o.csv", wait=False, say=said.append)
    with database.reading() as session:
        assert session.query(Scoring).count() == 3, "what failed is not taken up"


def test_what_cannot_be_done_is_told_before_anything_is_queued(database, settings, factory, file, tmp_path):
    reward_model(factory)
    for model, source, out, error in (
        ("reward-9", file, tmp_path / "o.csv", NotFound),
        ("reward-1", file, tmp_path / "o.xlsx", Invalid),
        ("reward-1", file, tmp_path / "nowhere" / "o.csv", Invalid),
        ("reward-1", tmp_path / "missing.jsonl", tmp_path / "o.csv", Invalid),
    ):
        with pytest.raises(error):
            commands.score(database, settings, model, source, out, wait=False, say=print)
    with database.reading() as session:
        assert session.query(Run).count() == 0


def test_the_command_reaches_the_room(database, settings, factory, file, tmp_path, monkeypatch):
    reward_model(factory)
    monkeypatch.setattr("app.cli.load_settings", lambda: settings)
    ran = CliRunner().invoke(cli, ["score", "reward-1", str(file), "--out", str(tmp_path / "o.jsonl")])
    assert ran.exit_code == 0, ran.output
    assert "scoring 1 is queued" in ran.output
