"""say who judged and how strongly

Imports used to store the order of the file as the order on the labeler's screen. Nobody knows that order, and
a measurement of position bias would have believed it, so it is forgotten.

Columns are added and dropped in place: on SQLite, batch mode would drop and copy tables that others refer to.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("labeler_group", sa.String(), nullable=True))
    op.add_column("annotations", sa.Column("labeler_group", sa.String(), nullable=True))
    op.add_column("annotations", sa.Column("strength", sa.Double(), nullable=True))
    annotations = sa.table("annotations", sa.column("external_key", sa.String), sa.column("shown_order", sa.JSON))
    op.execute(annotations.update().where(annotations.c.external_key.is_not(None)).values(shown_order=[]))


def downgrade() -> None:
    op.drop_column("annotations", "strength")
    op.drop_column("annotations", "labeler_group")
    op.drop_column("people", "labeler_group")
