"""Numbers of tasks as they stand in addresses.

The ids of tasks tell how old they are: a copy of a task that comes again to measure its labeler would have the newest
one, hidden gold an older one than the work around it. So addresses have another number, from which nobody without the
deployment's key can tell the id: a permutation of the numbers that an id may have, the same for everybody, for good.
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Annotated

from fastapi import Depends, Request

from app.web.forms import LARGEST_NUMBER
from app.web.requests import settings_of

ROUNDS = 6
HALF = 16  # bits


def shown(key: str, number: int) -> int:
    """The number that stands in addresses for an id, 0 to ``LARGEST_NUMBER``."""
    number = _mixed(key, number, range(ROUNDS))
    while number > LARGEST_NUMBER:  # the network permutes twice as many numbers; its way leads back into the range
        number = _mixed(key, number, range(ROUNDS))
    return number


def meant(key: str, number: int) -> int:
    """The id for which a number stands."""
    number = _mixed(key, number, reversed(range(ROUNDS)))
    while number > LARGEST_NUMBER:
        number = _mixed(key, number, reversed(range(ROUNDS)))
    return number


def _mixed(key: str, number: int, rounds: Iterable[int]) -> int:
    """A balanced Feistel network over 32 bits (Luby & Rackoff 1988); the rounds in reverse order undo it."""
    left, right = number >> HALF, number & ((1 << HALF) - 1)
    for turn in rounds:
        told = hmac.new(key.encode(), f"task {turn} {right}".encode(), hashlib.sha256).digest()
        left, right = right, left ^ int.from_bytes(told[:2], "big")
    return right << HALF | left


def task_address(request: Request, task_id: int) -> str:
    """Where a labeler finds a task."""
    return f"/label/tasks/{shown(settings_of(request).session_key, task_id)}"


def task_meant(request: Request, task_id: int) -> int:
    """The id of the task that the address of a request means."""
    return meant(settings_of(request).session_key, task_id)


TaskId = Annotated[int, Depends(task_meant)]
"""Of a route whose address has ``{task_id}``."""
