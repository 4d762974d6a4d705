# SPDX-License-Identifier: AGPL-3.0-or-later
"""The catalogue's tables of custodians' wrapping keys (see ``tables``). ``custodian`` is the id of an identity key."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from custodes.node.store._base import entry, metadata

custodian_keys = Table(
    "custodian_keys",
    metadata,
    Column("digest", String, primary_key=True),  # SHA-256 of the document, as logged
    Column("custodian", String, nullable=False),
    Column("document", LargeBinary, nullable=False),  # as signed by the custodian
    Column("filed", BigInteger, nullable=False),
    entry(),
)

wrapping_keys = Table(
    "wrapping_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("document", String, ForeignKey("custodian_keys.digest"), nullable=False),
    Column("custodian", String, nullable=False),
    Column("hours", Integer, nullable=False),  # of retention, at most
    Column("start", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False, index=True),
    Column("due", BigInteger, nullable=False, index=True),  # when its private half is to be destroyed
    Column("destroyed", BigInteger),  # when the statement that it was destroyed came
)

key_destructions = Table(
    "key_destructions",
    metadata,
    Column("digest", String, primary_key=True),  # SHA-256 of the statement, as logged
    Column("custodian", String, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("filed", BigInteger, nullable=False),
    entry(),
)

hold_keys = Table(
    "hold_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("hold", String, ForeignKey("holds.id"), nullable=False),
    Column("custodian", String, nullable=False),
    Column("destroyed", BigInteger),
)

held_shares = Table(
    "held_shares",
    metadata,
    Column("digest", String, primary_key=True),  # SHA-256 of the document, as logged
    Column("custodian", String, nullable=False),
    Column("document", LargeBinary),  # as signed; null once all of its periods are deleted
    Column("filed", BigInteger, nullable=False),
    entry(),
)

held_periods = Table(
    "held_periods",
    metadata,
    Column("custodian", String, primary_key=True),
    Column("camera", String, ForeignKey("cameras.id"), primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("term", Integer, primary_key=True),
    Column("hold", String, ForeignKey("holds.id"), primary_key=True),
    Column("document", String, ForeignKey("held_shares.digest"), nullable=False),
)
Index("periods_held", held_periods.c.camera, held_periods.c.start)

drills = Table(
    "drills",
    metadata,
    Column("digest", String, primary_key=True),  # SHA-256 of the document, as logged
    Column("document", LargeBinary, nullable=False),
    Column("began", BigInteger, nullable=False),
    entry(),
)

drill_answers = Table(
    "drill_answers",
    metadata,
    Column("drill", String, ForeignKey("drills.digest"), primary_key=True),
    Column("custodian", String, primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("opened", Boolean, nullable=False),  # with this answer enough had answered, and the secrets came together
    Column("filed", BigInteger, nullable=False),
    entry(),
)
