# SPDX-License-Identifier: AGPL-3.0-or-later
"""Windows that were hidden, maskers that were recalled, privacy zones, and which masker made the steward's still."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "hidden_windows",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("lifted", sa.BigInteger(), nullable=True),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("seq", _SEQ, nullable=False),
        sa.ForeignKeyConstraint(["camera"], ["cameras.id"]),
        sa.ForeignKeyConstraint(["seq"], ["log_entries.seq"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_hidden_windows_camera", "hidden_windows", ["camera"], unique=False)
    op.create_table(
        "hidden_decisions",
        sa.Column("seq", _SEQ, nullable=False),
        sa.Column("hidden", sa.String(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["hidden"], ["hidden_windows.id"]),
        sa.ForeignKeyConstraint(["seq"], ["log_entries.seq"]),
        sa.PrimaryKeyConstraint("seq", "hidden"),
    )
    op.create_table(
        "recalled_maskers",
        sa.Column("masker", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("seq", _SEQ, nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["log_entries.seq"]),
        sa.PrimaryKeyConstraint("masker"),
    )
    op.create_table(
        "privacy_zones",
        sa.Column("seq", _SEQ, nullable=False),
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["camera"], ["cameras.id"]),
        sa.ForeignKeyConstraint(["seq"], ["log_entries.seq"]),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_privacy_zones_camera", "privacy_zones", ["camera"], unique=False)
    op.add_column("candidates", sa.Column("masker", sa.String(), nullable=False, server_default="1"))
