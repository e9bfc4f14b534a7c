"""What a file says, read to its end before a transaction begins, so that no lock is held while it is read."""

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Generic, TypeVar

Row = TypeVar("Row")
MOST_TOGETHER = 1_000  # rows
BYTES_TOGETHER = 8 << 20  # as they lie on disk; rows may be wide, and in memory they are several times as large


class Spool(Generic[Row]):
    """The rows of a file, which can be had several times, some of them at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def batches(self) -> Iterator[list[Row]]:
        """All rows in order, in lists that are bounded by their number and by their size."""
        self._file.seek(0)
        batch: list[Row] = []
        begin = 0
        while True:
            try:
                batch.append(pickle.load(self._file))  # noqa: S301 - written just now, by this process
            except EOFError:
                break
            if len(batch) == MOST_TOGETHER or self._file.tell() - begin >= BYTES_TOGETHER:
                yield batch
                batch, begin = [], self._file.tell()
        if batch:
            yield batch


@contextmanager
def spooled(rows: Iterable[Row]) -> Iterator[Spool[Row]]:
    """Read all rows into a file without a name; memory holds one of them at a time.

    What is wrong with the file as a whole is found here.
    """
    with tempfile.TemporaryFile() as file:
        for row in rows:
            pickle.dump(row, file, pickle.HIGHEST_PROTOCOL)
        yield Spool(file)
