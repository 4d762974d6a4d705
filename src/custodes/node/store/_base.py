# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the modules of tables share."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData

metadata = MetaData()

# SQLite gives an INTEGER PRIMARY KEY its row id; BIGINT would not.
SEQ = BigInteger().with_variant(Integer(), "sqlite")


def entry() -> Column[int]:
    """The log entry written in the same transaction as the row."""
    return Column("seq", SEQ, ForeignKey("log_entries.seq"), nullable=False)
