"""The worker process: durable workflows that execute runs, one after another, through crashes.

A run is a DBOS workflow of three steps. A worker that is killed and started again under the same
name finds its unfinished workflows and enters the step it was in; the steps in ``execution`` are
written to be entered twice.
"""

import logging
import os
import signal
import threading
from types import FrameType

from dbos import DBOS, DBOSConfig, SetWorkflowID

from app.database import Database
from app.runs import execution, queries
from app.settings import Settings, load_settings

QUEUE = "training"
# Ours, not a hash of the code: an update of the application must not strand runs that wait.
WORKFLOW_VERSION = "1"
SWEEP_EVERY_SECONDS = 0.5

log = logging.getLogger("prefloop.worker")


class _Context:
    """What the steps of this process work with; set once, before workflows start."""

    settings: Settings
    database: Database


@DBOS.step()
def prepare(run_id: int) -> bool:
    return execution.prepare(_Context.settings, _Context.database, run_id)


@DBOS.step()
def execute(run_id: int) -> str:
    return execution.execute(_Context.settings, _Context.database, run_id)


@DBOS.step()
def finish(run_id: int, outcome: str) -> str:
    return execution.finish(_Context.settings, _Context.database, run_id, outcome)


@DBOS.workflow()
def training_run(run_id: int) -> str:
    try:
        if not prepare(run_id):
            return "cancelled"
        return finish(run_id, execute(run_id))
    except Exception as error:
        log.exception("run %s broke", run_id)
        execution.fail(_Context.database, run_id, error)
        return "failed"


def enqueue_waiting_runs(database: Database) -> None:
    """Start a workflow for every queued run. The workflow's name makes a second start the same one."""
    with database.reading() as session:
        waiting = [(run.id, run.attempts) for run in queries.queued_runs(session)]
    for run_id, attempts in waiting:
        with SetWorkflowID(f"run-{run_id}-{attempts}"):
            DBOS.enqueue_workflow(QUEUE, training_run, run_id)


def work(settings: Settings | None = None) -> None:
    """Execute runs until the process is told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    settings = settings or load_settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    _Context.settings, _Context.database = settings, Database(settings.database)
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    config: DBOSConfig = {
        "name": "prefloop",
        "system_database_url": settings.workflow_database,
        "executor_id": settings.worker_name,
        "application_version": WORKFLOW_VERSION,
        "log_level": "WARNING",
    }
    DBOS(config=config)
    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=settings.worker_slots, polling_interval_sec=SWEEP_EVERY_SECONDS)
    log.info("worker %s is ready", settings.worker_name)
    while not stopping.wait(SWEEP_EVERY_SECONDS):
        try:
            enqueue_waiting_runs(_Context.database)
        except Exception:
            log.exception("could not look for waiting runs; trying again")
    log.info("worker %s stops; its runs go on when it is started again", settings.worker_name)
    execution.stop_children(settings)
    # Threads of running steps cannot be joined; their children are ended and their workflows recorded as unfinished.
    os._exit(0)
