# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a camera is as a device, how it was before it was changed, and passwords on their way to a device."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cameras", sa.Column("device", sa.LargeBinary(), nullable=True))
    op.add_column("cameras", sa.Column("credentials", sa.String(), nullable=True))
    for mark in ("stream_mark", "serial_mark", "mac_mark"):
        op.add_column("cameras", sa.Column(mark, sa.String(), nullable=True))
        op.create_index(f"ix_cameras_{mark}", "cameras", [mark], unique=False)
    op.create_table(
        "camera_versions",
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("streams", sa.LargeBinary(), nullable=False),
        sa.Column("device", sa.LargeBinary(), nullable=True),
        sa.Column("credentials", sa.String(), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["camera"], ["cameras.id"]),
        sa.ForeignKeyConstraint(["seq"], ["log_entries.seq"]),
        sa.PrimaryKeyConstraint("camera", "seq"),
    )
    op.create_table(
        "pending_passwords",
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("login", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["camera"], ["cameras.id"]),
        sa.PrimaryKeyConstraint("camera"),
    )
