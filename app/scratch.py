"""The one door to folders that are needed for a moment only; those that a killed process left go at the next start."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = ".prefloop-partial-"
GRACE = 3_600.0
"""Seconds for which a folder stays in any case: one that was made just now may not be held yet."""


@contextmanager
def scratch(beside: Path | None = None) -> Iterator[Path]:
    """A new folder, gone at the end; a lock on it says that its process lives.

    Args:
        beside: the folder to make it in, for what is moved from there when it is complete; else the system's own.
    """
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=beside))
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # a disk that knows no locks: nothing is swept there
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def sweep(data_dir: Path, now: float | None = None) -> int:
    """Remove what processes that are gone have left in the system's folder and in those of the data folder.

    Returns:
        How many folders that were.
    """
    latest = (time.time() if now is None else now) - GRACE
    inside = [entry for entry in _entries(data_dir) if entry.is_dir() and not entry.is_symlink()]
    entries = [entry for home in (Path(tempfile.gettempdir()), *inside) for entry in _entries(home)]
    return sum(_remove(folder, latest) for folder in entries if folder.name.startswith(PREFIX))


def _entries(folder: Path) -> list[Path]:
    with suppress(OSError):
        return list(folder.iterdir())
    return []


def _remove(folder: Path, latest: float) -> bool:
    """Remove a folder if it is ours, old, and nobody's."""
    with suppress(OSError):  # it is gone, held by a living process, or on a disk that knows no locks
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            told = os.fstat(held)
            if told.st_uid == os.getuid() and told.st_mtime < latest:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
                return True
        finally:
            os.close(held)
    return False
