# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is usual of each camera, what is wrong with its view, and alerts with their messages and snoozes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "camera_trends",
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("pictures_per_s", sa.Integer(), nullable=False),
        sa.Column("bits_per_s", sa.BigInteger(), nullable=False),
        sa.Column("lost_lately", sa.BigInteger(), nullable=False),
        sa.Column("connections_lately", sa.BigInteger(), nullable=False),
        sa.Column("codec", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["camera"], ["cameras.id"]),
        sa.PrimaryKeyConstraint("camera"),
    )
    op.create_table(
        "tamper_states",
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("tamper", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("infrared", sa.Boolean(), nullable=False),
        sa.Column("cover", sa.String(), nullable=False),
        sa.Column("covered_since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["camera"], ["cameras.id"]),
        sa.PrimaryKeyConstraint("camera"),
    )
    op.create_table(
        "alerts",
        sa.Column("id", _SEQ, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("open_alerts", "alerts", ["ended"], unique=False)
    op.create_table(
        "alert_messages",
        sa.Column("id", _SEQ, autoincrement=True, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("failure", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "snoozes",
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("seq", _SEQ, nullable=False),
        sa.ForeignKeyConstraint(["camera"], ["cameras.id"]),
        sa.ForeignKeyConstraint(["seq"], ["log_entries.seq"]),
        sa.PrimaryKeyConstraint("camera", "kind"),
    )
