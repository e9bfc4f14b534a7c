"""Text to learn from: files of a few kinds, or Python's own documentation."""

import gzip
import json

import pytest

from trainer.data.corpus import load_corpus, stdlib_docstrings

ROWS = [{"text": "first"}, {"content": "second\nline"}]


@pytest.mark.parametrize("name", ["corpus.jsonl", "corpus.jsonl.gz", "corpus.txt", "corpus.txt.gz"])
def test_every_kind_of_file_gives_its_documents(tmp_path, name):
    text = "\n".join(map(json.dumps, ROWS)) + "\n" if "jsonl" in name else "first\n\n\n\nsecond\nline\n"
    data = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)

    assert load_corpus(str(tmp_path / name)) == ["first", "second\nline"]


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.jsonl", '{"text": "fine"}\nnot json\n', "line 2: not JSON"),
        ("a.jsonl", '{"words": "none"}\n', "line 1: no field"),
        ("a.csv", "a,b\n", "neither .txt nor .jsonl"),
        ("a.txt", "\n\n", "holds no text"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, name, text, complaint):
    (tmp_path / name).write_text(text)

    with pytest.raises(ValueError, match=complaint):
        load_corpus(str(tmp_path / name))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.txt is not there"):
        load_corpus(str(tmp_path / "nowhere.txt"))


def test_the_standard_library_speaks_at_length_and_never_twice(monkeypatch, tmp_path):
    (tmp_path / "b.py").write_text(
        '"""Module b."""\nclass A:\n    """Class A."""\n    def f(self):\n        """F.\n\n        More."""\n'
    )
    (tmp_path / "a.py").write_text('"""Module a."""\nif True:\n    async def g():\n        """Module b."""\n')
    (tmp_path / "broken.py").write_text("def (")
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "c.py").write_text('"""A test."""')
    monkeypatch.setattr("trainer.data.corpus.sysconfig.get_path", lambda _: str(tmp_path))

    assert stdlib_docstrings() == ["Module a.", "Module b.", "Class A.", "F.\n\nMore."]
