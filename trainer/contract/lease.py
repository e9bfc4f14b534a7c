"""How long a training process may write, as its worker tells it.

A worker that starts ``python -m trainer STAGE RUN_FOLDER --leased`` holds the other end of its standard input and
writes lines into it: each is the moment, by ``clock``, until which the run is the worker's. No line in time, or the
end of the input (the worker is gone, however it ended), ends the process: another worker may then have the folder.
"""

from __future__ import annotations

import time

LEASED = "--leased"
STOPPED = 143
"""Exit status of a trainer that was told to stop: what it had learned is in a checkpoint, if its stage keeps any."""
LEASE_OVER = 75
"""Exit status of a trainer whose worker is gone or cannot say that the run is still its own."""


def clock() -> float:
    """Seconds since the machine started, asleep or not where the system tells; all its processes see the same."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def line(until: float) -> bytes:
    """What the worker writes: the run is its own until this moment."""
    return f"{until:.3f}\n".encode()
