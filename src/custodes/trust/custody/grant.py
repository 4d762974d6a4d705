# SPDX-License-Identifier: Apache-2.0
"""Grants and refusals: a custodian's signed answer to a request.

``grant`` verifies the whole dossier first and only then touches a share: the log is the condition, not a report. It
re-wraps the custodian's own shares to the request's one-time key; the period's key never comes together here.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from custodes.clock import Instant
from custodes.domain import times
from custodes.domain.canonical import Json, JsonObject, hexadecimal, integer, listed, text
from custodes.domain.ids import Digest, Epoch, KeyId, PeriodId
from custodes.errors import CustodesError, corrupt, denied
from custodes.trust.custody.dossier import ShownPeriod, VerifiedDossier, verify_dossier
from custodes.trust.custody.policy import Policy
from custodes.trust.custody.request import MAX_TEXT, Request
from custodes.trust.seal.fields import binary, only, sha256, to_base64, versioned
from custodes.trust.seal.header import SealedHeader, parse_period, period_json
from custodes.trust.seal.manifest import OpeningManifest
from custodes.trust.seal.shares import SHARE_BYTES, SharePlace, is_share, open_share
from custodes.trust.seal.signing import SigningKey, check, read_signed
from custodes.trust.seal.wrapping import OVERHEAD, SUITE, WrappingKey, unwrap, wrap

GRANT = "custodes/disclosure-grant"
REFUSAL = "custodes/disclosure-refusal"
MAX_GRANT = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class GrantedPeriod:
    """One period in a grant: share ``index`` of ``epoch``, wrapped to the request's one-time key (``box``)."""

    period: PeriodId
    header: Digest
    epoch: Epoch
    index: int
    box: bytes


@dataclass(frozen=True, slots=True)
class Grant:
    """A verified grant. ``custodian`` is the identity key, ``digest`` the SHA-256 of the signed document."""

    request: Digest
    custodian: KeyId
    granted: Instant
    periods: Mapping[PeriodId, GrantedPeriod]
    digest: Digest


@dataclass(frozen=True, slots=True)
class OwedShare:
    """A custodian's own share of one verified period, still in its wrapping; ``place`` says which.

    ``item`` is the period's entry in the grant but for the share, ``info`` what the re-wrapped share is bound to.
    """

    shown: ShownPeriod
    place: SharePlace
    item: JsonObject
    info: JsonObject


@dataclass(frozen=True, slots=True)
class Refusal:
    """A verified refusal with its reason."""

    request: Digest
    custodian: KeyId
    refused: Instant
    reason: str
    digest: Digest


def grant(
    dossier: bytes,
    policy: Policy,
    custodian: SigningKey,
    wrapping: Sequence[WrappingKey],
    now: Instant,
    minutes: Collection[PeriodId] | None = None,
) -> bytes:
    """Verify the dossier, then return the signed grant of all its periods, or of ``minutes`` only.

    ``wrapping``: the custodian's wrapping keys. Raises ``CustodesError`` before anything is released: DENIED if the
    rules forbid it, CORRUPT if something was changed.
    """
    verified = verify_dossier(dossier, policy, now)
    return grant_verified(verified, policy, custodian, wrapping, now, minutes)


def grant_verified(
    verified: VerifiedDossier,
    policy: Policy,
    custodian: SigningKey,
    wrapping: Sequence[WrappingKey],
    now: Instant,
    minutes: Collection[PeriodId] | None = None,
) -> bytes:
    """As ``grant``, of a dossier that ``verify_dossier`` has just verified against the same policy."""
    keys = {key.public.id: key for key in wrapping}
    owed = owed_shares(verified, policy, custodian.public.id, minutes)
    items: list[Json] = [{**share.item, "share": to_base64(_rewrap(share, verified.request, keys))} for share in owed]
    return custodian.sign(GRANT, grant_body(verified.request, now, items))


def owed_shares(
    verified: VerifiedDossier, policy: Policy, custodian: KeyId, minutes: Collection[PeriodId] | None = None
) -> list[OwedShare]:
    """Return the shares that a grant of ``minutes`` (None: of all) by the custodian with this identity key consists of.

    Raises ``CustodesError`` (DENIED) for what was not asked for, or is not this custodian's to give.
    """
    wanted = sorted(verified.periods if minutes is None else set(minutes))
    outside = [period for period in wanted if period not in verified.periods]
    if outside:
        raise denied(f"the request does not ask for {outside[0]}: another camera or another minute")
    if not wanted:
        raise denied("the request touches no recorded minute: there is nothing to grant")
    return [_owed(verified.periods[period], verified.request, policy, custodian) for period in wanted]


def _owed(shown: ShownPeriod, request: Request, policy: Policy, custodian: KeyId) -> OwedShare:
    sealed = shown.opening.sealed
    holder = policy.quorum(sealed.quorum).holder(custodian)
    if holder is None:
        raise denied(f"this custodian holds no share of {sealed.header.period}")
    item: JsonObject = {
        **period_json(sealed.header.period),
        "header": sealed.digest.hex(),
        "epoch": sealed.quorum.epoch,
        "index": holder.index,
    }
    place = shown.opening.shares[holder.index - 1]
    return OwedShare(shown, place, item, grant_info(sealed, holder.index, request, custodian))


def grant_body(request: Request, now: Instant, items: Sequence[Json]) -> JsonObject:
    """Return the body of a grant; ``items`` are the periods with their re-wrapped shares."""
    return {
        "v": 1,
        "request": request.digest.hex(),
        "key": request.one_time_key.id,
        "granted": times.to_text(now),
        "periods": list(items),
    }


def _rewrap(owed: OwedShare, request: Request, keys: Mapping[KeyId, WrappingKey]) -> bytes:
    sealed, place = owed.shown.opening.sealed, owed.place
    key = keys.get(place.wrapping_key)
    if key is None:
        raise denied(f"the wrapping key for {sealed.header.period} is not here: it was destroyed or lies elsewhere")
    share = open_share(owed.shown.boxes[place.index - 1], sealed, place, key)
    return wrap(request.one_time_key, share, owed.info)


def grant_info(sealed: SealedHeader, index: int, request: Request, custodian: KeyId) -> JsonObject:
    """Return what a re-wrapped share is bound to (HPKE ``info``): its place, the request, its giver and its reader."""
    header, quorum = sealed.header, sealed.quorum
    return {
        "v": 1,
        "use": "grant",
        "suite": SUITE,
        "deployment": header.deployment,
        **period_json(header.period),
        "header": sealed.digest.hex(),
        "epoch": quorum.epoch,
        "k": quorum.k,
        "n": quorum.n,
        "index": index,
        "request": request.digest.hex(),
        "custodian": custodian,
        "key": request.one_time_key.id,
    }


def verify_grant(data: bytes, request: Request, openings: Mapping[PeriodId, OpeningManifest], policy: Policy) -> Grant:
    """Verify a grant for ``request``; ``openings`` are the verified manifests of the periods that it asks for.

    The shares in it can be opened by the requester only; everybody else can check everything but them. Raises
    ``CustodesError``: DENIED for another request, camera, minute or custodian, CORRUPT for a changed document.
    """
    if len(data) > MAX_GRANT:
        raise corrupt("a grant holds at most 128 MiB")
    signed = read_signed(data, GRANT)
    check(signed, policy.custodian_keys)
    body = signed.body
    versioned(body, "request", "key", "granted", "periods")
    if hexadecimal(body, "request", 32) != request.digest:
        raise denied("the grant is for another request")
    if text(body, "key") != request.one_time_key.id:
        raise denied("the grant is wrapped to another key than the request names")
    granted = times.from_text(body["granted"])
    if not request.end <= granted < request.expires:
        raise denied("the grant was made before the window had ended or after the request had expired")
    periods: dict[PeriodId, GrantedPeriod] = {}
    for item in listed(body, "periods"):
        found = _granted_period(item)
        if found.period in periods:
            raise corrupt(f"the grant names {found.period} twice")
        _check_place(found, signed.key, openings, policy)
        periods[found.period] = found
    if not periods:
        raise corrupt("the grant names no period")
    return Grant(request.digest, signed.key, granted, periods, sha256(data))


def _granted_period(item: Json) -> GrantedPeriod:
    if not isinstance(item, dict):
        raise corrupt("a period in a grant must be an object")
    only(item, "camera", "period", "term", "header", "epoch", "index", "share")
    try:
        period = parse_period(item)
    except CustodesError as problem:
        raise corrupt(f"the grant: {problem}") from None
    return GrantedPeriod(
        period,
        Digest(hexadecimal(item, "header", 32)),
        Epoch(integer(item, "epoch")),
        integer(item, "index"),
        binary(item, "share", SHARE_BYTES + OVERHEAD),
    )


def _check_place(
    found: GrantedPeriod, custodian: KeyId, openings: Mapping[PeriodId, OpeningManifest], policy: Policy
) -> None:
    opening = openings.get(found.period)
    if opening is None or opening.sealed.digest != found.header:
        raise denied(f"the grant is for {found.period}, which the request does not ask for: another camera or minute")
    quorum = opening.sealed.quorum
    holder = policy.quorum(quorum).holder(custodian)
    if holder is None or (holder.index, quorum.epoch) != (found.index, found.epoch):
        raise denied(f"the grant gives a share of {found.period} that this custodian does not hold")


def open_grant(
    found: GrantedPeriod, granted: Grant, request: Request, opening: OpeningManifest, key: WrappingKey
) -> bytes:
    """Unwrap a granted share with the request's one-time key.

    Raises ``CustodesError`` (CORRUPT), naming the custodian's share, if it is not the one that the recorder committed
    to: that custodian has cheated, or the grant was damaged.
    """
    info = grant_info(opening.sealed, found.index, request, granted.custodian)
    try:
        share = unwrap(key, found.box, info)
    except CustodesError:
        raise corrupt(f"share {found.index} of {found.period} does not open with the request's one-time key") from None
    if not is_share(opening.shares[found.index - 1], opening.sealed.digest, share):
        raise corrupt(f"share {found.index} of {found.period} is false: it is not what the recorder committed to")
    return share


def refuse(request: Request, custodian: SigningKey, reason: str, now: Instant) -> bytes:
    """Return a signed refusal; the log will name its hash, the reason is for the requester and the steward.

    Raises ``CustodesError`` (CORRUPT) if the reason is not one line of 1 to 500 characters.
    """
    return custodian.sign(REFUSAL, refusal_body(request, reason, now))


def refusal_body(request: Request, reason: str, now: Instant) -> JsonObject:
    """Return the body of a refusal; raises ``CustodesError`` (CORRUPT) as ``refuse`` does."""
    _check_reason(reason)
    return {"v": 1, "request": request.digest.hex(), "refused": times.to_text(now), "reason": reason}


def verify_refusal(data: bytes, request: Request, policy: Policy) -> Refusal:
    """Verify a refusal of ``request``; raises ``CustodesError`` (DENIED, CORRUPT)."""
    signed = read_signed(data, REFUSAL)
    check(signed, policy.custodian_keys)
    versioned(signed.body, "request", "refused", "reason")
    if hexadecimal(signed.body, "request", 32) != request.digest:
        raise denied("the refusal is of another request")
    reason = text(signed.body, "reason")
    _check_reason(reason)
    return Refusal(request.digest, signed.key, times.from_text(signed.body["refused"]), reason, sha256(data))


def _check_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > MAX_TEXT or not reason.isprintable():
        raise corrupt(f"the reason of a refusal is one line of 1 to {MAX_TEXT} characters")
