"""A real worker process, killed and restarted as machines do it."""

import json
import os
import signal
import time

import psutil
import pytest

from app.models import ModelVersion, Run
from app.runs import service

TINY = {"threads": 1, "batch_size": 4, "block": 32, "layers": 1, "hidden_size": 16, "heads": 2, "vocabulary_size": 300}
PATIENCE_SECONDS = 120


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("\n\n".join(f"The {i} quiet lanterns stand on wall number {i % 7}." for i in range(300)))
    return str(path)


def order(database, corpus, **config):
    with database.transaction() as session:
        run = service.start_run(
            session,
            None,
            stage="pretrain",
            config={**TINY, "corpus": corpus, **config},
            parents={},
            snapshot_id=None,
            seed=1,
        )
        return run.id


def wait_until(database, run_id, condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with database.reading() as session:
            run = session.get(Run, run_id)
        if condition(run):
            return run
        time.sleep(0.1)
    pytest.fail(f"run is {run.status} at step {run.step} after {PATIENCE_SECONDS} s: {run.error}")


def test_a_run_ends_in_the_registry_and_a_killed_worker_resumes_it_from_its_checkpoint(
    database, settings, corpus, start_worker
):
    run_id = order(database, corpus, steps=1500, checkpoint_every=20)
    worker = start_worker()
    wait_until(database, run_id, lambda run: run.step >= 60)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    folder = service.folder_of(settings, run_id)
    orphan = json.loads((folder / "child.json").read_text())["pid"]
    start_worker()
    wait_until(database, run_id, lambda run: run.attempts == 2)
    assert not psutil.pid_exists(orphan) or psutil.Process(orphan).status() == psutil.STATUS_ZOMBIE
    run = wait_until(database, run_id, lambda run: run.status in ("succeeded", "failed"))
    assert (run.status, run.attempts, run.step) == ("succeeded", 2, 1500)
    assert "resumed from step" in service.read_log(folder)
    steps = [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    train_steps = sorted(set(steps))
    assert train_steps[0] <= 1
    assert train_steps[-1] == 1500
    assert len(steps) == len(set(steps)), "a step was logged twice"
    with database.reading() as session:
        model = session.query(ModelVersion).filter_by(run_id=run_id).one()
        assert (model.kind, model.name) == ("base", "pretrain-1")
        assert (settings.data_dir / model.path / "model.safetensors").exists()


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_cancelling_stops_the_child_and_going_on_resumes_it(database, settings, corpus, start_worker):
    run_id = order(database, corpus, steps=1_000_000, checkpoint_every=20)
    start_worker()
    wait_until(database, run_id, lambda run: run.step >= 40)
    child = json.loads((service.folder_of(settings, run_id) / "child.json").read_text())["pid"]
    with database.transaction() as session:
        service.cancel(session, settings, None, run_id)
    wait_until(database, run_id, lambda run: run.status == "cancelled")
    assert not psutil.pid_exists(child)
    with database.transaction() as session:
        service.go_on(session, settings, None, run_id)
    run = wait_until(database, run_id, lambda run: run.attempts == 2 and run.step > 60)
    assert run.status == "running"
    with database.transaction() as session:
        service.cancel(session, settings, None, run_id)
    wait_until(database, run_id, lambda run: run.status == "cancelled")


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_a_broken_run_tells_why_and_a_stopped_worker_leaves_its_run_to_the_next(
    database, settings, corpus, start_worker
):
    broken = order(database, corpus + ".missing", steps=10)
    worker = start_worker()
    run = wait_until(database, broken, lambda run: run.status == "failed")
    assert "is not there" in run.error
    running = order(database, corpus, steps=1_000_000, checkpoint_every=20)
    wait_until(database, running, lambda run: run.step >= 40)
    worker.terminate()
    assert worker.wait(30) == 0
    with database.reading() as session:
        assert session.get(Run, running).status == "running"
    start_worker()
    wait_until(database, running, lambda run: run.attempts == 2 and run.step > 40)
    with database.transaction() as session:
        service.cancel(session, settings, None, running)
    wait_until(database, running, lambda run: run.status == "cancelled")
