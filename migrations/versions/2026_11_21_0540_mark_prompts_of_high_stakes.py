"""mark prompts of high stakes"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("prompts", sa.Column("high_stakes", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("prompts", "high_stakes")
