"""calibrate labelers while they work

Slots beyond the overlap say what they are for, and slots are given out in the order of their ids, so that a plan can
scatter the tasks: an address then says nothing about why somebody was given a task.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calibrations",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("repeat_percent", sa.Integer(), nullable=False),
        sa.Column("repeat_after_items", sa.Integer(), nullable=False),
        sa.Column("repeat_after_days", sa.Integer(), nullable=False),
        sa.Column("set_by", sa.Integer(), nullable=True),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("percent BETWEEN 0 AND 20", name=op.f("ck_calibrations_a_share")),
        sa.CheckConstraint("repeat_percent BETWEEN 0 AND 10", name=op.f("ck_calibrations_a_smaller_share")),
        sa.CheckConstraint("repeat_after_items >= 1", name=op.f("ck_calibrations_not_at_once")),
        sa.CheckConstraint("repeat_after_days >= 0", name=op.f("ck_calibrations_not_before")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_calibrations_campaign_id_campaigns")),
        sa.ForeignKeyConstraint(["set_by"], ["people.id"], name=op.f("fk_calibrations_set_by_people")),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_calibrations")),
    )
    op.create_table(
        "extra_slots",
        sa.Column("lease_id", sa.Integer(), nullable=False),
        sa.Column("use", sa.String(), nullable=False),
        sa.CheckConstraint("use IN ('shared', 'researcher', 'gold', 'repeat')", name=op.f("ck_extra_slots_known_use")),
        sa.ForeignKeyConstraint(["lease_id"], ["leases.id"], name=op.f("fk_extra_slots_lease_id_leases")),
        sa.PrimaryKeyConstraint("lease_id", name=op.f("pk_extra_slots")),
    )
    op.create_table(
        "repeated_tasks",
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("original_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["original_id"], ["tasks.id"], name=op.f("fk_repeated_tasks_original_id_tasks")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_repeated_tasks_person_id_people")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_repeated_tasks_task_id_tasks")),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_repeated_tasks")),
        sa.UniqueConstraint("original_id", "person_id", name=op.f("uq_repeated_tasks_original_id_person_id")),
    )
    op.drop_index("ix_leases_free", table_name="leases")
    op.create_index("ix_leases_open", "leases", ["campaign_id", "submitted_at", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_leases_open", table_name="leases")
    op.create_index("ix_leases_free", "leases", ["campaign_id", "submitted_at", "expires_at"], unique=False)
    op.drop_table("repeated_tasks")
    op.drop_table("extra_slots")
    op.drop_table("calibrations")
