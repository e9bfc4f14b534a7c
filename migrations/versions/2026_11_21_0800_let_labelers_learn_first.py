"""let labelers learn first

Courses, their steps, who has taken them, and which campaigns wait for them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "courses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("guideline_id", sa.Integer(), nullable=True),
        sa.Column("pass_share", sa.Double(), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("pass_share BETWEEN 0 AND 1", name=op.f("ck_courses_a_share")),
        sa.ForeignKeyConstraint(["created_by"], ["people.id"], name=op.f("fk_courses_created_by_people")),
        sa.ForeignKeyConstraint(["guideline_id"], ["guidelines.id"], name=op.f("fk_courses_guideline_id_guidelines")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_courses")),
        sa.UniqueConstraint("name", name=op.f("uq_courses_name")),
    )
    op.create_table(
        "course_steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("gold_item_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("kind IN ('page', 'question', 'practice')", name=op.f("ck_course_steps_known_kind")),
        sa.ForeignKeyConstraint(["course_id"], ["courses.id"], name=op.f("fk_course_steps_course_id_courses")),
        sa.ForeignKeyConstraint(
            ["gold_item_id"], ["gold_items.id"], name=op.f("fk_course_steps_gold_item_id_gold_items")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_steps")),
    )
    op.create_index(op.f("ix_course_steps_course_id"), "course_steps", ["course_id"])
    op.create_table(
        "course_attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("guideline_version_id", sa.Integer(), nullable=True),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["course_id"], ["courses.id"], name=op.f("fk_course_attempts_course_id_courses")),
        sa.ForeignKeyConstraint(
            ["guideline_version_id"],
            ["guideline_versions.id"],
            name=op.f("fk_course_attempts_guideline_version_id_guideline_versions"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_course_attempts_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_attempts")),
    )
    op.create_index(op.f("ix_course_attempts_course_id"), "course_attempts", ["course_id"])
    op.create_index("ix_course_attempts_person", "course_attempts", ["person_id", "course_id"])
    op.create_table(
        "campaign_courses",
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_courses_campaign_id_campaigns")
        ),
        sa.ForeignKeyConstraint(["course_id"], ["courses.id"], name=op.f("fk_campaign_courses_course_id_courses")),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaign_courses")),
    )
    op.create_index(op.f("ix_campaign_courses_course_id"), "campaign_courses", ["course_id"])


def downgrade() -> None:
    op.drop_table("campaign_courses")
    op.drop_table("course_attempts")
    op.drop_table("course_steps")
    op.drop_table("courses")
