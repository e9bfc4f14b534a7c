"""The bytes of a file, unpacked where it is packed, and no more of them than a file of its size may hold."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from app.errors import Invalid
from app.language import gettext as _

UNPACKED, MOST_GROWTH = 256 << 20, 100  # bytes that any gzipped file may hold, and times its size a large one


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file, through gzip when its first bytes say so.

    Raises:
        Invalid: the archive breaks off or is damaged; nothing of the file may be kept then.
    """
    with path.open("rb") as file:
        begin = file.read(4)
    if begin == b"PK\x03\x04":
        raise Invalid(_("The file is a ZIP archive. Nothing was imported; unpack it and bring the files in it."))
    zipped = begin[:2] == b"\x1f\x8b"
    try:
        with gzip.open(path) if zipped else path.open("rb") as file:
            most = max(UNPACKED, MOST_GROWTH * path.stat().st_size)
            yield io.BufferedReader(_Bounded(file, most), 1 << 20) if zipped else cast("BinaryIO", file)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise Invalid(
            _("The file is damaged: its gzip stream breaks off. Nothing was imported; fetch the file again.")
        ) from None


class _Bounded(io.RawIOBase):
    """What a packed file holds, up to a number of bytes: a small file can hold more than the disk has room for."""

    def __init__(self, file: io.BufferedIOBase, most: int) -> None:
        self._file = file
        self._most = self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer)
        self._left -= count
        if self._left < 0:
            raise Invalid(
                _("The file unpacks to more than %(most)s MB. Nothing was imported.", most=f"{self._most >> 20:,}")
            )
        return count
