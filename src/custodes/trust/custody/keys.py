# SPDX-License-Identifier: Apache-2.0
"""Dated wrapping keys: random ones, each for one retention and one day or week, published ahead and later destroyed.

A custodian's program makes them and signs their public halves with the identity key; the recorder seals each share to
the key of the day. Once a key's periods are past their retention its private half is destroyed, and the custodian says
so in a signed statement: from then on that share opens for nobody. A key that was derived could not be destroyed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from custodes.clock import SECOND, Instant
from custodes.domain import canonical, times
from custodes.domain.canonical import Json, JsonObject, integer, listed, member, text
from custodes.domain.ids import DeploymentId, Digest, KeyId
from custodes.errors import corrupt, denied
from custodes.trust.custody.policy import Policy
from custodes.trust.seal.custodians import CustodianSet
from custodes.trust.seal.fields import only, sha256, versioned
from custodes.trust.seal.signing import SigningKey, check, read_signed
from custodes.trust.seal.wrapping import WrappingPublicKey

KEYS = "custodes/custodian-keys"
DESTROYED = "custodes/keys-destroyed"
HOUR = 3600 * SECOND
DAY, WEEK = 24 * HOUR, 7 * 24 * HOUR
SHORT_HOURS = 168
"""Retentions up to this (seven days) get a key a day, longer ones a key a week."""
LONGEST_HOURS = 8784
MARGIN = HOUR
"""How long after the last retention under it a key stays: a period may end a little after its key, clocks differ."""
GRACE = 2 * DAY
"""A key that is still there so long after it was due is overdue, and that is public."""
AHEAD = 12 * WEEK
RENEW = 6 * WEEK
"""A custodian's agent publishes again when less than this is left of what is published."""
WARN = 4 * WEEK
"""The operator is told when less than this is left."""
MAX_KEYS = 2_000
MAX_DOCUMENT = 8 * 1024 * 1024
_MONDAY = 4 * DAY
"""1970-01-05 was a Monday."""


@dataclass(frozen=True, slots=True)
class DatedKey:
    """A published key for periods that begin in [``start``, ``until``) and are kept for at most ``hours``."""

    wrapping: WrappingPublicKey
    hours: int
    start: Instant
    until: Instant

    @property
    def id(self) -> KeyId:
        return self.wrapping.id

    @property
    def due(self) -> Instant:
        """When its private half is to be destroyed."""
        return due(self.hours, self.until)


@dataclass(frozen=True, slots=True)
class KeyBatch:
    """A verified document of published keys; ``digest`` is the SHA-256 of the signed document."""

    custodian: KeyId
    issued: Instant
    keys: tuple[DatedKey, ...]
    digest: Digest


@dataclass(frozen=True, slots=True)
class Destruction:
    """A verified statement that the private halves of ``keys`` were destroyed."""

    custodian: KeyId
    destroyed: Instant
    keys: tuple[KeyId, ...]
    digest: Digest


def due(hours: int, until: Instant) -> Instant:
    """When a key for periods that begin before ``until`` and are kept for ``hours`` is to be destroyed."""
    return Instant(until + hours * HOUR + MARGIN)


def span(hours: int) -> int:
    """How long, in nanoseconds, a key for this retention is used: a day, or a week where the retention is longer."""
    return DAY if hours <= SHORT_HOURS else WEEK


def slots(hours: int, since: Instant, until: Instant) -> Iterator[tuple[Instant, Instant]]:
    """The days (UTC) or weeks (from Monday, UTC) that touch [``since``, ``until``), for keys of this retention."""
    length, offset = span(hours), _MONDAY if hours > SHORT_HOURS else 0
    start = (since - offset) // length * length + offset
    while start < until:
        yield Instant(start), Instant(start + length)
        start += length


def publish(identity: SigningKey, deployment: DeploymentId, issued: Instant, keys: Sequence[DatedKey]) -> bytes:
    """Return the signed document that publishes ``keys``."""
    items: list[Json] = [
        {
            "hours": key.hours,
            "from": times.to_text(key.start),
            "until": times.to_text(key.until),
            "wrapping": key.wrapping.to_json(),
        }
        for key in sorted(keys, key=lambda key: (key.hours, key.start))
    ]
    return identity.sign(KEYS, {"v": 1, "deployment": deployment, "issued": times.to_text(issued), "keys": items})


def parse_keys(data: bytes, policy: Policy) -> KeyBatch:
    """Verify a document of published keys.

    Raises ``CustodesError``: DENIED if its signer is no custodian or it is for another deployment, CORRUPT if it was
    changed, if a key is for longer than a day or week, or if two of one retention are for the same time.
    """
    if len(data) > MAX_DOCUMENT:
        raise corrupt("a document of keys holds at most 8 MiB")
    signed = read_signed(data, KEYS)
    check(signed, policy.custodian_keys)
    versioned(signed.body, "deployment", "issued", "keys")
    if text(signed.body, "deployment") != policy.deployment:
        raise denied("the keys are for another deployment")
    items = listed(signed.body, "keys")
    if not 1 <= len(items) <= MAX_KEYS:
        raise corrupt(f"a document publishes 1 to {MAX_KEYS} keys")
    keys = tuple(_dated(item) for item in items)
    for before, after in pairwise(keys):
        if (before.hours, before.until) > (after.hours, after.start):
            raise corrupt("published keys are in order, and no two of one retention are for the same time")
    if len({key.id for key in keys}) < len(keys):
        raise corrupt("a wrapping key is published twice")
    return KeyBatch(signed.key, times.from_text(signed.body["issued"]), keys, sha256(data))


def _dated(item: Json) -> DatedKey:
    if not isinstance(item, dict):
        raise corrupt("a published key must be an object")
    only(item, "hours", "from", "until", "wrapping")
    found = DatedKey(
        WrappingPublicKey.from_json(member(item, "wrapping")),
        integer(item, "hours"),
        times.from_text(item["from"]),
        times.from_text(item["until"]),
    )
    if not 1 <= found.hours <= LONGEST_HOURS:
        raise corrupt(f"a key is for a retention of 1 to {LONGEST_HOURS} hours")
    if not 0 < found.until - found.start <= span(found.hours):
        raise corrupt("a key is for a day at most, or for a week where the retention is longer than seven days")
    return found


def state_destroyed(identity: SigningKey, deployment: DeploymentId, now: Instant, keys: Iterable[KeyId]) -> bytes:
    """Return the signed statement that the private halves of ``keys`` were destroyed."""
    names: list[Json] = [*sorted(keys)]
    body: JsonObject = {"v": 1, "deployment": deployment, "destroyed": times.to_text(now), "keys": names}
    return identity.sign(DESTROYED, body)


def parse_destroyed(data: bytes, policy: Policy) -> Destruction:
    """Verify a statement of destruction; raises ``CustodesError`` (DENIED, CORRUPT)."""
    signed = read_signed(data, DESTROYED)
    check(signed, policy.custodian_keys)
    versioned(signed.body, "deployment", "destroyed", "keys")
    if text(signed.body, "deployment") != policy.deployment:
        raise denied("the statement is for another deployment")
    items = listed(signed.body, "keys")
    names = [canonical.hexadecimal({"key": item}, "key", 16).hex() for item in items]
    if not 1 <= len(names) <= MAX_KEYS or names != sorted(set(names)):
        raise corrupt(f"a statement names 1 to {MAX_KEYS} keys, each once, in order")
    destroyed = times.from_text(signed.body["destroyed"])
    return Destruction(signed.key, destroyed, tuple(map(KeyId, names)), sha256(data))


@dataclass(frozen=True, slots=True)
class Keyring:
    """Published keys of all custodians, as the recorder holds them; ``gone`` were destroyed already."""

    batches: tuple[KeyBatch, ...] = ()
    gone: frozenset[KeyId] = field(default=frozenset())

    def of(self, custodian: KeyId, hours: int, at: Instant) -> DatedKey | None:
        """The custodian's key for a period that begins at ``at``: of the shortest retention that is long enough.

        Among several the one that was issued last. None if there is none: never one that is over or not begun.
        """
        found = [
            (key.hours, -batch.issued, key.id, key)
            for batch in self.batches
            if batch.custodian == custodian
            for key in batch.keys
            if key.hours >= hours and key.start <= at < key.until and key.id not in self.gone
        ]
        return min(found)[3] if found else None

    def for_period(self, custodians: CustodianSet, hours: int, at: Instant) -> Mapping[int, WrappingPublicKey]:
        """The keys, by the custodian's index, that a period's shares are sealed to; who has none is left out."""
        found = {each.index: self.of(each.identity.id, hours, at) for each in custodians.members}
        return {index: key.wrapping for index, key in found.items() if key is not None}
