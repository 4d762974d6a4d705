# SPDX-License-Identifier: Apache-2.0
"""The dossier: what a custodian is shown of a request, and everything needed to judge it offline.

One canonical JSON document, over HTTP or carried by hand. Nothing in it is believed: ``verify_dossier`` checks it
against the custodian's own policy and clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from custodes.clock import Instant
from custodes.domain import canonical, times
from custodes.domain.acts import Act
from custodes.domain.canonical import JsonObject, listed, member, text
from custodes.domain.ids import KeyId, PeriodId
from custodes.errors import CustodesError, corrupt, denied
from custodes.trust.custody import facts
from custodes.trust.custody.held import HeldShare, check_place, held_of
from custodes.trust.custody.policy import Policy
from custodes.trust.custody.request import Request, check_request, parse_request
from custodes.trust.custody.witnessing import verify_witnessed
from custodes.trust.seal.fields import only, versioned
from custodes.trust.seal.manifest import (
    ClosingManifest,
    OpeningManifest,
    check_pair,
    parse_closing,
    parse_opening,
)
from custodes.trust.seal.shares import read_shares
from custodes.trust.tlog.receipt import Receipt

MAX_DOSSIER = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DossierPeriod:
    """A period that the request touches: its signed manifests and its share object, as they lie in the store."""

    opening: bytes
    closing: bytes
    shares: bytes


@dataclass(frozen=True, slots=True)
class Dossier:
    """``request`` as signed, ``entry`` its log entry, ``receipt`` that entry's tlog-proof with witnesses.

    ``held``: documents of held shares that touch the periods.
    """

    request: bytes
    entry: bytes
    receipt: bytes
    periods: tuple[DossierPeriod, ...]
    held: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownPeriod:
    """A verified period; ``boxes`` are the wrapped shares in the order of their custodians.

    ``held``: shares that custodians have wrapped anew because of a hold, by the custodian's identity key.
    """

    opening: OpeningManifest
    closing: ClosingManifest
    boxes: tuple[bytes, ...]
    held: Mapping[KeyId, Sequence[HeldShare]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VerifiedDossier:
    """A dossier that holds: the request is enrolled, logged and witnessed, its window over, the periods within it.

    ``signed`` is the request's document.
    """

    signed: bytes
    request: Request
    receipt: Receipt
    periods: Mapping[PeriodId, ShownPeriod]

    @property
    def openings(self) -> dict[PeriodId, OpeningManifest]:
        """The opening manifests of the periods."""
        return {period: shown.opening for period, shown in self.periods.items()}


def build_dossier(dossier: Dossier) -> bytes:
    """Return the document; raises ``CustodesError`` (CORRUPT) if a part is not what it should be."""
    periods: list[canonical.Json] = [
        {
            "opening": canonical.load_object(period.opening),
            "closing": canonical.load_object(period.closing),
            "shares": canonical.load_object(period.shares),
        }
        for period in dossier.periods
    ]
    return canonical.dumps(
        {
            "v": 1,
            "request": canonical.load_object(dossier.request),
            "entry": canonical.load_object(dossier.entry),
            "receipt": _utf8(dossier.receipt),
            "periods": periods,
            **({"held": [canonical.load_object(each) for each in dossier.held]} if dossier.held else {}),
        }
    )


def _utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise corrupt("a receipt must be UTF-8 text") from None


def parse_dossier(data: bytes) -> Dossier:
    """Take a dossier apart, verifying nothing; raises ``CustodesError`` (CORRUPT)."""
    if len(data) > MAX_DOSSIER:
        raise corrupt("a dossier holds at most 128 MiB: ask for fewer minutes")
    source = canonical.load_object(data)
    # Without holds the document is spelled as it was before there were any.
    versioned(source, "request", "entry", "receipt", "periods", *(("held",) if "held" in source else ()))
    periods = []
    for item in listed(source, "periods"):
        if not isinstance(item, dict):
            raise corrupt("a period in a dossier must be an object")
        only(item, "opening", "closing", "shares")
        # Canonical JSON embeds and comes out again byte for byte, so signatures over the parts still hold.
        periods.append(DossierPeriod(_part(item, "opening"), _part(item, "closing"), _part(item, "shares")))
    held = [canonical.dumps(each) for each in (listed(source, "held") if "held" in source else ())]
    receipt = text(source, "receipt").encode()
    return Dossier(_part(source, "request"), _part(source, "entry"), receipt, tuple(periods), tuple(held))


def _part(source: JsonObject, name: str) -> bytes:
    return canonical.dumps(member(source, name))


def verify_dossier(data: bytes, policy: Policy, now: Instant) -> VerifiedDossier:
    """Verify a dossier against the policy and the reader's own clock.

    Raises ``CustodesError``: DENIED if the rules forbid a grant (not enrolled, not in the witnessed log, window not
    ended, expired, another camera or time), CORRUPT if something was changed.
    """
    dossier = parse_dossier(data)
    request = parse_request(dossier.request, policy.requester_keys)
    if request.deployment != policy.deployment:
        raise denied("the request is for another deployment")
    check_request(request, now)
    receipt = verify_logged_request(request, dossier.entry, dossier.receipt, policy)
    held = held_of(dossier.held, policy)
    periods: dict[PeriodId, ShownPeriod] = {}
    for part in dossier.periods:
        shown = _verify_period(part, request, policy, held)
        if shown.opening.period in periods:
            raise corrupt(f"the dossier names the period {shown.opening.period} twice")
        periods[shown.opening.period] = shown
    return VerifiedDossier(dossier.request, request, receipt, periods)


def verify_logged_request(request: Request, entry: bytes, receipt: bytes, policy: Policy) -> Receipt:
    """Check that exactly this request is in the witnessed log, after its window had ended.

    Raises ``CustodesError``: DENIED if it is not, if no witness saw it, or if it was logged too early or too late.
    """
    try:
        facts.check_entry(entry, Act.DISCLOSURE_REQUESTED, facts.requested(request.digest))
        verified = verify_witnessed(entry, receipt, policy)
    except CustodesError as problem:
        raise denied(f"the request is not in the witnessed log: {problem}") from None
    # The witness's word is the time that counts: neither server nor requester can turn that clock.
    if verified.time < request.end:
        raise denied(f"the window had not ended when the request was logged ({times.to_text(verified.time)})")
    if verified.seen_by is not None and verified.seen_by >= request.expires:
        raise denied("the request had expired when it was logged")
    return verified


def _verify_period(
    part: DossierPeriod,
    request: Request,
    policy: Policy,
    held: Mapping[tuple[PeriodId, KeyId], Sequence[HeldShare]],
) -> ShownPeriod:
    opening, closing = verify_period(part.opening, part.closing, request, policy)
    boxes = read_shares(canonical.load_object(part.shares), opening.sealed.digest, opening.shares)
    anew = {custodian: shares for (period, custodian), shares in held.items() if period == opening.period}
    for custodian, shares in anew.items():
        for share in shares:
            check_place(share, custodian, opening, policy)
    return ShownPeriod(opening, closing, boxes, anew)


def verify_period(
    opening: bytes, closing: bytes, request: Request, policy: Policy
) -> tuple[OpeningManifest, ClosingManifest]:
    """Check a period's manifests and that the request asks for it.

    Raises ``CustodesError``: DENIED for another camera or time, CORRUPT if the manifests do not hold.
    """
    first = parse_opening(opening, policy.recorder_keys)
    last = parse_closing(closing, policy.recorder_keys)
    check_pair(first, last)
    header = first.sealed.header
    if header.deployment != policy.deployment:
        raise denied("a period belongs to another deployment")
    if header.period.camera not in request.cameras:
        raise denied(f"the request does not ask for the camera {header.period.camera}")
    if header.started >= request.end or last.ended <= request.start:
        raise denied(f"the period {header.period} lies outside the window that was asked for")
    policy.quorum(first.sealed.quorum)
    return first, last
