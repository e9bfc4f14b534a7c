"""What a file says, read to its end before a transaction begins, so that no lock is held while it is read."""

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, TypeVar

Row = TypeVar("Row")
ROWS_TOGETHER = 200


@contextmanager
def spooled(rows: Iterable[Row]) -> Iterator[Iterator[Row]]:
    """Read all rows into a file without a name and give them out again, in order.

    Memory holds some hundred of them. What is wrong with the file as a whole is found here.
    """
    with tempfile.TemporaryFile() as file:
        together: list[Row] = []
        for row in rows:
            together.append(row)
            if len(together) == ROWS_TOGETHER:
                pickle.dump(together, file)
                together = []
        pickle.dump(together, file)
        file.seek(0)
        yield _given_out(file)


def _given_out(file: BinaryIO) -> Iterator[Row]:
    while True:
        try:
            yield from pickle.load(file)  # noqa: S301 - written just now, by this process
        except EOFError:
            return
