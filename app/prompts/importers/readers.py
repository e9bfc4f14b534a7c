"""File formats: every reader yields ``(line number, row or refusal)`` and holds one row at a time."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

import pyarrow as pa
import pyarrow.parquet as pq

from app.errors import Invalid
from app.web.tables import from_cell

FORMATS = ("auto", "jsonl", "csv", "parquet", "txt")
LONGEST_LINE = 16 << 20  # bytes; one row of nine answers of the longest length allowed fits several times
STRUCTURED = frozenset(
    {
        "messages",
        "turns",
        "candidates",
        "votes",
        "labels",
        "answers",
        "ranks",
        "prompt",
        "chosen",
        "rejected",
        "response",
    }
)

csv.field_size_limit(LONGEST_LINE)


@dataclass(frozen=True)
class Refusal:
    """Why a row was not taken, in words for the person who brought the file."""

    reason: str


Row = dict[str, Any]
Line = tuple[int, Row | Refusal]


def read_rows(path: Path, name: str, fmt: str = "auto") -> Iterator[Line]:
    """Stream the rows of a JSONL, CSV or Parquet file; JSONL and CSV may be gzipped.

    Args:
        path: where the bytes lie.
        name: the file's own name, whose ending tells the format when ``fmt`` is ``auto``.
        fmt: one of ``FORMATS``.

    Raises:
        Invalid: the file as a whole cannot be read (damaged archive, not Parquet, no rows to expect).
    """
    fmt = format_of(path, name, fmt)
    if fmt == "parquet":
        yield from _parquet(path)
        return
    if fmt == "txt":
        raise Invalid(f"{name} is plain text: import it as a corpus.")
    with open_bytes(path) as file:
        yield from _csv(file) if fmt == "csv" else _jsonl(file)


def format_of(path: Path, name: str, fmt: str) -> str:
    """The format by the file's first bytes, then by its name; JSONL when neither tells."""
    if fmt not in FORMATS:
        raise Invalid(f"There is no format “{fmt}”. Choose one of {', '.join(FORMATS)}.")
    if fmt != "auto":
        return fmt
    with path.open("rb") as file:
        if file.read(4) == b"PAR1":
            return "parquet"
    ending = Path(name.lower().removesuffix(".gz")).suffix
    return {".csv": "csv", ".txt": "txt", ".parquet": "parquet"}.get(ending, "jsonl")


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file, through gzip when its first bytes say so.

    Raises:
        Invalid: the archive breaks off or is damaged; nothing of the file may be kept then.
    """
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if zipped else path.open("rb") as file:
            yield cast("BinaryIO", file)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise Invalid(
            "The file is damaged: its gzip stream breaks off. Nothing was imported; fetch the file again."
        ) from None


def lines_of(file: BinaryIO) -> Iterator[tuple[int, bytes | Refusal]]:
    """Lines with their numbers; a line beyond ``LONGEST_LINE`` is skipped without being held."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            yield number, Refusal(f"the line is longer than {LONGEST_LINE >> 20} MB")
        else:
            yield number, line


def _jsonl(file: BinaryIO) -> Iterator[Line]:
    for number, line in lines_of(file):
        if isinstance(line, Refusal):
            yield number, line
        elif line.strip():
            yield number, parse_object(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)


def parse_object(line: bytes) -> Row | Refusal:
    """One JSON object, or why it is none."""
    try:
        row = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        return Refusal(f"not valid UTF-8 at byte {error.start + 1}")
    except json.JSONDecodeError as error:
        return Refusal(f"broken JSON: {error.msg} at column {error.colno}")
    except (ValueError, RecursionError) as error:
        return Refusal(f"broken JSON: {error}")
    return row if isinstance(row, dict) else Refusal("not a JSON object")


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _csv(file: BinaryIO) -> Iterator[Line]:
    """A header line, then rows; a row's number is that of the line on which it begins."""
    text = io.TextIOWrapper(cast("io.BufferedReader", file), "utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.reader(text, strict=True)
    header: list[str] = []
    begins = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield begins, Refusal(f"broken CSV: {error}")
            begins = reader.line_num + 1
            continue
        number, begins = begins, reader.line_num + 1
        if not header:
            header = [cell.strip() for cell in cells]
        elif any(cells):
            yield number, _row_of_cells(header, cells)


def _row_of_cells(header: list[str], cells: list[str]) -> Row | Refusal:
    if len(cells) != len(header):
        return Refusal(f"{len(cells)} cells, but the header names {len(header)}")
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return Refusal("not valid UTF-8")
    return _unpacked({key: from_cell(cell) for key, cell in zip(header, cells, strict=True) if cell != ""})


def _parquet(path: Path) -> Iterator[Line]:
    try:
        with pq.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(batch_size=256):
                for row in _rows_of_batch(batch):
                    number += 1
                    yield number, row if isinstance(row, Refusal) else _unpacked(row)
    except (pa.ArrowException, OSError) as error:
        raise Invalid(f"The file cannot be read as Parquet ({error}). Nothing was imported.") from None


def _rows_of_batch(batch: pa.RecordBatch) -> Iterable[Row | Refusal]:
    """Rows as Python values without empty cells; text that is not UTF-8 refuses its own row only."""
    try:
        rows = batch.to_pylist()
    except UnicodeDecodeError:
        if batch.num_rows == 1:
            return [Refusal("not valid UTF-8")]
        return [row for i in range(batch.num_rows) for row in _rows_of_batch(batch.slice(i, 1))]
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


def _unpacked(row: Row) -> Row | Refusal:
    """Lists that a cell holds as JSON text become lists; a prompt that merely begins with a bracket stays text."""
    for key in STRUCTURED & row.keys():
        cell = row[key]
        if isinstance(cell, str) and cell.lstrip()[:1] == "[":
            try:
                value = json.loads(cell, parse_constant=_no_constant)
            except (ValueError, RecursionError):
                if key in ("prompt", "chosen", "rejected", "response"):
                    continue
                return Refusal(f"{key}: the cell does not hold valid JSON")
            if key not in ("prompt", "chosen", "rejected", "response") or _are_messages(value):
                row[key] = value
    return row


def _are_messages(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(m, dict) and "role" in m for m in value)
