"""Create the table of slots.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from prime_jennie.infra.database.types import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "slots",
        sa.Column("namespace", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("task", sa.String(length=20), nullable=False),
        sa.Column("schedule", sa.String(length=63), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("attempts_allowed", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=128), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("progress_pct", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "name", name="pk_slots"),
        if_not_exists=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    op.create_index("ix_slots_task_at", "slots", ["namespace", "task", "at"], if_not_exists=True)
    op.create_index("ix_slots_schedule_at", "slots", ["namespace", "schedule", "at"], if_not_exists=True)
    op.create_index("ix_slots_at", "slots", ["at"], if_not_exists=True)


def downgrade() -> None:
    op.drop_table("slots")
