# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts of keeping: a hold keeps named minutes from being deleted until it is released."""

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain.acts import Act
from custodes.domain.ids import CameraId, new_id
from custodes.errors import conflict, invalid, not_found
from custodes.node.store import Store, tables
from custodes.node.store.held import hold_of
from custodes.trust.custody.held import Hold

_REFERENCE = 200


def add_hold(store: Store, camera: CameraId, start: Instant, until: Instant, reason: str) -> str:
    """Keep what a camera recorded in [start, until) and return the hold's id.

    ``reason`` is a reference, for example a case number; the log gets a salted commitment to all of it only. A window
    that has not ended yet would be a longer retention in disguise: ``CustodesError`` (INVALID).
    """
    if not start < until <= store.clock.now():
        raise invalid("a hold is for minutes that are over: its window must end after it begins, and before now")
    if not reason.strip() or len(reason) > _REFERENCE or not reason.isprintable():
        raise invalid(f"a hold needs a reference in one line of at most {_REFERENCE} characters")
    hold, salt = new_id(store.entropy(16)), store.entropy(16)
    with store.act(Act.HOLD_ADDED, {"hold": Hold(hold, camera, start, until, reason, salt).commitment}) as tx:
        if not tx.connection.execute(sa.select(tables.cameras.c.id).where(tables.cameras.c.id == camera)).first():
            raise not_found("there is no such camera")
        tx.connection.execute(
            tables.holds.insert().values(
                id=hold, camera=camera, start=start, until=until, reason=reason, salt=salt, seq=tx.seq
            )
        )
    return hold


def release_hold(store: Store, hold: str) -> None:
    """Let held minutes be deleted when they are due; once."""
    holds = tables.holds
    rows = store.read(sa.select(holds).where(holds.c.id == hold))
    if not rows:
        raise not_found("there is no such hold")
    row = rows[0]
    with store.act(Act.HOLD_RELEASED, {"hold": hold_of(row).commitment}) as tx:
        going_on = sa.and_(holds.c.id == hold, holds.c.released.is_(None))
        if not tx.connection.execute(
            sa.update(holds).where(going_on).values(released=tx.now, released_seq=tx.seq)
        ).rowcount:
            raise conflict("this hold was released already")
