"""A real worker whose trainers begin as forks of a process that has loaded torch and transformers.

A trainer of a test learns for a moment, after four seconds of the processor's time that it takes to load the libraries:
here a worker's first trainer loads them for all. That the product starts its trainers from nothing is for the tests
that kill them.
"""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from multiprocessing.reduction import DupFd
from typing import Any

COMMAND = [sys.executable, "-c", "from tests.forked import work; work()"]
"""In place of ``python -m app.cli worker``."""


def work() -> None:
    from app import cli
    from app.training.runs import execution
    from trainer.contract.configs import CONFIGS

    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    multiprocessing.get_context("forkserver").set_forkserver_preload([f"trainer.stages.{stage}" for stage in CONFIGS])
    execution.subprocess = Processes
    sys.argv = ["prefloop", "worker"]
    cli.main()


class Forked:
    """As much of ``subprocess.Popen`` as a worker asks of its trainer."""

    def __init__(self, command: Sequence[str], *, stdout: Any, env: Mapping[str, str], **_options: Any) -> None:
        read, write = os.pipe()
        given = (list(command[3:]), DupFd(read), DupFd(stdout.fileno()), dict(env))
        self.process = multiprocessing.get_context("forkserver").Process(target=train, args=given)
        self.process.start()
        os.close(read)
        self.stdin, self.pid = os.fdopen(write, "wb"), self.process.pid
        self.terminate, self.kill = self.process.terminate, self.process.kill

    def wait(self, timeout: float | None = None) -> int:
        self.process.join(timeout)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired("trainer", timeout or 0)
        return self.process.exitcode


class Processes:
    """As much of ``subprocess`` as the module of a worker uses."""

    Popen = Forked
    PIPE, STDOUT, TimeoutExpired = subprocess.PIPE, subprocess.STDOUT, subprocess.TimeoutExpired


def train(arguments: list[str], stdin: Any, stdout: Any, environment: dict[str, str]) -> None:
    """Be ``python -m trainer`` with these arguments."""
    os.setsid()
    os.dup2(stdin.detach(), 0)
    output = stdout.detach()
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - of the process
    os.environ.update(environment)
    sys.argv = ["trainer", *arguments]
    import_module("trainer.__main__").process()
