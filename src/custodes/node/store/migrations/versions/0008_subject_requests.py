# SPDX-License-Identifier: AGPL-3.0-or-later
"""Requests of data subjects for the footage of themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "subject_requests",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("hold", sa.String(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("still_at", sa.BigInteger(), nullable=True),
        sa.Column("point_x", sa.Integer(), nullable=True),
        sa.Column("point_y", sa.Integer(), nullable=True),
        sa.Column("extension", sa.String(), nullable=True),
        sa.Column("decision", sa.String(), nullable=True),
        sa.Column("decided", sa.BigInteger(), nullable=True),
        sa.Column("closed", sa.BigInteger(), nullable=True),
        sa.Column("seq", _SEQ, nullable=False),
        sa.ForeignKeyConstraint(["camera"], ["cameras.id"]),
        sa.ForeignKeyConstraint(["hold"], ["holds.id"]),
        sa.ForeignKeyConstraint(["seq"], ["log_entries.seq"]),
        sa.PrimaryKeyConstraint("id"),
    )
