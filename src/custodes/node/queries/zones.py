# SPDX-License-Identifier: AGPL-3.0-or-later
"""Privacy zones as they are set now."""

import sqlalchemy as sa

from custodes.domain import zones as documents
from custodes.domain.ids import CameraId
from custodes.domain.zones import Zone
from custodes.errors import CustodesError
from custodes.node.store import Store, mask_tables


def every(store: Store) -> dict[CameraId, tuple[Zone, ...] | None]:
    """The zones of every camera for which some were ever set; None where they cannot be read."""
    kept = mask_tables.privacy_zones
    newest = sa.select(sa.func.max(kept.c.seq)).group_by(kept.c.camera)
    rows = store.read(sa.select(kept.c.camera, kept.c.document).where(kept.c.seq.in_(newest)))
    return {CameraId(row.camera): _zones(row.camera, row.document) for row in rows}


def of(store: Store, camera: CameraId) -> tuple[Zone, ...]:
    """A camera's zones; what cannot be read: ``CustodesError`` (CORRUPT)."""
    kept = mask_tables.privacy_zones
    rows = store.read(sa.select(kept.c.document).where(kept.c.camera == camera).order_by(kept.c.seq.desc()).limit(1))
    return documents.decode(bytes(rows[0].document)).zones if rows else ()


def _zones(camera: str, document: bytes) -> tuple[Zone, ...] | None:
    try:
        found = documents.decode(bytes(document))
    except CustodesError:
        return None
    return found.zones if found.camera == camera else None
