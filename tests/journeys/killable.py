"""A server in a process of its own, which a test may kill as a machine would: without a word, in the middle."""

import multiprocessing
import os
import signal
import socket
import time

import uvicorn

from app.main import create_app
from app.settings import Settings

PATIENCE_SECONDS = 60
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload([__name__])  # imported once: each server is then a fork and starts at once


class KillableServer:
    """Serves the application at one address, however often it is killed and started again."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        self.process = processes.Process(target=_serve, args=(self.settings, self.port), daemon=True)
        self.process.start()
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            assert time.monotonic() < give_up, "the server did not start"
            time.sleep(0.05)

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()

    def stop(self) -> None:
        if self.process.is_alive():
            self.kill()

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _serve(settings: Settings, port: int) -> None:
    uvicorn.run(create_app(settings), host="127.0.0.1", port=port, log_level="warning")
