# SPDX-License-Identifier: AGPL-3.0-or-later
"""Leave to record, taken from the camera's newest register entry and its proof in the witnessed log."""

from typing import TypeAlias

from custodes.domain.ids import CameraId
from custodes.domain.register import RecordingPermit
from custodes.errors import denied, not_found
from custodes.node.queries import custody, register
from custodes.node.store import Store
from custodes.trust.verify.permit import permit

Proof: TypeAlias = tuple[bytes, bytes, bytes]
"""Document, log entry and receipt: what a permit is made of, for other processes."""


class Permits:
    """The permits of one process: each is proven once, and again when a newer entry is published.

    A newer entry replaces the older one as soon as it is witnessed, however long that one would have been valid.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._newest: dict[CameraId, str] = {}
        self._proven: dict[CameraId, tuple[str, RecordingPermit, Proof]] = {}

    def look(self) -> None:
        """Look which entry is the newest of each camera; call it before ``of``, a few times a second."""
        self._newest = register.newest(self._store)

    def of(self, camera: CameraId) -> tuple[RecordingPermit, Proof]:
        """The camera's permit and its proof; ``CustodesError`` says why it must stay dark.

        UNAVAILABLE while its newest entry is not witnessed yet.
        """
        digest = self._newest.get(camera)
        if digest is None:
            raise not_found("no register entry: the camera is not on the public register")
        now = self._store.clock.now()
        known = self._proven.get(camera)
        if known is None or known[0] != digest:
            proof = register.logged_document(self._store, camera)
            known = digest, permit(*proof, custody.tlog_policy(self._store), now), proof
            self._proven[camera] = known
        if known[1].expires <= now:
            raise denied("permit: the register entry has expired; renew it")
        return known[1], known[2]
