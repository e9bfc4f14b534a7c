"""Scores as a file: one row per answer, with what was asked beside what the model says.

Columns: ``item`` (id of the prompt's group), ``id`` of the answer, ``line`` of the file it came in, ``prompt``
(text, or the messages as JSON when there is more than the user's text), ``answer``, ``score``, ``rank`` within the
prompt (1 = best, equal scores share one), ``deviation`` (ensembles), and ``score_<head>`` for each further head.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.errors import Invalid
from app.language import gettext as _
from app.training.scoring import rules
from app.training.scoring.files import Results, ScoredItem
from app.web.tables import csv_line

COLUMNS = ("item", "id", "line", "prompt", "answer", "score", "rank", "deviation")
_TYPES = {
    "item": pa.string(),
    "id": pa.string(),
    "line": pa.int32(),
    "prompt": pa.string(),
    "answer": pa.string(),
    "score": pa.float64(),
    "rank": pa.int32(),
    "deviation": pa.float64(),
}
_ROWS_PER_GROUP = 1024


def format_of(name: str) -> str:
    """The format that a file's ending asks for."""
    fmt = Path(name.lower()).suffix.removeprefix(".")
    if fmt not in rules.FORMATS:
        endings = ", ".join(f".{known}" for known in rules.FORMATS)
        raise Invalid(_("Scores are written as %(endings)s; give the file one of these endings.", endings=endings))
    return fmt


def write_scores(results: Results, path: Path, fmt: str) -> int:
    """Write all scores to a file; returns the number of rows."""
    heads = [f"score_{name}" for name in results.heads()]
    rows = (row for item in results.all_items() for row in _rows(item))
    writers = {"jsonl": _write_jsonl, "csv": _write_csv, "parquet": _write_parquet}
    return writers[fmt](path, heads, rows)


def prompt_text(messages: Sequence[dict[str, str]]) -> str:
    """A prompt in one cell."""
    if len(messages) == 1:
        return messages[0]["content"]
    return json.dumps(list(messages), ensure_ascii=False)


def _rows(item: ScoredItem) -> Iterator[dict[str, Any]]:
    prompt = prompt_text(item.messages)
    for answer in item.answers:
        yield {
            "item": item.id,
            "id": answer.id,
            "line": answer.line,
            "prompt": prompt,
            "answer": answer.text,
            "score": answer.score,
            "rank": answer.rank,
            "deviation": answer.deviation,
            **{f"score_{name}": score for name, score in answer.heads.items()},
        }


def _write_jsonl(path: Path, _heads: list[str], rows: Iterator[dict[str, Any]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def _write_csv(path: Path, heads: list[str], rows: Iterator[dict[str, Any]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        columns = [*COLUMNS, *heads]
        file.write(csv_line(columns))
        for row in rows:
            file.write(csv_line(row[column] for column in columns))
            count += 1
    return count


def _write_parquet(path: Path, heads: list[str], rows: Iterator[dict[str, Any]]) -> int:
    count = 0
    schema = pa.schema([*_TYPES.items(), *((head, pa.float64()) for head in heads)])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := list(islice(rows, _ROWS_PER_GROUP)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
            count += len(group)
    return count
