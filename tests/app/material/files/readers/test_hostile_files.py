"""A small file may say a lot: how much of it is held at once is bounded, and what is left out is said."""

import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.errors import Invalid, Refusal
from app.labeling.importing.shapes import native
from app.labeling.importing.shapes.rows import draft_of
from app.material.files import corpora, fields, readers
from app.material.files.corpora import write_corpus
from app.material.files.fields import Fields, add_names, most_of
from app.material.files.readers import read_rows

GOOD = {"prompt": "p"}
MANY = {
    "lists": {"prompt": "p", "a": [[]] * 30},
    "objects": {"prompt": "p", "a": [{"b": 1}] * 15},
    "fields": {"prompt": "p", **{f"f{n}": n for n in range(20)}},
    "texts": {"prompt": "p", "a": ["x"] * 40},
}


def rows_of(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    return [row for _, row in read_rows(path, name)]


def as_csv(rows):
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


TOO_MANY = Refusal(readers.MANY_VALUES, (), {"most": 30})


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(readers, "MOST_VALUES", 30)


@pytest.mark.parametrize("what", MANY)
def test_a_row_with_too_many_values_is_refused_before_it_is_read(tmp_path, few, what):
    lines = "".join(json.dumps(row) + "\n" for row in (GOOD, MANY[what], GOOD)).encode()
    assert rows_of(tmp_path, "a.jsonl", lines) == [GOOD, TOO_MANY, GOOD]


def test_so_is_one_of_a_table(tmp_path, few):
    table = as_csv([["prompt", "a"], ["p", json.dumps([[]] * 20)], ["p", "x"], ["p", "," * 50], ["p", "y"]])
    good, last = {"prompt": "p", "a": "x"}, {"prompt": "p", "a": "y"}
    commas = Refusal(readers.MANY_COMMAS, (), {"most": 30})
    assert rows_of(tmp_path, "a.csv", table) == [TOO_MANY, good, commas, last]


def test_so_is_one_of_parquet(tmp_path, few):
    pq.write_table(pa.table({"prompt": ["p", "p"], "a": [["x"], ["x"] * 40]}), tmp_path / "a.parquet")
    rows = rows_of(tmp_path, "a.parquet", (tmp_path / "a.parquet").read_bytes())
    assert rows == [{"prompt": "p", "a": ["x"]}, TOO_MANY]


def test_a_table_of_too_many_columns_is_refused_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "MOST_COLUMNS", 5)
    assert rows_of(tmp_path, "a.csv", as_csv([["prompt", *"abcd"], list("pabcd")])) != []
    with pytest.raises(Invalid, match="The file has 6 columns; at most 5 are taken"):
        rows_of(tmp_path, "a.csv", as_csv([["prompt", *"abcde"], list("pabcde")]))


def test_of_a_wide_row_as_much_is_kept_as_fits_and_the_rest_is_named(monkeypatch):
    monkeypatch.setattr(fields, "LONGEST_DETAILS", 1_000)
    drafts = draft_of("prompt", {"prompt": "p", "a": "x" * 600, "b": "y" * 600, "c": 3, "d": ["z"] * 200}, "detect")
    [prompt] = drafts.prompts
    assert prompt.detail == {"a": "x" * 600, "c": 3}
    assert drafts.unused == ["b (too long to keep)", "d (too long to keep)"]


def test_a_row_of_very_many_unused_fields_names_the_first(monkeypatch):
    monkeypatch.setattr(fields, "MOST_NAMED", 3)
    row = Fields({f"f{n}": "\x00" for n in range(5)})
    assert row.settle() == ["f0", "f1", "f2", fields.OTHERS]
    assert Fields({f"f{n}": "\x00" for n in range(3)}).settle() == ["f0", "f1", "f2"]


def test_rare_names_are_counted_together_and_none_is_lost(monkeypatch):
    monkeypatch.setattr(fields, "MOST_NAMED", 2)
    monkeypatch.setattr(fields, "MOST_COUNTED", 10)
    counted = most_of_rows([["often", "also", f"only {n}"] for n in range(50)])
    assert counted == {"often": 50, "also": 50, fields.OTHERS: 50}


def most_of_rows(rows):
    counted = fields.Counter()
    for names in rows:
        add_names(counted, names)
        assert len(counted) <= 10 + len(names)
    return most_of(counted)


def test_of_the_refused_rows_of_a_corpus_the_first_are_kept_and_all_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(corpora, "KEPT_REJECTS", 2)
    path = tmp_path / "c.jsonl"
    path.write_text('{"text": "good"}\n' + '{"other": 1}\n' * 5)
    written = write_corpus(path, path.name, "auto", tmp_path / "out.gz")
    assert (written.rows, written.documents, written.rejected, len(written.rejects)) == (6, 1, 5, 2)


def test_the_detail_of_an_export_is_bounded_too(monkeypatch):
    monkeypatch.setattr(native, "LONGEST_DETAILS", 10)
    row = {"prompt_id": "1", "messages": [{"role": "user", "content": "p"}], "detail": json.dumps({"a": "x" * 20})}
    refusal = draft_of("native", {**row, "use_case": None}, "detect")
    assert isinstance(refusal, Refusal)
    assert "at most 10 are taken" in refusal.reason
