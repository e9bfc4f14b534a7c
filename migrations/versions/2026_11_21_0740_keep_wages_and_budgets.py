"""keep wages and budgets

Each change is a row, so that what was reckoned with a former wage can be understood later.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cost_plans",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hourly_wage", sa.Double(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("budget", sa.Double(), nullable=False),
        sa.Column("demonstration_percent", sa.Integer(), nullable=False),
        sa.Column("set_by", sa.Integer(), nullable=True),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("hourly_wage > 0", name=op.f("ck_cost_plans_some_wage")),
        sa.CheckConstraint("budget > 0", name=op.f("ck_cost_plans_some_budget")),
        sa.CheckConstraint("demonstration_percent BETWEEN 0 AND 100", name=op.f("ck_cost_plans_a_share")),
        sa.ForeignKeyConstraint(["set_by"], ["people.id"], name=op.f("fk_cost_plans_set_by_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cost_plans")),
    )


def downgrade() -> None:
    op.drop_table("cost_plans")
