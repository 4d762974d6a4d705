# SPDX-License-Identifier: AGPL-3.0-or-later
"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "log_entries",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("log_index"),
        sqlite_autoincrement=True,
    )
    op.create_index("pending_entries", "log_entries", ["log_index", "seq"], unique=False)
    op.create_table(
        "cameras",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("streams", sa.LargeBinary(), nullable=False),
        sa.Column("removed", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["log_entries.seq"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "custodian_sets",
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["log_entries.seq"],
        ),
        sa.PrimaryKeyConstraint("epoch"),
    )
    op.create_table(
        "deployments",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["log_entries.seq"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "links",
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["log_entries.seq"],
        ),
        sa.PrimaryKeyConstraint("token"),
    )
    op.create_table(
        "recorders",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["log_entries.seq"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "requesters",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["log_entries.seq"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "requests",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column("filed", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["log_entries.seq"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "sessions",
        sa.Column("cookie", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["log_entries.seq"],
        ),
        sa.PrimaryKeyConstraint("cookie"),
    )
    op.create_table(
        "answers",
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("custodian", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column("filed", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["request"],
            ["requests.id"],
        ),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["log_entries.seq"],
        ),
        sa.PrimaryKeyConstraint("request", "custodian"),
    )
    op.create_table(
        "candidates",
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=True),
        sa.Column("taken", sa.BigInteger(), nullable=True),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["camera"],
            ["cameras.id"],
        ),
        sa.PrimaryKeyConstraint("camera"),
    )
    op.create_table(
        "certifications",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["camera"],
            ["cameras.id"],
        ),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["log_entries.seq"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "gaps",
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["camera"],
            ["cameras.id"],
        ),
        sa.PrimaryKeyConstraint("camera", "began"),
    )
    op.create_table(
        "masked_inits",
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("codec", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["camera"],
            ["cameras.id"],
        ),
        sa.PrimaryKeyConstraint("camera"),
    )
    op.create_table(
        "masked_minutes",
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("term", sa.Integer(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=False),
        sa.Column("masker", sa.String(), nullable=False),
        sa.Column("spans", sa.LargeBinary(), nullable=False),
        sa.Column("fragments", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["camera"],
            ["cameras.id"],
        ),
        sa.PrimaryKeyConstraint("camera", "start", "term"),
    )
    op.create_table(
        "openings",
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column("filed", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["request"],
            ["requests.id"],
        ),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["log_entries.seq"],
        ),
        sa.PrimaryKeyConstraint("request"),
    )
    op.create_table(
        "periods",
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("term", sa.Integer(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("closing", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["camera"],
            ["cameras.id"],
        ),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["log_entries.seq"],
        ),
        sa.PrimaryKeyConstraint("camera", "start", "term"),
    )
    op.create_index("uncommitted_periods", "periods", ["seq"], unique=False)
    op.create_table(
        "recording_states",
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["camera"],
            ["cameras.id"],
        ),
        sa.PrimaryKeyConstraint("camera"),
    )
    op.create_table(
        "register_entries",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["camera"],
            ["cameras.id"],
        ),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["log_entries.seq"],
        ),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "viewings",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("camera", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["camera"],
            ["cameras.id"],
        ),
        sa.ForeignKeyConstraint(
            ["seq"],
            ["log_entries.seq"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    op.drop_table("viewings")
    op.drop_table("register_entries")
    op.drop_table("recording_states")
    op.drop_index("uncommitted_periods", table_name="periods")
    op.drop_table("periods")
    op.drop_table("openings")
    op.drop_table("masked_minutes")
    op.drop_table("masked_inits")
    op.drop_table("gaps")
    op.drop_table("certifications")
    op.drop_table("candidates")
    op.drop_table("answers")
    op.drop_table("sessions")
    op.drop_table("requests")
    op.drop_table("requesters")
    op.drop_table("recorders")
    op.drop_table("links")
    op.drop_table("deployments")
    op.drop_table("custodian_sets")
    op.drop_table("cameras")
    op.drop_index("pending_entries", table_name="log_entries")
    op.drop_table("log_entries")
