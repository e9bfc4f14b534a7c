"""Unpacks a Parquet file into JSON lines, as a program of its own: a file that is a bomb goes off here, not in the app.

``python unpack.py FILE MEGABYTES``: each line is ``[row]``, or a word that says why a row cannot be had; the last
line is ``{"problem": [word, …]}`` where the file as a whole cannot be read. The program may take so much memory, and no
more: what a file says of itself need not be true, and a text of a few bytes in it may belong to a million rows.
"""

import base64
import json
import resource
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import date, time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

FEWEST_AT_ONCE, MOST_AT_ONCE = 16, 256  # rows
LONGEST_ROW = 16 << 20  # characters, as of a line of JSON
MOST_GROWTH = 100  # times its size may a large file hold; any, a quarter of the memory
MOST_ROWS = 1_000_000  # that any file may hold; a larger one, a row for each of its bytes


def main(path: Path, megabytes: int) -> None:
    _limit_memory(megabytes << 20)
    pa.set_cpu_count(1)
    problem: list[Any] = []
    try:
        problem = _write_rows(path, megabytes << 18)
    except MemoryError:
        problem = ["memory"]
    except (pa.ArrowException, OSError, ValueError):
        problem = ["damaged"]
    if problem:
        sys.stdout.write(json.dumps({"problem": problem}) + "\n")


def _limit_memory(more: int) -> None:
    """What the interpreter takes already, and so much more; where the system does not tell, the latter alone counts."""
    statm = Path("/proc/self/statm")
    address_space = int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0
    resource.setrlimit(resource.RLIMIT_AS, (address_space + more, address_space + more))


def _write_rows(path: Path, least: int) -> list[Any]:
    size = path.stat().st_size
    allowed = max(least, MOST_GROWTH * size)
    unpacked = 0
    with pq.ParquetFile(path) as file:
        if twice := next((name for name, times in Counter(file.schema_arrow.names).items() if times > 1), None):
            return ["twice", twice]
        rows = file.metadata.num_rows
        if rows > max(MOST_ROWS, size):
            return ["rows", rows]
        declared = sum(file.metadata.row_group(group).total_byte_size for group in range(file.num_row_groups))
        at_once = min(MOST_AT_ONCE, max(FEWEST_AT_ONCE, LONGEST_ROW * rows // max(1, declared)))
        for batch in file.iter_batches(batch_size=at_once, use_threads=False):
            if unpacked + batch.nbytes > allowed:
                return ["size", allowed >> 20]
            for row in _rows_of(batch):
                line = json.dumps(row if isinstance(row, str) else [row], ensure_ascii=False, default=_plain)
                if len(line) > LONGEST_ROW:
                    line = json.dumps("long")
                unpacked += len(line)
                sys.stdout.write(line + "\n")
    return []


def _rows_of(batch: pa.RecordBatch) -> Iterable[dict[str, Any] | str]:
    """Rows without empty cells; text that is not UTF-8 refuses its own row only."""
    try:
        rows = batch.to_pylist()
    except UnicodeDecodeError:
        if batch.num_rows == 1:
            return ["text"]
        return [row for i in range(batch.num_rows) for row in _rows_of(batch.slice(i, 1))]
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


def _plain(value: object) -> str:
    """Values that JSON has no form for, as text."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, date | time) else str(value)


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    main(Path(sys.argv[1]), int(sys.argv[2]))
