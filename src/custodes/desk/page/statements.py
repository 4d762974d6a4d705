# SPDX-License-Identifier: AGPL-3.0-or-later
"""Statements of access that were signed in the browser: the program asks with them, and cannot make any itself."""

from custodes.clock import SECOND, Clock, Instant
from custodes.domain.canonical import JsonObject, text
from custodes.domain.ids import KeyId
from custodes.errors import denied
from custodes.trust.custody.access import ACCESS, LIFE, access_body, verify_access
from custodes.trust.custody.policy import Policy
from custodes.trust.seal.signing import read_signed

_MARGIN = 60 * SECOND
_MOST = 1000


class Statements:
    """The newest statement for each path, until shortly before the server would find it too old."""

    def __init__(self, policy: Policy, identity: KeyId, clock: Clock) -> None:
        self._policy, self._identity, self._clock = policy, identity, clock
        self._held: dict[str, tuple[Instant, bytes]] = {}

    def has(self, path: str) -> bool:
        """Whether there is a statement for this path that still holds."""
        held = self._held.get(path)
        return held is not None and self._clock.now() - held[0] < LIFE - _MARGIN

    def get(self, path: str) -> bytes:
        """The statement for a path; raises ``CustodesError`` (DENIED) if there is none."""
        if not self.has(path):
            raise denied("asking the operator takes your signature: open your keys in the page")
        return self._held[path][1]

    def wanted(self, path: str) -> JsonObject:
        """What has to be signed for a path."""
        return access_body(self._policy.deployment, path, self._clock.now())

    def take(self, signed: bytes) -> None:
        """Keep a statement; raises ``CustodesError`` (DENIED, CORRUPT) unless this custodian has signed it, now."""
        path = text(read_signed(signed, ACCESS).body, "path")
        if verify_access(signed, self._policy, path, self._clock.now()) != self._identity:
            raise denied("this key is another office's: choose the keys that belong to this desk")
        if len(self._held) >= _MOST:
            self._held.clear()
        self._held[path] = (self._clock.now(), signed)
