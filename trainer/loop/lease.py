"""Ends this process when its worker is gone or no longer owns the run, before another trainer writes in the folder."""

from __future__ import annotations

import os
import threading
import time

from trainer.contract.lease import LEASE_OVER, clock

_ONE_READ = 4096


class _Lease:
    """Until when this process may write; without a worker behind it (a run by hand) it always may."""

    def __init__(self) -> None:
        self.until = float("inf")

    def follow(self, source: int, first_seconds: float) -> None:
        """Listen to the worker in the background, which has ``first_seconds`` to say its first word."""
        self.until = clock() + first_seconds
        threading.Thread(target=self._listen, args=(source,), daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()

    def _listen(self, source: int) -> None:
        text = b""
        # Bare reads: a buffered stream would hold a lock that the interpreter wants at its end.
        while read := os.read(source, _ONE_READ):
            *whole, text = (text + read).split(b"\n")
            if whole:
                self.until = float(whole[-1])
        _end("the worker is gone")

    def _watch(self) -> None:
        while (left := self.until - clock()) > 0:
            time.sleep(min(left, 0.5))
        self.hold()

    def hold(self) -> None:
        """Return only while the run is ours; asked before whatever is put in place in the run folder."""
        if clock() > self.until:
            _end("the worker has not been heard of in time")


def _end(reason: str) -> None:
    print(f"ended: {reason}; the run goes on from its last checkpoint elsewhere", flush=True)  # noqa: T201
    os._exit(LEASE_OVER)


_ours = _Lease()
follow = _ours.follow
hold = _ours.hold
