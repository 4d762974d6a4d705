# SPDX-License-Identifier: AGPL-3.0-or-later
"""What acts that hold footage share: a window that is over, the commitment in the log, the row."""

from dataclasses import dataclass

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain.ids import CameraId, new_id
from custodes.errors import invalid, not_found
from custodes.node.acts._commitment import commitment
from custodes.node.store import Store, Transaction, tables

_REFERENCE = 200


@dataclass(frozen=True, slots=True)
class Holding:
    """A hold that is about to be made."""

    id: str
    salt: bytes
    camera: CameraId
    start: Instant
    until: Instant
    reason: str

    @property
    def committed(self) -> str:
        """What the log says of it."""
        return committed(self.salt, self.id, self.camera, self.start, self.until, self.reason)

    def write(self, tx: Transaction) -> None:
        """Write the row; an unknown camera: ``CustodesError`` (NOT_FOUND)."""
        if not tx.connection.execute(sa.select(tables.cameras.c.id).where(tables.cameras.c.id == self.camera)).first():
            raise not_found("there is no such camera")
        row = {"camera": self.camera, "start": self.start, "until": self.until, "reason": self.reason}
        tx.connection.execute(tables.holds.insert().values(id=self.id, salt=self.salt, seq=tx.seq, **row))


def holding(store: Store, camera: CameraId, start: Instant, until: Instant, reason: str) -> Holding:
    """A hold of [start, until), which must be over; ``reason`` is a reference. ``CustodesError`` (INVALID)."""
    if not start < until <= store.clock.now():
        raise invalid("a hold is for minutes that are over: its window must end after it begins, and before now")
    if not reason.strip() or len(reason) > _REFERENCE or not reason.isprintable():
        raise invalid(f"a hold needs a reference in one line of at most {_REFERENCE} characters")
    return Holding(new_id(store.entropy(16)), store.entropy(16), camera, start, until, reason)


def committed(salt: bytes, hold: str, camera: str, start: int, until: int, reason: str) -> str:
    """The commitment to everything about a hold."""
    return commitment(salt, hold, camera, str(start), str(until), reason)
