# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts on masks."""

import sqlalchemy as sa

from custodes.domain.acts import Act
from custodes.domain.canonical import JsonObject
from custodes.domain.ids import CameraId
from custodes.errors import conflict
from custodes.node.acts._commitment import commitment
from custodes.node.store import Store, tables


def certify(store: Store, camera: CameraId, person: str) -> None:
    """The steward has looked at the masked still and certifies it as the camera's reference picture.

    ``person`` is the steward's random id. Without a complete candidate: ``CustodesError`` (CONFLICT).
    """
    salt = store.entropy(16)
    facts: JsonObject = {"camera": camera, "by": commitment(salt, person)}
    with store.act(Act.MASK_CERTIFIED, facts) as tx:
        candidates = tables.candidates
        ready = sa.select(candidates.c.camera).where(candidates.c.camera == camera, candidates.c.progress == 100)
        if not tx.connection.execute(ready).first():
            raise conflict("the reference picture is not complete yet: wait until learning has reached 100 %")
        tx.connection.execute(tables.certifications.insert().values(camera=camera, at=tx.now, seq=tx.seq))
