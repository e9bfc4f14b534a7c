"""One engine, one transaction per request, committed at the edge, and nobody waits for it without end."""

import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import NullPool

PATIENCE = 600.0
"""Seconds that a command or a worker waits for what another transaction holds."""
PATIENCE_OF_PAGES = 30.0
"""Seconds that a page waits: whoever waits holds a thread and a connection, and others need one too."""
PATIENCE_FOR_A_CONNECTION = 10.0
PATIENCE_FOR_AN_ANSWER = 3.0
MEMORY_OF_A_CONNECTION, MEMORY_FOR_MANY_ROWS = 2_000, 64_000
"""KiB of pages that SQLite holds: the first is its own number. Pages that do not fit are written again and again."""
LOCK_NOT_AVAILABLE = "55P03"  # of PostgreSQL


def make_engine(url: str, patience: float = PATIENCE) -> Engine:
    """Open SQLite (WAL mode) or PostgreSQL.

    Waiting for a lock ends after ``patience`` seconds with an ``OperationalError``; see ``is_busy``.

    On SQLite every transaction begins with ``BEGIN IMMEDIATE``: it waits for the write lock at its start
    instead of failing in its middle, which makes read-then-write atomic, as ``FOR UPDATE`` does on PostgreSQL.
    Reads take the lock too; they are short, and correctness is worth more than their concurrency here.
    The option ``attached`` names a file that a transaction reads too, as ``staged``; it is about to write a lot.
    """
    if make_url(url).get_backend_name() != "sqlite":
        return _bounded(
            create_engine(
                url, pool_pre_ping=True, pool_size=10, max_overflow=20, pool_timeout=PATIENCE_FOR_A_CONNECTION
            ),
            patience,
        )
    if database := make_url(url).database:
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        connect_args={"timeout": patience},
        pool_size=20,
        max_overflow=40,
        pool_timeout=PATIENCE_FOR_A_CONNECTION,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        _switch_to_wal(cursor, patience)
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        options = connection.get_execution_options()
        driver = connection.connection.dbapi_connection
        wait = round(options.get("patience", patience) * 1000)
        driver.execute(f"PRAGMA busy_timeout={wait}")
        if (file := options.get("attached")) is not None:
            driver.execute("ATTACH DATABASE ? AS staged", (str(file),))
            driver.execute(f"PRAGMA cache_size=-{MEMORY_FOR_MANY_ROWS}")
            connection.info["attached"] = True
        connection.exec_driver_sql("BEGIN" if options.get("read_only", False) else "BEGIN IMMEDIATE")

    @event.listens_for(engine, "checkin")
    def _detach(connection: Any, record: Any) -> None:
        if connection is not None and record.info.pop("attached", None):
            connection.execute("DETACH DATABASE staged")
            connection.execute(f"PRAGMA cache_size=-{MEMORY_OF_A_CONNECTION}")

    return tell_plainly(engine)


def _bounded(engine: Engine, patience: float) -> Engine:
    """Let PostgreSQL end every wait for a lock after a time, and at once for those who only pass by."""

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.execute(f"SET lock_timeout = {round(patience * 1000)}")
        connection.commit()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        if (wait := connection.get_execution_options().get("patience")) is not None:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {max(1, round(wait * 1000))}")

    return engine


def tell_plainly(engine: Engine) -> Engine:
    """Let SQLite's driver say what others say.

    A number that no column holds is a ``DataError``, as PostgreSQL's driver says, and a full disk is an ``OSError``, as
    for any other file.
    """

    @event.listens_for(engine, "handle_error")
    def _translate(context: ExceptionContext) -> Exception | None:
        error = context.original_exception
        if isinstance(error, OverflowError):
            return DataError(context.statement, None, error)
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return None

    return engine


def file_of(session: Session) -> Path | None:
    """The file of an SQLite database; nothing for one in memory, and for PostgreSQL."""
    url = session.get_bind().engine.url
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def has_begun(session: Session) -> bool:
    """Whether a session has asked the database for anything yet."""
    return bool(session.info.get("begun", False))


def is_busy(error: DBAPIError | PoolTimeout) -> bool:
    """Whether a database only was held by others for too long; asked again, it may well answer."""
    if isinstance(error, PoolTimeout):
        return True
    code = getattr(error.orig, "sqlite_errorcode", None)
    locked = code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return locked or getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE


def is_away(error: DBAPIError | PoolTimeout) -> bool:
    """Whether PostgreSQL was not there or the line to it was cut; what it was asked may even have been done."""
    if isinstance(error, PoolTimeout):
        return False
    lost = (None, "57P01", "57P02", "57P03")  # no word from it at all; it goes down, went down, comes up
    state = getattr(error.orig, "sqlstate", "")
    return error.connection_invalidated or (isinstance(error, OperationalError) and state in lost)


def _switch_to_wal(cursor: Any, patience: float) -> None:
    """Use the write-ahead log; of several processes that open a new file together, all but one wait for it.

    SQLite's own busy timeout does not cover this step: it answers "database is locked" at once.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


class Database:
    """Hands out sessions; each ``transaction`` commits as a whole or leaves nothing."""

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        self.url = url
        self.engine = make_engine(url, patience)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        event.listen(self._sessions, "after_begin", lambda session, *_: session.info.update(begun=True))
        self._passers_by = sessionmaker(self.engine.execution_options(patience=0), expire_on_commit=False)
        self._readers = sessionmaker(self.engine.execution_options(read_only=True), expire_on_commit=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with self._sessions.begin() as session:
            yield session

    @contextmanager
    def trial(self) -> Iterator[Session]:
        """A session that writes as a transaction does, and of which nothing is kept."""
        with self._sessions() as session:
            yield session
            session.expunge_all()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for queries only: it takes no write lock and what it changes is not kept."""
        with self._readers() as session:
            yield session

    @contextmanager
    def in_passing(self) -> Iterator[Session]:
        """A transaction for what may as well stay unwritten: it waits for nobody, and then it writes nothing."""
        with suppress(OperationalError, PoolTimeout), self._passers_by.begin() as session:
            yield session

    def answers(self) -> bool:
        """Whether the database says anything, on a connection of its own: that the pool is used up is no answer."""
        server = make_url(self.url).get_backend_name() != "sqlite"
        limit = {"connect_timeout": round(PATIENCE_FOR_AN_ANSWER)} if server else {"timeout": PATIENCE_FOR_AN_ANSWER}
        asking = create_engine(self.url, poolclass=NullPool, connect_args=limit)
        try:
            with asking.connect() as connection:
                return connection.exec_driver_sql("SELECT 1").scalar() == 1
        except DBAPIError:
            return False

    def dispose(self) -> None:
        self.engine.dispose()
