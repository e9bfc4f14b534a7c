"""count how texts are entered

Only in campaigns that ask, and only of people who agreed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "counted_campaigns",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("turned_on_by", sa.Integer(), nullable=True),
        sa.Column("turned_on_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_counted_campaigns_campaign_id_campaigns")
        ),
        sa.ForeignKeyConstraint(["turned_on_by"], ["people.id"], name=op.f("fk_counted_campaigns_turned_on_by_people")),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_counted_campaigns")),
    )
    op.create_table(
        "counting_consents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("agreed", sa.Boolean(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_counting_consents_campaign_id_campaigns")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_counting_consents_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counting_consents")),
        sa.UniqueConstraint("campaign_id", "person_id", name=op.f("uq_counting_consents_campaign_id_person_id")),
    )
    op.create_index(op.f("ix_counting_consents_person_id"), "counting_consents", ["person_id"])
    op.create_table(
        "typing_records",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("pages", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_typing_records_task_id_tasks")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_typing_records_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_typing_records")),
        sa.UniqueConstraint("task_id", "person_id", name=op.f("uq_typing_records_task_id_person_id")),
    )
    op.create_index(op.f("ix_typing_records_person_id"), "typing_records", ["person_id"])


def downgrade() -> None:
    op.drop_table("typing_records")
    op.drop_table("counting_consents")
    op.drop_table("counted_campaigns")
