"""measure active time

Columns are added and dropped in place: on SQLite, batch mode would drop and copy tables that others refer to.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("annotations", sa.Column("active_seconds", sa.JSON(), nullable=True))
    op.add_column("drafts", sa.Column("active", sa.JSON(), nullable=True))
    op.add_column("drafts", sa.Column("held_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("drafts", sa.Column("held_before", sa.Double(), nullable=True))


def downgrade() -> None:
    op.drop_column("drafts", "held_before")
    op.drop_column("drafts", "held_since")
    op.drop_column("drafts", "active")
    op.drop_column("annotations", "active_seconds")
