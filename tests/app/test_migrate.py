"""Migrations on both engines: up from nothing, down a step, twice, and from several processes at once."""

import multiprocessing
import re
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, make_url, text

from app.database import make_engine
from app.errors import Conflict
from app.migrate import alembic_config, migrate
from app.models import Base, Person

REVISIONS = [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()][::-1]
BOOKKEEPING = "alembic_version"
ROUNDS = 4
MIGRATORS = 3
PATIENCE_SECONDS = 300


@pytest.fixture
def engine(empty_database_url):
    engine = make_engine(empty_database_url)
    yield engine
    engine.dispose()


def downgrade(engine, revision):
    config = alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def described(engine):
    """All that the engine itself knows of its tables, in an order that does not depend on how they were made."""

    def plain(found):
        return sorted((sorted((key, str(value)) for key, value in one.items()) for one in found), key=str)

    def references(found):
        """SQLite adds a reference only together with its column; of such a one SQLAlchemy reads no name there."""
        return [one | {"name": None} for one in found] if engine.dialect.name == "sqlite" else found

    look = inspect(engine)
    # All tables at once: PostgreSQL then answers one question of each kind, not one for each table.
    kinds = {
        "columns": look.get_multi_columns(),
        "primary key": {table: [key] for table, key in look.get_multi_pk_constraint().items()},
        "foreign keys": {table: references(found) for table, found in look.get_multi_foreign_keys().items()},
        "unique": look.get_multi_unique_constraints(),
        "checks": look.get_multi_check_constraints(),
        "indexes": look.get_multi_indexes(),
    }
    return {
        table: {kind: plain(found.get(table, [])) for kind, found in kinds.items()}
        for table in kinds["columns"]
        if table[1] != BOOKKEEPING
    }


def test_a_database_migrated_from_nothing_is_what_the_models_say(engine, empty_database_url):
    migrate(empty_database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = [d for d in compare_metadata(context, Base.metadata) if BOOKKEEPING not in str(d)]
    assert differences == []
    config = alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.check(config)  # what `alembic revision --autogenerate` would find


def test_constraints_and_indexes_are_the_models_own_too(engine, empty_database_url):
    """Alembic's comparison does not look at CHECK constraints; the engine does."""
    migrate(empty_database_url)
    migrated = described(engine)
    downgrade(engine, "base")
    Base.metadata.create_all(engine)
    assert migrated == described(engine)


def test_every_migration_goes_up_from_nothing_down_a_step_and_up_again(engine, empty_database_url):
    before = described(engine)
    assert before == {}
    for revision in REVISIONS:
        migrate(empty_database_url, revision)
        after = described(engine)
        assert after != before, f"{revision} changes nothing"
        downgrade(engine, "-1")
        assert described(engine) == before, f"{revision} does not take back what it made"
        migrate(empty_database_url, revision)
        assert described(engine) == after, f"{revision} makes something else the second time"
        before = after


def test_migrating_a_database_in_use_again_changes_nothing(database_url, database, factory):
    person = factory.person(email="first@example.org")
    tables = described(database.engine)
    migrate(database_url)
    assert described(database.engine) == tables
    with database.reading() as session:
        assert session.get(Person, person.id).email == "first@example.org"
        assert session.scalars(text(f"SELECT version_num FROM {BOOKKEEPING}")).all() == [REVISIONS[-1]]


def test_a_migration_that_breaks_leaves_the_database_as_it_was(engine, empty_database_url, monkeypatch):
    """All of them or none: a half-migrated database would need a person to look after it."""
    from alembic.operations import Operations

    made = []
    create_table = Operations.create_table

    def break_at_the_fifth(self, name, *columns, **options):
        made.append(name)
        if len(made) == 5:
            raise RuntimeError("the disk is full")
        return create_table(self, name, *columns, **options)

    monkeypatch.setattr(Operations, "create_table", break_at_the_fifth)
    with pytest.raises(RuntimeError, match="disk is full"):
        migrate(empty_database_url)
    assert inspect(engine).get_table_names() == []
    monkeypatch.undo()
    migrate(empty_database_url)
    assert inspect(engine).has_table(Person.__tablename__)


def _migrate_together(urls, start, outcomes):
    for number, url in enumerate(urls):
        start.wait(PATIENCE_SECONDS)
        try:
            migrate(url)
        except Exception as error:  # noqa: BLE001
            outcomes.put((number, f"{type(error).__name__}: {error}"))
        else:
            outcomes.put((number, "fine"))


def test_migrators_that_start_together_do_not_collide(engine_name, empty_database_url):
    """Three processes at a barrier, on a fresh database each round."""
    urls = [_sibling(empty_database_url, number) for number in range(ROUNDS)]
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])  # what they all load is loaded once
    start, outcomes = processes.Barrier(MIGRATORS), processes.Queue()
    migrators = [processes.Process(target=_migrate_together, args=(urls, start, outcomes)) for _ in range(MIGRATORS)]
    for migrator in migrators:
        migrator.start()
    try:
        said = sorted(outcomes.get(timeout=PATIENCE_SECONDS) for _ in range(ROUNDS * MIGRATORS))
    finally:
        for migrator in migrators:
            migrator.join(20)
            migrator.kill()
    assert said == sorted((number, "fine") for number in range(ROUNDS) for _ in range(MIGRATORS))
    for url in urls:
        engine = make_engine(url)
        with engine.connect() as connection:
            assert connection.scalars(text(f"SELECT version_num FROM {BOOKKEEPING}")).all() == [REVISIONS[-1]]
        engine.dispose()
        _remove(url)


def _sibling(url, number):
    """The address of another fresh database beside this one; on PostgreSQL it is made."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        return f"{url}-{number}"
    name = f"{address.database}_{number}"
    with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    return address.set(database=name).render_as_string(hide_password=False)


def _remove(url):
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        Path(address.database).unlink()
        return
    with create_engine(address.set(database="postgres"), isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f"DROP DATABASE {address.database} WITH (FORCE)"))


def test_the_name_of_a_migration_file_says_when_and_what():
    folder = Path(alembic_config().get_main_option("script_location"), "versions")
    names = [path.name for path in folder.glob("*.py")]
    assert len(names) == len(REVISIONS)
    assert [name for name in names if not re.fullmatch(r"\d{4}_\d{2}_\d{2}_\d{4}_[a-z0-9_]+\.py", name)] == []


def test_a_database_of_another_version_is_left_alone_with_a_sentence(database_url, database, factory):
    factory.person(email="first@example.org")
    with database.transaction() as session:
        session.execute(text(f"UPDATE {BOOKKEEPING} SET version_num = '0024'"))
    tables = described(database.engine)
    with pytest.raises(Conflict, match=r"another version of Prefloop .*0024.* Nothing was changed"):
        migrate(database_url)
    assert described(database.engine) == tables
