# SPDX-License-Identifier: AGPL-3.0-or-later
"""What sealing needs of a node's data folder, without the catalogue."""

import os
import shutil
from collections.abc import Callable

from custodes.clock import Clock, SystemClock
from custodes.errors import unavailable
from custodes.node.config import Layout
from custodes.node.store.keys import read_key
from custodes.node.store.objects import DiskObjects
from custodes.trust.custody.policy import Policy, parse_policy
from custodes.trust.seal.signing import SigningKey
from custodes.trust.tlog.checkpoint import Checkpoint, SignedCheckpoint
from custodes.trust.tlog.policy import TlogPolicy

_NEARLY_FULL = 8 << 20
"""A disk with less room than this (bytes) is full when it refuses to write."""


class Vault:
    """Objects, the recorder's key, policy and newest witnessed checkpoint; changed files are read again."""

    def __init__(
        self, layout: Layout, clock: Clock | None = None, entropy: Callable[[int], bytes] = os.urandom
    ) -> None:
        self.layout = layout
        self.clock = clock or SystemClock()
        self.entropy = entropy
        self.objects = DiskObjects(layout.store)
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

    def is_full(self) -> bool:
        """Whether there is hardly any room left on the store's disk."""
        try:
            return shutil.disk_usage(self.layout.store).free < _NEARLY_FULL
        except OSError:
            return False
