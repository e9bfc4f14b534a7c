"""Plain text for pretraining: any of the formats becomes one gzipped JSONL of ``{"text"}`` documents."""

import gzip
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import Refusal
from app.material.files.fields import Fields, add_names
from app.material.files.opening import open_bytes
from app.material.files.readers import NO_UTF8_AT, format_of, lines_of, read_rows
from app.material.prompts import rules
from trainer.contract import refused

LONGEST_DOCUMENT = 5_000_000  # characters
KEPT_REJECTS = 1_000


@dataclass
class WrittenCorpus:
    """What was written, and how many rows were not, with the first of them.

    ``digest`` is the SHA-256 of the documents, whatever file they came in.
    """

    path: Path
    digest: str = ""
    documents: int = 0
    characters: int = 0
    rows: int = 0
    rejected: int = 0
    rejects: list[tuple[int, Refusal]] = field(default_factory=list)
    unused: Counter[str] = field(default_factory=Counter)


def write_corpus(source: Path, name: str, fmt: str, target: Path) -> WrittenCorpus:
    """Read a text or JSONL file and write its documents to ``target`` (gzipped JSONL, equal bytes for equal text).

    Documents of a text file stand apart by blank lines; rows of other formats carry ``text`` or ``content``.
    """
    corpus = WrittenCorpus(target)
    digest = hashlib.sha256()
    documents = (
        _paragraphs(source) if format_of(source, name, fmt) == "txt" else _texts(source, name, fmt, corpus.unused)
    )
    with target.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
        for number, text in documents:
            corpus.rows += 1
            if isinstance(text, Refusal):
                corpus.rejected += 1
                if len(corpus.rejects) < KEPT_REJECTS:
                    corpus.rejects.append((number, text))
                continue
            line = json.dumps({"text": text}, ensure_ascii=False).encode() + b"\n"
            digest.update(line)
            file.write(line)
            corpus.documents += 1
            corpus.characters += len(text)
        file.close()
        raw.flush()
        os.fsync(raw.fileno())
    corpus.digest = digest.hexdigest()
    return corpus


def _texts(source: Path, name: str, fmt: str, unused: Counter[str]) -> Iterator[tuple[int, str | Refusal]]:
    """The text of each row, and how many rows have which other fields: a corpus keeps nothing but text."""
    for number, row in read_rows(source, name, fmt):
        if isinstance(row, Refusal):
            yield number, row
            continue
        fields = Fields(row)
        text = _checked(fields.get("text") if fields.peek("text") is not None else fields.get("content"))
        if not isinstance(text, Refusal):
            add_names(unused, fields.settle(()))
        yield number, text


def _paragraphs(source: Path) -> Iterator[tuple[int, str | Refusal]]:
    pending: list[str] = []
    begins, size = 0, 0
    with open_bytes(source) as file:
        for number, line in lines_of(file):
            try:
                text = line if isinstance(line, Refusal) else line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                text = Refusal(NO_UTF8_AT, (), {"byte": error.start + 1})
            if isinstance(text, Refusal):
                yield number, text
            elif text.strip():
                begins = begins or number
                pending.append(text)
                size += len(text)
            if pending and (isinstance(text, Refusal) or not text.strip() or size > LONGEST_DOCUMENT):
                yield begins, _checked("".join(pending).strip())
                pending, begins, size = [], 0, 0
    if pending:
        yield begins, _checked("".join(pending).strip())


def _checked(text: object) -> str | Refusal:
    if not isinstance(text, str):
        return Refusal(refused.MISSING, ("text",))
    if not text.strip():
        return Refusal(refused.EMPTY, ("text",))
    problem = rules.length_problem(text, LONGEST_DOCUMENT) or rules.character_problem(text)
    return problem.within("text") if problem else text.strip()
