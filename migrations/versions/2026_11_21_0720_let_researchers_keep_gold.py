"""let researchers keep gold

A campaign can be a bank: items that researchers judge first, so that others can be measured by their gold; and
people who are being screened get a role of their own (InstructGPT B.1).

SQLite cannot change a constraint in place, so the text of the table is changed as in the migration before last that
had to do so.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ROLES_BEFORE = "role IN ('labeler', 'researcher', 'engineer', 'admin')"
ROLES_AFTER = "role IN ('labeler', 'researcher', 'engineer', 'admin', 'applicant')"
KNOWN_ROLE = "ck_people_known_role"
PURPOSES = "purpose IN ('work', 'bank')"


def upgrade() -> None:
    _change_roles(ROLES_BEFORE, ROLES_AFTER)
    known = sa.CheckConstraint(PURPOSES, name=op.f("ck_campaigns_known_purpose"))
    op.add_column("campaigns", sa.Column("purpose", sa.String(), known, server_default="work", nullable=False))
    op.create_table(
        "gold_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["decided_by"], ["people.id"], name=op.f("fk_gold_items_decided_by_people")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_gold_items_task_id_tasks")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gold_items")),
        sa.UniqueConstraint("task_id", name=op.f("uq_gold_items_task_id")),
    )


def _change_roles(before: str, after: str) -> None:
    bind = op.get_bind()
    if bind.dialect.name != "sqlite":
        op.drop_constraint(op.f(KNOWN_ROLE), "people")
        op.create_check_constraint(op.f(KNOWN_ROLE), "people", after)
        return
    table = {"name": "people"}
    old = bind.scalar(sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"), table)
    if old.count(f"({before})") != 1:
        raise RuntimeError(f"{before!r} does not stand once in the table people: {old}")
    version = bind.scalar(sa.text("PRAGMA schema_version"))
    bind.execute(sa.text("PRAGMA writable_schema = ON"))
    bind.execute(
        sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :name"),
        {"sql": old.replace(f"({before})", f"({after})"), **table},
    )
    bind.execute(sa.text(f"PRAGMA schema_version = {version + 1}"))
    bind.execute(sa.text("PRAGMA writable_schema = OFF"))


def downgrade() -> None:
    """Take back gold, banks and applicants.

    Raises:
        RuntimeError: there is something that the older application could not hold.
    """
    bind = op.get_bind()
    if bind.scalar(sa.text("SELECT count(*) FROM people WHERE role = 'applicant'")):
        raise RuntimeError("There are applicants, whom the older application does not know. Decide on them first.")
    if bind.scalar(sa.text("SELECT count(*) FROM campaigns WHERE purpose = 'bank'")):
        raise RuntimeError("There are banks of items, which the older application would give out as work.")
    op.drop_table("gold_items")
    op.drop_column("campaigns", "purpose")
    _change_roles(ROLES_AFTER, ROLES_BEFORE)
