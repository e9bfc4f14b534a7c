"""ask labelers how they find their work

Why these tables look as they do stands in app/models/surveys.py: nothing in them leads from an answer to a person.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "survey_rounds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=True),
        sa.Column("opened_by", sa.Integer(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.CheckConstraint("is_open IS NULL OR is_open", name=op.f("ck_survey_rounds_open_or_empty")),
        sa.ForeignKeyConstraint(["opened_by"], ["people.id"], name=op.f("fk_survey_rounds_opened_by_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_rounds")),
        sa.UniqueConstraint("is_open", name=op.f("uq_survey_rounds_is_open")),
    )
    op.create_table(
        "survey_tallies",
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("choice", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.CheckConstraint("count >= 0", name=op.f("ck_survey_tallies_not_negative")),
        sa.ForeignKeyConstraint(
            ["round_id"], ["survey_rounds.id"], name=op.f("fk_survey_tallies_round_id_survey_rounds")
        ),
        sa.PrimaryKeyConstraint("round_id", "question", "choice", name=op.f("pk_survey_tallies")),
    )
    op.create_table(
        "survey_marks",
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_survey_marks_person_id_people")),
        sa.ForeignKeyConstraint(
            ["round_id"], ["survey_rounds.id"], name=op.f("fk_survey_marks_round_id_survey_rounds")
        ),
        sa.PrimaryKeyConstraint("round_id", "person_id", name=op.f("pk_survey_marks")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("survey_marks")
    op.drop_table("survey_tallies")
    op.drop_table("survey_rounds")
