# SPDX-License-Identifier: AGPL-3.0-or-later
"""The table of data subjects' requests. Times are UTC nanoseconds; the column comments document it."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Table

from custodes.node.store._base import entry as _entry
from custodes.node.store._base import metadata

subject_requests = Table(
    "subject_requests",
    metadata,
    Column("id", String, primary_key=True),
    Column("camera", String, ForeignKey("cameras.id"), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("reference", String, nullable=False),  # the steward's own file number, never a name
    Column("salt", LargeBinary, nullable=False),  # opens the entries' commitment; can be destroyed
    Column("hold", String, ForeignKey("holds.id"), nullable=False),
    Column("received", BigInteger, nullable=False),  # the legal clock begins
    Column("still_at", BigInteger),  # the moment of the masked still that was shown
    Column("point_x", Integer),  # thousandths of the still's width
    Column("point_y", Integer),
    Column("extension", String),  # why it was extended
    Column("decision", String),
    Column("decided", BigInteger),
    Column("closed", BigInteger),
    _entry(),
)
