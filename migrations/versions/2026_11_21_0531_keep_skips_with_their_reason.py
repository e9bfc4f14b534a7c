"""keep skips with their reason

So far the words of a skip stood in the person's draft. The sentences that the page offered become their codes;
anything else is kept as the note of "other". A step down writes the words back into the draft, the code's sentence
first, where there still is a draft.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SENTENCES = {
    "I cannot tell what is asked": "unclear",
    "I cannot judge this topic well": "expertise",
    "I am not comfortable with the content": "uncomfortable",
    "The language is not one I read": "language",
    "I did this task before": "seen_before",
}
DRAFTS = sa.table(
    "drafts",
    sa.column("id", sa.Integer),
    sa.column("task_id", sa.Integer),
    sa.column("person_id", sa.Integer),
    sa.column("content", sa.JSON),
    sa.column("updated_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    skips = op.create_table(
        "skips",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("skipped_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reason IN ('unclear', 'expertise', 'uncomfortable', 'language', 'seen_before', 'other')",
            name=op.f("ck_skips_known_reason"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_skips_person_id_people")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_skips_task_id_tasks")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skips")),
        sa.UniqueConstraint("task_id", "person_id", name=op.f("uq_skips_task_id_person_id")),
    )
    op.create_index(op.f("ix_skips_person_id"), "skips", ["person_id"], unique=False)
    bind = op.get_bind()
    for draft in bind.execute(sa.select(DRAFTS)).all():
        said = draft.content.get("skipped")
        if said is None:
            continue
        reason = SENTENCES.get(said, "other")
        bind.execute(
            skips.insert().values(
                task_id=draft.task_id,
                person_id=draft.person_id,
                reason=reason,
                note=said if reason == "other" else "",
                skipped_at=draft.updated_at,
            )
        )
        content = {key: value for key, value in draft.content.items() if key != "skipped"}
        bind.execute(DRAFTS.update().where(DRAFTS.c.id == draft.id).values(content=content))


def downgrade() -> None:
    bind = op.get_bind()
    skips = sa.table("skips", *map(sa.column, ("task_id", "person_id", "reason", "note")))
    sentence = {reason: said for said, reason in SENTENCES.items()}
    for skip in bind.execute(sa.select(skips)).all():
        own = sa.and_(DRAFTS.c.task_id == skip.task_id, DRAFTS.c.person_id == skip.person_id)
        for draft in bind.execute(sa.select(DRAFTS).where(own)).all():
            said = sentence.get(skip.reason) or skip.note or skip.reason
            bind.execute(DRAFTS.update().where(own).values(content={**draft.content, "skipped": said}))
    op.drop_table("skips")
