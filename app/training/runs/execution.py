"""What a worker does for one run: fill the folder, watch the child process, bring the result home.

Each function may be called again after a crash, by the same worker or another: a folder is filled with the same
once more, a child that survived its worker is ended and goes on from its checkpoint, a model is registered once.
"""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy.orm import Session

from app.database import Database
from app.errors import DomainError
from app.labeling.campaigns import service as campaigns
from app.material.candidates import service as candidates
from app.models import Campaign, Run
from app.models.base import utc_now
from app.quality.integrity import service as integrity
from app.settings import Settings
from app.training.generators import service as generators
from app.training.registry import service as registry
from app.training.runs import leases, queries, rules, service
from app.training.runs.leases import LOOK_EVERY_SECONDS, Lease
from app.training.runs.processes import Process
from trainer.contract.configs import PRODUCES
from trainer.contract.folder import (
    ANSWERS,
    CANDIDATES,
    CONFIG,
    DETECTIONS,
    INPUTS,
    MANIFEST,
    MODEL,
    PROMPTS,
    RANKINGS,
    RunManifest,
    RunSpec,
    saved_step,
    write_json,
)
from trainer.contract.integrity import Hashes, hashes_of, model_files
from trainer.contract.lease import LEASE_OVER, LEASED, STOPPED
from trainer.contract.records import AnswerToScore, Candidate, Detection, Prompt, Ranking, read_rows, write_rows

PATIENCE_SECONDS = 10
CHILD = "child.json"
LOG = "output.log"
INTERRUPTED = (STOPPED, LEASE_OVER, -signal.SIGTERM)
Outcome = tuple[str, str | None]
"""``succeeded``, ``failed`` or ``cancelled``, and what is known of a failure."""

log = logging.getLogger("prefloop.worker")
stopping = threading.Event()


def prepare(settings: Settings, database: Database, run_id: int) -> None:
    """Write ``config.json`` and the inputs of a run."""
    with database.reading() as session:
        run = service.run_for(session, run_id)
        folder = service.folder_of(settings, run_id)
        (folder / INPUTS).mkdir(parents=True, exist_ok=True)
        snapshot = queries.snapshot_of(session, run)
        snapshot_folder = settings.data_dir.resolve() / "snapshots" / snapshot.digest if snapshot else None
        models = queries.parents_of(session, run)
        parents = {role: settings.data_dir.resolve() / model.path for role, model in models}
        if snapshot_folder and run.stage == "sample":
            _write_prompts(folder / INPUTS / PROMPTS, snapshot_folder / PROMPTS, run)
        if run.stage == "score" and "answers" in run.purpose:
            shutil.copyfile(settings.data_dir.resolve() / run.purpose["answers"], folder / INPUTS / ANSWERS)
        elif snapshot_folder and run.stage == "score":
            _write_answers(folder / INPUTS / ANSWERS, snapshot_folder / RANKINGS)
        if run.stage == "detect":
            texts = integrity.texts_to_read(session, rules.campaign_of_texts(run.purpose))
            write_rows(folder / INPUTS / ANSWERS, AnswerToScore, texts)
        spec = {
            "stage": run.stage,
            "seed": run.seed,
            "snapshot": snapshot_folder,
            "parents": parents,
            "generator": generators.server_of(session, settings, run),
            "recorded": {role: registry.recorded_files(model) for role, model in models},
            "config": run.config,
            "dry_run": rules.is_trial(run.purpose),
        }
        write_json(folder / CONFIG, RunSpec.model_validate(spec))


def _write_prompts(target: Path, source: Path, run: Run) -> None:
    wanted = run.purpose.get("prompts", {})
    split, count = wanted.get("split", "any"), int(wanted.get("count", 100))
    prompts = [p for p in read_rows(source, Prompt) if split in ("any", p.split)]
    kept = set(rules.chosen_prompts([p.prompt_id for p in prompts], count, int(wanted.get("seed", run.seed))))
    if not kept:
        raise DomainError(f"The snapshot holds no prompts of the split “{split}”. Choose another split or snapshot.")
    write_rows(target, Prompt, (p for p in prompts if p.prompt_id in kept))


def _write_answers(target: Path, source: Path) -> None:
    """Every answer that was ranked, once."""
    answers = {
        answer.candidate_id: AnswerToScore(answer_id=answer.candidate_id, messages=ranking.messages, text=answer.text)
        for ranking in read_rows(source, Ranking)
        for answer in ranking.answers
    }
    if not answers:
        raise DomainError("The snapshot holds no ranked answers to score.")
    write_rows(target, AnswerToScore, answers.values())


class WorkerStops(Exception):  # noqa: N818 - named for what happened, read as `raise WorkerStops`
    """The worker ends; the run is for the next one."""


def execute(settings: Settings, database: Database, lease: Lease) -> Outcome:
    """Run the stage as a child process and follow it to its end.

    Raises:
        LeaseLost: the run is no longer this worker's; the child is dead.
        WorkerStops: the worker was told to stop; the child has saved its step and is dead.
    """
    folder = service.folder_of(settings, lease.run_id)
    _end_survivor(folder)
    while True:
        if stopping.is_set():
            raise WorkerStops
        with database.transaction() as session:
            run = leases.owned(session, lease.run_id, lease.fence)
            if run.cancel_requested:
                return "cancelled", None
            run.attempts += 1
            stage, environment = run.stage, generators.environment_of(session, settings, run)
        saved = saved_step(folder)
        status, asked = _train(settings, lease, stage, folder, environment)
        if (folder / MANIFEST).exists():
            return "succeeded", None
        if lease.cancelled.is_set():
            return "cancelled", None
        if stopping.is_set():
            raise WorkerStops
        lease.require()
        interrupted = status in INTERRUPTED and saved_step(folder) != saved
        if not asked and not interrupted:
            return "failed", _last_words(status)
        log.info("the trainer of run %s was interrupted; it goes on", lease.run_id)


def _train(
    settings: Settings, lease: Lease, stage: str, folder: Path, environment: Mapping[str, str]
) -> tuple[int, bool]:
    """One child process from its start to its end; returns its exit status and whether we asked it to end."""
    lease.require()
    with (folder / LOG).open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "trainer", stage, str(folder), LEASED],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", **environment},
        )
    lease.tell(child.stdin)
    _remember_child(folder, child.pid)
    asked: float | None = None
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return child.wait(LOOK_EVERY_SECONDS), asked is not None
            lease.require()
            doubtful = lease.doubtful and stage in rules.SAVES
            if asked is None and (lease.cancelled.is_set() or stopping.is_set() or doubtful):
                # It finishes its step and saves it. One that cannot in time has its last checkpoint.
                child.terminate()
                asked = time.monotonic()
            if asked is not None and time.monotonic() - asked > settings.stop_seconds:
                log.warning("run %s could not save its step within %s s", lease.run_id, settings.stop_seconds)
                child.kill()
    finally:
        lease.tell(None)
        child.kill()
        child.wait()
        if child.stdin:
            with suppress(OSError):
                child.stdin.close()
        _forget_child(folder, child.pid)


def _last_words(status: int) -> str:
    """What is known of a process that left no ``error.json``."""
    if status < 0:
        name = signal.Signals(-status).name if -status in {*signal.Signals} else str(-status)
        memory = " Most often the machine had no memory left." if -status == signal.SIGKILL else ""
        return f"The training process was ended from outside ({name}).{memory}"
    return f"The training process ended without saying why (exit status {status}). The log below may tell."


def _remember_child(folder: Path, pid: int) -> None:
    with suppress(psutil.NoSuchProcess):
        write_json(folder / CHILD, {"pid": pid, "process": str(Process.of(pid))})


def _remembered(folder: Path) -> Process | None:
    with suppress(OSError, ValueError, AttributeError):
        return Process.read(json.loads((folder / CHILD).read_text()).get("process"))
    return None


def _forget_child(folder: Path, pid: int) -> None:
    """Another worker may have noted its own child meanwhile."""
    known = _remembered(folder)
    if known and known.pid == pid:
        (folder / CHILD).unlink(missing_ok=True)


def _end_survivor(folder: Path) -> None:
    """End a child whose worker was killed: two trainers in one folder would spoil it.

    One on another machine has ended by itself: its worker, or the line to it, was silent for longer than a lease.
    """
    known = _remembered(folder)
    if known and (survivor := known.here):
        log.warning("ending process %s that outlived its worker", survivor.pid)
        with suppress(psutil.NoSuchProcess):
            survivor.kill()
            survivor.wait(PATIENCE_SECONDS)
    (folder / CHILD).unlink(missing_ok=True)


def finish(
    settings: Settings, database: Database, run_id: int, fence: int, outcome: str, error: str | None = None
) -> str:
    """Bring the result home: register the model, put sampled answers into the pool, close the run.

    Raises:
        LeaseLost: the run has changed hands; nothing is stored.
    """
    folder = service.folder_of(settings, run_id)
    left = hashes_of(folder / MODEL) if outcome == "succeeded" else {}
    with database.transaction() as session:
        run = leases.owned(session, run_id, fence)
        if run.status in rules.FINISHED:
            return run.status
        service.note_progress(run, folder)
        if outcome == "succeeded":
            manifest = RunManifest.model_validate_json((folder / MANIFEST).read_text())
            run.latest = {**run.latest, **manifest.metrics}
            if run.total and not manifest.forecast:
                run.step = run.total
            _bring_home(session, settings, run, folder, manifest, left)
        elif outcome == "failed":
            run.error, run.resumable = service.read_error(folder) or (error, True)
        service.lay_down(run, queries.database_time(session))
        run.status, run.finished_at = outcome, utc_now()
    return outcome


def _bring_home(
    session: Session, settings: Settings, run: Run, folder: Path, manifest: RunManifest, left: Hashes
) -> None:
    if manifest.forecast:
        return
    parents = {parent.role: parent.model_version_id for parent in run.parents}
    if kind := PRODUCES.get(manifest.stage):
        model = registry.TrainedModel(
            name=run.name,
            kind=kind,
            path=str((folder / MODEL).relative_to(settings.data_dir.resolve())),
            run_id=run.id,
            snapshot_id=run.snapshot_id,
            parents=parents,
            metrics=manifest.metrics,
            provenance=manifest.provenance,
            files=model_files(manifest.files),
        )
        registry.register(session, model, left)
    if run.stage == "detect":
        _keep_detections(session, run, parents["policy"], folder)
    if run.stage == "sample":
        by_prompt = candidates.add_candidates(
            session,
            run_id=run.id,
            model_version_id=parents.get("policy"),
            rows=read_rows(folder / CANDIDATES, Candidate),
        )
        if campaign := run.purpose.get("campaign"):
            _open_campaign(session, run, campaign, by_prompt)


def _keep_detections(session: Session, run: Run, model_version_id: int, folder: Path) -> None:
    rows = read_rows(folder / DETECTIONS, Detection)
    context = run.config["context"]
    integrity.keep_detections(session, run_id=run.id, model_version_id=model_version_id, context=context, rows=rows)


def _open_campaign(session: Session, run: Run, wanted: dict[str, Any], by_prompt: dict[int, list[int]]) -> Campaign:
    """Send the fresh answers to labelers. A prompt whose answers fell below four (all alike) is left out."""
    tasks = [(prompt, ids) for prompt, ids in sorted(by_prompt.items()) if 4 <= len(ids) <= 9]
    order = rules.campaign_order(wanted)
    if queries.campaign_name_taken(session, order["name"]):  # since the run was started; its answers are not lost
        order["name"] = f"{order['name'][:100]} (run {run.id})"
    return campaigns.create_campaign(session, queries.creator_of(session, run), kind="ranking", tasks=tasks, **order)


def fail(database: Database, run_id: int, fence: int, error: Exception) -> None:
    """Close a run that broke outside the trainer, with a sentence."""
    with database.transaction() as session:
        run = leases.owned(session, run_id, fence)
        if run.status not in rules.FINISHED:
            # What was ordered cannot be done, and what is not there does not come back, however often it is tried.
            run.resumable = not isinstance(error, DomainError | FileNotFoundError)
            if isinstance(error, DomainError):
                run.error = str(error)
            else:  # the worker's log has all of it; a page needs the first line
                first = (str(error).splitlines() or [""])[0][:300]
                run.error = f"The worker could not bring this run home ({type(error).__name__}: {first})."
            service.lay_down(run, queries.database_time(session))
            run.status, run.finished_at = "failed", utc_now()
