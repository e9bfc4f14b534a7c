"""let people look at alarms

Bounds that an admin chose, and what was found when somebody looked at an alarm.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alarm_bounds",
        sa.Column("measure", sa.String(), nullable=False),
        sa.Column("bound", sa.Double(), nullable=False),
        sa.Column("set_by", sa.Integer(), nullable=True),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["set_by"], ["people.id"], name=op.f("fk_alarm_bounds_set_by_people")),
        sa.PrimaryKeyConstraint("measure", name=op.f("pk_alarm_bounds")),
    )
    op.create_table(
        "alarm_notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("measure", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("written_by", sa.Integer(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_alarm_notes_person_id_people")),
        sa.ForeignKeyConstraint(["written_by"], ["people.id"], name=op.f("fk_alarm_notes_written_by_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm_notes")),
    )
    op.create_index("ix_alarm_notes_person", "alarm_notes", ["person_id", "measure"])


def downgrade() -> None:
    op.drop_table("alarm_notes")
    op.drop_table("alarm_bounds")
