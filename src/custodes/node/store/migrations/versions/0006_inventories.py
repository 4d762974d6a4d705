# SPDX-License-Identifier: AGPL-3.0-or-later
"""Inventories of existing cameras, their reconciliation, and what people decided about it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "inventories",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("mapping", sa.LargeBinary(), nullable=False),
        sa.Column("rejected", sa.LargeBinary(), nullable=False),
        sa.Column("imported", sa.BigInteger(), nullable=False),
        sa.Column("seq", _SEQ, nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["log_entries.seq"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "inventory_rows",
        sa.Column("inventory", sa.String(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("latitude_e7", sa.BigInteger(), nullable=False),
        sa.Column("longitude_e7", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("direction", sa.Integer(), nullable=True),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("original", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["inventory"], ["inventories.id"]),
        sa.PrimaryKeyConstraint("inventory", "line"),
    )
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("one", sa.String(), nullable=False),
        sa.Column("two", sa.String(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("spread_mm", sa.BigInteger(), nullable=False),
        sa.Column("in_order", sa.Boolean(), nullable=False),
        sa.Column("undone", sa.BigInteger(), nullable=True),
        sa.Column("seq", _SEQ, nullable=False),
        sa.ForeignKeyConstraint(["one"], ["inventories.id"]),
        sa.ForeignKeyConstraint(["two"], ["inventories.id"]),
        sa.ForeignKeyConstraint(["seq"], ["log_entries.seq"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "reconciliation_pairs",
        sa.Column("reconciliation", sa.String(), nullable=False),
        sa.Column("one", sa.Integer(), nullable=False),
        sa.Column("two", sa.Integer(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("distance_mm", sa.BigInteger(), nullable=False),
        sa.Column("margin", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.LargeBinary(), nullable=False),
        sa.Column("others", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["reconciliation"], ["reconciliations.id"]),
        sa.PrimaryKeyConstraint("reconciliation", "one", "two"),
    )
    op.create_table(
        "pair_decisions",
        sa.Column("seq", _SEQ, nullable=False),
        sa.Column("reconciliation", sa.String(), nullable=False),
        sa.Column("one", sa.Integer(), nullable=False),
        sa.Column("two", sa.Integer(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["reconciliation"], ["reconciliations.id"]),
        sa.ForeignKeyConstraint(["seq"], ["log_entries.seq"]),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_pair_decisions_reconciliation", "pair_decisions", ["reconciliation"], unique=False)
