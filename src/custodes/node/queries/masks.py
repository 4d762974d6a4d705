# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reference pictures that wait for the steward, and what was certified."""

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain.ids import CameraId
from custodes.node.queries import hidden
from custodes.node.queries.views import CandidateView
from custodes.node.store import Store, tables


def candidate(store: Store, camera: CameraId) -> CandidateView:
    """How far a camera's reference picture is; the still is masked. One that a recalled masker made is left out."""
    candidates = tables.candidates.c
    rows = store.read(sa.select(tables.candidates).where(candidates.camera == camera))
    certified = certified_at(store, camera)
    if not rows:
        return CandidateView(camera, None, None, 0, certified)
    row = rows[0]
    picture = None
    if row.picture is not None and row.masker not in hidden.recalled(store):
        picture = store.decrypt(row.picture, f"candidate {camera}")
    return CandidateView(camera, picture, None if row.taken is None else Instant(row.taken), row.progress, certified)


def certified_at(store: Store, camera: CameraId) -> Instant | None:
    """When the camera's reference was last certified."""
    certifications = tables.certifications.c
    newest = store.read(sa.select(sa.func.max(certifications.at)).where(certifications.camera == camera))[0][0]
    return None if newest is None else Instant(newest)
