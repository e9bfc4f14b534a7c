"""What a worker does for one run: fill the folder, watch the child process, bring the result home.

Each function may be called again after a crash: a folder that is filled stays as it is, a child
that survived its worker is ended and goes on from its checkpoint, a model is registered once.
"""

import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy.orm import Session

from app.annotations import campaigns
from app.candidates import service as candidates
from app.database import Database
from app.errors import DomainError
from app.integrity import service as integrity
from app.models import Campaign, Run
from app.models.base import utc_now
from app.registry import service as registry
from app.runs import queries, rules, service
from app.settings import Settings
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
    write_json,
)
from trainer.contract.integrity import model_files
from trainer.contract.records import AnswerToScore, Candidate, Detection, Prompt, Ranking, read_rows, write_rows

LOOK_EVERY_SECONDS = 0.3
PATIENCE_SECONDS = 10
CHILD = "child.json"
LOG = "output.log"

log = logging.getLogger("prefloop.worker")
stopping = threading.Event()


def prepare(settings: Settings, database: Database, run_id: int) -> bool:
    """Write ``config.json`` and the inputs of a run.

    Returns:
        False when the run was cancelled while it waited.
    """
    with database.transaction() as session:
        run = service.run_for(session, run_id)
        if run.status in rules.FINISHED:
            return False
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
            "recorded": {role: registry.recorded_files(model) for role, model in models},
            "config": run.config,
        }
        write_json(folder / CONFIG, RunSpec.model_validate(spec))
        run.status, run.worker = "running", settings.worker_name
        run.started_at = run.started_at or utc_now()
    return True


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


def execute(settings: Settings, database: Database, run_id: int) -> str:
    """Run the stage as a child process and follow it to its end.

    Returns:
        ``succeeded``, ``failed`` or ``cancelled``.
    """
    folder = service.folder_of(settings, run_id)
    _end_survivor(folder)
    with database.transaction() as session:
        run = service.run_for(session, run_id)
        run.attempts += 1
        stage = run.stage
    with (folder / LOG).open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "trainer", stage, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
        )
    _remember_child(folder, child.pid)
    try:
        cancelled = _follow(database, run_id, folder, child)
    except BaseException:
        # The worker itself is ending: the child goes with it, and on the next start from its checkpoint.
        _end(psutil.Process(child.pid))
        raise
    finally:
        (folder / CHILD).unlink(missing_ok=True)
    if (folder / MANIFEST).exists():
        return "succeeded"
    if stopping.is_set():
        # Ended because the worker ends: this step must stay unfinished, so that the next worker enters it again.
        threading.Event().wait()
    return "cancelled" if cancelled else "failed"


def _follow(database: Database, run_id: int, folder: Path, child: subprocess.Popen[bytes]) -> bool:
    """Copy progress into the run's row until the child has ended; returns whether it was cancelled."""
    seen = -1
    while True:
        ended = child.poll() is not None
        path = folder / "metrics.jsonl"
        size = path.stat().st_size if path.exists() else 0
        if size != seen:
            seen = size
            latest = service.last_metrics(folder)
            step, total = latest.pop("step", 0), latest.pop("total", None)
            with database.transaction() as session:
                queries.set_progress(session, run_id, step, total, latest)
        if ended:
            return False
        with database.reading() as session:
            if queries.cancel_requested(session, run_id):
                _end(psutil.Process(child.pid))
                child.wait()
                return True
        time.sleep(LOOK_EVERY_SECONDS)


def _remember_child(folder: Path, pid: int) -> None:
    with suppress(psutil.NoSuchProcess):
        write_json(folder / CHILD, {"pid": pid, "created": psutil.Process(pid).create_time()})


def _end_survivor(folder: Path) -> None:
    """End a child whose worker was killed: two trainers in one folder would spoil it."""
    path = folder / CHILD
    if not path.exists():
        return
    with suppress(psutil.Error, ValueError):
        noted = json.loads(path.read_text())
        process = psutil.Process(noted["pid"])
        # A process id is used again in time; only the same birth makes it the same process.
        if abs(process.create_time() - noted["created"]) < 1:
            log.warning("ending process %s that outlived its worker", process.pid)
            _end(process)
    path.unlink(missing_ok=True)


def _end(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE_SECONDS)


def stop_children(settings: Settings) -> None:
    """End the children of all runs on this host, as a worker does that is told to stop."""
    stopping.set()
    for child in (settings.data_dir.resolve() / "runs").glob(f"*/{CHILD}"):
        _end_survivor(child.parent)


def finish(settings: Settings, database: Database, run_id: int, outcome: str) -> str:
    """Bring the result home: register the model, put sampled answers into the pool, close the run."""
    folder = service.folder_of(settings, run_id)
    with database.transaction() as session:
        run = service.run_for(session, run_id)
        if run.status in rules.FINISHED:
            return run.status
        if outcome == "succeeded":
            manifest = RunManifest.model_validate_json((folder / MANIFEST).read_text())
            run.latest = {**run.latest, **manifest.metrics}
            if run.total:
                run.step = run.total
            _bring_home(session, settings, run, folder, manifest)
        elif outcome == "failed":
            run.error = service.read_error(folder) or (
                "The training process ended without saying why (killed, or out of memory). "
                "The log below may tell; “Go on” starts it again from its last checkpoint."
            )
        run.status, run.finished_at = outcome, utc_now()
    return outcome


def _bring_home(session: Session, settings: Settings, run: Run, folder: Path, manifest: RunManifest) -> None:
    parents = {parent.role: parent.model_version_id for parent in run.parents}
    if kind := PRODUCES.get(manifest.stage):
        registry.register(
            session,
            name=run.name,
            kind=kind,
            path=str((folder / MODEL).relative_to(settings.data_dir.resolve())),
            run_id=run.id,
            snapshot_id=run.snapshot_id,
            parents=parents,
            metrics=manifest.metrics,
            provenance=manifest.provenance,
            folder=folder / MODEL,
            files=model_files(manifest.files),
        )
    if run.stage == "detect":
        _keep_detections(session, run, parents["policy"], folder)
    if run.stage == "sample":
        by_prompt = candidates.add_candidates(
            session, run_id=run.id, model_version_id=parents["policy"], rows=read_rows(folder / CANDIDATES, Candidate)
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


def fail(database: Database, run_id: int, error: Exception) -> None:
    """Close a run that broke outside the trainer, with a sentence."""
    with database.transaction() as session:
        run = service.run_for(session, run_id)
        if run.status not in rules.FINISHED:
            if isinstance(error, DomainError):
                sentence = str(error)
            else:  # the worker's log has all of it; a page needs the first line
                first = (str(error).splitlines() or [""])[0][:300]
                sentence = f"The worker could not bring this run home ({type(error).__name__}: {first})."
            run.status, run.error, run.finished_at = "failed", sentence, utc_now()
