"""A frozen request and its scores on disk."""

import csv
import json

import pyarrow.parquet as pq
import pytest

from app.errors import Invalid
from app.training.scoring import exports, files
from app.training.scoring.items import Gathered
from trainer.contract.folder import ANSWERS, MANIFEST, SCORES, sha256_of
from trainer.contract.records import AnswerToScore, HeadScore, Score, read_rows, write_rows

TALK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Name a hill."}]


def request(prompts=2, answers=3):
    gathered = Gathered()
    for i in range(prompts):
        gathered.add(f"q{i}", f"Name river {i}.", [(None, f"river {i} {k}") for k in range(answers)])
    gathered.add("talk", TALK, [(None, "Arber, “the hill”\nof Bavaria")])
    return gathered.items


def scored(tmp_path, items, score, **more):
    digest = files.freeze(tmp_path, items)
    run = tmp_path / "run"
    run.mkdir(exist_ok=True)
    count = sum(len(item.answers) for item in items)
    write_rows(run / SCORES, Score, (Score(answer_id=str(i), score=score(i), **more) for i in reversed(range(count))))
    (run / MANIFEST).write_text('{"notes": ["a note"]}')
    return files.Results(tmp_path / "scorings" / digest, run)


def test_a_request_is_frozen_once_under_its_own_hash(tmp_path):
    first = files.freeze(tmp_path, request())
    assert files.freeze(tmp_path, request()) == first
    assert files.freeze(tmp_path, request(answers=2)) != first
    assert len(list((tmp_path / "scorings").iterdir())) == 2, "something half-made was left"
    rows = list(read_rows(tmp_path / files.answers_of(first), AnswerToScore))
    assert [row.answer_id for row in rows] == [str(i) for i in range(7)]
    assert (rows[4].messages[0].content, rows[4].text) == ("Name river 1.", "river 1 1")


def test_files_that_are_not_what_was_asked_or_left_are_named(tmp_path):
    results = scored(tmp_path, request(), float)
    assert results.changed() == []
    (results.run / MANIFEST).write_text(json.dumps({"files": {SCORES: sha256_of(results.run / SCORES)}}))
    assert results.changed() == []
    for path in (results.run / SCORES, results.request / ANSWERS):
        path.write_bytes(path.read_bytes() + b"x")
    assert results.changed() == [ANSWERS, SCORES]
    (results.run / SCORES).unlink()
    assert results.changed() == [ANSWERS, SCORES]
    (results.run / MANIFEST).unlink()
    assert results.changed() == [], "nothing is handed out yet"


def test_a_process_that_dies_while_freezing_leaves_no_request(tmp_path, monkeypatch):
    def die(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.pq, "write_table", die)
    with pytest.raises(KeyboardInterrupt):
        files.freeze(tmp_path, request())
    assert [path for path in (tmp_path / "scorings").iterdir() if not path.name.startswith(".partial")] == []


def test_scores_find_their_answers_in_any_order_and_ranks_count_within_a_prompt(tmp_path):
    results = scored(tmp_path, request(), lambda i: [5.0, 1.0, 5.0, 2.0, 4.0, 3.0, 9.0][i])
    items = results.items(0, 10)
    assert [(item.number, item.id) for item in items] == [(1, "q0"), (2, "q1"), (3, "talk")]
    assert [[(a.text, a.score, a.rank) for a in item.answers] for item in items[:2]] == [
        [("river 0 0", 5.0, 1), ("river 0 1", 1.0, 2), ("river 0 2", 5.0, 1)],
        [("river 1 0", 2.0, 3), ("river 1 1", 4.0, 1), ("river 1 2", 3.0, 2)],
    ]
    assert items[2].messages == TALK
    assert results.notes() == ["a note"]


def test_any_stretch_of_a_large_request_is_that_stretch(tmp_path):
    results = scored(tmp_path, request(prompts=700, answers=5), float)  # several row groups
    whole = list(results.all_items())
    assert [item.number for item in whole] == list(range(1, 702))
    for offset, limit in ((0, 1), (204, 2), (498, 5), (699, 100), (701, 5), (5_000, 5)):
        assert results.items(offset, limit) == whole[offset : offset + limit]
    assert whole[204].answers[0].text == "river 204 0"
    assert whole[204].answers[0].score == 1020.0


def test_before_the_run_has_succeeded_there_are_no_scores(tmp_path):
    results = scored(tmp_path, request(), float)
    (results.run / MANIFEST).unlink()
    unfinished = files.Results(results.request, results.run)
    assert {answer.score for item in unfinished.items(0, 9) for answer in item.answers} == {None}


def test_a_score_that_is_no_number_is_no_score(tmp_path):
    results = scored(tmp_path, request(), lambda i: float("nan") if i == 0 else float(i))
    answers = results.items(0, 1)[0].answers
    assert [(a.score, a.rank) for a in answers] == [(None, None), (1.0, 2), (2.0, 1)]


def test_every_format_holds_what_was_asked_beside_what_the_model_says(tmp_path):
    heads = [HeadScore(name="truthful", score=0.5)]
    results = scored(tmp_path, request(), float, deviation=0.25, heads=heads)
    for fmt in ("jsonl", "csv", "parquet"):
        assert exports.write_scores(results, tmp_path / f"o.{fmt}", fmt) == 7
    as_json = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert pq.read_table(tmp_path / "o.parquet").to_pylist() == as_json
    with (tmp_path / "o.csv").open(newline="") as file:
        as_csv = list(csv.DictReader(file))
    assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in as_json] == as_csv
    assert as_json[1] == {
        "item": "q0",
        "id": "q0.2",
        "line": None,
        "prompt": "Name river 0.",
        "answer": "river 0 1",
        "score": 1.0,
        "rank": 2,
        "deviation": 0.25,
        "score_truthful": 0.5,
    }
    assert json.loads(as_json[6]["prompt"]) == TALK


def test_the_ending_of_a_file_tells_its_format():
    assert exports.format_of("scores.CSV") == "csv"
    with pytest.raises(Invalid, match=r"\.jsonl, \.csv, \.parquet"):
        exports.format_of("scores.xlsx")
