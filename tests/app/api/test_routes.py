"""Scores for programs."""

import json
import threading
import time

import pytest

from app.models import Run, Scoring
from app.training.scoring import rules
from tests.scores import finish, reward_model

RIVERS = {"id": "q1", "prompt": "Name a river.", "answers": ["The Rhine.", "A hill."]}
TALK = {"messages": [{"role": "user", "content": "Name a hill."}], "answers": ["Arber."]}


@pytest.fixture
def model(factory):
    return reward_model(factory)


def nothing_was_stored(database):
    with database.reading() as session:
        return session.query(Scoring).count() == session.query(Run).count() == 0


def test_models_are_listed_newest_first_with_their_accuracy(call, factory, model):
    reward_model(factory, "sft-1", kind="sft")
    newest = reward_model(factory, "reward-2", **{"reward/heldout_accuracy": None})
    status, body = call.get("/models?kind=reward")
    assert status == 200
    assert [(m["id"], m["name"], m["heldout_accuracy"]) for m in body["models"]] == [
        (newest.id, "reward-2", None),
        (model.id, "reward-1", 0.71),
    ]
    assert len(call.get("/models")[1]["models"]) == 3


def test_an_order_is_accepted_and_its_scores_come_by_item_in_the_order_sent(call, model, database, settings):
    status, order = call.post("/scores", {"model": "reward-1", "items": [RIVERS, TALK]})
    assert (status, order["status"], order["results"]) == (202, "queued", [])
    assert order["model"] == {"id": model.id, "name": "reward-1"}
    here = f"/api/v1/scores/{order['id']}"
    assert order["links"] == {"self": here, "page": f"/score/{order['id']}", "next": None}
    assert call.get(f"/scores/{order['id']}")[1]["status"] == "queued"
    finish(database, settings, order["id"], [-0.5, 1.25, 0.0], deviation=0.1, heads={"truthful": 2.0})
    status, done = call.get(f"/scores/{order['id']}")
    assert (status, done["status"], done["items"], done["answers"]) == (200, "succeeded", 2, 3)
    more = {"deviation": 0.1, "heads": {"truthful": 2.0}}
    assert done["results"] == [
        {
            "id": "q1",
            "answers": [
                {"id": "q1.1", "score": -0.5, "rank": 2, **more},
                {"id": "q1.2", "score": 1.25, "rank": 1, **more},
            ],
        },
        {"id": "2", "answers": [{"id": "2.1", "score": 0.0, "rank": 1, **more}]},
    ]


def test_long_results_are_paged_by_item(call, model, database, settings):
    items = [{"prompt": f"p{i}", "answers": ["a", "b"]} for i in range(5)]
    _, order = call.post("/scores", {"model": model.id, "items": items})
    finish(database, settings, order["id"], [float(i) for i in range(10)])
    seen, address = [], f"/scores/{order['id']}?limit=2"
    while address:
        _, body = call.get(address)
        seen += [(item["id"], [answer["score"] for answer in item["answers"]]) for item in body["results"]]
        address = (body["links"]["next"] or "").removeprefix("/api/v1")
    assert seen == [(str(i + 1), [2.0 * i, 2.0 * i + 1]) for i in range(5)]
    assert call.get(f"/scores/{order['id']}?offset=99")[1]["results"] == []
    assert call.get(f"/scores/{order['id']}?limit=0")[0] == 422


def test_a_broken_score_is_null_and_not_a_word_that_json_does_not_know(call, model, database, settings):
    _, order = call.post("/scores", {"model": model.id, "items": [RIVERS]})
    finish(database, settings, order["id"], [float("nan"), 1.0])
    answers = call.get(f"/scores/{order['id']}")[1]["results"][0]["answers"]
    assert [(answer["score"], answer["rank"]) for answer in answers] == [(None, None), (1.0, 1)]


def test_a_failed_run_says_why(call, model, database):
    _, order = call.post("/scores", {"model": model.id, "items": [RIVERS]})
    with database.transaction() as session:
        run = session.get(Run, session.get(Scoring, order["id"]).run_id)
        run.status, run.error = "failed", "The model is broken."
    status, body = call.get(f"/scores/{order['id']}?wait=30")
    assert (status, body["status"], body["error"], body["results"]) == (200, "failed", "The model is broken.", [])


def test_whoever_waits_gets_the_scores_when_they_are_there(call, model, database, settings):
    def work():
        while True:
            with database.reading() as session:
                if found := session.query(Scoring).first():
                    break
            time.sleep(0.05)
        finish(database, settings, found.id, [1.0, 2.0])

    worker = threading.Thread(target=work)
    worker.start()
    began = time.monotonic()
    status, body = call.post("/scores?wait=60", {"model": model.id, "items": [RIVERS]})
    worker.join()
    assert (status, body["status"]) == (200, "succeeded")
    assert len(body["results"]) == 1
    assert time.monotonic() - began < 45


def test_waiting_ends_after_its_time_and_is_bounded(call, model):
    began = time.monotonic()
    status, body = call.post("/scores?wait=1", {"model": model.id, "items": [RIVERS]})
    assert (status, body["status"]) == (202, "queued")
    assert 1 <= time.monotonic() - began < 60
    for wait in ("61", "-1", "nan", "soon"):
        assert call.get(f"/scores/{body['id']}?wait={wait}")[0] == 422


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_more_clients_wait_than_there_are_threads_or_connections(app_client, call, model, database, settings):
    """Each holds neither while it waits, so somebody else is answered at once."""
    _, order = call.post("/scores", {"model": model.id, "items": [RIVERS]})
    done = []
    waiting = [
        threading.Thread(target=lambda: done.append(call.get(f"/scores/{order['id']}?wait=60")[0])) for _ in range(60)
    ]
    for thread in waiting:
        thread.start()
    time.sleep(1)
    began = time.monotonic()
    assert call.get("/models")[0] == 200
    assert time.monotonic() - began < 30
    assert not done
    finish(database, settings, order["id"], [1.0, 2.0])
    for thread in waiting:
        thread.join()
    assert done == [200] * 60


@pytest.mark.parametrize(
    ("change", "status", "field", "told"),
    [
        ({"model": "reward-9"}, 404, None, "no model “reward-9”"),
        ({"model": 999}, 404, None, "no model 999"),
        ({"model": "sft-1"}, 422, "model", "is a sft model and gives no scores"),
        ({"model": None}, 422, "model.int", "not understood"),
        ({"items": []}, 422, "items", "cannot be empty"),
        ({"items": [{"prompt": "a", "answers": []}]}, 422, "items.0.answers", "cannot be empty"),
        ({"items": [{"answers": ["x"]}]}, 422, "items.0", "either prompt or messages"),
        ({"items": [RIVERS | TALK]}, 422, "items.0", "either prompt or messages"),
        (
            {"items": [TALK, {"prompt": "a", "answers": ["x", " "]}]},
            422,
            "items.1",
            "field answers, entry 2: This cannot be empty.",
        ),
        ({"items": [{"prompt": "", "answers": ["x"]}]}, 422, "items.0", "field prompt: This cannot be empty."),
        ({"items": [RIVERS, RIVERS]}, 422, "items.1", "“q1” was used before"),
        ({"items": [{"prompt": "a", "answer": "x"}]}, 422, "items.0.answer", "Unknown field"),
        ({"items": [{"prompt": "a", "answers": ["x\x00"]}]}, 422, "items.0", "NUL"),
        ({"items": [{"prompt": "a", "answers": ["x" * 200_001]}]}, 422, "items.0", "at most 200,000"),
        ({"items": [{"messages": [{"role": "cat", "content": "a"}], "answers": ["x"]}]}, 422, None, "not understood"),
    ],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_order_that_cannot_be_scored_is_refused_whole_with_the_place(
    call, factory, model, database, change, status, field, told
):
    reward_model(factory, "sft-1", kind="sft")
    got, body = call.post("/scores", {"model": "reward-1", "items": [RIVERS], **change})
    assert got == status
    assert told in json.dumps(body["error"], ensure_ascii=False)
    assert field is None or field in body["error"]["fields"]
    assert nothing_was_stored(database)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"[]", 422),
        (b'{"model": "reward-1", "items": [{"prompt": "a", "answers": ["\xff"]}]}', 400),
        (b'{"model": "reward-1", "items": [{"prompt": "a", "answers": ["\\ud800"]}]}', 422),
        (b'{"model": "reward-1", "items": [{"prompt": "a", "answers": [NaN]}]}', 422),
        (b"[" * 100_000, 400),
        (b'{"model": "reward-1", "items": [{"prompt": "a", "prompt": "b", "answers": ["x"]}]}', 422),
        (b'{"model": true, "items": [{"prompt": "a", "answers": ["x"]}]}', 422),
        (b'{"model": "\\ud800", "items": [{"prompt": "a", "answers": ["x"]}]}', 422),
        (b'{"model": "reward-1", "items": [{"id": "\\u0000", "prompt": "a", "answers": ["x"]}]}', 422),
    ],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_bytes_that_are_no_request_are_refused_with_a_sentence(call, model, database, body, status):
    got, told = call.post("/scores", body)
    assert got == status
    assert told["error"]["sentence"]
    assert nothing_was_stored(database)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_what_is_wrong_with_a_body_is_said_and_never_half_of_it_taken(app_client, call, model, database):
    twice = b'{"model": "reward-1", "items": [{"prompt": "a", "answers": ["x"], "answers": ["y"]}]}'
    assert "“answers” stands twice in one object" in call.post("/scores", twice)[1]["error"]["sentence"]
    half = {"model": "reward-1", "items": [{"id": "\x00", "prompt": "a", "answers": ["x"]}]}
    assert "NUL" in call.post("/scores", half)[1]["error"]["fields"]["items.0.id"]
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        headers = {**call.headers, "Content-Type": kind}
        answer = app_client.post("/api/v1/scores", headers=headers, content=b'{"model": 1, "items": []}')
        assert answer.status_code == 415
        assert "with the header Content-Type: application/json" in answer.json()["error"]["sentence"]
    assert nothing_was_stored(database)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_ten_megabytes_of_text_are_told_apart_from_a_body_that_is_too_large(call, model, database):
    status, body = call.post(
        "/scores", {"model": "reward-1", "items": [{"prompt": "a", "answers": ["x" * 10_000_000]}]}
    )
    assert (status, body["error"]["fields"]["items.0"]) == (
        422,
        "field answers, entry 1: This has 10,000,000 characters; at most 200,000 are taken.",
    )
    status, body = call.post("/scores", b" " * 33_000_000)
    assert status == 413
    assert "at most 32 MB" in body["error"]["sentence"]
    assert nothing_was_stored(database)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_too_many_answers_are_refused(call, model, database, monkeypatch):
    monkeypatch.setattr(rules, "MOST_ANSWERS", 10)
    status, body = call.post("/scores", {"model": "reward-1", "items": [{"prompt": "a", "answers": ["x"] * 11}]})
    assert (status, "at most 10 answers" in body["error"]["sentence"]) == (422, True)
    assert nothing_was_stored(database)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_colleagues_see_each_others_scores_as_they_see_each_others_runs(call, call_as, model, database, settings):
    _, order = call.post("/scores", {"model": model.id, "items": [RIVERS]})
    assert call_as("researcher").get(f"/scores/{order['id']}")[0] == 200
    assert call_as("labeler").get(f"/scores/{order['id']}")[0] == 403
