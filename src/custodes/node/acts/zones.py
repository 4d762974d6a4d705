# SPDX-License-Identifier: AGPL-3.0-or-later
"""The act of setting a camera's privacy zones."""

from hashlib import sha256

import sqlalchemy as sa

from custodes.domain import zones as documents
from custodes.domain.acts import Act
from custodes.domain.canonical import JsonObject
from custodes.domain.ids import CameraId
from custodes.domain.zones import Zone, ZoneSet
from custodes.errors import invalid, not_found
from custodes.node.store import Store, mask_tables, tables


def set_zones(store: Store, camera: CameraId, zones: tuple[Zone, ...]) -> None:
    """Set which parts of a camera's picture are never shown; they replace those from before.

    The log gets their number and the hash of a salted document. ``CustodesError``: INVALID for zones that are none,
    NOT_FOUND for a camera that is not in service.
    """
    if problem := documents.problem_of(zones):
        raise invalid(f"privacy zones: {problem}")
    document = documents.encode(ZoneSet(camera, zones, store.entropy(16)))
    facts: JsonObject = {"camera": camera, "count": len(zones), "zones": sha256(document).hexdigest()}
    cameras = tables.cameras.c
    with store.act(Act.ZONES_SET, facts) as tx:
        known = sa.select(cameras.id).where(cameras.id == camera, cameras.removed.is_(None))
        if not tx.connection.execute(known).first():
            raise not_found("there is no such camera in service")
        tx.connection.execute(mask_tables.privacy_zones.insert().values(seq=tx.seq, camera=camera, document=document))
