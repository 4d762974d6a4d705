# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts on masks."""

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain.acts import Act
from custodes.domain.canonical import JsonObject
from custodes.domain.ids import CameraId
from custodes.errors import conflict
from custodes.node.acts._commitment import commitment
from custodes.node.store import Store, tables


def certify(store: Store, camera: CameraId, person: str, seen: Instant | None = None) -> None:
    """The steward has looked at the masked still and certifies it as the camera's reference picture.

    ``person`` is the steward's random id. ``seen``: when the still that was looked at was made. Without a complete
    candidate, or if the still is another one by now: ``CustodesError`` (CONFLICT).
    """
    salt = store.entropy(16)
    facts: JsonObject = {"camera": camera, "by": commitment(salt, person)}
    with store.act(Act.MASK_CERTIFIED, facts) as tx:
        candidates = tables.candidates
        ready = sa.select(candidates.c.taken).where(candidates.c.camera == camera, candidates.c.progress == 100)
        row = tx.connection.execute(ready).first()
        if row is None:
            raise conflict("the reference picture is not complete yet: wait until learning has reached 100 %")
        if seen is not None and row.taken != seen:
            raise conflict("the reference picture is a newer one than you have looked at: look again")
        tx.connection.execute(tables.certifications.insert().values(camera=camera, at=tx.now, seq=tx.seq))
