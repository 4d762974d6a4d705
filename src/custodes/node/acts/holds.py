# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts of keeping: a hold keeps named minutes from being deleted until it is released."""

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain.acts import Act
from custodes.domain.ids import CameraId
from custodes.errors import conflict, not_found
from custodes.node.acts._holding import holding, keep
from custodes.node.store import Store, tables
from custodes.node.store.held import hold_of


def add_hold(store: Store, camera: CameraId, start: Instant, until: Instant, reason: str) -> str:
    """Keep what a camera recorded in [start, until) and return the hold's id.

    ``reason`` is a reference, for example a case number; the log gets a salted commitment to all of it only. A window
    that has not ended yet would be a longer retention in disguise: ``CustodesError`` (INVALID).
    """
    made = holding(store, camera, start, until, reason)
    with store.act(Act.HOLD_ADDED, {"hold": made.commitment}) as tx:
        keep(tx, made)
    return made.id


def release_hold(store: Store, hold: str) -> None:
    """Let held minutes be deleted when they are due; once. What a data subject has asked for stays: CONFLICT."""
    holds, subjects = tables.holds, tables.subject_requests
    rows = store.read(sa.select(holds).where(holds.c.id == hold))
    if not rows:
        raise not_found("there is no such hold")
    row = rows[0]
    with store.act(Act.HOLD_RELEASED, {"hold": hold_of(row).commitment}) as tx:
        asked = sa.select(subjects.c.id).where(subjects.c.hold == hold, subjects.c.closed.is_(None))
        if tx.connection.execute(asked).first():
            raise conflict("a data subject has asked for these minutes: they are held until that request is closed")
        going_on = sa.and_(holds.c.id == hold, holds.c.released.is_(None))
        if not tx.connection.execute(
            sa.update(holds).where(going_on).values(released=tx.now, released_seq=tx.seq)
        ).rowcount:
            raise conflict("this hold was released already")
