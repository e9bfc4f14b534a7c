"""Brings the database to the newest schema; safe to call from several processes at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from app.database import make_engine
from app.errors import Conflict
from app.language import gettext as _

ROOT = Path(__file__).resolve().parents[1]


def alembic_config() -> Config:
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "migrations"))
    return config


def migrate(url: str, revision: str = "head") -> None:
    """Run all migrations up to ``revision`` in one transaction: all of them or none.

    Raises:
        Conflict: another version of Prefloop made this database, and nothing here leads on from there.
    """
    engine = make_engine(url)
    config = alembic_config()
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            _check_origin(connection, config)
            command.upgrade(config, revision)
    finally:
        engine.dispose()


def _check_origin(connection: Connection, config: Config) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    for revision in MigrationContext.configure(connection).get_current_heads():
        if revision not in known:
            message = _(
                "This database was made by another version of Prefloop (its schema is %(revision)s). Nothing was"
                " changed. Start that version to go on with it, or name another database.",
                revision=revision,
            )
            raise Conflict(message)
