"""keep evidence about who wrote a text

What zero-shot detectors say about demonstrations, and what people decided after looking at it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

SCORES = ("likelihood", "rank", "log_rank", "entropy", "curvature")


def upgrade() -> None:
    op.create_table(
        "detections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("written_text_id", sa.Integer(), nullable=False),
        sa.Column("model_version_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("context", sa.String(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        *(sa.Column(score, sa.Double(), nullable=True) for score in SCORES),
        sa.Column("pieces", sa.JSON(), nullable=False),
        sa.Column("cut", sa.Boolean(), nullable=False),
        sa.CheckConstraint("context IN ('prompt', 'none')", name=op.f("ck_detections_known_context")),
        sa.ForeignKeyConstraint(
            ["written_text_id"], ["written_texts.id"], name=op.f("fk_detections_written_text_id_written_texts")
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"], ["model_versions.id"], name=op.f("fk_detections_model_version_id_model_versions")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_detections_run_id_runs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_detections")),
        sa.UniqueConstraint(
            "written_text_id", "model_version_id", name=op.f("uq_detections_written_text_id_model_version_id")
        ),
    )
    op.create_index(op.f("ix_detections_run_id"), "detections", ["run_id"])
    op.create_table(
        "integrity_decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("written_text_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reply", sa.String(), nullable=False),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "verdict IN ('nothing', 'talk', 'reject')", name=op.f("ck_integrity_decisions_known_verdict")
        ),
        sa.ForeignKeyConstraint(
            ["written_text_id"],
            ["written_texts.id"],
            name=op.f("fk_integrity_decisions_written_text_id_written_texts"),
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["people.id"], name=op.f("fk_integrity_decisions_decided_by_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_integrity_decisions")),
    )
    op.create_index(op.f("ix_integrity_decisions_written_text_id"), "integrity_decisions", ["written_text_id"])


def downgrade() -> None:
    op.drop_table("integrity_decisions")
    op.drop_table("detections")
