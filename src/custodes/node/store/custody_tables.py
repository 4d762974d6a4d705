# SPDX-License-Identifier: AGPL-3.0-or-later
"""The catalogue's tables of custodians' wrapping keys (see ``tables``). ``custodian`` is the id of an identity key."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Table

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
