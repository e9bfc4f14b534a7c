"""let a guideline speak several languages

``text`` stays what it is, the original; ``translations`` holds the same words in further languages, by their tag.
Versions that were published before have none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("guideline_versions", sa.Column("translations", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("guideline_versions", "translations")
