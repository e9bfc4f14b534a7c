"""File formats: every reader yields ``(line number, row or refusal)`` and holds one row at a time."""

import ast
import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

from app.errors import Invalid, Refusal, shown
from app.language import gettext as _
from app.language import listed, mark
from app.material.files.opening import open_bytes
from app.web.tables import from_cell

FORMATS = ("auto", "jsonl", "csv", "parquet", "txt")
LONGEST_LINE = 16 << 20  # bytes; one row of nine answers of the longest length allowed fits several times
LONGEST_LITERAL = 400_000  # characters; reading one takes many times its size
MOST_VALUES = 500_000  # of a row; an empty list takes thirty times the two characters it is written in
MOST_COLUMNS = 10_000  # of a table
MOST_DIGITS = 4_300  # of a whole number; reading one takes the square of its length
UNPACKING_MB = 1_024  # memory for a Parquet file
TEXTS = frozenset({"prompt", "chosen", "rejected", "response", "completion", "demonstration"}) | {
    f"response_{side}" for side in "ab01"
}
"""Fields that hold a text, or messages; a text that merely begins with a bracket stays one."""
STRUCTURED = TEXTS | {"messages", "turns", "candidates", "votes", "labels", "answers", "ranks", "responses"}

ANSWER_COLUMNS = (frozenset({"chosen", "rejected"}), frozenset({"response_a", "response_b"}))

csv.field_size_limit(LONGEST_LINE)


NO_UTF8 = mark("This is not valid UTF-8.")
NO_UTF8_AT = mark("This is not valid UTF-8: see byte %(byte)s.")
LONG_LINE = mark("The line is longer than %(most)s MB.")
LONG_ROW = mark("The row is longer than %(most)s MB.")
MANY_COMMAS = mark("The row has more than %(most)s commas.")
MANY_VALUES = mark("The row has more than %(most)s values.")


class UnreadableError(ValueError):
    """Something in a row that is no JSON or no CSV to us."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text)
        self.refusal = Refusal(text, (), values)


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
        raise Invalid(_("%(name)s is plain text: import it as a corpus.", name=name))
    with open_bytes(path) as file:
        yield from _csv(file) if fmt == "csv" else _jsonl(file)


def format_of(path: Path, name: str, fmt: str) -> str:
    """The format by the file's first bytes, then by its name; JSONL when neither tells."""
    if fmt not in FORMATS:
        raise Invalid(_("There is no format “%(format)s”. Choose %(known)s.", format=fmt, known=listed(FORMATS, "or")))
    if fmt != "auto":
        return fmt
    with path.open("rb") as file:
        if file.read(4) == b"PAR1":
            return "parquet"
    ending = Path(name.lower().removesuffix(".gz")).suffix
    return {".csv": "csv", ".txt": "txt", ".parquet": "parquet"}.get(ending, "jsonl")


def lines_of(file: BinaryIO) -> Iterator[tuple[int, bytes | Refusal]]:
    """Lines with their numbers; a line beyond ``LONGEST_LINE`` is skipped without being held."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            yield number, Refusal(LONG_LINE, (), {"most": LONGEST_LINE >> 20})
        else:
            yield number, line


def _jsonl(file: BinaryIO) -> Iterator[Line]:
    for number, line in lines_of(file):
        if isinstance(line, Refusal):
            yield number, line
        elif line.strip():
            yield number, parse_object(line.removeprefix(b"\xef\xbb\xbf"))  # files put together have it inside


def parse_object(line: bytes) -> Row | Refusal:
    """One JSON object, or why it is none."""
    if _too_many(line):
        return _too_many_values()
    try:
        row = read_json(line.decode("utf-8").rstrip())
    except UnicodeDecodeError as error:
        return Refusal(NO_UTF8_AT, (), {"byte": error.start + 1})
    except json.JSONDecodeError as error:
        return Refusal(mark("This is not valid JSON: see column %(column)s."), (), {"column": error.colno})
    except UnreadableError as error:
        return error.refusal
    except RecursionError:
        return Refusal(mark("This JSON is nested too deeply."))
    return _unpacked(row) if isinstance(row, dict) else Refusal(mark("This is JSON, but no object with names."))


def _too_many_values() -> Refusal:
    return Refusal(MANY_VALUES, (), {"most": MOST_VALUES})


def _too_many(written: bytes) -> bool:
    """Whether JSON has too many signs that begin a value; those in texts count too, for nobody has read it yet."""
    return sum(written.count(sign) for sign in (b"{", b"[", b":", b",")) > MOST_VALUES


def _object(pairs: list[tuple[str, Any]]) -> Row:
    """An object of which no name stands twice: the second would silently take the place of the first."""
    row = dict(pairs)
    if len(row) < len(pairs):
        twice = named_twice(name for name, _value in pairs)
        raise UnreadableError(mark("“%(name)s” stands twice in one object."), name=shown(twice))
    return row


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise UnreadableError(mark("A number has more than %(most)s digits."), most=MOST_DIGITS)
    return int(digits)


def named_twice(names: Iterable[str]) -> str | None:
    """The first name that comes again, or nothing; there may be millions of them."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _no_constant(word: str) -> NoReturn:
    raise UnreadableError(mark("“%(word)s” is no value in JSON."), word=word)


_CELL = json.JSONDecoder(parse_constant=_no_constant, parse_int=_whole)
_READ = json.JSONDecoder(parse_constant=_no_constant, parse_int=_whole, object_pairs_hook=_object)


def read_json(text: str) -> Any:
    """What JSON from outside says, without what programs make of it in silence.

    Raises:
        UnreadableError: a name stands twice in one object, a number is none, or it has too many digits.
        json.JSONDecodeError: it is no JSON.
        RecursionError: it is nested too deeply.
    """
    return _READ.decode(text)


def _csv(file: BinaryIO) -> Iterator[Line]:
    """A header line, then rows; a row's number is that of the line on which it begins."""
    text = io.TextIOWrapper(cast("io.BufferedReader", file), "utf-8-sig", errors="surrogateescape", newline="")
    lines = _LinesOfRows(text)
    reader = csv.reader(lines, strict=True)
    header: list[str] = []
    while True:
        number = lines.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except UnreadableError as error:
            yield number, error.refusal
            continue
        except csv.Error:
            yield number, Refusal(mark("This is not valid CSV. Look at its quotation marks."))
            continue
        if not header:
            header = _header(cells)
        elif any(cells):
            yield number, _row_of_cells(header, cells)


class _LinesOfRows:
    """Lines for a reader of CSV, which would hold one of any length, and rows of any number of lines.

    A row may have ``LONGEST_LINE`` characters; the line that goes beyond is skipped without being held.
    """

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._left = 0
        self._commas = 0
        self._number = 0

    def begin_row(self) -> int:
        """Returns the number of the line on which the next row begins."""
        self._left, self._commas = LONGEST_LINE, 0
        return self._number + 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._left + 1)
        if not line:
            raise StopIteration
        self._number += 1
        if len(line) > self._left:
            while line and line[-1] not in "\r\n":
                line = self._text.readline(LONGEST_LINE)
            raise UnreadableError(LONG_ROW, most=LONGEST_LINE >> 20)
        self._left -= len(line)
        self._commas += line.count(",")
        if self._commas > MOST_VALUES:
            raise UnreadableError(MANY_COMMAS, most=MOST_VALUES)
        return line


def _header(cells: list[str]) -> list[str]:
    """The names of the columns; one without a name goes by its place.

    Raises:
        Invalid: two columns have one name: nobody can say which of them is meant; or there are too many.
    """
    if len(cells) > MOST_COLUMNS:
        raise Invalid(
            _(
                "The file has %(count)s columns; at most %(most)s are taken. Nothing was imported; leave out those "
                "that nobody needs.",
                count=f"{len(cells):,}",
                most=f"{MOST_COLUMNS:,}",
            )
        )
    names = [cell.strip() or f"column {column}" for column, cell in enumerate(cells, 1)]
    if twice := named_twice(names):
        raise Invalid(
            _("Two columns of the file are called “%(name)s”. Nothing was imported; rename one of them.", name=twice)
        )
    return names


def _row_of_cells(header: list[str], cells: list[str]) -> Row | Refusal:
    if len(cells) != len(header):
        told = {"columns": len(header), "cells": len(cells)}
        return Refusal(mark("The header names columns: %(columns)s; the row has cells: %(cells)s."), (), told)
    try:
        written = "".join(cells).encode()
    except UnicodeEncodeError:
        return Refusal(NO_UTF8)
    if _too_many(written):
        return _too_many_values()
    row: Row = {key: from_cell(cell) for key, cell in zip(header, cells, strict=True) if cell != ""}
    # An empty cell is nothing said, except beside an answer that it was judged against: that model said nothing.
    for pair in ANSWER_COLUMNS:
        if row.keys() & pair and pair <= set(header):
            row |= dict.fromkeys(pair - row.keys(), "")
    return _unpacked(row)


def _parquet(path: Path) -> Iterator[Line]:
    """Rows from a program that unpacks the file and may take only so much memory: a small file can hold a lot."""
    program = [sys.executable, "-I", str(Path(__file__).with_name("unpack.py")), str(path), str(UNPACKING_MB)]
    environment = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"}  # other pools take addresses in advance
    ended = False
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as unpacking:
        try:
            assert unpacking.stdout is not None
            for number, line in enumerate(unpacking.stdout, 1):
                if _too_many(line):
                    yield number, _too_many_values()
                    continue
                match json.loads(line):
                    case {"problem": [problem, *values]}:
                        raise Invalid(_parquet_problem(problem, *values))
                    case [row]:
                        yield number, _unpacked(row)
                    case "long":
                        yield number, Refusal(LONG_ROW, (), {"most": LONGEST_LINE >> 20})
                    case _:
                        yield number, Refusal(NO_UTF8)
            ended = True
        finally:
            if not ended:
                unpacking.kill()
    if unpacking.returncode:  # ended by the system where memory ran out below Python
        raise Invalid(_parquet_problem("memory" if unpacking.returncode < 0 else "damaged"))


def _parquet_problem(problem: str, value: object = "") -> str:
    """What ``unpack.py`` found wrong with the file as a whole."""
    if problem == "memory":
        return _(
            "The Parquet file takes more than %(most)s MB of memory to unpack. Nothing was imported; write it again in "
            "smaller pages, or as JSONL.",
            most=f"{UNPACKING_MB:,}",
        )
    if problem == "twice":
        return _("Two columns of the file are called “%(name)s”. Nothing was imported; rename one of them.", name=value)
    if problem == "rows":
        return _(
            "The Parquet file claims %(rows)s rows, which is more than a file of its size can hold. Nothing was "
            "imported.",
            rows=f"{value:,}",
        )
    if problem == "size":
        return _("The Parquet file unpacks to more than %(most)s MB. Nothing was imported.", most=f"{value:,}")
    return _("The file cannot be read as Parquet. Nothing was imported; fetch or write it again.")


def _unpacked(row: Row) -> Row | Refusal:
    """Lists that a cell holds as text become lists; a prompt that merely begins with a bracket stays text."""
    for key in STRUCTURED & row.keys():
        cell = row[key]
        if not isinstance(cell, str) or cell.lstrip()[:1] != "[":
            continue
        try:
            value = _CELL.decode(cell)
        except (ValueError, RecursionError):
            value = _literal(cell)
        if _are_messages(value) or (key not in TEXTS and value is not None):
            row[key] = value
        elif _TALKS.match(cell):
            return Refusal(
                mark("This is a list of messages in a form that is not known. Write role and content, as JSON."), (key,)
            )
    return row


_TALKS = re.compile(r"""\s*\[\s*\{(?=[^{}]*['"](role|from)['"]\s*:)(?=.*['"](content|value)['"]\s*:)""", re.DOTALL)
"""What begins like a list of messages, of one form or another."""


def _literal(cell: str) -> object:
    """A list as Python writes it, and pandas into cells; nothing where it is none."""
    if len(cell) > LONGEST_LITERAL or not _TALKS.match(cell):
        return None
    try:
        return ast.literal_eval(cell.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _are_messages(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(m, dict) and "role" in m for m in value)
