"""SIGTERM and Ctrl+C: a stage that saves as it goes finishes its step and saves first, every other leaves at once.

What is put in place is always put there atomically, so leaving at once leaves nothing half-written.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from types import FrameType

from trainer.contract.lease import STOPPED


class _Stop:
    def __init__(self) -> None:
        self.wanted = False
        self.heard = False
        self.saving = False

    def listen(self) -> None:
        """Take the signals; a second one does not wait any more."""
        signal.signal(signal.SIGTERM, self._told)
        signal.signal(signal.SIGINT, self._told)

    def _told(self, _number: int, _frame: FrameType | None) -> None:
        if not self.saving or self.wanted:
            _leave()
        self.wanted = True
        print("told to stop: finishing this step and saving it", flush=True)  # noqa: T201

    def steps(self, steps: Iterable[int]) -> Iterator[int]:
        """The steps of a loop that saves its state after a step whenever ``asked()``, and after its last one.

        Stopping ends it after a step that was saved: one that had asked before the signal came is not the last yet.
        """
        self.saving, self.heard = True, False
        try:
            for step in steps:
                yield step
                if self.heard:
                    _leave()
            if self.wanted:
                _leave()
        finally:
            self.saving = False

    def asked(self) -> bool:
        """Whether this step is the last for now."""
        self.heard = self.wanted
        return self.heard


def _leave() -> None:
    print("stopped; starting the run again goes on from its last checkpoint", flush=True)  # noqa: T201
    raise SystemExit(STOPPED)


_ours = _Stop()
listen = _ours.listen
steps = _ours.steps
asked = _ours.asked
