"""let people write prompts and review what was written

Constraints of ``campaigns`` and ``tasks`` are loosened. SQLite cannot do that in place, and copying a table to which
others refer is refused while references are checked, which a transaction cannot switch off. No row is stored
otherwise, so the text of the table is changed instead, in the way that SQLite's own manual gives for this case
("Making Other Kinds Of Table Schema Changes").
"""

from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATES = "state IN ('waiting', 'accepted', 'sent_back', 'rejected', 'withdrawn', 'replaced')"
KINDS_BEFORE = "kind IN ('ranking', 'demonstration')"
KINDS_AFTER = "kind IN ('ranking', 'demonstration', 'authoring')"
FORMS = "prompt_form IN ('plain', 'few_shot', 'user_based')"
MANY = 500


def upgrade() -> None:
    op.create_table(
        "scenarios",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("text_sha256", sa.String(length=64), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["people.id"], name=op.f("fk_scenarios_created_by_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scenarios")),
        sa.UniqueConstraint("text_sha256", name=op.f("uq_scenarios_text_sha256")),
    )
    op.create_table(
        "written_texts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("annotation_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_written_texts_number_from_one")),
        sa.CheckConstraint(STATES, name=op.f("ck_written_texts_known_state")),
        sa.CheckConstraint("rating BETWEEN 1 AND 7", name=op.f("ck_written_texts_rating_range")),
        sa.ForeignKeyConstraint(
            ["annotation_id"], ["annotations.id"], name=op.f("fk_written_texts_annotation_id_annotations")
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["people.id"], name=op.f("fk_written_texts_decided_by_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_written_texts")),
        sa.UniqueConstraint("annotation_id", "number", name=op.f("uq_written_texts_annotation_id_number")),
    )
    op.create_index(op.f("ix_written_texts_state"), "written_texts", ["state"], unique=False)
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    scenario = sa.ForeignKey("scenarios.id", name=op.f("fk_tasks_scenario_id_scenarios"))
    op.add_column("tasks", sa.Column("scenario_id", sa.Integer(), scenario, nullable=True), inline_references=on_sqlite)
    op.add_column("campaigns", sa.Column("prompt_form", sa.String(), nullable=True))
    needs_review = sa.Column("needs_review", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("campaigns", needs_review)
    if on_sqlite:
        known_forms = f", CONSTRAINT ck_campaigns_known_prompt_form CHECK ({FORMS})"
        _rewrite("campaigns", {f"({KINDS_BEFORE})": f"({KINDS_AFTER}){known_forms}"})
        _rewrite("tasks", {"prompt_id INTEGER NOT NULL": "prompt_id INTEGER"})
    else:
        op.drop_constraint(op.f("ck_campaigns_known_kind"), "campaigns")
        op.create_check_constraint(op.f("ck_campaigns_known_kind"), "campaigns", KINDS_AFTER)
        op.create_check_constraint(op.f("ck_campaigns_known_prompt_form"), "campaigns", FORMS)
        op.alter_column("tasks", "prompt_id", existing_type=sa.Integer(), nullable=True)
    with op.batch_alter_table("demonstrations") as demonstrations:
        demonstrations.drop_constraint(op.f("uq_demonstrations_annotation_id"), type_="unique")
    op.create_index(op.f("ix_demonstrations_annotation_id"), "demonstrations", ["annotation_id"], unique=False)
    _enter_what_was_written_so_far()


def _rewrite(table: str, changes: Mapping[str, str]) -> None:
    """Change the text of a table on SQLite; each part that is replaced must stand in it exactly once."""
    bind = op.get_bind()
    old = new = bind.scalar(
        sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"), {"name": table}
    )
    for before, after in changes.items():
        if new.count(before) != 1:
            raise RuntimeError(f"{before!r} does not stand once in the table {table}: {old}")
        new = new.replace(before, after)
    version = bind.scalar(sa.text("PRAGMA schema_version"))
    bind.execute(sa.text("PRAGMA writable_schema = ON"))
    bind.execute(
        sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :name"),
        {"sql": new, "name": table},
    )
    bind.execute(sa.text(f"PRAGMA schema_version = {version + 1}"))
    bind.execute(sa.text("PRAGMA writable_schema = OFF"))


def _enter_what_was_written_so_far() -> None:
    """Each demonstration that was written here becomes the first version of its annotation, accepted by nobody."""
    bind = op.get_bind()
    written = sa.table(
        "demonstrations",
        *map(sa.column, ("annotation_id", "text")),
        sa.column("created_at", sa.DateTime(timezone=True)),
    )
    texts = sa.table(
        "written_texts",
        *map(sa.column, ("annotation_id", "number", "state", "reason")),
        sa.column("content", sa.JSON()),
        sa.column("written_at", sa.DateTime(timezone=True)),
    )
    found = bind.execute(sa.select(written).where(written.c.annotation_id.is_not(None))).all()
    for start in range(0, len(found), MANY):
        rows = [
            {
                "annotation_id": annotation_id,
                "number": 1,
                "content": {"text": text},
                "state": "accepted",
                "reason": "",
                "written_at": created_at,
            }
            for annotation_id, text, created_at in found[start : start + MANY]
        ]
        bind.execute(texts.insert(), rows)


def downgrade() -> None:
    """Take the tables and columns back.

    Raises:
        RuntimeError: there is work that the older application could not hold.
    """
    bind = op.get_bind()
    if bind.scalar(sa.text("SELECT count(*) FROM campaigns WHERE kind = 'authoring'")):
        raise RuntimeError(
            "There are authoring campaigns, which the older application does not know. Remove them first."
        )
    on_sqlite = bind.dialect.name == "sqlite"
    op.drop_index(op.f("ix_demonstrations_annotation_id"), "demonstrations")
    with op.batch_alter_table("demonstrations") as demonstrations:
        demonstrations.create_unique_constraint(op.f("uq_demonstrations_annotation_id"), ["annotation_id"])
    if on_sqlite:
        known_forms = f", CONSTRAINT ck_campaigns_known_prompt_form CHECK ({FORMS})"
        _rewrite("campaigns", {f"({KINDS_AFTER}){known_forms}": f"({KINDS_BEFORE})"})
        _rewrite("tasks", {"prompt_id INTEGER": "prompt_id INTEGER NOT NULL"})
    else:
        op.alter_column("tasks", "prompt_id", existing_type=sa.Integer(), nullable=False)
        op.drop_constraint(op.f("ck_campaigns_known_prompt_form"), "campaigns")
        op.drop_constraint(op.f("ck_campaigns_known_kind"), "campaigns")
        op.create_check_constraint(op.f("ck_campaigns_known_kind"), "campaigns", KINDS_BEFORE)
    op.drop_column("campaigns", "needs_review")
    op.drop_column("campaigns", "prompt_form")
    op.drop_column("tasks", "scenario_id")
    op.drop_table("written_texts")
    op.drop_table("scenarios")
