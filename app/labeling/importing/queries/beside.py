"""SQL of an import on SQLite, which has one lock for all writers: rows are made beside the database, then copied in.

A writer works on a file of its own. Its session sees the rows of the database as they were when it began, together
with those that it has added itself, and whatever it writes goes to the file. At the end one transaction copies the
rows: all of them or none, and so quickly that others hardly wait. On the file new rows have numbers from ``OURS`` on;
those that they have in the database are known once they are copied.
"""

# ruff: noqa: S608 - what stands in these statements are names of our tables, and whole numbers

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, StaticPool, create_engine
from sqlalchemy.orm import Session

from app.database import MEMORY_FOR_MANY_ROWS, file_of, has_begun, tell_plainly
from app.labeling.importing.queries.rows import table_of
from app.material.prompts import rules
from app.material.prompts.queries import chunks
from app.models import (
    Annotation,
    Base,
    Campaign,
    Candidate,
    Demonstration,
    Flag,
    Prompt,
    Ranking,
    Rating,
    Task,
    TaskCandidate,
)
from app.scratch import scratch

OURS = 1 << 40
WRITTEN: tuple[type[Base], ...] = (
    *(Campaign, Prompt, Candidate, Demonstration, Task),
    *(TaskCandidate, Annotation, Ranking, Rating, Flag),
)
"""What an import adds to, in an order in which each refers to earlier ones."""
KNOWN_BY = {
    "campaigns": ("name",),
    "prompts": ("fingerprint",),
    "candidates": ("prompt_id", "origin", "text_sha256"),
    "demonstrations": ("prompt_id", "text_sha256"),
    "tasks": ("campaign_id", "fingerprint"),
    "annotations": ("external_key",),
}
"""By what a row is looked up while an import writes, and known again."""
ADDED_TO = {
    "prompts": ("use_case", "language", "user_key", "source", "sensitive", "high_stakes", "detail"),
    "candidates": ("detail",),
}
"""What an import changes of a row that it finds: it adds what was not known."""
ANY_IMPORT = 0
"""Stands for the import that brings the rows: its number is known once they are copied."""


@dataclass
class Staging:
    """A file with the rows of one import; ``session`` is for its writer."""

    session: Session
    path: Path
    _file: sqlite3.Connection
    _last: dict[str, int] = field(default_factory=dict)
    _expected: dict[str, int] = field(default_factory=dict)

    def begin(self) -> None:
        """Make the tables; from now on the database looks as it does at this moment."""
        connection = self.session.connection()
        connection.exec_driver_sql("BEGIN")
        for model in WRITTEN:
            table = table_of(model)
            name, columns = table.name, [column.name for column in table.columns]
            types = [str(column.type.compile(self.session.get_bind().dialect)) for column in table.columns]
            typed = [f"{column} {kind}" for column, kind in zip(columns, types, strict=True)]
            if numbered := "id" in columns:
                typed[columns.index("id")] = "id INTEGER PRIMARY KEY AUTOINCREMENT"
            connection.exec_driver_sql(f"CREATE TABLE main.{name} ({', '.join(typed)})")
            if numbered:
                connection.exec_driver_sql("INSERT INTO sqlite_sequence VALUES (?, ?)", (name, OURS - 1))
            if name in KNOWN_BY:
                connection.exec_driver_sql(f"CREATE INDEX main.known_{name} ON {name} ({', '.join(KNOWN_BY[name])})")
                self._last[name] = _last_of(connection, f"live.{name}")
                listed, hidden = ", ".join(columns), ""
                if name in ADDED_TO:
                    connection.exec_driver_sql(f"CREATE TABLE main.seen_{name} ({', '.join(typed)})")
                    hidden = f" WHERE id NOT IN (SELECT id FROM main.seen_{name})"
                both = f"SELECT {listed} FROM main.{name} UNION ALL SELECT {listed} FROM live.{name}{hidden}"
                connection.exec_driver_sql(f"CREATE TEMP VIEW {name} AS {both}")
        connection.exec_driver_sql("CREATE INDEX main.of_task ON task_candidates (task_id)")

    def own(self, model: type[Base], ids: Sequence[int]) -> None:
        """Take rows of the database over, because they are about to be changed."""
        name, columns = table_of(model).name, ", ".join(column.name for column in table_of(model).columns)
        connection = self.session.connection()
        for chunk in chunks(id_ for id_ in ids if id_ < OURS):
            which = f"id IN ({', '.join('?' * len(chunk))}) AND id NOT IN (SELECT id FROM main.seen_{name})"
            for target in (f"main.{name}", f"main.seen_{name}"):
                # What was seen hides the rows of the database, and says here which of them are taken over already.
                connection.exec_driver_sql(
                    f"INSERT INTO {target} ({columns}) SELECT {columns} FROM live.{name} WHERE {which}",
                    tuple(chunk),
                )

    def finish(self) -> None:
        """Close the file, so that it can be copied; until then it holds on to what it saw."""
        connection = self.session.connection()
        connection.exec_driver_sql("COMMIT")
        # Most likely nobody adds prompts or answers until the rows are copied: this is done before the lock is taken.
        self._expected = {name: _last_of(connection, f"live.{name}") for name in ("prompts", "candidates")}
        _teach(connection)
        numbers = _Numbers("main", self._expected)
        connection.exec_driver_sql(f"UPDATE main.tasks SET fingerprint = {numbers.fingerprint()}")
        self.session.close()
        self._file.close()

    def attach_to(self, session: Session) -> None:
        """Begin the transaction that will copy the rows, with the file beside it."""
        session.connection(execution_options={"attached": self.path})

    @contextmanager
    def looking(self, session: Session) -> Iterator[Session]:
        """See what the transaction would see if it began now, when those who write have finished; then let go."""
        with Session(session.get_bind()) as now:
            self.attach_to(now)
            yield now

    def fits(self, session: Session) -> bool:
        """Whether nobody has added or changed the same meanwhile."""
        connection = session.connection()
        taken = any(self._is_taken(connection, name) for name in KNOWN_BY)
        return not taken and not any(self._was_changed(connection, name) for name in ADDED_TO)

    def copy(self, session: Session, import_id: int) -> bool:
        """Copy everything into the database, or nothing where somebody has added or changed the same meanwhile."""
        if not self.fits(session):
            return False
        connection = session.connection()
        last = {name: _last_of(connection, f"main.{name}") for name in (*KNOWN_BY, "flags")}
        numbers = _Numbers("staged", last, import_id)
        as_expected = all(last[name] == number for name, number in self._expected.items())
        _teach(connection)
        for name, columns in ADDED_TO.items():
            changes = ", ".join(f"{column} = ours.{column}" for column in columns)
            connection.exec_driver_sql(
                f"UPDATE main.{name} SET {changes} FROM staged.{name} AS ours "
                f"WHERE ours.id = {name}.id AND ours.id IN ({self._changed(name)})"
            )
        for model in WRITTEN:
            table = table_of(model)
            told = {column.name: numbers.of(column.name, _refers_to(column)) for column in table.columns}
            if "id" in told:
                told["id"] = numbers.of("id", table.name)
            if not as_expected and table.name == "tasks":
                told["fingerprint"] = numbers.fingerprint()
            if table.name == "annotations":
                told["shown_order"] = numbers.shown()
            new = f" WHERE id >= {OURS} ORDER BY id" if "id" in told else ""
            connection.exec_driver_sql(
                f"INSERT INTO main.{table.name} ({', '.join(told)}) "
                f"SELECT {', '.join(told.values())} FROM staged.{table.name}{new}"
            )
        return True

    def _is_taken(self, connection: Connection, name: str) -> bool:
        """Whether somebody has added a row that is known by the same as one of ours."""
        same = " AND ".join(f"ours.{column} = theirs.{column}" for column in KNOWN_BY[name])
        # Of demonstrations the last may have been taken back, and another have its number.
        since = 0 if name == "demonstrations" else self._last[name]
        query = (
            f"SELECT 1 FROM main.{name} AS theirs CROSS JOIN staged.{name} AS ours ON {same} "
            f"WHERE theirs.id > {since} AND ours.id >= {OURS} LIMIT 1"
        )
        return connection.exec_driver_sql(query).first() is not None

    def _was_changed(self, connection: Connection, name: str) -> bool:
        """Whether a row that the import changes is not what it was."""
        listed = f"id, {', '.join(ADDED_TO[name])}"
        query = (
            f"SELECT {listed} FROM staged.seen_{name} WHERE id IN ({self._changed(name)}) "
            f"EXCEPT SELECT {listed} FROM main.{name} WHERE id IN ({self._changed(name)}) LIMIT 1"
        )
        return connection.exec_driver_sql(query).first() is not None

    def _changed(self, name: str) -> str:
        listed = f"id, {', '.join(ADDED_TO[name])}"
        ours = f"SELECT {listed} FROM staged.{name} WHERE id < {OURS}"
        return f"SELECT id FROM ({ours} EXCEPT SELECT {listed} FROM staged.seen_{name})"


@dataclass(frozen=True)
class _Numbers:
    """SQL for what the numbers of the file become: those of new rows follow the last ones of the database."""

    schema: str
    last: dict[str, int]
    import_id: int = ANY_IMPORT

    def of(self, column: str, table: str | None) -> str:
        if table == "imports":
            return str(self.import_id)
        if table not in self.last:
            return column
        return f"CASE WHEN {column} >= {OURS} THEN {column} - {OURS - 1 - self.last[table]} ELSE {column} END"

    def fingerprint(self) -> str:
        """The hash of a task, which is one of numbers."""
        answers = f"SELECT json_group_array({self.of('candidate_id', 'candidates')}) FROM {self.schema}.task_candidates"
        return f"task_fingerprint({self.of('prompt_id', 'prompts')}, ({answers} WHERE task_id = tasks.id))"

    def shown(self) -> str:
        last = self.last["candidates"]
        return f"CASE shown_order WHEN '[]' THEN shown_order ELSE renumbered(shown_order, {OURS - 1 - last}) END"


def _teach(connection: Connection) -> None:
    """Give SQL the functions that ``_Numbers`` uses."""
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)

    def fingerprint(prompt_id: int, answers: str) -> str:
        return rules.task_fingerprint(prompt_id, json.loads(answers))

    def renumbered(ids: str, less: int) -> str:
        return json.dumps([id_ - less if id_ >= OURS else id_ for id_ in json.loads(ids)])

    driver.create_function("task_fingerprint", 2, fingerprint, deterministic=True)
    driver.create_function("renumbered", 2, renumbered, deterministic=True)


@contextmanager
def staged(session: Session) -> Iterator[Staging | None]:
    """A file for the rows of an import whose transaction is still to begin; nothing where that would win nothing.

    On PostgreSQL an import is in nobody's way, and a transaction that has begun on SQLite has the lock already.
    """
    database = file_of(session)
    if database is None or has_begun(session):
        yield None
        return
    with scratch() as folder:
        path = folder / "rows.db"
        with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as file:
            for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{MEMORY_FOR_MANY_ROWS}"):
                file.execute(f"PRAGMA {pragma}")  # what breaks off is thrown away as a whole
            file.execute("ATTACH DATABASE ? AS live", (str(database),))
            engine = tell_plainly(create_engine("sqlite://", creator=lambda: file, poolclass=StaticPool))
            with Session(engine, expire_on_commit=False) as writing:
                staging = Staging(writing, path, file)
                writing.info.update(own=staging.own, writes={"schema_translate_map": {None: "main"}})
                staging.begin()
                yield staging


def _refers_to(column: Column[Any]) -> str | None:
    return next((key.column.table.name for key in column.foreign_keys), None)


def _last_of(connection: Connection, table: str) -> int:
    return int(connection.exec_driver_sql(f"SELECT coalesce(max(id), 0) FROM {table}").scalar_one())
