# SPDX-License-Identifier: AGPL-3.0-or-later
"""What sealing needs of a node's data folder, without the catalogue."""

import os
import shutil
from collections.abc import Callable

from custodes.clock import Clock, SystemClock
from custodes.domain.ids import CameraId
from custodes.domain.video import GapCause
from custodes.errors import unavailable
from custodes.node.config import Layout
from custodes.node.store.keys import read_key
from custodes.node.store.objects import DiskObjects
from custodes.trust.custody.keys import Keyring
from custodes.trust.custody.policy import Policy, parse_policy
from custodes.trust.seal.signing import SigningKey
from custodes.trust.tlog.checkpoint import Checkpoint, SignedCheckpoint
from custodes.trust.tlog.policy import TlogPolicy

ROOM = 64 << 20
"""Bytes that recording leaves free on its disk: for the catalogue, the log, and whoever has to make room."""


class Vault:
    """Objects, the recorder's key, policy and newest witnessed checkpoint; changed files are read again."""

    def __init__(
        self, layout: Layout, clock: Clock | None = None, entropy: Callable[[int], bytes] = os.urandom
    ) -> None:
        self.layout = layout
        self.clock = clock or SystemClock()
        self.entropy = entropy
        self.objects = DiskObjects(layout.store)
        self.keyring = Keyring()
        """The custodians' published keys. Who has none for the day gets shares under the set's long-lived key."""
        self.recorder = SigningKey.from_seed(read_key(layout.keys / "recorder.key"))
        self._policy: tuple[tuple[int, int], Policy, TlogPolicy] | None = None

    @property
    def policy(self) -> Policy:
        """Whom everybody believes."""
        return self._policies()[0]

    @property
    def tlog_policy(self) -> TlogPolicy:
        """The part of the policy that names log and witnesses."""
        return self._policies()[1]

    def _policies(self) -> tuple[Policy, TlogPolicy]:
        try:
            found = self.layout.policy.stat()
            version = (found.st_mtime_ns, found.st_ino)
            if self._policy is None or self._policy[0] != version:
                policy = parse_policy(self.layout.policy.read_bytes())
                self._policy = version, policy, TlogPolicy.parse(policy.log)
        except OSError as problem:
            raise unavailable(f"{self.layout.policy} cannot be read: {problem.strerror}") from None
        return self._policy[1:]

    @property
    def checkpoint(self) -> Checkpoint:
        """The newest checkpoint that satisfied the policy; none yet: ``CustodesError`` (UNAVAILABLE)."""
        try:
            return SignedCheckpoint.parse(self.layout.witnessed.read_bytes()).checkpoint
        except OSError:
            raise unavailable("no checkpoint has been witnessed yet") from None

    def is_full(self, camera: CameraId) -> bool:
        """Whether there is hardly any room left where a camera's segments lie."""
        folder = self.layout.store / "segments" / camera
        try:
            usage = shutil.disk_usage(folder if folder.is_dir() else self.layout.store)
        except OSError:
            return False
        return usage.free < min(ROOM, usage.total // 50)

    def demand_room(self, camera: CameraId) -> None:
        """Raise ``CustodesError`` (UNAVAILABLE) if the disk is full."""
        if self.is_full(camera):
            raise unavailable(GapCause.DISK_FULL.value)
