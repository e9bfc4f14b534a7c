"""Who has a run: a worker takes it for a short time, says again and again that it goes on, and may lose it.

A run's ``fence`` is raised each time it changes hands. Whatever a worker brings home is stored only while the fence
is the one it took the run with, so what a worker does that was thought dead changes nothing any more.
"""

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy.orm import Session

from app.database import Database
from app.models import Run
from app.settings import Settings
from app.training.runs import queries, rules, service
from app.training.runs.processes import Process, host
from trainer.contract.lease import clock, line

LOOK_EVERY_SECONDS = 0.3
RENEWALS = 6
"""How often a lease is renewed within its length."""

log = logging.getLogger("prefloop.worker")


class LeaseLost(Exception):  # noqa: N818 - named for what happened, read as `raise LeaseLost`
    """The run is another's now, or nobody can say; this process must leave it alone."""


class Lease:
    """One run in the hands of this process; a thread keeps it and tells the trainer so.

    Attributes:
        cancelled: set when a person wants the run stopped.
    """

    def __init__(self, database: Database, run_id: int, fence: int, seconds: float, folder: Path) -> None:
        self.run_id, self.fence = run_id, fence
        self.cancelled = threading.Event()
        self._database, self._seconds, self._folder = database, seconds, folder
        self._until = clock() + seconds
        self._lost = False
        self._seen = -1
        self._ended = threading.Event()
        self._listener: IO[bytes] | None = None

    @property
    def held(self) -> bool:
        """Whether the run is ours beyond doubt: a renewal got through within the length of the lease."""
        return not self._lost and clock() < self._until

    @property
    def doubtful(self) -> bool:
        """Whether so little of the lease is left that the trainer had better save its step now."""
        return clock() > self._until - self._seconds / 3

    def require(self) -> None:
        if not self.held:
            raise LeaseLost(f"run {self.run_id} is no longer this worker's")

    def keep(self) -> None:
        threading.Thread(target=self._keep, name=f"lease of run {self.run_id}", daemon=True).start()

    def end(self) -> None:
        self._ended.set()

    def tell(self, listener: IO[bytes] | None) -> None:
        """Let the process at the other end know, now and after each renewal, until when it may write."""
        self._listener = listener
        if listener:
            with suppress(OSError, ValueError):  # it has ended, which its exit status tells
                listener.write(line(self._until))
                listener.flush()

    def _keep(self) -> None:
        renewed = clock()
        while not self._ended.wait(LOOK_EVERY_SECONDS) and not self._lost:
            try:
                asked = clock()
                news = self._news()
                if news is None and asked - renewed < self._seconds / RENEWALS:
                    self._look()
                elif self._renew(news or {}):
                    # Counted from before the question: the database's clock cannot have started earlier.
                    self._until, renewed = asked + self._seconds, asked
                    self.tell(self._listener)
            except Exception as error:  # noqa: BLE001 - the database may be away in many ways; the lease runs out by itself
                log.warning("run %s could not be renewed: %s", self.run_id, (str(error).splitlines() or [""])[0])

    def _news(self) -> dict[str, Any] | None:
        """Progress that the row does not know yet."""
        path = self._folder / "metrics.jsonl"
        size = path.stat().st_size if path.exists() else 0
        if size == self._seen:
            return None
        latest = service.last_metrics(self._folder)
        self._seen = size
        return {"step": latest.pop("step", 0), "total": rules.storable(latest.pop("total", None)), "latest": latest}

    def _look(self) -> None:
        with self._database.reading() as session:
            self._heed(queries.cancel_requested(session, self.run_id, self.fence))

    def _renew(self, news: dict[str, Any]) -> bool:
        with self._database.transaction() as session:
            ours = queries.renew(session, self.run_id, self.fence, queries.database_time(session), news)
            self._heed(queries.cancel_requested(session, self.run_id, self.fence) if ours else None)
        return ours

    def _heed(self, cancelled: bool | None) -> None:
        """``None`` says that no run has this fence any more."""
        if cancelled is None:
            self._lost = True
        elif cancelled:
            self.cancelled.set()


def take(session: Session, worker: Process, name: str, run_id: int, fence: int) -> int | None:
    """Make a run this worker's if it is still as it was seen; returns its new fence."""
    run = queries.free_run(session, run_id)
    if run is None or run.fence != fence or run.status not in ("queued", "running"):
        return None
    now = queries.database_time(session)
    service.lay_down(run)
    run.status, run.owner, run.worker = "running", str(worker), rules.worker_words(name, host(), worker.pid)
    run.fence, run.heartbeat_at, run.resumed_at = fence + 1, now, now
    run.started_at = run.started_at or now
    return run.fence


def takeable(settings: Settings, runs: Sequence[Run], now: datetime) -> list[tuple[int, int]]:
    """Id and fence of the runs that wait for a worker, or whose worker is gone."""
    return [(run.id, run.fence) for run in runs if run.status == "queued" or service.owner_gone(settings, run, now)]


def owned(session: Session, run_id: int, fence: int) -> Run:
    """The run, locked until the transaction ends, for a worker that may change it.

    Raises:
        LeaseLost: it has changed hands.
    """
    run = queries.run_by_id(session, run_id, lock=True)
    if run is None or run.fence != fence:
        raise LeaseLost(f"run {run_id} is no longer this worker's")
    return run


def release(database: Database, run_id: int, fence: int, folder: Path) -> None:
    """Let the run wait for the next worker, which goes on from its checkpoint; its last steps are told meanwhile."""
    with database.transaction() as session:
        run = owned(session, run_id, fence)
        if run.status == "running":
            service.note_progress(run, folder)
            service.lay_down(run, queries.database_time(session))
            run.status, run.owner, run.heartbeat_at = "queued", None, None
