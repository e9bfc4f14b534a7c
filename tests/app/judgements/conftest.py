import pytest

from app.database import Database
from app.models import Base
from tests.app.judgements.world import World
from tests.app.labeling.annotations.conftest import Workshop
from tests.conftest import ENGINES, fresh_postgresql


@pytest.fixture
def workshop(database, factory) -> Workshop:
    return Workshop(database, factory)


@pytest.fixture(scope="module", params=ENGINES)
def furnished(request, tmp_path_factory):
    """(what was said, a database that holds it): made once, and only read."""
    world = World()
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("furnished") / "prefloop.db"
        path.write_bytes(request.getfixturevalue("migrated_sqlite").read_bytes())
        yield world, _filled(f"sqlite:///{path}", world)
        return
    names = (request.getfixturevalue(name) for name in ("postgresql_server", "migrated_postgresql"))
    with fresh_postgresql(*names) as url:
        database = _filled(url, world)
        yield world, database
        database.dispose()


def _filled(url, world) -> Database:
    database = Database(url)
    with database.transaction() as session:
        for table in Base.metadata.sorted_tables:
            session.add_all(row for row in world.rows if row.__table__ is table)
            session.flush()
    return database


@pytest.fixture
def world(furnished):
    return furnished[0]


@pytest.fixture
def session(furnished):
    with furnished[1].reading() as session:
        yield session
