"""The pages on which people have answers scored."""

import csv
import io
import json
import re

import pytest

from app.errors import Forbidden
from app.models import AuditEvent, Person, Run, RunParent, Scoring
from app.training.runs import execution
from app.training.runs import service as runs
from app.training.scoring import service
from tests.scores import finish, reward_model
from trainer.contract.folder import ANSWERS, INPUTS
from trainer.contract.records import AnswerToScore, read_rows

RIVERS = {"prompt": "Name a river.", "answer": ["The Rhine.", "", "A hill.", "  "]}


def order(browse, model, form=RIVERS, files=None):
    """Send the form; returns the id of the scoring."""
    browse.get("/score")
    sent = browse.post("/score", {"model": str(model.id), **form}, files=files)
    return int(re.fullmatch(r"/score/(\d+)", sent.headers["location"])[1])


def upload(lines, name="answers.jsonl"):
    return {"file": (name, lines if isinstance(lines, bytes) else "\n".join(map(json.dumps, lines)).encode())}


def test_what_is_typed_becomes_a_run_that_brings_its_own_answers(browse, database, settings):
    reward_model(browse.factory, "reward-0")
    model = reward_model(browse.factory)
    browse.as_("researcher")
    scoring_id = order(browse, model)
    with database.reading() as session:
        scoring = session.get(Scoring, scoring_id)
        run = session.get(Run, scoring.run_id)
        assert (run.stage, run.status, run.snapshot_id) == ("score", "queued", None)
        assert session.get(RunParent, (run.id, "reward")).model_version_id == model.id
        assert (scoring.source, scoring.items, scoring.answers, scoring.refused) == ("page", 1, 2, 0)
        assert session.query(AuditEvent).filter_by(action="ordered scores", subject_id=str(scoring_id)).count() == 1
    execution.prepare(settings, database, run.id)
    asked = list(read_rows(runs.folder_of(settings, run.id) / INPUTS / ANSWERS, AnswerToScore))
    assert [(row.messages[0].content, row.text) for row in asked] == [
        ("Name a river.", "The Rhine."),
        ("Name a river.", "A hill."),
    ]


def test_the_tokens_read_are_those_that_the_model_was_trained_with(browse, database):
    trained = browse.factory.add(Run(name="r", stage="reward", status="succeeded", config={"max_tokens": 91}))
    model = reward_model(browse.factory)
    with database.transaction() as session:
        session.merge(model).run_id = trained.id
    browse.as_("engineer")
    scoring_id = order(browse, model)
    with database.reading() as session:
        run = session.get(Run, session.get(Scoring, scoring_id).run_id)
        assert run.config["max_tokens"] == 91


def test_a_second_click_is_the_same_order(browse, database):
    model = reward_model(browse.factory)
    browse.as_("engineer")
    assert order(browse, model) == order(browse, model)
    assert order(browse, model, {**RIVERS, "answer": ["Another."]}) != order(browse, model)
    with database.reading() as session:
        assert session.query(Scoring).count() == 2


def test_the_page_waits_and_then_shows_the_answers_by_score(browse, database, settings):
    model = reward_model(browse.factory)
    browse.as_("engineer")
    scoring_id = order(browse, model, {"prompt": "Name a river.", "answer": ["A hill.", "The Rhine.", "Rhine."]})
    waiting = browse.get(f"/score/{scoring_id}")
    assert f'hx-get="/score/{scoring_id}/state"' in waiting
    assert "not there yet" in browse.get(f"/score/{scoring_id}/download/csv", status=409)
    finish(database, settings, scoring_id, [-1.0, 1.5, 0.4], deviation=0.2, heads={"truthful": 0.75}, notes=["Cut."])
    for address in (f"/score/{scoring_id}", f"/score/{scoring_id}/state"):
        page = browse.get(address)
        assert "hx-get" not in page
        texts = re.findall(r'scored-text">\s*<div class="article"><p dir="auto">([^<]*)</p>', page)
        assert texts == ["The Rhine.", "Rhine.", "A hill."]
        assert re.findall(r"<span>(\d+) %</span>", page) == ["75", "80"]  # σ(1.1), σ(1.4)
        assert "0 is the mean score of demonstrations" in page
        assert page.count("± 0.20") == 3
        assert "truthful" in page
        assert "Cut." in page


def test_the_dots_stand_on_one_axis_with_zero_on_it(browse, database, settings):
    model = reward_model(browse.factory)
    browse.as_("engineer")
    scoring_id = order(browse, model, {"prompt": "a", "answer": ["x", "y"]})
    finish(database, settings, scoring_id, [3.0, 1.0])
    page = browse.get(f"/score/{scoring_id}")
    assert re.findall(r'<circle cx="([\d.]+)"', page) == ["230.0", "83.3"]
    assert set(re.findall(r'x1="([\d.]+)" x2="\1" y1="2"', page)) == {"10.0"}


def test_a_file_is_scored_without_its_bad_rows_which_are_listed(browse, database, settings):
    model = reward_model(browse.factory)
    browse.as_("engineer")
    rows = [
        {"prompt": "a", "answer": "x", "id": "one"},
        {"prompt": "a", "answer": "", "id": "two"},
        {"prompt": "a", "answer": "y", "id": "one"},
        {"prompt": "a", "answer": "z", "id": "three"},
    ]
    scoring_id = order(browse, model, {}, upload(rows, "<i>night.jsonl"))
    finish(database, settings, scoring_id, [1.0, 2.0])
    page = browse.get(f"/score/{scoring_id}")
    assert "&lt;i&gt;night.jsonl" in page
    assert "2 rows of the file could not be used" in page
    assert re.findall(r'<td class="number">(\d)</td><td><code>(.*?)</code></td><td>([^<]*)</td>', page) == [
        ("2", "answer", "This cannot be empty."),
        ("3", "id", "The id “one” was used before, on line 1."),
    ]
    got = browse.client.get(f"/score/{scoring_id}/download/csv")
    assert got.headers["content-disposition"] == f'attachment; filename="scores-{scoring_id}.csv"'
    found = [
        (row["id"], row["line"], row["answer"], row["score"], row["rank"])
        for row in csv.DictReader(io.StringIO(got.text))
    ]
    assert found == [("one", "1", "x", "1.0", "2"), ("three", "4", "z", "2.0", "1")]
    browse.get(f"/score/{scoring_id}/download/xlsx", status=404)


def test_many_prompts_are_shown_a_page_at_a_time(browse, database, settings):
    model = reward_model(browse.factory)
    browse.as_("engineer")
    rows = [{"prompt": f"prompt {i}", "answers": [f"answer {i}"]} for i in range(45)]
    scoring_id = order(browse, model, {}, upload(rows))
    finish(database, settings, scoring_id, [float(i) for i in range(45)])
    assert re.findall(r'<p dir="auto">answer (\d+)</p>', browse.get(f"/score/{scoring_id}?page=3")) == [
        str(i) for i in range(40, 45)
    ]


def test_hostile_text_stays_text(browse, database, settings):
    model = reward_model(browse.factory)
    browse.as_("engineer")
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)> [click](javascript:alert(1))"
    scoring_id = order(browse, model, {"prompt": evil, "answer": [evil]})
    finish(database, settings, scoring_id, [0.0])
    for address in (f"/score/{scoring_id}", "/score"):
        page = browse.get(address)
        assert "<script>alert" not in page
        assert not re.search(r"<img|href=.javascript", page)
        assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("form", "file", "told"),
    [
        ({"model": ""}, None, "Choose a reward model"),
        ({"model": "999"}, None, "There is no model 999"),
        ({"model": "x"}, None, "The model is a whole number"),
        ({"prompt": " "}, None, "Type a prompt"),
        ({"answer": ["", " "]}, None, "Type at least one answer"),
        ({"answer": ["x"] * 65}, None, "takes 64 answers at a time"),
        ({"prompt": "x" * 200_001}, None, "at most 200,000"),
        ({}, ("a.jsonl", b'{"prompt": "a", "answer": "b"}'), "Empty the one or the other"),
        ({"prompt": "", "answer": []}, ("a.jsonl", b""), "a.jsonl is empty"),
        (
            {"prompt": "", "answer": []},
            ("a.jsonl", b'{"prompt": "a"}\n{"answer": "\xff"}'),
            "This is not valid UTF-8: see byte 13.",
        ),
        ({"prompt": "", "answer": []}, ("a.parquet", b"PAR1 broken"), "cannot be read as Parquet"),
    ],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_what_cannot_be_scored_is_told_and_what_was_typed_stays(browse, database, settings, form, file, told):
    model = reward_model(browse.factory)
    browse.as_("engineer")
    browse.get("/score")
    sent = {"model": str(model.id), **RIVERS, **form}
    page = browse.post(
        "/score", sent, status=404 if told.startswith("There is") else 422, files={"file": file} if file else None
    ).text
    assert told in page
    assert sent["prompt"] in page
    with database.reading() as session:
        assert session.query(Scoring).count() == session.query(Run).count() == 0


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_only_reward_models_are_offered_and_taken(browse):
    sft = reward_model(browse.factory, "sft-1", kind="sft")
    browse.as_("engineer")
    assert "There is no reward model yet" in browse.get("/score")
    reward_model(browse.factory)
    assert "sft-1" not in browse.get("/score")
    assert (
        "is a sft model and gives no scores" in browse.post("/score", {"model": str(sft.id), **RIVERS}, status=422).text
    )


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_ten_megabytes_of_text_are_refused_with_a_sentence(browse):
    model = reward_model(browse.factory)
    browse.as_("engineer")
    browse.get("/score")
    long = "x" * 10_000_000
    page = browse.post("/score", {"model": str(model.id), "prompt": "a", "answer": long}, status=400).text
    assert "shorten the text, or send it as a file" in page
    line = json.dumps({"prompt": "a", "answer": long}).encode()
    page = browse.post("/score", {"model": str(model.id)}, status=422, files={"file": ("a.jsonl", line)}).text
    assert "field answer: This has 10,000,000 characters; at most 200,000 are taken." in page


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_labelers_are_let_in_nowhere(browse, database, settings):
    model = reward_model(browse.factory)
    browse.as_("engineer")
    scoring_id = order(browse, model)
    finish(database, settings, scoring_id, [0.0, 1.0])
    browse.as_("labeler")
    for address in (
        "/score",
        f"/score/{scoring_id}",
        f"/score/{scoring_id}/state",
        f"/score/{scoring_id}/download/csv",
        "/api",
    ):
        browse.get(address, status=403)
    browse.post("/score", {"model": str(model.id), **RIVERS}, status=403)
    browse.post(f"/score/{scoring_id}/cancel", status=403)
    with database.reading() as session, pytest.raises(Forbidden):
        service.scoring_for(session, session.query(Person).filter_by(role="labeler").one(), scoring_id)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_whoever_ordered_scores_or_an_engineer_stops_them(browse, database):
    model = reward_model(browse.factory)
    browse.as_("researcher", "ana@example.org")
    first, second = order(browse, model), order(browse, model, {"prompt": "b", "answer": ["c"]})
    browse.post(f"/score/{first}/cancel")
    assert "cancelled" in browse.get(f"/score/{first}")
    browse.as_("researcher", "bob@example.org")
    browse.post(f"/score/{second}/cancel", status=403)
    browse.as_("engineer")
    browse.post(f"/score/{second}/cancel")
    assert "was stopped" in browse.get(f"/score/{second}/download/csv", status=409)
    browse.get("/score/999", status=404)
