"""keep that no answer is acceptable

Empty for what was submitted before: nobody was asked then.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("annotations", sa.Column("none_acceptable", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("annotations", "none_acceptable")
