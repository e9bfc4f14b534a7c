"""``prefloop report agreement`` says what the page says."""

import json

import pytest
from typer.testing import CliRunner

from app import cli
from app.agreement import commands
from app.errors import Invalid


def lines(database, asked=None, **options):
    with database.reading() as session:
        return list(commands.agreement(session, asked or {}, **{"wmt": False, "as_json": False, **options}))


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_text_begins_with_the_headline_and_has_every_table(database, office):
    text = "\n".join(lines(database))
    assert "agreement, without ties: 47.8% [33.3%, 100.0%], n = 23 pairs of 2 prompts" in text
    assert "reference: 72.6% ± 1.5% (InstructGPT, section 3.4)" in text
    assert "researchers, researchers, non_tie, micro: undefined, because no two people judged the same" in text
    assert "answer, fails_task, positive" in text


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_json_has_every_table_and_no_nan(database, office):
    (text,) = lines(database, {"use_case": "chat", "since": "2026-05-01"}, as_json=True, wmt=True)
    found = json.loads(text, parse_constant=pytest.fail)
    assert found["headline"]["value"] == 6 / 18
    assert found["filters"]["use_case"] == "chat"
    assert found["filters"]["since"].startswith("2026-05-01T00:00")
    assert found["counts"] == {
        "annotations": 3, "rankings": 3, "prompts": 1, "prompts_of_two_people": 1, "people": 3
    }  # fmt: skip
    assert len(found["tables"]["pairs"]) == 3
    assert [row["annotators"] for row in found["wmt"]] == ["between", "within"]
    assert found["wmt"][0]["note"] == "undefined, because no two people judged the same"


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_what_there_is_not_is_told_with_its_field(database):
    with pytest.raises(Invalid, match="campaign: There is no such campaign"):
        lines(database, {"campaign": "nothing"})


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_command_is_there(database, office, monkeypatch):
    monkeypatch.setattr(cli, "database", lambda: database)
    found = CliRunner().invoke(cli.cli, ["report", "agreement", "--campaign", "Round 1", "--json"])
    assert found.exit_code == 0
    assert json.loads(found.stdout)["headline"]["pairs"] == 23
