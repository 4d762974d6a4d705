# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts on the public register."""

import hashlib

import sqlalchemy as sa

from custodes.domain.acts import Act
from custodes.domain.ids import Digest
from custodes.domain.register import RegisterEntry, encode_entry, problem_of
from custodes.errors import invalid, not_found
from custodes.node.store import Store, tables


def publish_entry(store: Store, entry: RegisterEntry) -> Digest:
    """Publish a camera's register entry: from its witnessed inclusion on, the camera may record."""
    if problem := problem_of(entry):
        raise invalid(f"the register entry cannot be published: {problem}")
    if not entry.schedule.known_here():
        raise invalid(f"this machine does not know the time zone {entry.schedule.time_zone}")
    document = encode_entry(entry)
    digest = Digest(hashlib.sha256(document).digest())
    with store.act(Act.ENTRY_PUBLISHED, {"camera": entry.camera, "document": digest.hex()}) as tx:
        known = sa.select(tables.cameras.c.id).where(tables.cameras.c.id == entry.camera)
        if not tx.connection.execute(known).first():
            raise not_found("the register entry names a camera that was never added")
        tx.connection.execute(
            tables.register_entries.insert().values(
                digest=digest.hex(), camera=entry.camera, document=document, seq=tx.seq
            )
        )
    return digest
