# SPDX-License-Identifier: AGPL-3.0-or-later
"""Leave to record, taken from the camera's register entry and its proof in the witnessed log."""

from custodes.domain.ids import CameraId
from custodes.domain.register import RecordingPermit
from custodes.node.queries import custody, register
from custodes.node.store import Store
from custodes.trust.verify.permit import permit


def permit_for(store: Store, camera: CameraId) -> RecordingPermit:
    """Return the camera's permit; ``CustodesError`` says why it must stay dark."""
    return proven_permit(store, camera)[0]


def proven_permit(store: Store, camera: CameraId) -> tuple[RecordingPermit, tuple[bytes, bytes, bytes]]:
    """As ``permit_for``, with the proof it was made of, for other processes: document, log entry and receipt."""
    proof = register.logged_document(store, camera)
    return permit(*proof, custody.tlog_policy(store), store.clock.now()), proof
