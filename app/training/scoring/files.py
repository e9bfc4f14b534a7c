"""A request and its scores on disk.

A request is frozen in a folder named by its own hash, ``scorings/<digest>/``, before its run is queued: the folder
is moved into place whole, so a process that dies leaves nothing half-written and the same request twice is one
folder. ``answers.parquet`` is what the trainer reads; its ``answer_id`` is the place of the row. ``index.parquet``
has a row for each of those rows and says which prompt and which name it belongs to; answers to one prompt are
neighbours. The scores lie in the folder of the run.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.scratch import scratch
from app.training.scoring import rules
from app.training.scoring.items import AskedItem
from trainer.contract.folder import ANSWERS, MANIFEST, SCORES, sha256_of
from trainer.contract.records import AnswerToScore, Message, write_rows

FOLDER = "scorings"
INDEX = "index.parquet"
_INDEX = pa.schema([("number", pa.int32()), ("item", pa.string()), ("id", pa.string()), ("line", pa.int32())])
_ITEMS_AT_A_TIME = 500


@dataclass(frozen=True)
class ScoredAnswer:
    """An answer with what the model says of it; what is empty is not known (or was not read, for ``text``).

    Attributes:
        rank: among the answers to the same prompt, 1 = best; equal scores share one.
        deviation: of the members of an ensemble.
        heads: name -> score of further heads.
    """

    id: str
    line: int | None
    text: str
    score: float | None
    rank: int | None
    deviation: float | None
    heads: dict[str, float | None]


@dataclass(frozen=True)
class ScoredItem:
    """A prompt with its scored answers, in the order in which they were asked; ``number`` counts from 1."""

    number: int
    id: str
    messages: list[dict[str, str]]
    answers: list[ScoredAnswer]


def freeze(data_dir: Path, items: Sequence[AskedItem]) -> str:
    """Write a request; returns its digest, the name of its folder."""
    home = data_dir.resolve() / FOLDER
    home.mkdir(parents=True, exist_ok=True)
    with scratch(home) as folder:
        draft = folder / "request"
        draft.mkdir()
        write_rows(draft / ANSWERS, AnswerToScore, _rows_of(items))
        pq.write_table(_index_of(items), draft / INDEX, compression="zstd")
        digest = _digest_of(draft)
        try:
            draft.rename(home / digest)
        except OSError:
            if not (home / digest / INDEX).exists():  # else the same request lies here already
                raise
    return digest


def _digest_of(request: Path) -> str:
    hashes = "".join(sha256_of(request / name) for name in (ANSWERS, INDEX))
    return hashlib.sha256(hashes.encode()).hexdigest()


def answers_of(digest: str) -> str:
    """Where the trainer's file of a request lies below the data folder."""
    return f"{FOLDER}/{digest}/{ANSWERS}"


def _rows_of(items: Sequence[AskedItem]) -> Iterator[AnswerToScore]:
    number = 0
    for item in items:
        messages = [Message.model_validate(message) for message in item.messages]
        for answer in item.answers:
            yield AnswerToScore(answer_id=str(number), messages=messages, text=answer.text)
            number += 1


def _index_of(items: Sequence[AskedItem]) -> pa.Table:
    rows = [(number, item.id, answer) for number, item in enumerate(items, 1) for answer in item.answers]
    return pa.table(
        {
            "number": [number for number, _, _ in rows],
            "item": [item_id for _, item_id, _ in rows],
            "id": [answer.id for _, _, answer in rows],
            "line": [answer.line for _, _, answer in rows],
        },
        schema=_INDEX,
    )


@dataclass(frozen=True)
class Results:
    """The scores of a request, read a stretch of prompts at a time.

    Attributes:
        request: folder of the frozen request.
        run: folder of the run; before it has succeeded, scores are empty.
    """

    request: Path
    run: Path

    def changed(self) -> list[str]:
        """Files that are not what was frozen, or not what the run left; empty while there are no scores yet."""
        manifest = self.run / MANIFEST
        if not manifest.exists():
            return []
        changed = [] if _digest_of(self.request) == self.request.name else [ANSWERS]
        left = json.loads(manifest.read_text(encoding="utf-8")).get("files", {}).get(SCORES)
        hash_now = sha256_of(self.run / SCORES) if (self.run / SCORES).exists() else ""
        return changed if left in (None, hash_now) else [*changed, SCORES]

    def items(self, offset: int, limit: int) -> list[ScoredItem]:
        """Prompts from ``offset`` (0 = the first), at most ``limit``, with their answers and scores."""
        wanted = pc.and_(
            pc.greater(self._index["number"], offset), pc.less_equal(self._index["number"], offset + limit)
        )
        places = pc.indices_nonzero(wanted).to_pylist()
        if not places:
            return []
        first, count = places[0], len(places)
        index = self._index.slice(first, count).to_pylist()
        texts = _rows_between(self.request / ANSWERS, first, count)
        scores = self._scores(first, count)
        grouped: dict[int, list[int]] = {}
        for position, row in enumerate(index):
            grouped.setdefault(row["number"], []).append(position)
        return [
            ScoredItem(number, index[own[0]]["item"], texts[own[0]]["messages"], _ranked(own, index, texts, scores))
            for number, own in grouped.items()
        ]

    def all_items(self) -> Iterator[ScoredItem]:
        """Every prompt in order, holding some hundred of them."""
        offset = 0
        while stretch := self.items(offset, _ITEMS_AT_A_TIME):
            yield from stretch
            offset += _ITEMS_AT_A_TIME

    def heads(self) -> list[str]:
        """Names of the model's further heads; every answer has the same."""
        if not (self.run / SCORES).exists():
            return []
        with pq.ParquetFile(self.run / SCORES) as file:
            first = next(file.iter_batches(batch_size=1, columns=["heads"]), None)
        rows = first.to_pylist() if first is not None else []
        return [head["name"] for head in (rows[0]["heads"] or [])] if rows else []

    def notes(self) -> list[str]:
        """What the trainer says it did otherwise than asked, such as cutting a long prompt."""
        path = self.run / MANIFEST
        return list(json.loads(path.read_text(encoding="utf-8")).get("notes", [])) if path.exists() else []

    @cached_property
    def _index(self) -> pa.Table:
        return pq.read_table(self.request / INDEX).combine_chunks()

    @cached_property
    def _found(self) -> pa.Table | None:
        """The scores in the order of the request, whatever order the trainer left them in."""
        if not ((self.run / SCORES).exists() and (self.run / MANIFEST).exists()):
            return None
        table = pq.read_table(self.run / SCORES).combine_chunks()
        places = pa.array([str(position) for position in range(self._index.num_rows)])
        return table.take(pc.index_in(places, value_set=table["answer_id"].combine_chunks()))

    def _scores(self, first: int, count: int) -> list[dict[str, Any]]:
        rows = self._found.slice(first, count).to_pylist() if self._found is not None else [{}] * count
        return [row if row.get("answer_id") is not None else {} for row in rows]


def _ranked(
    places: Sequence[int], index: list[dict[str, Any]], texts: list[dict[str, Any]], scores: list[dict[str, Any]]
) -> list[ScoredAnswer]:
    numbers = [_finite(scores[position].get("score")) for position in places]
    return [
        ScoredAnswer(
            index[position]["id"],
            index[position]["line"],
            texts[position]["text"],
            score,
            rank,
            _finite(scores[position].get("deviation")),
            {head["name"]: _finite(head["score"]) for head in scores[position].get("heads") or ()},
        )
        for position, score, rank in zip(places, numbers, rules.ranks_of_scores(numbers), strict=True)
    ]


def _finite(value: float | None) -> float | None:
    """A number that JSON knows: a model with broken weights says NaN, which is no score."""
    return value if value is not None and math.isfinite(value) else None


def _rows_between(path: Path, first: int, count: int) -> list[dict[str, Any]]:
    """Rows of a Parquet file by place; only the row groups that hold them are read."""
    with pq.ParquetFile(path) as file:
        groups, start, begins = [], 0, None
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if start < first + count and start + rows > first:
                begins = start if begins is None else begins
                groups.append(group)
            start += rows
        rows_read: list[dict[str, Any]] = file.read_row_groups(groups).slice(first - (begins or 0), count).to_pylist()
        return rows_read
