# SPDX-License-Identifier: AGPL-3.0-or-later
"""A custodian's wrapping keys: made ahead, published, kept for as long as they are needed.

In the custodian's folder: ``wrapping/<id>.key`` (0600, the private halves) and ``published/<digest>.json`` (documents
of public halves as signed, handed in or not) and ``destroyed/<digest>.json`` (statements).
"""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from custodes.clock import Clock, Instant
from custodes.desk.keyfile import destroy_key, load_key, private_folder, read_file, save_key
from custodes.desk.transport import Transport
from custodes.domain import canonical
from custodes.domain.canonical import listed, text
from custodes.domain.ids import KeyId
from custodes.errors import CustodesError, Kind, corrupt, denied, invalid
from custodes.trust.custody.keys import (
    AHEAD,
    LONGEST_HOURS,
    MAX_DOCUMENT,
    MAX_KEYS,
    DatedKey,
    KeyBatch,
    parse_destroyed,
    parse_keys,
    publish,
    slots,
    state_destroyed,
)
from custodes.trust.custody.policy import Policy
from custodes.trust.seal.fields import sha256
from custodes.trust.seal.signing import SigningKey
from custodes.trust.seal.wrapping import WrappingKey, WrappingPublicKey
from custodes.trust.tlog.store import write_durably

WRAPPING = "custodian wrapping"
_MOST_RETENTIONS = 24
"""A server that asks for keys of more retentions than any town has would only fill the custodian's disk."""


class KeyShelf:
    """One custodian's wrapping keys, private halves and what was published of them."""

    def __init__(
        self,
        folder: Path,
        identity: SigningKey,
        policy: Policy,
        clock: Clock,
        passphrase: str | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._folder = folder
        self.identity = identity
        self.policy = policy
        self._clock = clock
        self._passphrase = passphrase
        self._entropy = entropy

    def private(self) -> list[WrappingKey]:
        """All private halves that are here; raises ``CustodesError`` (DENIED) for a wrong passphrase."""
        paths = sorted((self._folder / "wrapping").glob("*.key"))
        return [WrappingKey.from_seed(load_key(path, WRAPPING, self._passphrase)) for path in paths]

    def dated(self, after: Instant) -> dict[KeyId, WrappingKey]:
        """The private halves of published keys that are due later than ``after`` and still here."""
        names = {key.id for batch in self.batches() for key in batch.keys if key.due > after}
        return {key.public.id: key for key in self.private() if key.public.id in names}

    def now(self) -> Instant:
        """The time by the desk's clock."""
        return self._clock.now()

    def make(self) -> WrappingPublicKey:
        """Make a key that is not published ahead; its private half is durable when this returns."""
        key = WrappingKey.generate(self._entropy)
        self._save(key, None)
        return key.public

    def _save(self, key: WrappingKey, salt: bytes | None) -> None:
        save_key(self._path(key.public.id), WRAPPING, key.public.id, key.seed, self._passphrase, self._entropy, salt)

    def _path(self, key: KeyId) -> Path:
        return self._folder / "wrapping" / f"{key}.key"

    def has(self, key: KeyId) -> bool:
        """Whether a private half is here."""
        return self._path(key).exists()

    def destroy_one(self, key: KeyId) -> bool:
        """Destroy one private half; False if it is not here."""
        return destroy_key(self._path(key))

    def batches(self) -> list[KeyBatch]:
        """What was published, or is about to be; raises ``CustodesError`` (CORRUPT) for a changed file."""
        return [parse_keys(data, self.policy) for data in self._documents()]

    def _documents(self) -> list[bytes]:
        return [read_file(path, MAX_DOCUMENT) for path in sorted((self._folder / "published").glob("*.json"))]

    def covered(self, hours: int) -> Instant:
        """Until when keys for this retention are published; now if there are none for later."""
        ends = [key.until for batch in self.batches() for key in batch.keys if key.hours == hours]
        return max([self._clock.now(), *ends])

    def lost(self, hours: int) -> list[tuple[Instant, Instant]]:
        """Days or weeks, not over, for which keys of this retention are published, and no private half is here."""
        keys = [key for batch in self.batches() for key in batch.keys if key.hours == hours]
        here = {(key.start, key.until) for key in keys if self.has(key.id)}
        return sorted({(key.start, key.until) for key in keys if key.until > self._clock.now()} - here)

    def published(self) -> list[int]:
        """The retentions (hours) that there are published keys for, now or later."""
        # What nothing needs any more is let go when its keys have run out.
        now = self._clock.now()
        return sorted({key.hours for batch in self.batches() for key in batch.keys if key.until > now})

    def retentions(self, transport: Transport, more: Iterable[int] = ()) -> list[int]:
        """The retentions (hours) to have keys for: what the server says is in use, what was published, and ``more``.

        Raises ``CustodesError``: INVALID for more than two dozen or one that cannot be, or if there is none.
        """
        found = {*more, *_asked_for(transport)}
        found |= set(self.published())
        if not found:
            raise invalid("no camera's retention is known: name what keys are needed for, for example --hours 72")
        if len(found) > _MOST_RETENTIONS or not all(1 <= hours <= LONGEST_HOURS for hours in found):
            raise invalid(f"keys are for at most {_MOST_RETENTIONS} retentions, of 1 to {LONGEST_HOURS} hours each")
        return sorted(found)

    def extend(self, retentions: Sequence[int], ahead: int = AHEAD) -> bytes | None:
        """Make keys for what is lost or not covered of the next ``ahead`` nanoseconds; returns the signed document.

        None if everything is covered. The private halves are durable before anything is signed: a crash leaves keys
        that nobody seals to. ``CustodesError`` (DENIED) for somebody who is not in the current set.
        """
        now = self._clock.now()
        if self.policy.custodians[-1].holder(self.identity.public.id) is None:
            raise denied("this custodian is not in the policy's current set: nobody would seal to its keys")
        wanted = [
            (hours, start, until)
            for hours in retentions
            for start, until in [*self.lost(hours), *slots(hours, self.covered(hours), Instant(now + ahead))]
        ]
        made, salt = [], self._entropy(16)
        for hours, start, until in wanted[:MAX_KEYS]:
            key = WrappingKey.generate(self._entropy)
            self._save(key, salt)
            made.append(DatedKey(key.public, hours, start, until))
        if not made:
            return None
        signed = publish(self.identity, self.policy.deployment, now, made)
        private_folder(self._folder / "published")
        write_durably(self._folder / "published" / f"{sha256(signed).hex()}.json", signed)
        return signed

    def hand_in(self, transport: Transport) -> int:
        """Hand in whatever of the published documents the other side does not have; returns how many keys that were."""
        known, count = _digests(_index(transport)), 0
        for data in self._documents():
            batch = parse_keys(data, self.policy)
            over = batch.keys[-1].until <= self._clock.now()
            if batch.digest.hex() not in known and not over and _filed(transport, "keys", data):
                count += len(batch.keys)
        return count

    def destroy(self, at: Instant) -> list[KeyId]:
        """Destroy the private halves of all published keys that are due by ``at``; returns which were there."""
        due = [key.id for batch in self.batches() for key in batch.keys if key.due <= at]
        return [key for key in due if self.destroy_one(key)]

    def state_destroyed(self, transport: Transport, others: Collection[KeyId] = ()) -> None:
        """State what is gone, ``others`` too, and hand in every statement that the other side does not have.

        After a crash between destroying and this, the next call finds the files missing.
        """
        now, folder, index = self._clock.now(), self._folder / "destroyed", _index(transport)
        stated = {key for data in self._statements() for key in parse_destroyed(data, self.policy).keys}
        # What the other side never got, nothing was sealed to, and it would refuse to hear of it.
        got = [each for each in self.batches() if index is None or each.digest.hex() in _digests(index)]
        due = {key.id for batch in got for key in batch.keys if key.due <= now}
        gone = [key for key in sorted({*due, *others} - stated) if not self.has(key)]
        if gone:
            signed = state_destroyed(self.identity, self.policy.deployment, now, gone[:MAX_KEYS])
            private_folder(folder)
            write_durably(folder / f"{sha256(signed).hex()}.json", signed)
        known = [] if index is None else listed(index, "destructions")
        for data in self._statements():
            if sha256(data).hex() not in known:
                _filed(transport, "destroyed", data)

    def _statements(self) -> list[bytes]:
        return [read_file(path, MAX_DOCUMENT) for path in sorted((self._folder / "destroyed").glob("*.json"))]


def _filed(transport: Transport, what: str, signed: bytes) -> bool:
    """Hand a document in; False if it is there already."""
    try:
        transport.file(what, signed)
    except CustodesError as problem:
        if problem.kind is not Kind.CONFLICT:
            raise
        return False
    return True


def _index(transport: Transport) -> canonical.JsonObject | None:
    """What the operator says of the keys: retentions in use, documents that are there. None by hand."""
    try:
        return canonical.load_object(transport.document("keys", MAX_DOCUMENT))
    except CustodesError as problem:
        if problem.kind is not Kind.NOT_FOUND:
            raise
        return None


def _asked_for(transport: Transport) -> list[int]:
    index = _index(transport)
    found = [] if index is None else [hours for hours in listed(index, "hours") if isinstance(hours, int)]
    return found[: _MOST_RETENTIONS + 1]


def _digests(index: canonical.JsonObject | None) -> set[str]:
    """The documents of keys that the other side has."""
    found = set()
    for item in [] if index is None else listed(index, "documents"):
        if not isinstance(item, dict):
            raise corrupt("the server's list of keys cannot be read")
        found.add(text(item, "digest"))
    return found
