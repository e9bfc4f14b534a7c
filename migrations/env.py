"""Runs migrations on the engine that ``app.migrate`` hands over; a second migrator waits for the first."""

from alembic import context
from sqlalchemy import Connection, text

from app.database import make_engine
from app.models import Base
from app.models.base import UtcDateTime
from app.settings import load_settings

ADVISORY_LOCK = 7_305_001


def write_type(kind: str, value: object, _context: object) -> str | bool:
    """Migrations name plain types, so that they still run when the models have moved on."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(value, UtcDateTime) else False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        render_item=write_type,
        include_name=lambda name, kind, _parents: kind != "table" or name in Base.metadata.tables,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = make_engine(load_settings().database)
    with engine.connect() as connection:
        run(connection)
        connection.commit()
    engine.dispose()
