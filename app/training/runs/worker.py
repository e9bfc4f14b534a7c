"""The worker process: durable workflows that execute runs, as many at a time as it has slots.

A worker takes a run in the application's own database and starts a DBOS workflow of three steps for it, named after
the run and the times it has changed hands. Who owns a run is told by that one row (``leases``): a run whose worker
is gone is taken by whichever worker sees it first, whose workflow enters the steps anew; the steps in ``execution``
are written to be entered twice.
"""

import logging
import os
import signal
import time
from types import FrameType

from dbos import DBOS, DBOSConfig, SetWorkflowID
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.database import Database, is_away, is_busy
from app.models import Worker
from app.settings import Settings, load_settings
from app.training.runs import execution, leases, queries, service
from app.training.runs.leases import Lease, LeaseLost
from app.training.runs.processes import Process
from trainer.contract.limits import this_machine

# Ours, not a hash of the code: an update of the application must not strand what an earlier version recorded.
WORKFLOW_VERSION = "2"
SWEEP_EVERY_SECONDS = 0.5
LAST_WORDS_SECONDS = 5

log = logging.getLogger("prefloop.worker")


class _Context:
    """What the steps of this process work with; set once, before workflows start."""

    settings: Settings
    database: Database
    held: dict[int, Lease]


@DBOS.step()
def prepare(run_id: int) -> None:
    execution.prepare(_Context.settings, _Context.database, run_id)


@DBOS.step()
def execute(run_id: int) -> execution.Outcome:
    return execution.execute(_Context.settings, _Context.database, _Context.held[run_id])


@DBOS.step()
def finish(run_id: int, fence: int, outcome: str, error: str | None) -> str:
    return execution.finish(_Context.settings, _Context.database, run_id, fence, outcome, error)


@DBOS.workflow()
def training_run(run_id: int, fence: int) -> str:
    try:
        return _three_steps(run_id, fence)
    except LeaseLost as lost:
        log.warning("%s; it is left alone", lost)
        return "lost"
    finally:
        _Context.held.pop(run_id).end()


def _three_steps(run_id: int, fence: int) -> str:
    try:
        prepare(run_id)
        outcome, error = execute(run_id)
        return finish(run_id, fence, outcome, error)
    except LeaseLost:
        raise
    except execution.WorkerStops:
        leases.release(_Context.database, run_id, fence, service.folder_of(_Context.settings, run_id))
        return "released"
    except Exception as error:
        if isinstance(error, DBAPIError | PoolTimeout) and (is_busy(error) or is_away(error)):
            # No fault of the run: nobody renews its lease any more, so whoever reaches the database goes on with it.
            log.warning("run %s cannot be followed without the database; it is left alone", run_id)
            return "left"
        log.exception("run %s broke", run_id)
        execution.fail(_Context.database, run_id, fence, error)
        return "failed"


def take_runs(me: Process) -> None:
    """Take runs that nobody has, the oldest first, while there are slots, and start a workflow for each."""
    settings, database = _Context.settings, _Context.database
    if len(_Context.held) >= settings.worker_slots:
        return
    with database.reading() as session:
        free = leases.takeable(settings, queries.open_runs(session), queries.database_time(session))
    for run_id, seen in free:
        if len(_Context.held) >= settings.worker_slots:
            return
        if run_id in _Context.held:
            continue  # it slips from us; its thread has yet to see that
        lease = Lease(database, run_id, seen + 1, settings.lease_seconds, service.folder_of(settings, run_id))
        with database.transaction() as session:
            taken = leases.take(session, me, settings.worker_name, run_id, seen)
        if not taken:
            continue
        log.info("takes run %s", run_id)
        _Context.held[run_id] = lease
        lease.keep()
        try:
            with SetWorkflowID(f"run-{run_id}-{lease.fence}"):
                DBOS.start_workflow(training_run, run_id, lease.fence)
        except BaseException:
            _Context.held.pop(run_id).end()
            raise


def show_up(me: Process) -> None:
    """Say that this worker is there and what its machine has, so that nobody orders what no machine can do."""
    machine = this_machine()
    with _Context.database.transaction() as session:
        now = queries.database_time(session)
        worker = Worker(
            owner=str(me),
            name=_Context.settings.worker_name,
            cores=machine.cores,
            memory_mb=machine.memory >> 20,
            seen_at=now,
        )
        queries.note_worker(session, worker, now - service.WORKERS_KNOWN_FOR)


def work(settings: Settings | None = None) -> None:
    """Execute runs until the process is told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    settings = settings or load_settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    _Context.settings, _Context.database, _Context.held = (
        settings,
        Database(_impatient(settings, settings.database)),
        {},
    )
    me = Process.of(os.getpid())

    told = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal told
        told = True  # no more: a lock that the interrupted code holds could not be had here

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    config: DBOSConfig = {
        "name": "prefloop",
        "system_database_url": _impatient(settings, settings.workflow_database),
        "executor_id": me.token,
        "application_version": WORKFLOW_VERSION,
        "log_level": "WARNING",
    }
    DBOS(config=config)
    DBOS.launch()
    log.info("worker %s is ready (process %s)", settings.worker_name, me.pid)
    shown = float("-inf")
    while not told:
        try:
            if time.monotonic() - shown > settings.lease_seconds:
                show_up(me)
                shown = time.monotonic()
            take_runs(me)
        except Exception:
            log.exception("could not look for waiting runs; trying again")
        time.sleep(SWEEP_EVERY_SECONDS)
    execution.stopping.set()
    log.info("worker %s stops; its runs go on with the next worker", settings.worker_name)
    deadline = time.monotonic() + settings.stop_seconds + LAST_WORDS_SECONDS
    while _Context.held and time.monotonic() < deadline:
        time.sleep(0.05)
    # Threads of steps that hang cannot be joined. What they leave is taken up by the next worker.
    os._exit(0)


def _impatient(settings: Settings, database: str) -> str:
    """The database's address, where both ends soon notice that the line is cut.

    This end notices within a fraction of a lease. The server gives up a transaction whose worker has fallen silent
    before a lease is over: it may keep a run's row locked, and it may have got the lock just when the run had changed
    hands, so that the next worker waits for it. Nothing waits for longer than that.
    """
    url = make_url(database)
    if url.get_backend_name() == "sqlite":
        return database
    seconds = max(1, int(settings.lease_seconds / 3))
    patience = {
        "connect_timeout": str(seconds + 1),
        "tcp_user_timeout": str(1000 * seconds),
        "options": f"-c idle_in_transaction_session_timeout={int(1000 * settings.lease_seconds * 2 / 3)}",
    }
    return url.update_query_dict(patience).render_as_string(hide_password=False)
