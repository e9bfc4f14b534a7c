"""let labelers correct what they submitted

Campaigns that were made before take no corrections: nobody was told of any.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("campaigns", sa.Column("correction_minutes", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("annotations", sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "annotation_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("annotation_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_annotation_versions_number_from_one")),
        sa.ForeignKeyConstraint(
            ["annotation_id"], ["annotations.id"], name=op.f("fk_annotation_versions_annotation_id_annotations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotation_versions")),
        sa.UniqueConstraint("annotation_id", "number", name=op.f("uq_annotation_versions_annotation_id_number")),
    )


def downgrade() -> None:
    op.drop_table("annotation_versions")
    op.drop_column("annotations", "corrected_at")
    op.drop_column("campaigns", "correction_minutes")
