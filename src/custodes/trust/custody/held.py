# SPDX-License-Identifier: Apache-2.0
"""Held footage: a custodian wraps its own shares anew, to a hold key, before the key of the day is destroyed.

Only for minutes that a hold in the witnessed log names. The hold key is the custodian's own, one for each hold, and is
destroyed when the hold is released.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from custodes.clock import SECOND, Instant
from custodes.domain import canonical, times
from custodes.domain.acts import Act
from custodes.domain.canonical import Json, JsonObject, hexadecimal, integer, listed, member, text
from custodes.domain.ids import CameraId, Digest, Epoch, KeyId, PeriodId, check_id
from custodes.errors import CustodesError, corrupt, denied
from custodes.trust.custody import facts
from custodes.trust.custody.policy import Policy
from custodes.trust.custody.witnessing import verify_witnessed
from custodes.trust.seal.fields import binary, only, sha256, to_base64, versioned
from custodes.trust.seal.header import SealedHeader, parse_period, period_json
from custodes.trust.seal.manifest import OpeningManifest, parse_opening
from custodes.trust.seal.shares import SHARE_BYTES, is_share, open_share, read_shares
from custodes.trust.seal.signing import SigningKey, check, read_signed
from custodes.trust.seal.wrapping import OVERHEAD, SUITE, WrappingKey, WrappingPublicKey, unwrap, wrap

HELD = "custodes/held-shares"
MAX_PERIODS = 500
"""Periods of one document."""
_LONGEST = 120 * SECOND


@dataclass(frozen=True, slots=True)
class Hold:
    """What a hold names: a camera's minutes in [``start``, ``until``). The log has a salted commitment to all of it."""

    id: str
    camera: CameraId
    start: Instant
    until: Instant
    reason: str
    salt: bytes

    @property
    def commitment(self) -> str:
        """What stands in the log: SHA-256, in hexadecimal, of the canonical JSON list of salt and facts."""
        said: list[Json] = [self.salt.hex(), self.id, self.camera, str(self.start), str(self.until), self.reason]
        return hashlib.sha256(canonical.dumps(said)).hexdigest()

    def names(self, opening: OpeningManifest) -> bool:
        """Say whether a period belongs to the hold, by the beginning that its recorder has signed."""
        header = opening.sealed.header
        return header.period.camera == self.camera and self.start - _LONGEST < header.started < self.until

    def to_json(self) -> JsonObject:
        """Return it as a custodian is shown it."""
        return {
            "id": self.id, "camera": self.camera, "from": times.to_text(self.start),
            "until": times.to_text(self.until), "reason": self.reason, "salt": self.salt.hex(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class ShownHold:
    """A verified hold. ``logged``: its entry's time. ``periods``: opening manifests and wrapped shares."""

    hold: Hold
    logged: Instant
    released: bool
    periods: tuple[tuple[OpeningManifest, tuple[bytes, ...]], ...]


@dataclass(frozen=True, slots=True)
class HeldShare:
    """One share under a hold key (``key``), as its custodian signed it."""

    period: PeriodId
    header: Digest
    epoch: Epoch
    index: int
    box: bytes
    key: KeyId
    hold: str


@dataclass(frozen=True, slots=True)
class HeldShares:
    """A verified document of held shares."""

    custodian: KeyId
    hold: str
    key: WrappingPublicKey
    shares: tuple[HeldShare, ...]
    digest: Digest


_BEGINS = {Act.HOLD_ADDED.value: (), Act.SUBJECT_RECEIVED.value: ("subject",)}
_ENDS = {Act.HOLD_RELEASED.value: (), Act.SUBJECT_CLOSED.value: ("subject",)}
"""Acts that begin and end a hold, each with the members of its entry besides ``hold``."""


def build_hold(
    hold: Hold, added: tuple[bytes, bytes], released: tuple[bytes, bytes] | None, parts: Iterable[tuple[bytes, bytes]]
) -> bytes:
    """Return what a custodian is shown of a hold: entries with receipts, opening manifests with share objects."""
    periods: list[Json] = [
        {"opening": canonical.load_object(opening), "shares": canonical.load_object(shares)}
        for opening, shares in parts
    ]
    return canonical.dumps(
        {
            "v": 1,
            "hold": hold.to_json(),
            "added": _logged(added),
            "released": None if released is None else _logged(released),
            "periods": periods,
        }
    )


def _logged(entry: tuple[bytes, bytes]) -> JsonObject:
    return {"entry": canonical.load_object(entry[0]), "receipt": entry[1].decode()}


def verify_hold(data: bytes, policy: Policy) -> ShownHold:
    """Verify what the operator shows of a hold.

    Raises ``CustodesError``: DENIED if the hold (or its release) is not in the witnessed log, is for minutes that were
    not over, or does not name a period that is shown; CORRUPT if something was changed.
    """
    source = canonical.load_object(data)
    versioned(source, "hold", "added", "released", "periods")
    hold = _hold(member(source, "hold"))
    logged, seen = _check_logged(member(source, "added"), _BEGINS, hold, policy)
    if hold.until > seen:
        raise denied("the hold is for minutes that were not over: it would be a longer retention in disguise")
    released = source["released"] is not None
    if released:
        _check_logged(member(source, "released"), _ENDS, hold, policy)
    periods = []
    for item in listed(source, "periods"):
        if not isinstance(item, dict):
            raise corrupt("a period of a hold must be an object")
        only(item, "opening", "shares")
        opening = parse_opening(canonical.dumps(member(item, "opening")), policy.recorder_keys)
        if opening.sealed.header.deployment != policy.deployment or not hold.names(opening):
            raise denied(f"the hold does not name {opening.period}")
        periods.append((opening, read_shares(member(item, "shares"), opening.sealed.digest, opening.shares)))
    return ShownHold(hold, logged, released, tuple(periods))


def _hold(source: JsonObject) -> Hold:
    only(source, "id", "camera", "from", "until", "reason", "salt")
    return Hold(
        check_id(text(source, "id")),
        CameraId(check_id(text(source, "camera"))),
        times.from_text(source["from"]),
        times.from_text(source["until"]),
        text(source, "reason"),
        hexadecimal(source, "salt", 16),
    )


def _check_logged(
    source: JsonObject, acts: Mapping[str, tuple[str, ...]], hold: Hold, policy: Policy
) -> tuple[Instant, Instant]:
    """The entry's own time and the witnesses'; ``acts``: those that it may be of, with their other members."""
    only(source, "entry", "receipt")
    said = member(source, "entry")
    entry, act = canonical.dumps(said), text(said, "act")
    try:
        if act not in acts:
            raise corrupt("the log entry is of another act")
        others: JsonObject = {name: hexadecimal(said, name, 32).hex() for name in acts[act]}
        logged = facts.check_entry(entry, Act(act), {"hold": hold.commitment, **others})
        receipt = verify_witnessed(entry, text(source, "receipt").encode(), policy)
    except CustodesError as problem:
        raise denied(f"the hold is not in the witnessed log: {problem}") from None
    return logged, receipt.time


def hold_info(sealed: SealedHeader, index: int, hold: str, custodian: KeyId, key: KeyId) -> JsonObject:
    """Return what a held share is bound to (HPKE ``info``)."""
    header, quorum = sealed.header, sealed.quorum
    return {
        "v": 1,
        "use": "hold",
        "suite": SUITE,
        "deployment": header.deployment,
        **period_json(header.period),
        "header": sealed.digest.hex(),
        "epoch": quorum.epoch,
        "k": quorum.k,
        "n": quorum.n,
        "index": index,
        "hold": hold,
        "custodian": custodian,
        "key": key,
    }


def rewrap_held(
    shown: ShownHold,
    policy: Policy,
    custodian: SigningKey,
    keys: Mapping[KeyId, WrappingKey],
    to: WrappingPublicKey,
    now: Instant,
) -> bytes | None:
    """Return the signed document with the custodian's shares under the hold key ``to``.

    ``keys``: the dated keys that may be used. Shares under other keys are left out; None if none is left.
    """
    items: list[Json] = []
    for opening, boxes in shown.periods:
        sealed = opening.sealed
        holder = policy.quorum(sealed.quorum).holder(custodian.public.id)
        place = None if holder is None else opening.shares[holder.index - 1]
        if place is None or place.wrapping_key not in keys:
            continue
        share = open_share(boxes[place.index - 1], sealed, place, keys[place.wrapping_key])
        info = hold_info(sealed, place.index, shown.hold.id, custodian.public.id, to.id)
        items.append(
            {
                **period_json(opening.period),
                "header": sealed.digest.hex(),
                "epoch": sealed.quorum.epoch,
                "index": place.index,
                "share": to_base64(wrap(to, share, info)),
            }
        )
    if not items:
        return None
    body: JsonObject = {
        "v": 1,
        "deployment": policy.deployment,
        "hold": shown.hold.id,
        "held": times.to_text(now),
        "key": to.to_json(),
        "periods": items,
    }
    return custodian.sign(HELD, body)


def parse_held(data: bytes, policy: Policy) -> HeldShares:
    """Verify a document of held shares; whether they open only its custodian can tell.

    Raises ``CustodesError``: DENIED for somebody who is no custodian or another deployment, CORRUPT.
    """
    signed = read_signed(data, HELD)
    check(signed, policy.custodian_keys)
    body = signed.body
    versioned(body, "deployment", "hold", "held", "key", "periods")
    if text(body, "deployment") != policy.deployment:
        raise denied("the held shares are of another deployment")
    times.from_text(body["held"])
    key, hold = WrappingPublicKey.from_json(member(body, "key")), check_id(text(body, "hold"))
    items = listed(body, "periods")
    if not 1 <= len(items) <= MAX_PERIODS:
        raise corrupt(f"a document holds 1 to {MAX_PERIODS} shares")
    shares = tuple(_share(item, key.id, hold) for item in items)
    if len({share.period for share in shares}) < len(shares):
        raise corrupt("a period comes twice in a document of held shares")
    return HeldShares(signed.key, hold, key, shares, sha256(data))


def _share(item: Json, key: KeyId, hold: str) -> HeldShare:
    if not isinstance(item, dict):
        raise corrupt("a held share must be an object")
    only(item, "camera", "period", "term", "header", "epoch", "index", "share")
    return HeldShare(
        parse_period(item),
        Digest(hexadecimal(item, "header", 32)),
        Epoch(integer(item, "epoch")),
        integer(item, "index"),
        binary(item, "share", SHARE_BYTES + OVERHEAD),
        key,
        hold,
    )


def check_place(held: HeldShare, custodian: KeyId, opening: OpeningManifest, policy: Policy) -> None:
    """Check that a held share is of this period and its custodian's; raises ``CustodesError`` (DENIED)."""
    quorum = opening.sealed.quorum
    holder = policy.quorum(quorum).holder(custodian)
    place = (opening.sealed.digest, quorum.epoch, None if holder is None else holder.index)
    if place != (held.header, held.epoch, held.index):
        raise denied(f"a held share of {held.period} is not this custodian's")


def open_held(held: HeldShare, opening: OpeningManifest, custodian: KeyId, key: WrappingKey) -> bytes:
    """Unwrap a held share and check it against the recorder's commitment; raises ``CustodesError`` (CORRUPT)."""
    info = hold_info(opening.sealed, held.index, held.hold, custodian, held.key)
    share = unwrap(key, held.box, info)
    if not is_share(opening.shares[held.index - 1], opening.sealed.digest, share):
        raise corrupt(f"the held share of {held.period} is not the one that the recorder committed to")
    return share


def held_of(documents: Sequence[bytes], policy: Policy) -> dict[tuple[PeriodId, KeyId], list[HeldShare]]:
    """Held shares by period and custodian, out of documents that are verified here."""
    found: dict[tuple[PeriodId, KeyId], list[HeldShare]] = {}
    for document in documents:
        parsed = parse_held(document, policy)
        for share in parsed.shares:
            found.setdefault((share.period, parsed.custodian), []).append(share)
    return found
