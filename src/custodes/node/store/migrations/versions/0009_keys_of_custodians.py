# SPDX-License-Identifier: AGPL-3.0-or-later
"""Dated wrapping keys of the custodians, statements that they were destroyed, held shares, drills."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "custodian_keys",
        sa.Column("digest", sa.String(), primary_key=True, nullable=False),
        sa.Column("custodian", sa.String(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("filed", sa.BigInteger(), nullable=False),
        sa.Column("seq", _SEQ, sa.ForeignKey("log_entries.seq"), nullable=False),
    )
    op.create_table(
        "wrapping_keys",
        sa.Column("id", sa.String(), primary_key=True, nullable=False),
        sa.Column("document", sa.String(), sa.ForeignKey("custodian_keys.digest"), nullable=False),
        sa.Column("custodian", sa.String(), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("destroyed", sa.BigInteger(), nullable=True),
    )
    op.create_index("ix_wrapping_keys_until", "wrapping_keys", ["until"])
    op.create_index("ix_wrapping_keys_due", "wrapping_keys", ["due"])
    op.create_table(
        "key_destructions",
        sa.Column("digest", sa.String(), primary_key=True, nullable=False),
        sa.Column("custodian", sa.String(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("filed", sa.BigInteger(), nullable=False),
        sa.Column("seq", _SEQ, sa.ForeignKey("log_entries.seq"), nullable=False),
    )
    op.add_column("holds", sa.Column("released_seq", _SEQ, nullable=True))
    _held()
    _drills()


def _held() -> None:
    op.create_table(
        "hold_keys",
        sa.Column("id", sa.String(), primary_key=True, nullable=False),
        sa.Column("hold", sa.String(), sa.ForeignKey("holds.id"), nullable=False),
        sa.Column("custodian", sa.String(), nullable=False),
        sa.Column("destroyed", sa.BigInteger(), nullable=True),
    )
    op.create_table(
        "held_shares",
        sa.Column("digest", sa.String(), primary_key=True, nullable=False),
        sa.Column("custodian", sa.String(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=True),
        sa.Column("filed", sa.BigInteger(), nullable=False),
        sa.Column("seq", _SEQ, sa.ForeignKey("log_entries.seq"), nullable=False),
    )
    op.create_table(
        "held_periods",
        sa.Column("custodian", sa.String(), primary_key=True, nullable=False),
        sa.Column("camera", sa.String(), sa.ForeignKey("cameras.id"), primary_key=True, nullable=False),
        sa.Column("start", sa.BigInteger(), primary_key=True, nullable=False),
        sa.Column("term", sa.Integer(), primary_key=True, nullable=False),
        sa.Column("hold", sa.String(), sa.ForeignKey("holds.id"), primary_key=True, nullable=False),
        sa.Column("document", sa.String(), sa.ForeignKey("held_shares.digest"), nullable=False),
    )
    op.create_index("periods_held", "held_periods", ["camera", "start"])


def _drills() -> None:
    op.create_table(
        "drills",
        sa.Column("digest", sa.String(), primary_key=True, nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("seq", _SEQ, sa.ForeignKey("log_entries.seq"), nullable=False),
    )
    op.create_table(
        "drill_answers",
        sa.Column("drill", sa.String(), sa.ForeignKey("drills.digest"), primary_key=True, nullable=False),
        sa.Column("custodian", sa.String(), primary_key=True, nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("opened", sa.Boolean(), nullable=False),
        sa.Column("filed", sa.BigInteger(), nullable=False),
        sa.Column("seq", _SEQ, sa.ForeignKey("log_entries.seq"), nullable=False),
    )
