"""A real worker process, killed and restarted as machines do it."""

import json
import os
import signal
import time

import psutil
import pytest

from app.models import ModelVersion, Run
from app.settings import Settings
from app.training.runs import rules, service
from app.training.runs.processes import Process
from tests.app.training.runs.cable import Cable
from trainer.contract.folder import saved_step

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
            service.Order(
                stage="pretrain",
                config={**TINY, "corpus": corpus, **config},
                parents={},
                snapshot_id=None,
                seed=1,
            ),
        )
        return run.id


def wait_until(database, run_id, condition, patience=PATIENCE_SECONDS):
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with database.reading() as session:
            run = session.get(Run, run_id)
        if condition(run):
            return run
        time.sleep(0.1)
    pytest.fail(f"run is {run.status} at step {run.step} after {patience} s: {run.error}")


@pytest.mark.parametrize("engine_name", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def test_a_run_ends_in_the_registry_and_a_killed_worker_resumes_it_from_its_checkpoint(
    database, settings, corpus, start_worker
):
    run_id = order(database, corpus, steps=800, checkpoint_every=20)
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
    assert (run.status, run.attempts, run.step) == ("succeeded", 2, 800)
    assert "resumed from step" in service.read_log(folder)
    steps = [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    train_steps = sorted(set(steps))
    assert train_steps[0] <= 1
    assert train_steps[-1] == 800
    assert len(steps) == len(set(steps)), "a step was logged twice"
    with database.reading() as session:
        model = session.query(ModelVersion).filter_by(run_id=run_id).one()
        assert (model.kind, model.name) == ("base", "pretrain-1")
        assert (settings.data_dir / model.path / "model.safetensors").exists()


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_idle_worker_of_the_same_name_may_end_and_stop_keeps_the_step_that_going_on_starts_from(
    database, settings, corpus, start_worker
):
    workers = {worker.pid: worker for worker in (start_worker(forked=True), start_worker(forked=True))}
    wait_for_line(settings, "is ready", times=2)
    run_id = order(database, corpus, steps=1_000_000, checkpoint_every=1_000_000)
    before = wait_until(database, run_id, lambda run: run.step >= 5)
    del workers[Process.read(before.owner).pid]
    (idle,) = workers.values()
    idle.terminate()
    assert idle.wait(60) == 0
    run = wait_until(database, run_id, lambda run: run.step > before.step + 20)
    assert (run.status, run.attempts, run.fence) == ("running", 1, before.fence)

    child = child_of(settings, run_id)["pid"]
    with database.transaction() as session:
        service.cancel(session, settings, None, run_id)
    run = wait_until(database, run_id, lambda run: run.status == "cancelled")
    assert not psutil.pid_exists(child)
    folder = service.folder_of(settings, run_id)
    assert saved_step(folder) == service.last_metrics(folder)["step"] == run.step > before.step
    assert run.worked_seconds > 0
    assert run.resumed_at is None

    with database.transaction() as session:
        service.go_on(session, settings, None, run_id)
    again = wait_until(database, run_id, lambda now: now.attempts == 2 and now.step > run.step)
    assert again.status == "running"
    assert f"resumed from step {run.step}" in service.read_log(folder)
    with database.transaction() as session:
        service.cancel(session, settings, None, run_id)
    wait_until(database, run_id, lambda run: run.status == "cancelled")


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_a_broken_run_tells_why_and_a_stopped_worker_leaves_its_run_to_the_next(
    database, settings, corpus, start_worker
):
    broken = order(database, corpus + ".missing", steps=10)
    worker = start_worker(forked=True)
    run = wait_until(database, broken, lambda run: run.status == "failed")
    assert "is not there" in run.error
    running = order(database, corpus, steps=1_000_000, checkpoint_every=20)
    wait_until(database, running, lambda run: run.step >= 40)
    worker.terminate()
    assert worker.wait(90) == 0
    with database.reading() as session:
        run = session.get(Run, running)
        assert (run.status, run.owner) == ("queued", None)
        assert saved_step(service.folder_of(settings, running)) == run.step
    start_worker()
    wait_until(database, running, lambda run: run.attempts == 2 and run.step > 40)
    with database.transaction() as session:
        service.cancel(session, settings, None, running)
    wait_until(database, running, lambda run: run.status == "cancelled")


@pytest.mark.slow
@pytest.mark.parametrize("engine_name", ["postgresql"])
@pytest.mark.parametrize(
    ("lease_seconds", "cut_seconds", "steps"),
    [(3, 0, 1200), (Settings.model_fields["lease_seconds"].default, 90, 15_000)],
)
def test_of_three_workers_one_is_killed_one_is_stopped_and_one_is_cut_off_and_nothing_is_lost(
    database, settings, corpus, start_worker, lease_seconds, cut_seconds, steps
):
    lease = {"lease_seconds": lease_seconds, "stop_seconds": 30}
    patience = PATIENCE_SECONDS + 6 * cut_seconds
    cable = Cable(settings.database)
    try:
        killed, stopped, cut = (
            start_worker(**lease),
            start_worker(**lease),
            start_worker(**lease, database_url=cable.url),
        )
        wait_for_line(settings, "is ready", times=3)
        ids = [order(database, corpus, steps=steps, checkpoint_every=50) for _ in range(3)]
        runs = [wait_until(database, run_id, lambda run: run.step >= 1) for run_id in ids]
        by_worker = {Process.read(run.owner).pid: run for run in runs}
        assert set(by_worker) == {killed.pid, stopped.pid, cut.pid}, "each has one of them"
        trainers = {run.id: Process.read(child_of(settings, run.id)["process"]) for run in runs}

        cable.cut()
        cut_at = time.monotonic()
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        stopped.terminate()
        assert stopped.wait(60) == 0
        left = by_worker[stopped.pid].id
        assert saved_step(service.folder_of(settings, left)) is not None
        start_worker(**lease, worker_slots=3)
        for run in (by_worker[killed.pid], by_worker[stopped.pid]):
            # At the moment at which another trainer may start, the earlier one has ended.
            wait_until(database, run.id, lambda now, run=run: now.fence > run.fence)
            assert trainers[run.id].here is None
        alone = by_worker[cut.pid]
        written = written_after_the_lease(database, settings, alone, cut_at + lease_seconds)
        assert trainers[alone.id].here is None
        assert len(written) <= 1, "it wrote when its lease was over"
        assert written or not cut_seconds, "nobody looked: with a short lease another worker may take it at once"
        while time.monotonic() < cut_at + cut_seconds:
            time.sleep(0.1)
        cable.mend()
        for run in runs:
            now = wait_until(database, run.id, lambda now: now.status in rules.FINISHED, patience)
            assert (now.status, now.step, now.error) == ("succeeded", steps, None)
            logged = [json.loads(text)["step"] for text in metrics_of(settings, run.id)]
            assert logged == sorted(set(logged)), "two trainers wrote"
            with database.reading() as session:
                assert session.query(ModelVersion).filter_by(run_id=run.id).count() == 1
        wait_for_line(settings, "it is left alone")
        assert cut.poll() is None

        # The one that was cut off works again.
        later = order(database, corpus, steps=5)
        wait_until(database, later, lambda run: run.status == "succeeded")
    finally:
        cable.end()


def written_after_the_lease(database, settings, run, lease_end):
    """The states in which a run's folder was seen from the end of its lease until another worker took the run."""
    folder, seen = service.folder_of(settings, run.id), set()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        state = state_of(folder) if time.monotonic() > lease_end else "not yet"
        with database.reading() as session:
            if service.run_for(session, run.id).fence > run.fence:
                return seen - {"not yet"}
        seen.add(state)
        time.sleep(0.1)
    pytest.fail(f"nobody took run {run.id}")


def state_of(folder):
    try:
        return frozenset((str(file), (stat := file.stat()).st_size, stat.st_mtime_ns) for file in folder.rglob("*"))
    except FileNotFoundError:
        return "moving"


def child_of(settings, run_id):
    return json.loads((service.folder_of(settings, run_id) / "child.json").read_text())


def metrics_of(settings, run_id):
    return (service.folder_of(settings, run_id) / "metrics.jsonl").read_text().splitlines()


def wait_for_line(settings, words, times=1):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if (settings.data_dir / "worker.log").read_text().count(words) >= times:
            return
        time.sleep(0.1)
    pytest.fail(f"no worker said “{words}”: {(settings.data_dir / 'worker.log').read_text()[-3000:]}")
