"""The processes of a deployment as children of the demo: a web server and a worker, ended together."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import httpx
import psutil

from app.errors import DomainError
from app.settings import Settings

START_SECONDS = 300  # for a machine that has other work; a server that ends is told at once


def free_port(wanted: int) -> int:
    """``wanted`` when nobody listens there, else any free one; 0 asks for any."""
    for port in (wanted, 0):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            chosen: int = trial.getsockname()[1]
            return chosen
    raise DomainError("No free port on this machine.")


def end_on_sigterm() -> None:
    """Let SIGTERM unwind this process as Ctrl+C does, so that the children are ended with it."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, leave)


@contextmanager
def running(settings: Settings, port: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Web server and worker on the settings' data folder; their output goes to files in it."""
    end_on_sigterm()
    logs = settings.data_dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "PREFLOOP_DATA_DIR": str(settings.data_dir.resolve()),
        "PREFLOOP_DATABASE_URL": settings.database,
    }
    children = [
        _start(["serve", "--port", str(port)], logs / "web.log", environment),
        _start(["worker"], logs / "worker.log", environment),
    ]
    try:
        _wait_until_it_answers(f"http://127.0.0.1:{port}/healthz", children[0], logs / "web.log")
        yield children
    finally:
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(settings.stop_seconds + 15)
            except subprocess.TimeoutExpired:
                child.kill()


def _start(command: list[str], log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "app.cli", *command], stdout=output, stderr=subprocess.STDOUT, env=environment
        )


def _wait_until_it_answers(address: str, web: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if web.poll() is not None:
            raise DomainError(f"The web server stopped at once. What it said is in {log}.")
        try:
            if httpx.get(address, timeout=2).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise DomainError(f"The web server did not answer within {START_SECONDS} s. What it said is in {log}.")


def resident_bytes() -> int:
    """Memory of this process and all its descendants together, as it is now."""
    me = psutil.Process()
    total = 0
    for process in (me, *me.children(recursive=True)):
        try:
            total += process.memory_info().rss
        except psutil.Error:
            continue
    return total
