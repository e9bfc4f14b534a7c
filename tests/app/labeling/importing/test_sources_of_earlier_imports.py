"""What was imported before files had names of their own keeps those that it has; one step down nobody is lost."""

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import text

from app.database import make_engine
from app.migrate import alembic_config, migrate
from tests.app.labeling.importing.test_forgotten_orders import WHEN, add

(AFTER,) = (
    script
    for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()
    if script.doc.startswith("let an import be its own source")
)


@pytest.fixture
def engine(empty_database_url):
    engine = make_engine(empty_database_url)
    yield engine
    engine.dispose()


def test_earlier_imports_are_named_by_the_first_file_of_their_content_and_unknown_judges_survive_a_step_down(
    engine, empty_database_url
):
    migrate(empty_database_url, AFTER.down_revision)
    files = [("data/train.jsonl.gz", "a"), ("renamed.jsonl", "a"), ("train.csv", "b")]
    with engine.begin() as connection:
        for id_, (name, content) in enumerate(files, 1):
            add(
                connection, "imports", id=id_, kind="detect", shape="pair", file_name=name, file_sha256=content, rows=1,
                added="{}", repeated=0, rejected=0, rejects="[]", created_at=WHEN,
            )  # fmt: skip
        add(
            connection, "campaigns", id=1, name="import: train", kind="ranking", phase="training", status="closed",
            overlap=1, lease_minutes=30, instructions="", imported=True, created_at=WHEN,
        )  # fmt: skip
        add(connection, "prompts", id=1, fingerprint="f", messages="[]", source="s", detail="{}", created_at=WHEN)
        add(connection, "tasks", id=1, campaign_id=1, prompt_id=1, fingerprint="f", created_at=WHEN)
        of = {"campaign_id": 1, "task_id": 1, "shown_order": "[]", "submitted_at": WHEN}
        add(connection, "annotations", id=1, annotator="train:unnamed", external_key="k", **of)
    migrate(empty_database_url, AFTER.revision)
    with engine.begin() as connection:
        assert connection.scalars(text("SELECT source FROM imports ORDER BY id")).all() == ["train", "train", "train"]
        assert connection.scalars(text("SELECT annotator FROM annotations")).all() == ["train:unnamed"]
        add(connection, "annotations", id=2, annotator=None, external_key="l", **of)
    config = alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, AFTER.down_revision)
    with engine.begin() as connection:
        kept = connection.scalars(text("SELECT annotator FROM annotations ORDER BY id")).all()
    assert kept == ["train:unnamed", "unnamed"]
