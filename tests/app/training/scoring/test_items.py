"""Rows, forms and requests become prompts with answers, or a sentence that says why not."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.errors import Invalid
from app.training.scoring import rules, service
from app.training.scoring.items import Gathered, NotTakenError


def read(tmp_path, content, name="answers.jsonl"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else "\n".join(map(json.dumps, content)).encode())
    return service.read_file(path, name)


def shape(gathered):
    return [
        (item.id, item.messages[-1]["content"], [(a.id, a.text, a.line) for a in item.answers])
        for item in gathered.items
    ]


RIVER = [("1", "Name a river.", [("1", "Rhine", 1), ("b", "Ebro", 3)]), ("2", "Name a hill.", [("2", "Arber", 2)])]


def test_rows_of_one_answer_are_put_together_by_their_prompt(tmp_path):
    rows = [
        {"prompt": "Name a river.", "answer": "Rhine"},
        {"messages": [{"role": "user", "content": "Name a hill."}], "response": "Arber"},
        {"prompt": "Name a river.", "text": "Ebro", "id": "b"},
    ]
    gathered = read(tmp_path, rows)
    assert shape(gathered) == RIVER
    assert (gathered.rows, gathered.answers, gathered.refused) == (3, 3, 0)


def test_csv_gzip_and_parquet_say_the_same(tmp_path):
    csv = "prompt,answer,id\nName a river.,Rhine,1\nName a hill.,Arber,2\nName a river.,Ebro,b\n"
    as_csv = read(tmp_path, csv.encode(), "a.csv")
    assert [[line - 1 for *_, line in answers] for _, _, answers in shape(as_csv)] == [[1, 3], [2]]
    rows = [dict(zip(("prompt", "answer", "id"), line.split(","), strict=True)) for line in csv.splitlines()[1:]]
    assert shape(read(tmp_path, gzip.compress("\n".join(map(json.dumps, rows)).encode()), "a.jsonl.gz")) == RIVER
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert shape(service.read_file(tmp_path / "a.parquet", "a.parquet")) == RIVER


def test_a_row_of_answers_is_an_item_of_its_own(tmp_path):
    rows = [
        {"id": 7, "prompt": "Name a river.", "answers": ["Rhine", {"text": "Ebro", "id": "mine"}]},
        {"prompt": "Name a river.", "answers": ["Elbe"]},
    ]
    assert shape(read(tmp_path, rows)) == [
        ("7", "Name a river.", [("7.1", "Rhine", 1), ("mine", "Ebro", 1)]),
        ("2", "Name a river.", [("2.1", "Elbe", 2)]),
    ]
    csv = b'prompt,answers\nName a river.,"[""Rhine"", ""Ebro""]"\n'
    assert [answer.text for answer in read(tmp_path, csv, "a.csv").items[0].answers] == ["Rhine", "Ebro"]


@pytest.mark.parametrize("answer", [{"answer": "Rhine"}, {"answers": ["Rhine"]}])
def test_a_row_is_scored_with_all_that_its_prompt_says_and_what_is_not_used_is_named(tmp_path, answer):
    row = {"prompt": "Find the river.", "input": "It rains in Basel.", "system": "Be brief.", "model": "m-1", **answer}
    gathered = read(tmp_path, [row])
    assert gathered.items[0].messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Find the river.\n\nIt rains in Basel."},
    ]
    assert dict(gathered.unused) == {"model": 1}


def test_what_stands_beside_an_answer_or_in_a_second_prompt_is_named(tmp_path):
    talk = [{"role": "user", "content": "Name a hill."}]
    row = {"prompt": "Name a river.", "messages": talk, "answers": [{"text": "Rhine", "rank": 1}]}
    assert sorted(read(tmp_path, [row]).unused) == ["answers[].rank", "messages"]


GOOD = {"prompt": "Name a river.", "answer": "Rhine", "id": "good"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"prompt": "a", "answer": "\xff"}', "not valid UTF-8: see byte 28"),
        (b'{"prompt": "a", "answer": NaN}', "“NaN” is no value in JSON"),
        (b'{"prompt": "a", "answer": ', "not valid JSON: see column 26"),
        (b'["a"]', "JSON, but no object"),
        (b'{"answer": "x"}', "field prompt: This is missing."),
        (b'{"prompt": "a"}', "name it answer, text, response or answers. Its fields: prompt."),
        (b'{"prompt": "a", "answer": "  "}', "field answer: This cannot be empty."),
        (b'{"prompt": "a", "answer": 5}', "field answer: Enter text."),
        (b'{"prompt": "a", "answers": []}', "field answers: Give a list of texts."),
        (b'{"prompt": "a", "answers": ["x", ""]}', "field answers, entry 2: This cannot be empty."),
        (b'{"prompt": "a", "answer": "\\ud800"}', "half of a surrogate pair"),
        (b'{"prompt": "a", "answer": "\\u0000"}', "NUL"),
        (b'{"prompt": "a", "answer": "x", "id": [1]}', "field id: “[1]” is no name"),
        (b'{"prompt": "a", "answer": "x", "id": "good"}', "“good” was used before, on line 1"),
        (b'{"prompt": "a", "answers": ["x", {"text": "y", "id": "good"}]}', "“good” was used before, on line 1"),
        (
            b'{"prompt": "a", "answer": "x", "response": "y"}',
            "gives its answer more than once: answer, response. Keep one.",
        ),
        (
            b'{"prompt": "a", "answers": ["x"], "text": "y"}',
            "gives its answer more than once: answers, text. Keep one.",
        ),
        (b'{"messages": [{"role": "assistant", "content": "a"}], "answer": "x"}', "field messages: The last message"),
        pytest.param(
            b'{"prompt": "a", "answer": "' + b"x" * 200_001 + b'"}',
            "field answer: This has 200,001 characters",
            id="too long",
        ),
    ],
)
def test_a_bad_row_is_listed_with_its_line_and_reason_and_the_others_are_taken(tmp_path, line, reason):
    last = b'{"prompt": "Name a hill.", "answer": "Arber"}'
    gathered = read(tmp_path, b"\n".join([json.dumps(GOOD).encode(), line, last]))
    assert (gathered.rows, gathered.refused, gathered.answers, len(gathered.items)) == (3, 1, 2, 2)
    (refusal,) = gathered.refusals
    assert refusal["line"] == 2
    assert reason in refusal["reason"]


def test_a_file_without_one_good_row_is_refused_with_the_first_reason(tmp_path):
    with pytest.raises(Invalid, match=r"None of the 2 rows .*: line 1, field prompt: This is missing\.") as refused:
        read(tmp_path, [{"answer": "x"}, {"prompt": " ", "answer": "x"}])
    assert refused.value.fields == {
        "line 1": "field prompt: This is missing.",
        "line 2": "field prompt: This cannot be empty.",
    }
    with pytest.raises(Invalid, match="is empty"):
        read(tmp_path, b"")
    with pytest.raises(Invalid, match="holds no rows"):
        read(tmp_path, b"\n\n")
    with pytest.raises(Invalid, match="breaks off"):
        read(tmp_path, gzip.compress(b'{"prompt": "a", "answer": "b"}' * 999)[:-9], "a.jsonl.gz")


def test_more_than_one_request_may_hold_is_refused_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(rules, "MOST_ANSWERS", 3)
    three = [{"prompt": "a", "answer": str(i)} for i in range(3)]
    assert read(tmp_path, three).answers == 3
    with pytest.raises(Invalid, match="at most 3 answers"):
        read(tmp_path, [*three, {"prompt": "b", "answer": "c"}])
    monkeypatch.setattr(rules, "MOST_BYTES", 1 << 20)
    long = "ä" * 199_000  # 398 kB, with the prompt counted once
    assert read(tmp_path, [{"prompt": long, "answer": "a"}, {"prompt": long, "answer": "b"}]).answers == 2
    with pytest.raises(Invalid, match="1 MB of text"):
        read(tmp_path, [{"prompt": long, "answer": long}, {"prompt": long, "answer": long}])


def test_an_id_used_twice_in_a_request_is_refused_and_leaves_nothing():
    gathered = Gathered()
    gathered.add("q", "Name a river.", [(None, "Rhine")])
    with pytest.raises(NotTakenError, match="“q” was used before"):
        gathered.add("q", "Name a hill.", [(None, "Arber")])
    with pytest.raises(NotTakenError, match="field answers: This is missing"):
        gathered.add(None, "Name a hill.", [])
    assert (len(gathered.items), gathered.answers) == (1, 1)
