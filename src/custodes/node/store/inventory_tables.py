# SPDX-License-Identifier: AGPL-3.0-or-later
"""The catalogue's tables of inventories, their reconciliation, and what people decided about it (see ``tables``)."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, String, Table

from custodes.node.store._base import SEQ, entry, metadata

inventories = Table(
    "inventories",
    metadata,
    Column("id", String, primary_key=True),
    Column("digest", String, nullable=False),  # SHA-256 of the file
    Column("name", String, nullable=False),  # of the file
    Column("form", String, nullable=False),
    Column("mapping", LargeBinary, nullable=False),  # mapping file that reads it the same way again
    Column("rejected", LargeBinary, nullable=False),  # JSON [[line, reason], ...]
    Column("imported", BigInteger, nullable=False),
    entry(),
)

inventory_rows = Table(
    "inventory_rows",
    metadata,
    Column("inventory", String, ForeignKey("inventories.id"), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("latitude_e7", BigInteger, nullable=False),
    Column("longitude_e7", BigInteger, nullable=False),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("direction", Integer),
    Column("operator", String, nullable=False),
    Column("original", LargeBinary, nullable=False),  # JSON, every field as the file has it
)

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("id", String, primary_key=True),
    Column("one", String, ForeignKey("inventories.id"), nullable=False),
    Column("two", String, ForeignKey("inventories.id"), nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("spread_mm", BigInteger, nullable=False),  # how far apart, along an axis, both put the same camera
    Column("in_order", Boolean, nullable=False),  # both lists go in the same order
    Column("undone", BigInteger),
    entry(),
)

reconciliation_pairs = Table(
    "reconciliation_pairs",
    metadata,
    Column("reconciliation", String, ForeignKey("reconciliations.id"), primary_key=True),
    Column("one", Integer, primary_key=True),  # line
    Column("two", Integer, primary_key=True),  # line
    Column("standing", String, nullable=False),  # joined or queued, before anybody decided
    Column("distance_mm", BigInteger, nullable=False),
    Column("margin", Integer, nullable=False),  # thousandths of log odds
    Column("reasons", LargeBinary, nullable=False),  # JSON, hundredths of log odds by kind of evidence
    Column("others", LargeBinary, nullable=False),  # JSON, other lines of the second inventory, best first
)

pair_decisions = Table(
    "pair_decisions",
    metadata,
    Column("seq", SEQ, ForeignKey("log_entries.seq"), primary_key=True),
    Column("reconciliation", String, ForeignKey("reconciliations.id"), nullable=False, index=True),
    Column("one", Integer, nullable=False),
    Column("two", Integer, nullable=False),
    Column("decision", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("salt", LargeBinary, nullable=False),  # opens the entry's commitment
)
