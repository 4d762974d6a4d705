# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts of looking: even a masked picture is watched for somebody's eyes, and that is on record."""

import sqlalchemy as sa

from custodes.domain.acts import Act
from custodes.domain.canonical import JsonObject
from custodes.domain.ids import CameraId, new_id
from custodes.errors import not_found
from custodes.node.acts._commitment import commitment
from custodes.node.store import Store, tables


def begin_viewing(store: Store, person: str, camera: CameraId, what: str) -> str:
    """Record that a person begins to watch a camera (``live`` or ``playback``) and return the viewing's id.

    The log gets a salted commitment to viewer and camera only.
    """
    viewing, salt = new_id(store.entropy(16)), store.entropy(16)
    with store.act(Act.VIEWING_BEGUN, {"what": what, "of": commitment(salt, person, camera, viewing)}) as tx:
        tx.connection.execute(
            tables.viewings.insert().values(
                id=viewing, person=person, camera=camera, what=what, began=tx.now, salt=salt, seq=tx.seq
            )
        )
    return viewing


def end_viewing(store: Store, viewing: str) -> None:
    """Record that a viewing has ended; once."""
    viewings = tables.viewings
    rows = store.read(
        sa.select(viewings.c.person, viewings.c.camera, viewings.c.salt, viewings.c.what).where(
            viewings.c.id == viewing, viewings.c.ended.is_(None)
        )
    )
    if not rows:
        raise not_found("there is no such viewing under way")
    row = rows[0]
    facts: JsonObject = {"what": row.what, "of": commitment(row.salt, row.person, row.camera, viewing)}
    with store.act(Act.VIEWING_ENDED, facts) as tx:
        under_way = sa.and_(viewings.c.id == viewing, viewings.c.ended.is_(None))
        if not tx.connection.execute(sa.update(viewings).where(under_way).values(ended=tx.now)).rowcount:
            # Somebody else has ended it since we looked: one end, one entry.
            raise not_found("there is no such viewing under way")
