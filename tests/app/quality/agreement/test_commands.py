"""``prefloop report agreement`` says what the page says."""

import json

import pytest
from typer.testing import CliRunner

from app import cli
from app.errors import Invalid
from app.quality.agreement import commands


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
def test_sources_stand_in_the_order_of_peoples_preference(database, judged):
    task, answers = judged.task(judged.campaign(), 3)
    other, others = judged.task(judged.campaign("Two"), 3)
    for person, ranks in ((judged.person(), [1, 2, 2]), (judged.person(), [2, 1, 3]), (judged.person(), [1, 3, 2])):
        judged.say(task, person, ranks, answers=answers)
    judged.say(other, judged.person(), [1, 3, 2], answers=others)
    judged.say(other, judged.person(), [3, 2, 1], answers=others)
    with database.reading() as session:
        text = list(commands.sources(session, {}, ties="davidson", as_json=False))
        (found,) = commands.sources(session, {}, ties="half", as_json=True)
        with pytest.raises(Invalid, match="davidson, half, drop"):
            list(commands.sources(session, {}, ties="mine", as_json=False))
    assert text[0].startswith("15 comparisons of answers by two sources, tie parameter ")
    assert [line.split(":")[0].strip() for line in text[1:]] == ["source-0", "source-2", "source-1"]
    rows = {row["source"]: row for row in json.loads(found)["sources"]}
    assert (rows["source-0"]["wins"], rows["source-0"]["tied"], rows["source-0"]["comparisons"]) == (7, 0, 10)
    assert rows["source-1"]["tied"] == rows["source-2"]["tied"] == 1
    assert sum(row["log_worth"] for row in rows.values()) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_sources_of_nothing_or_who_never_lost_say_why_they_have_no_strength(database, judged):
    with database.reading() as session:
        assert list(commands.sources(session, {}, ties="drop", as_json=False)) == [
            "0 comparisons of answers by two sources"
        ]
    task, answers = judged.task(judged.campaign(), 2)
    judged.say(task, judged.person(), [1, 2], answers=answers)
    with database.reading() as session:
        assert "won, or lost, every comparison" in "".join(commands.sources(session, {}, ties="drop", as_json=False))


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
