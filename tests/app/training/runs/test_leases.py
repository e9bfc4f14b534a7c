"""Taking, keeping and losing runs, without processes."""

import os
import time
from datetime import timedelta

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.database import Database
from app.errors import Conflict
from app.models import ModelVersion, Run
from app.models.base import utc_now
from app.training.runs import execution, leases, queries, rules, service, worker
from app.training.runs.leases import LeaseLost
from app.training.runs.processes import Process
from trainer.contract.folder import MODEL, RunManifest, write_json


@pytest.fixture
def me():
    return Process.of(os.getpid())


def take(database, process, run, fence=None):
    with database.transaction() as session:
        return leases.take(session, process, "w", run.id, run.fence if fence is None else fence)


def now_of(database, run):
    with database.reading() as session:
        return service.run_for(session, run.id)


def silent(database, settings, run):
    """Its worker has said nothing for so long that it counts as gone."""
    with database.transaction() as session:
        service.run_for(session, run.id).heartbeat_at = utc_now() - timedelta(seconds=1.6 * settings.lease_seconds)


def takeable(database, settings):
    with database.reading() as session:
        runs, now = queries.open_runs(session), queries.database_time(session)
        return [run_id for run_id, _fence in leases.takeable(settings, runs, now)]


def test_a_run_has_one_owner_and_goes_to_another_only_when_that_one_is_silent(database, factory, settings, me):
    run = factory.add(Run(name="sft-1", stage="sft"))
    other = factory.add(Run(name="sft-2", stage="sft", status="succeeded"))
    assert takeable(database, settings) == [run.id]
    fence = take(database, me, run)
    assert take(database, me, run) is None, "seen before the first took it"
    assert take(database, me, other) is None
    assert takeable(database, settings) == []
    silent(database, settings, run)
    assert takeable(database, settings) == [run.id]
    later = take(database, me, run, fence)
    assert later == fence + 1
    with database.transaction() as session:
        assert leases.owned(session, run.id, later).status == "running"
        assert queries.renew(session, run.id, later, utc_now(), {"step": 3})
        assert not queries.renew(session, run.id, fence, utc_now(), {"step": 9})
        assert queries.cancel_requested(session, run.id, fence) is None
        with pytest.raises(LeaseLost):
            leases.owned(session, run.id, fence)
    assert now_of(database, run).step == 3


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_worker_of_this_machine_that_is_dead_need_not_be_waited_for(database, factory, settings, me):
    gone = Process(me.machine, me.pid, me.created - 100, "earlier")
    elsewhere = Process("elsewhere", me.pid, me.created, "token")
    runs = [factory.add(Run(name=f"sft-{n}", stage="sft")) for n in range(3)]
    for run, owner in zip(runs, (me, gone, elsewhere), strict=True):
        take(database, owner, run)
    assert takeable(database, settings) == [runs[1].id]
    with database.transaction() as session:
        stopped = [service.cancel(session, settings, None, run.id).status for run in runs]
        assert stopped == ["running", "cancelled", "running"]


def test_a_process_is_told_from_all_others_and_survives_being_written_down(me):
    assert Process.read(str(me)) == me
    assert Process.of(os.getpid()) != me, "two workers are never one"
    assert me.here == psutil.Process()
    assert not me.gone
    assert [Process.read(text) for text in (None, "", "worker-1", "a b c d")] == [None] * 4


def test_a_worker_that_lost_its_run_registers_no_model(database, factory, settings, me):
    run = factory.add(Run(name="sft-1", stage="sft"))
    first = take(database, me, run)
    silent(database, settings, run)
    second = take(database, me, run, first)
    folder = service.folder_of(settings, run.id)
    (folder / MODEL).mkdir(parents=True)
    write_json(folder / "manifest.json", RunManifest(stage="sft"))
    with pytest.raises(LeaseLost):
        execution.finish(settings, database, run.id, first, "succeeded")
    with pytest.raises(LeaseLost):
        execution.fail(database, run.id, first, ValueError("late"))
    with pytest.raises(LeaseLost):
        leases.release(database, run.id, first, settings.data_dir)
    assert now_of(database, run).status == "running"
    for _ in range(2):
        execution.finish(settings, database, run.id, second, "succeeded")
    with database.reading() as session:
        assert session.query(ModelVersion).filter_by(run_id=run.id).count() == 1


def test_a_run_whose_worker_is_gone_is_cancelled_and_continued_at_once(database, factory, settings, me):
    run = factory.add(Run(name="sft-1", stage="sft"))
    fence = take(database, me, run)
    with database.transaction() as session, pytest.raises(Conflict):
        service.go_on(session, settings, None, run.id)
    silent(database, settings, run)
    with database.transaction() as session:
        assert service.cancel(session, settings, None, run.id).status == "cancelled"
    with pytest.raises(LeaseLost):
        execution.finish(settings, database, run.id, fence, "cancelled")
    with database.transaction() as session:
        assert service.go_on(session, settings, None, run.id).status == "queued"
    again = take(database, me, run, now_of(database, run).fence)
    silent(database, settings, run)
    with database.transaction() as session:
        assert service.go_on(session, settings, None, run.id).status == "queued", "without cancelling it first"
    assert take(database, me, run, again) is None


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_time_worked_leaves_out_what_a_run_lay_still(database, factory, settings, me):
    run = factory.add(Run(name="sft-1", stage="sft"))
    fence = take(database, me, run)
    with database.transaction() as session:
        taken = service.run_for(session, run.id)
        taken.resumed_at = taken.heartbeat_at - timedelta(seconds=100)
    silent(database, settings, run)  # its last sign of life is earlier still, and so the last of its work
    with database.transaction() as session:
        taken = service.run_for(session, run.id)
        taken.resumed_at = taken.heartbeat_at - timedelta(seconds=100)
        taken.started_at = taken.resumed_at - timedelta(hours=9)
    take(database, me, run, fence)
    assert now_of(database, run).worked_seconds == pytest.approx(100)


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_a_row_that_a_cut_off_worker_keeps_locked_stops_nobody_and_is_freed_by_the_server(
    database, factory, settings, me
):
    run = factory.add(Run(name="sft-1", stage="sft"))
    hurried = settings.model_copy(update={"lease_seconds": 1.0})
    cut_off = Database(worker._impatient(hurried, settings.database))
    session = cut_off._sessions()
    service.run_for(session, run.id, lock=True)
    assert take(database, me, run) is None, "it is not waited for"
    deadline = time.monotonic() + 60
    while take(database, me, run) is None:  # until the server has given the silent transaction up
        assert time.monotonic() < deadline, "the row stays locked"
        time.sleep(0.02)
    assert now_of(database, run).owner == str(me)
    with pytest.raises(DBAPIError, match="idle-in-transaction"):
        session.execute(text("SELECT 1"))
    session.close()
    cut_off.dispose()


def error_of(kind, state):
    class Said(Exception):
        sqlstate = state

    return kind("SELECT 1", {}, Said())


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (error_of(OperationalError, None), "running"),  # no connection
        (error_of(OperationalError, "57P01"), "running"),  # the server was stopped
        (error_of(OperationalError, "55P03"), "running"),  # a lock was waited for in vain
        (PoolTimeout(), "running"),
        (error_of(DataError, "22003"), "failed"),
        (ValueError("whatever"), "failed"),
    ],
)
def test_a_database_that_is_away_fails_no_run(database, factory, settings, me, monkeypatch, error, status):
    run = factory.add(Run(name="sft-1", stage="sft"))
    fence = take(database, me, run)

    def away(_run_id):
        raise error

    monkeypatch.setattr(worker, "prepare", away)
    monkeypatch.setattr(worker._Context, "database", database, raising=False)
    worker._three_steps(run.id, fence)
    assert now_of(database, run).status == status
    silent(database, settings, run)
    assert takeable(database, settings) == ([run.id] if status == "running" else [])


def test_a_worker_counts_as_gone_half_a_lease_after_its_lease_is_over():
    now = utc_now()
    assert rules.worker_gone(None, now, 60)
    assert not rules.worker_gone(now - timedelta(seconds=89), now, 60)
    assert rules.worker_gone(now - timedelta(seconds=91), now, 60)
