"""give each run an owner

Who has a run, by which right, and when it last gave a sign of life; how long it was worked on; whether going on may
help; and which workers there are. A run that was running has no sign of life and is taken by the next worker.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

COLUMNS = ("owner", "fence", "heartbeat_at", "worked_seconds", "resumed_at", "resumable")


def upgrade() -> None:
    op.add_column("runs", sa.Column("owner", sa.String(), nullable=True))
    op.add_column("runs", sa.Column("fence", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("runs", sa.Column("worked_seconds", sa.Double(), nullable=True))
    op.add_column("runs", sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("runs", sa.Column("resumable", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.create_table(
        "workers",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("cores", sa.Integer(), nullable=False),
        sa.Column("memory_mb", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_workers")),
    )


def downgrade() -> None:
    op.drop_table("workers")
    for column in COLUMNS:
        op.drop_column("runs", column)
