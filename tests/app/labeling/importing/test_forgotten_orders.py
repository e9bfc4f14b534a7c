"""Earlier imports stored the order of the file as that of a screen; the migration forgets it, and nothing else."""

import json

import pytest
from alembic import command
from sqlalchemy import text

from app.database import make_engine
from app.migrate import alembic_config, migrate

BEFORE, AFTER = "0001", "0002"
WHEN = "2026-11-20 12:00:00+00:00"


@pytest.fixture
def engine(empty_database_url):
    engine = make_engine(empty_database_url)
    yield engine
    engine.dispose()


def add(connection, table, **row):
    names = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), row)


@pytest.fixture
def old_pool(engine, empty_database_url):
    """One annotation by a person and one from a file, each with a rank, before the migration."""
    migrate(empty_database_url, BEFORE)
    with engine.begin() as connection:
        add(
            connection, "people", id=1, email="ana@example.org", name="Ana", role="labeler", password_hash="",
            password_is_one_time=False, session_epoch=0, active=True, created_at=WHEN,
        )  # fmt: skip
        add(
            connection, "campaigns", id=1, name="c", kind="ranking", phase="training", status="open", overlap=1,
            lease_minutes=30, instructions="", imported=False, created_at=WHEN,
        )  # fmt: skip
        add(
            connection, "prompts", id=1, fingerprint="f", messages="[]", source="s", detail="{}", created_at=WHEN,
        )  # fmt: skip
        add(connection, "tasks", id=1, campaign_id=1, prompt_id=1, fingerprint="f", created_at=WHEN)
        add(
            connection, "candidates", id=1, prompt_id=1, text="t", text_sha256="x", origin="import:t", sampling="{}",
            detail="{}", created_at=WHEN,
        )  # fmt: skip
        of = {"campaign_id": 1, "task_id": 1, "shown_order": "[2, 1]", "submitted_at": WHEN}
        add(connection, "annotations", id=1, person_id=1, annotator="labeler-1", external_key=None, **of)
        add(connection, "annotations", id=2, person_id=None, annotator="file:ana", external_key="k", **of)
        for annotation_id in (1, 2):
            add(connection, "rankings", annotation_id=annotation_id, candidate_id=1, rank=1)


def orders(engine):
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT shown_order FROM annotations ORDER BY id")).scalars()
        return [json.loads(row) if isinstance(row, str) else row for row in rows]


def ranks(engine):
    with engine.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM rankings")).scalar()


def test_only_the_order_of_people_stays_and_a_pool_in_use_goes_up_and_down(engine, empty_database_url, old_pool):
    migrate(empty_database_url, AFTER)
    assert (orders(engine), ranks(engine)) == ([[2, 1], []], 2)
    config = alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, BEFORE)
    assert (orders(engine), ranks(engine)) == ([[2, 1], []], 2)
    migrate(empty_database_url, AFTER)
    assert (orders(engine), ranks(engine)) == ([[2, 1], []], 2)
