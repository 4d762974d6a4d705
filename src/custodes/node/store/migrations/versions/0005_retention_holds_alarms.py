# SPDX-License-Identifier: AGPL-3.0-or-later
"""When periods are due and being deleted, holds, alarms, and how large masked minutes are."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("periods", sa.Column("due", sa.BigInteger(), nullable=True))
    op.add_column("periods", sa.Column("deletion", sa.BigInteger(), nullable=True))
    op.create_index("due_periods", "periods", ["due"])
    op.create_index("ended_periods", "periods", ["ended"])
    going = sa.text("deletion IS NOT NULL")
    op.create_index("going_periods", "periods", ["deletion"], sqlite_where=going)
    op.add_column("masked_minutes", sa.Column("size", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("masked_minutes", sa.Column("deletion", sa.BigInteger(), nullable=True))
    op.create_index("going_minutes", "masked_minutes", ["deletion"], sqlite_where=going)
    op.create_table(
        "deletions",
        sa.Column("seq", _SEQ, sa.ForeignKey("log_entries.seq"), primary_key=True, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("periods", sa.Integer(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=True),
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.String(), primary_key=True, nullable=False),
        sa.Column("camera", sa.String(), sa.ForeignKey("cameras.id"), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("released", sa.BigInteger(), nullable=True),
        sa.Column("seq", _SEQ, sa.ForeignKey("log_entries.seq"), nullable=False),
    )
    op.create_table(
        "alarms",
        sa.Column("kind", sa.String(), primary_key=True, nullable=False),
        sa.Column("subject", sa.String(), primary_key=True, nullable=False),
        sa.Column("since", sa.BigInteger(), primary_key=True, nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("seq", _SEQ, sa.ForeignKey("log_entries.seq"), nullable=True),
    )
