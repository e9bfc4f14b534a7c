"""let researchers screen applicants

Screenings draw forms from banks; applicants come by invitation links, and people decide on them (InstructGPT B.1).
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "screenings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("sensitive_flags", sa.JSON(), nullable=False),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("minutes BETWEEN 1 AND 10080", name=op.f("ck_screenings_minutes_of_a_week")),
        sa.ForeignKeyConstraint(["created_by"], ["people.id"], name=op.f("fk_screenings_created_by_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screenings")),
        sa.UniqueConstraint("name", name=op.f("uq_screenings_name")),
    )
    op.create_table(
        "screening_invitations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("screening_id", sa.Integer(), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("beginning", sa.String(), nullable=False),
        sa.Column("most_uses", sa.Integer(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("uses BETWEEN 0 AND most_uses", name=op.f("ck_screening_invitations_uses_left")),
        sa.ForeignKeyConstraint(["created_by"], ["people.id"], name=op.f("fk_screening_invitations_created_by_people")),
        sa.ForeignKeyConstraint(
            ["screening_id"], ["screenings.id"], name=op.f("fk_screening_invitations_screening_id_screenings")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screening_invitations")),
        sa.UniqueConstraint("secret_sha256", name=op.f("uq_screening_invitations_secret_sha256")),
    )
    op.create_index(
        op.f("ix_screening_invitations_screening_id"), "screening_invitations", ["screening_id"], unique=False
    )
    op.create_table(
        "applicants",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("screening_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("invitation_id", sa.Integer(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assessed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("claimed", sa.JSON(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("decision", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("labeler_group", sa.String(), nullable=True),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unmasked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "decision IN ('accepted', 'declined', 'waiting')", name=op.f("ck_applicants_known_decision")
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["people.id"], name=op.f("fk_applicants_decided_by_people")),
        sa.ForeignKeyConstraint(
            ["invitation_id"],
            ["screening_invitations.id"],
            name=op.f("fk_applicants_invitation_id_screening_invitations"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_applicants_person_id_people")),
        sa.ForeignKeyConstraint(
            ["screening_id"], ["screenings.id"], name=op.f("fk_applicants_screening_id_screenings")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applicants")),
        sa.UniqueConstraint("person_id", name=op.f("uq_applicants_person_id")),
        sa.UniqueConstraint("screening_id", "code", name=op.f("uq_applicants_screening_id_code")),
    )
    op.create_table(
        "screening_banks",
        sa.Column("screening_id", sa.Integer(), nullable=False),
        sa.Column("criterion", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "criterion IN ('flags', 'rankings', 'demonstrations')", name=op.f("ck_screening_banks_known_criterion")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_screening_banks_campaign_id_campaigns")
        ),
        sa.ForeignKeyConstraint(
            ["screening_id"], ["screenings.id"], name=op.f("fk_screening_banks_screening_id_screenings")
        ),
        sa.PrimaryKeyConstraint("screening_id", "criterion", "campaign_id", name=op.f("pk_screening_banks")),
    )
    op.create_table(
        "form_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("applicant_id", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("criterion", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "criterion IN ('flags', 'rankings', 'demonstrations')", name=op.f("ck_form_items_known_criterion")
        ),
        sa.ForeignKeyConstraint(
            ["applicant_id"], ["applicants.id"], name=op.f("fk_form_items_applicant_id_applicants")
        ),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_form_items_task_id_tasks")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_form_items")),
        sa.UniqueConstraint("applicant_id", "task_id", name=op.f("uq_form_items_applicant_id_task_id")),
    )
    op.create_table(
        "demonstration_ratings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("rated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("rating BETWEEN 1 AND 7", name=op.f("ck_demonstration_ratings_rating_range")),
        sa.ForeignKeyConstraint(
            ["item_id"], ["form_items.id"], name=op.f("fk_demonstration_ratings_item_id_form_items")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_demonstration_ratings_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demonstration_ratings")),
        sa.UniqueConstraint("item_id", "person_id", name=op.f("uq_demonstration_ratings_item_id_person_id")),
    )
    # ### end Alembic commands ###


def downgrade() -> None:
    op.drop_table("demonstration_ratings")
    op.drop_table("form_items")
    op.drop_table("screening_banks")
    op.drop_table("applicants")
    op.drop_index(op.f("ix_screening_invitations_screening_id"), table_name="screening_invitations")
    op.drop_table("screening_invitations")
    op.drop_table("screenings")
    # ### end Alembic commands ###
