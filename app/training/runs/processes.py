"""Processes of this machine told apart beyond doubt: ids are used again, names are given twice."""

import platform
import secrets
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

SAME_BIRTH_SECONDS = 1


@dataclass(frozen=True)
class Process:
    """One process, for ever: the machine (or container) it ran on, its number there and when it began.

    Attributes:
        token: drawn anew for each process, so that no two are ever taken for one.
    """

    machine: str
    pid: int
    created: float
    token: str

    @classmethod
    def of(cls, pid: int) -> Self:
        return cls(_machine(), pid, psutil.Process(pid).create_time(), secrets.token_hex(4))

    @classmethod
    def read(cls, text: str | None) -> Self | None:
        """The process that ``str`` wrote down, or nothing for anything else."""
        with suppress(ValueError):
            machine, pid, created, token = (text or "").split(" ")
            return cls(machine, int(pid), float(created), token)
        return None

    def __str__(self) -> str:
        return f"{self.machine} {self.pid} {self.created:.3f} {self.token}"

    @property
    def here(self) -> psutil.Process | None:
        """The process itself, if it ran on this machine and still does."""
        if self.machine != _machine():
            return None
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < SAME_BIRTH_SECONDS
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        return None

    @property
    def gone(self) -> bool:
        """Whether it is sure to have ended: it ran on this machine, and is not here any more."""
        return self.machine == _machine() and self.here is None


def host() -> str:
    return platform.node() or "?"


def _machine() -> str:
    """What distinguishes the space of process numbers: the start of the system and, in containers, their own."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{Path('/proc/self/ns/pid').stat().st_ino}"
    return f"{uuid.getnode():x}:{psutil.boot_time():.0f}"
