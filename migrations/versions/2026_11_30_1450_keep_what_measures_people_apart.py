"""keep what measures people apart

The seeds by which calibration chooses were the numbers of the campaigns, from which anybody could reckon which of their
items measure them: they are drawn. What people hold stays as it is, and what nobody has touched is laid out by the new
seed when a plan or the tasks of its campaign change next. Banks have no review: what waits there, or was sent back, is
at rest, and is rated in its screening as before.
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

calibrations = sa.table("calibrations", sa.column("campaign_id", sa.Integer), sa.column("seed", sa.Integer))
campaigns = sa.table(
    "campaigns", sa.column("id", sa.Integer), sa.column("purpose", sa.String), sa.column("needs_review", sa.Boolean)
)
annotations = sa.table("annotations", sa.column("id", sa.Integer), sa.column("campaign_id", sa.Integer))
texts = sa.table("written_texts", sa.column("annotation_id", sa.Integer), sa.column("state", sa.String))


def upgrade() -> None:
    connection = op.get_bind()
    known = sa.select(calibrations.c.campaign_id).where(calibrations.c.seed == calibrations.c.campaign_id)
    for campaign_id in connection.scalars(known).all():
        of_campaign = calibrations.c.campaign_id == campaign_id
        connection.execute(calibrations.update().where(of_campaign).values(seed=secrets.randbelow(2**31)))
    banks = sa.select(campaigns.c.id).where(campaigns.c.purpose == "bank")
    connection.execute(campaigns.update().where(campaigns.c.purpose == "bank").values(needs_review=False))
    of_banks = texts.c.annotation_id.in_(sa.select(annotations.c.id).where(annotations.c.campaign_id.in_(banks)))
    open_ones = texts.c.state.in_(("waiting", "sent_back"))
    connection.execute(texts.update().where(of_banks, open_ones).values(state="accepted"))


def downgrade() -> None:
    """Nothing: other seeds are no worse, and nobody reviews what is written for a bank."""
