"""name what an import does not use

The fields of a file's rows that nothing was made of, and what a row says of a judgement beyond its order.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("imports", sa.Column("unused", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("annotations", sa.Column("detail", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("annotations", "detail")
    op.drop_column("imports", "unused")
