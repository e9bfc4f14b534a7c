"""let campaigns have settings of their instrument

Settings of a campaign that only its instrument reads, and instruments that are known by the application's registry
instead of a list in the database.

SQLite cannot change a constraint in place, and copying a table to which others refer is refused while references are
checked, which a transaction cannot switch off. No row is stored otherwise, so the text of the table is changed
instead, in the way that SQLite's own manual gives for this case ("Making Other Kinds Of Table Schema Changes").
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

KNOWN = ("known_kind", "kind IN ('ranking', 'demonstration', 'authoring', 'toxicity')")
SOME = ("some_kind", "kind <> ''")


def upgrade() -> None:
    _change_constraint(KNOWN, SOME)
    op.add_column("campaigns", sa.Column("settings", sa.JSON(), nullable=True))


def _change_constraint(before: tuple[str, str], after: tuple[str, str]) -> None:
    bind = op.get_bind()
    (old_name, old), (new_name, new) = ((f"ck_campaigns_{name}", condition) for name, condition in (before, after))
    if bind.dialect.name != "sqlite":
        op.drop_constraint(op.f(old_name), "campaigns")
        op.create_check_constraint(op.f(new_name), "campaigns", new)
        return
    table = {"name": "campaigns"}
    sql = bind.scalar(sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"), table)
    stands = f"CONSTRAINT {old_name} CHECK ({old})"
    if sql.count(stands) != 1:
        raise RuntimeError(f"{stands!r} does not stand once in the table campaigns: {sql}")
    version = bind.scalar(sa.text("PRAGMA schema_version"))
    bind.execute(sa.text("PRAGMA writable_schema = ON"))
    bind.execute(
        sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :name"),
        {"sql": sql.replace(stands, f"CONSTRAINT {new_name} CHECK ({new})"), **table},
    )
    bind.execute(sa.text(f"PRAGMA schema_version = {version + 1}"))
    bind.execute(sa.text("PRAGMA writable_schema = OFF"))


def downgrade() -> None:
    """Take back the settings and the open list of instruments.

    Raises:
        RuntimeError: there is work that the older application could not hold.
    """
    known = sa.column("kind").in_(("ranking", "demonstration", "authoring", "toxicity"))
    if op.get_bind().scalar(sa.select(sa.func.count()).select_from(sa.table("campaigns")).where(~known)):
        raise RuntimeError(
            "There are campaigns with an instrument that the older application does not know. Remove them first."
        )
    op.drop_column("campaigns", "settings")
    _change_constraint(SOME, KNOWN)
