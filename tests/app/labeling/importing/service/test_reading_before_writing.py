"""While a file is read nobody else waits for the database, and a file that cannot be read takes no lock at all."""

import json

import pytest

from app.database import Database
from app.errors import Invalid
from app.labeling.importing import service
from app.material.files import corpora, spool
from app.material.files.spool import spooled
from app.models import Corpus, Import, Person, Prompt

ONE_ENGINE = pytest.mark.parametrize("engine_name", ["sqlite"])  # the other locks rows


@pytest.fixture
def meanwhile(database, factory, monkeypatch):
    """Somebody who writes in between the rows of a file, and who waits for nobody."""
    lena, other, written = factory.person(), Database(database.url, 0), []
    read = service.read_rows

    def slowly(*given):
        for number, row in enumerate(read(*given)):
            with other.transaction() as session:
                session.get(Person, lena.id).name = f"after row {number}"
            written.append(number)
            yield row

    for place in (service, corpora):
        monkeypatch.setattr(place, "read_rows", slowly)
    yield written
    other.dispose()


@ONE_ENGINE
@pytest.mark.parametrize(("kind", "table"), [("prompts", Prompt), ("corpus", Corpus)])
def test_others_write_while_a_file_is_read(database, settings, tmp_path, meanwhile, kind, table):
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps({"text" if kind == "corpus" else "prompt": f"p {n}"}) + "\n" for n in range(5)))
    with database.transaction() as session:
        entry = service.import_file(session, settings, None, file, file.name, kind=kind)
    assert (entry.rows, entry.rejected, len(meanwhile)) == (5, 0, 5)
    with database.reading() as session:
        assert session.query(table).count() == (1 if kind == "corpus" else 5)


@ONE_ENGINE
def test_a_file_that_breaks_off_leaves_nothing(database, settings, tmp_path, monkeypatch):
    def broken(*_given):
        yield from [(n, {"prompt": f"p {n}"}) for n in range(300)]
        raise Invalid("it breaks off")

    monkeypatch.setattr(service, "read_rows", broken)
    file = tmp_path / "rows.jsonl"
    file.write_text("x")
    with pytest.raises(Invalid), database.transaction() as session:
        service.import_file(session, settings, None, file, file.name)
    with database.reading() as session:
        assert session.query(Prompt).count() == session.query(Import).count() == 0


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_all_rows_come_back_in_order_and_as_often_as_one_asks(monkeypatch, count):
    monkeypatch.setattr(spool, "MOST_TOGETHER", 3)
    with spooled(range(count)) as rows:
        for _ in range(2):
            batches = list(rows.batches())
            assert [row for batch in batches for row in batch] == list(range(count))
            assert all(0 < len(batch) <= 3 for batch in batches)


def test_wide_rows_come_few_at_a_time(monkeypatch):
    monkeypatch.setattr(spool, "BYTES_TOGETHER", 1_000)
    with spooled(["x" * size for size in (10, 400, 400, 400, 5_000, 10)]) as rows:
        assert [[len(row) for row in batch] for batch in rows.batches()] == [[10, 400, 400, 400], [5_000], [10]]
