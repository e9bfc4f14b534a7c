"""One transaction per request: whole or not at all, and never over another one's head."""

import sqlite3
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import func, inspect, select, text, update
from sqlalchemy.exc import DataError, IntegrityError, StatementError

from app.database import Database, make_engine
from app.models import Person
from app.models.base import Base, UtcDateTime


def new_person(email):
    return Person(email=email, name=email, role="labeler", password_hash="none")


def people_in(database):
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Person))


def test_a_transaction_that_fails_leaves_nothing(database, factory):
    factory.person()

    def write_and_break():
        with database.transaction() as session:
            session.add(new_person("a@example.org"))
            session.flush()
            session.execute(text("UPDATE people SET name = 'changed'"))
            assert session.scalar(select(func.count()).select_from(Person)) == 2
            raise RuntimeError("the power fails")

    with pytest.raises(RuntimeError):
        write_and_break()
    assert people_in(database) == 1
    with database.reading() as session:
        assert session.scalars(select(Person.name).where(Person.name == "changed")).all() == []
    with database.transaction() as session:
        session.add(new_person("a@example.org"))
    assert people_in(database) == 2


def test_a_row_that_the_database_refuses_takes_the_rows_before_it_along(database):

    def add_two():
        with database.transaction() as session:
            session.add(new_person("a@example.org"))
            session.flush()
            session.add(Person(email="b@example.org", name="b", role="emperor", password_hash="none"))

    with pytest.raises(IntegrityError):
        add_two()
    assert people_in(database) == 0


def test_a_reader_keeps_nothing(database):
    with database.reading() as session:
        session.add(new_person("a@example.org"))
        session.flush()
    assert people_in(database) == 0


def test_foreign_keys_hold(database):
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(text("INSERT INTO run_parents (run_id, role, model_version_id) VALUES (999, 'policy', 999)"))


def test_concurrent_read_then_write_loses_no_update(database, factory):
    """Every thread reads a number and writes it back plus one: the pattern behind assignments and counters."""
    person = factory.person()
    with database.reading() as session:
        first = session.get(Person, person.id).session_epoch
    threads, rounds = 4, 10
    start = threading.Barrier(threads)
    broken = []

    def count():
        own = Database(database.url)  # as another process has it
        start.wait()
        try:
            for _ in range(rounds):
                with own.transaction() as session:
                    row = session.get(Person, person.id, with_for_update=True)
                    row.session_epoch += 1
        except Exception as error:  # noqa: BLE001
            broken.append(error)
        finally:
            own.dispose()

    workers = [threading.Thread(target=count) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert broken == []
    with database.reading() as session:
        assert session.get(Person, person.id).session_epoch == first + threads * rounds


def test_a_new_sqlite_file_that_another_process_is_making_is_waited_for(tmp_path):
    """The switch to WAL is the one step for which SQLite's own busy timeout does not wait."""
    path = tmp_path / "new.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE things (id INTEGER)")
    done = threading.Timer(0.3, other.execute, ["COMMIT"])
    done.start()
    engine = make_engine(f"sqlite:///{path}")
    try:
        with engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert inspect(connection).get_table_names() == ["things"]
    finally:
        engine.dispose()
        done.join()
        other.close()


def test_a_reader_goes_on_while_somebody_writes(database, factory):
    person = factory.person()
    with database.transaction() as writing:
        writing.get(Person, person.id).name = "new"
        writing.flush()
        with database.reading() as session:
            assert session.get(Person, person.id).name != "new"
    with database.reading() as session:
        assert session.get(Person, person.id).name == "new"


def test_times_come_back_aware_and_in_utc(database, factory):
    person = factory.person()
    summer_in_berlin = datetime(2026, 7, 1, 12, 30, 15, 123456, tzinfo=timezone(timedelta(hours=2)))
    with database.transaction() as session:
        session.get(Person, person.id).last_login_at = summer_in_berlin
    with database.reading() as session:
        read = session.get(Person, person.id)
        assert read.last_login_at == summer_in_berlin
        assert read.last_login_at.isoformat() == "2026-07-01T10:30:15.123456+00:00"
        assert read.created_at.tzinfo is UTC
        later = summer_in_berlin + timedelta(microseconds=1)
        assert session.scalars(select(Person.id).where(Person.last_login_at < later)).all() == [person.id]
        assert session.scalars(select(Person.id).where(Person.last_login_at < summer_in_berlin)).all() == []


def test_a_time_without_a_zone_is_refused(database, factory):
    person = factory.person()
    with pytest.raises(StatementError, match="without a zone"), database.transaction() as session:
        session.get(Person, person.id).last_login_at = datetime(2026, 7, 1, 12, 30)


def test_every_time_in_the_tables_is_of_the_kind_that_keeps_its_zone():
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if column.type.python_type is datetime:
                assert isinstance(column.type, UtcDateTime), f"{table.name}.{column.name}"


def test_the_engine_in_turn_is_the_one_meant(database, engine_name):
    assert database.engine.dialect.name == engine_name
    if engine_name == "sqlite":
        with database.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    assert inspect(database.engine).has_table("people")


def test_a_number_that_no_column_holds_is_refused_alike_on_both_engines(database, factory):
    with pytest.raises(DataError), database.transaction() as session:
        session.execute(update(Person).values(session_epoch=2**63))
