"""On SQLite an import's rows are made beside the database and come in at once; others write meanwhile."""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager

import pytest
from sqlalchemy import select, text

from app.database import Database
from app.errors import no_room
from app.labeling.importing import service, writer
from app.labeling.importing.queries.beside import WRITTEN, Staging
from app.labeling.importing.queries.rows import table_of
from app.labeling.importing.writer import Writer
from app.material.files import spool
from app.material.prompts import rules
from app.models import Base, Campaign, Candidate, Import, Person, Prompt, Task
from app.scratch import GRACE, sweep

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"])  # the other locks rows
ASK = "Name a colour."
ROWS = [
    {"prompt": ASK, "chosen": "Red.", "rejected": "Dog.", "annotator": "ann", "strength": 1, "note": "n"},
    {"prompt": ASK, "chosen": "Blue.", "rejected": "Dog.", "use_case": "chat", "sensitive": True},
    {"prompt": ASK, "response_a": "Red.", "response_b": "Red.", "votes": [{"choice": "a"}, {"choice": "a"}]},
    {
        "prompt": "Name a pet.",
        "candidates": [
            {"text": "Dog.", "rank": 1, "likert": 7, "shown": 1, "flags": ["kind"]},
            {"text": "Cat.", "rank": 2, "shown": 0, "model": "m"},
        ],
    },
    {"prompt": "Name a sea.", "response": "The Baltic Sea.", "author": "ben", "user": "u"},
    {"prompt": ASK, "response": "Red.", "labels": [{"annotator": "ann", "label": "full"}]},
    {"prompt": "", "response": "refused"},
]
AGAIN = [
    {"prompt": ASK, "language": "en", "sensitive": False, "source": "elsewhere", "extra": 1, "response": "Green."},
    {"prompt": ASK, "chosen": "Red.", "rejected": "Cat.", "annotator": "ann", "candidates_note": "x"},
    {"prompt": "Name a pet.", "candidates": [{"text": "Dog.", "rank": 1, "seen": 2}, {"text": "Cow.", "rank": 2}]},
]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def bring(database, settings, path):
    with database.transaction() as session:
        return service.import_file(session, settings, None, path, path.name)


@contextmanager
def in_the_transaction(_session):
    yield None


def content(database):
    """Everything that an import writes, without times."""
    tables = [table_of(model) for model in (Import, *WRITTEN)]
    with database.reading() as session:
        return {
            table.name: sorted(
                (tuple(row) for row in session.execute(select(*(c for c in table.c if not c.name.endswith("_at"))))),
                key=repr,
            )
            for table in tables
        }


@pytest.fixture
def files(tmp_path):
    return [write(tmp_path / f"{name}.jsonl", rows) for name, rows in (("one", ROWS), ("two", AGAIN))]


@pytest.fixture(params=["finish", "looking"])
def before_copying(request, monkeypatch):
    """Lets somebody do something once the rows are made: before it is looked whether they fit, or right after."""

    def arrange(act):
        name = request.param
        original = getattr(Staging, name)

        def finish(staging):
            monkeypatch.setattr(Staging, name, original)
            original(staging)
            act()

        @contextmanager
        def looking(staging, session):
            monkeypatch.setattr(Staging, name, original)
            with original(staging, session) as now:
                yield now
            act()

        monkeypatch.setattr(Staging, name, {"finish": finish, "looking": looking}[name])

    return arrange


@pytest.mark.parametrize("remembered", [writer.MOST_REMEMBERED, 0])
def test_both_ways_write_the_same(database, settings, files, tmp_path, monkeypatch, remembered):
    monkeypatch.setattr(writer, "MOST_REMEMBERED", remembered)
    monkeypatch.setattr(spool, "MOST_TOGETHER", 1 if remembered == 0 else 1_000)
    brought = [bring(database, settings, path) for path in (*files, files[0])]
    assert [(entry.rejected, entry.repeated) for entry in brought] == [(1, 0), (0, 0), (1, 6)]
    other = Database(f"sqlite:///{tmp_path / 'other.db'}")
    Base.metadata.create_all(other.engine)
    monkeypatch.setattr(service, "staged", in_the_transaction)
    monkeypatch.setattr(writer, "MOST_REMEMBERED", 1_000)
    monkeypatch.setattr(spool, "MOST_TOGETHER", 1_000)
    for path in (*files, files[0]):
        bring(other, settings, path)
    assert content(database) == content(other)
    with database.reading() as session:
        assert session.execute(text("PRAGMA foreign_key_check")).all() == []
    other.dispose()


def test_others_write_while_rows_are_made_and_see_nothing_of_them(database, settings, factory, files, monkeypatch):
    lena, other, seen = factory.person(), Database(database.url, 0), []
    made = Writer.write

    def slowly(of, batch):
        made(of, batch)
        with other.transaction() as session:
            session.get(Person, lena.id).name = "written meanwhile"
            seen.append([session.query(model).count() for model in (Import, Prompt, Candidate, Campaign)])

    monkeypatch.setattr(Writer, "write", slowly)
    bring(database, settings, files[0])
    assert seen == [[0, 0, 0, 0]]
    with database.reading() as session:
        assert session.query(Prompt).count() == 3
    other.dispose()


def test_a_trial_and_an_import_that_fails_at_its_end_leave_nothing(database, settings, files):
    with database.trial() as session:
        assert service.import_file(session, settings, None, files[0], "one.jsonl").added["prompts"] == 3

    def fail():
        with database.transaction() as session:
            service.import_file(session, settings, None, files[0], "one.jsonl")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not any(content(database).values())
    assert bring(database, settings, files[0]).repeated == 0


def test_a_disk_that_is_full_is_said_so_and_nothing_is_kept(database, settings, files, monkeypatch):
    begin = Staging.begin

    def begin_on_a_small_disk(staging):
        begin(staging)
        staging.session.execute(text("PRAGMA max_page_count = 1"))  # SQLite takes as many as there are already

    monkeypatch.setattr(Staging, "begin", begin_on_a_small_disk)
    rows = write(files[0], [{"prompt": "x" * 100_000}])
    with pytest.raises(OSError, match="No space left") as full:
        bring(database, settings, rows)
    assert no_room(full.value) is not None
    assert not any(content(database).values())


KILLED = """
import os, signal, sys
from pathlib import Path
from app.database import Database
from app.labeling.importing import service
from app.labeling.importing.queries.beside import Staging
from app.settings import Settings
copy = Staging.copy
def killed(staging, session, import_id):
    copy(staging, session, import_id)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(Staging, sys.argv[3], killed if sys.argv[3] == "copy" else lambda staging: os.kill(os.getpid(), signal.SIGKILL))
with Database(sys.argv[1]).transaction() as session:
    service.import_file(session, Settings(data_dir=Path(sys.argv[4])), None, Path(sys.argv[2]), "one.jsonl")
"""


@pytest.mark.parametrize("moment", ["finish", "copy"])
def test_one_that_is_killed_leaves_nothing_and_the_file_can_be_brought_again(
    database, settings, files, tmp_path, monkeypatch, moment
):
    (tmp_path / "system").mkdir()
    program = [sys.executable, "-c", KILLED, database.url, str(files[0]), moment, str(tmp_path)]
    at_home = {**os.environ, "TMPDIR": str(tmp_path / "system")}
    assert subprocess.run(program, check=False, env=at_home).returncode == -9
    assert not any(content(database).values())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "system"))
    assert sweep(settings.data_dir, time.time() + 2 * GRACE) == 1
    entry = bring(database, settings, files[0])
    assert (entry.added["prompts"], entry.repeated, entry.source) == (3, 0, "one")


def test_numbers_that_others_took_meanwhile_are_passed_over(database, settings, factory, files, before_copying):
    def act():
        prompt = Prompt(fingerprint="f" * 64, messages=[], source="s")
        prompt_id = factory.add(prompt).id
        for text_ in ("A.", "B."):
            factory.add(Candidate(prompt_id=prompt_id, text=text_, text_sha256=text_, origin="model:1"))

    before_copying(act)
    bring(database, settings, files[0])
    with database.reading() as session:
        for task in session.scalars(select(Task).join(Campaign).where(Campaign.imported)):
            ids = [answer.candidate_id for answer in task.answers]
            assert task.fingerprint == rules.task_fingerprint(task.prompt_id, ids)
            assert all(session.get(Candidate, id_).prompt_id == task.prompt_id for id_ in ids)
        orders = session.execute(text("SELECT shown_order FROM annotations WHERE shown_order != '[]'")).scalars()
        [[first, second]] = map(json.loads, orders)
        assert [session.get(Candidate, id_).text for id_ in (first, second)] == ["Cat.", "Dog."]
    assert bring(database, settings, files[0]).repeated == 6


def test_what_others_brought_meanwhile_is_not_brought_twice(database, settings, files, tmp_path, before_copying):
    other = Database(database.url)

    def same_rows():
        bring(other, settings, write(tmp_path / "three.jsonl", ROWS[4:5]))

    before_copying(same_rows)
    entry = bring(database, settings, files[0])
    assert (entry.added["prompts"], entry.added.get("demonstrations", 0), entry.repeated) == (2, 0, 1)
    with database.reading() as session:
        assert session.query(Prompt).count() == 3
    other.dispose()


@pytest.mark.parametrize("before_copying", ["finish"], indirect=True)
def test_others_write_while_rows_are_made_anew(database, settings, factory, files, monkeypatch, before_copying):
    lena, other = factory.person(), Database(database.url, 0)
    made, batches = Writer.write, []

    def write_and_let_write(of, batch):
        made(of, batch)
        with other.transaction() as session:
            session.get(Person, lena.id).name = "written meanwhile"
        batches.append(len(batch))

    monkeypatch.setattr(Writer, "write", write_and_let_write)
    before_copying(lambda: bring(other, settings, files[0]))
    assert bring(database, settings, files[0]).repeated == 6
    assert len(batches) == 3
    other.dispose()


def test_a_name_that_somebody_took_meanwhile_is_left_to_them(database, settings, factory, files, before_copying):
    before_copying(lambda: factory.add(Campaign(name="import: one")))
    bring(database, settings, files[0])
    with database.reading() as session:
        assert set(session.scalars(select(Campaign.name))) == {"import: one", "import: one 2"}


def test_a_mark_that_somebody_set_meanwhile_stays(database, settings, files, tmp_path, before_copying):
    bring(database, settings, write(tmp_path / "three.jsonl", [{"prompt": ASK}]))

    def mark():
        with database.transaction() as session:
            session.scalars(select(Prompt)).one().sensitive = False

    before_copying(mark)
    bring(database, settings, files[0])
    with database.reading() as session:
        prompt = session.scalars(select(Prompt).where(Prompt.source == "three")).one()
        assert (prompt.sensitive, prompt.use_case) == (False, "chat")
