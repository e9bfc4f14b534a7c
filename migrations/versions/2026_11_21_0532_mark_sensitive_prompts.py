"""mark sensitive prompts, and let people choose how they meet them

Columns are added and dropped in place: on SQLite, batch mode would drop and copy tables that others refer to.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("prompts", sa.Column("sensitive", sa.Boolean(), nullable=True))
    op.add_column("people", sa.Column("blur", sa.String(), nullable=True))
    op.add_column("people", sa.Column("avoids_sensitive", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("drafts", sa.Column("revealed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("drafts", "revealed_at")
    op.drop_column("people", "avoids_sensitive")
    op.drop_column("people", "blur")
    op.drop_column("prompts", "sensitive")
