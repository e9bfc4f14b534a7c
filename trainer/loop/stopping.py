"""The loop of a stage that saves as it goes, and how it ends early.

SIGTERM and Ctrl+C let it finish its step and save first; every other stage leaves at once. What is put in place is
always put there atomically, so leaving at once leaves nothing half-written. A dry run ends it after a few steps.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import islice
from types import FrameType

from trainer.contract.lease import STOPPED


class Measured(Exception):  # noqa: N818 - named for what happened
    """The steps of a dry run are taken.

    Attributes:
        steps: of the whole run.
        began: when the first step did, on the clock of ``time.monotonic``.
        seconds: of each step.
    """

    def __init__(self, steps: int, began: float, seconds: list[float]) -> None:
        super().__init__(f"{len(seconds)} of {steps} steps")
        self.steps, self.began, self.seconds = steps, began, seconds


class _Stop:
    def __init__(self) -> None:
        self.most: int | None = None
        # Of several processes that share a run all stop after the same step; see ``trainer.loop.processes``.
        self.anybody: Callable[[bool], bool] = bool
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

    def measure(self, steps: int | None) -> None:
        """Let the loops of this process end after so many steps, by ``Measured``; None = let them run."""
        self.most = steps

    def ask(self, anybody: Callable[[bool], bool]) -> None:
        """Let ``anybody`` say whether any of several processes was told to stop."""
        self.anybody = anybody

    def steps(self, steps: Iterable[int], total: int | None = None) -> Iterator[int]:
        """The steps of a loop that saves its state after a step whenever ``asked()``, and after its last one.

        Stopping ends it after a step that was saved: one that had asked before the signal came is not the last yet.

        Args:
            steps: of this loop.
            total: of the whole run, where it has several such loops or does not know how many steps this one takes.

        Raises:
            Measured: in a dry run.
        """
        if self.most is not None:
            all_of_it = total or (len(steps) if isinstance(steps, Sized) else 0)
            yield from self._measured(islice(steps, self.most), all_of_it)
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

    def _measured(self, steps: Iterable[int], total: int) -> Iterator[int]:
        seconds: list[float] = []
        first = began = time.monotonic()
        for step in steps:
            yield step
            seconds.append(time.monotonic() - began)
            began = time.monotonic()
        raise Measured(total, first, seconds)

    def asked(self) -> bool:
        """Whether this step is the last for now."""
        self.heard = self.anybody(self.wanted)
        return self.heard


def _leave() -> None:
    print("stopped; starting the run again goes on from its last checkpoint", flush=True)  # noqa: T201
    raise SystemExit(STOPPED)


_ours = _Stop()
listen = _ours.listen
measure = _ours.measure
ask = _ours.ask
steps = _ours.steps
asked = _ours.asked
