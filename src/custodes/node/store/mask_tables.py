# SPDX-License-Identifier: AGPL-3.0-or-later
"""The catalogue's tables of what masks must hide beyond people: hidden windows, recalled maskers, privacy zones."""

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, String, Table

from custodes.node.store._base import SEQ, entry, metadata


def by() -> tuple[Column[str], Column[bytes]]:
    """Who did it: a random id, and the salt that opens the entry's commitment."""
    return Column("person", String, nullable=False), Column("salt", LargeBinary, nullable=False)


hidden_windows = Table(
    "hidden_windows",
    metadata,
    Column("id", String, primary_key=True),
    Column("camera", String, ForeignKey("cameras.id"), nullable=False, index=True),
    Column("start", BigInteger, nullable=False),
    Column("until", BigInteger),  # null: goes on, and the live picture is covered, until the steward shows it again
    Column("lifted", BigInteger),  # since when it may be played back again; null while it is hidden
    *by(),
    entry(),
)

hidden_decisions = Table(
    "hidden_decisions",
    metadata,
    Column("seq", SEQ, ForeignKey("log_entries.seq"), primary_key=True),
    Column("hidden", String, ForeignKey("hidden_windows.id"), primary_key=True),
    Column("decision", String, nullable=False),  # shown, kept or lifted
    Column("at", BigInteger, nullable=False),
    *by(),
)

recalled_maskers = Table(
    "recalled_maskers",
    metadata,
    Column("masker", String, primary_key=True),  # the version, as stamped on what it made
    Column("at", BigInteger, nullable=False),
    *by(),
    entry(),
)

privacy_zones = Table(
    "privacy_zones",
    metadata,
    Column("seq", SEQ, ForeignKey("log_entries.seq"), primary_key=True),  # the newest of a camera counts
    Column("camera", String, ForeignKey("cameras.id"), nullable=False, index=True),
    Column("document", LargeBinary, nullable=False),  # canonical JSON, hashed into the entry
)
