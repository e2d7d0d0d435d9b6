"""Let a slot know which backfill asked for it last, so that each backfill runs it once.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("slots")}
    if "backfill" in known:  # MariaDB commits every statement: an earlier start may have been killed behind this one
        return
    with op.batch_alter_table("slots") as slots:
        slots.add_column(sa.Column("backfill", sa.String(length=63), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("slots") as slots:
        slots.drop_column("backfill")
