# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts on cameras."""

import sqlalchemy as sa

from custodes.domain import canonical
from custodes.domain.acts import Act
from custodes.domain.ids import CameraId, new_id
from custodes.domain.video import StreamUrl
from custodes.errors import invalid, not_found
from custodes.node.store import Store, tables


def add_camera(store: Store, name: str, main: StreamUrl, sub: StreamUrl) -> CameraId:
    """Make a camera known. It stays dark until it has a register entry."""
    for url in (main, sub):
        if not url.value.startswith(("rtsp://", "rtsps://")):
            raise invalid(f"{url} is not an rtsp:// or rtsps:// address")
    if not name.strip():
        raise invalid("a camera needs a name")
    camera = CameraId(new_id(store.entropy(16)))
    streams = canonical.dumps({"main": main.value, "sub": sub.value})
    with store.act(Act.CAMERA_ADDED, {"camera": camera}) as tx:
        tx.connection.execute(
            tables.cameras.insert().values(
                id=camera, name=name, streams=store.encrypt(streams, f"camera streams {camera}"), seq=tx.seq
            )
        )
    return camera


def remove_camera(store: Store, camera: CameraId) -> None:
    """Take a camera out of service; what it recorded keeps its retention."""
    with store.act(Act.CAMERA_REMOVED, {"camera": camera}) as tx:
        known = tables.cameras.c.id == camera
        found = tx.connection.execute(
            sa.update(tables.cameras).where(known, tables.cameras.c.removed.is_(None)).values(removed=tx.now)
        )
        if not found.rowcount:
            raise not_found("there is no such camera in service")
