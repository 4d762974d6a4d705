# SPDX-License-Identifier: AGPL-3.0-or-later
"""What acts that hold footage share: a window that is over, and the row."""

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain.ids import CameraId, new_id
from custodes.errors import invalid, not_found
from custodes.node.store import Store, Transaction, tables
from custodes.trust.custody.held import Hold

_REFERENCE = 200


def holding(store: Store, camera: CameraId, start: Instant, until: Instant, reason: str) -> Hold:
    """A hold of [start, until), which must be over; ``reason`` is a reference. ``CustodesError`` (INVALID)."""
    if not start < until <= store.clock.now():
        raise invalid("a hold is for minutes that are over: its window must end after it begins, and before now")
    if not reason.strip() or len(reason) > _REFERENCE or not reason.isprintable():
        raise invalid(f"a hold needs a reference in one line of at most {_REFERENCE} characters")
    return Hold(new_id(store.entropy(16)), camera, start, until, reason, store.entropy(16))


def keep(tx: Transaction, hold: Hold) -> None:
    """Write a hold's row; an unknown camera: ``CustodesError`` (NOT_FOUND)."""
    if not tx.connection.execute(sa.select(tables.cameras.c.id).where(tables.cameras.c.id == hold.camera)).first():
        raise not_found("there is no such camera")
    row = {"camera": hold.camera, "start": hold.start, "until": hold.until, "reason": hold.reason}
    tx.connection.execute(tables.holds.insert().values(id=hold.id, salt=hold.salt, seq=tx.seq, **row))
