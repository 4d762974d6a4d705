# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the browser is given to sign: a grant that lacks the shares, or a refusal. No secret is in it."""

from collections.abc import Collection

from custodes.clock import Instant
from custodes.domain import canonical
from custodes.domain.canonical import Json, JsonObject
from custodes.domain.ids import KeyId, PeriodId
from custodes.trust.custody.dossier import VerifiedDossier
from custodes.trust.custody.grant import GRANT, REFUSAL, OwedShare, grant_body, owed_shares, refusal_body
from custodes.trust.custody.held import hold_info
from custodes.trust.custody.policy import Policy
from custodes.trust.seal.fields import to_base64
from custodes.trust.seal.shares import share_info


def draft_grant(
    verified: VerifiedDossier, policy: Policy, custodian: KeyId, minutes: Collection[PeriodId], now: Instant
) -> JsonObject:
    """Return ``kind``, ``signer``, ``body`` without the shares, ``to`` (one-time key), and ``shares`` in their order.

    Each share: ``wrapped``, the ways to it (``key``, the wrapping key's id, ``box``, and ``info`` to open it),
    ``binds`` (the ``info`` to wrap it again), ``header``, ``index`` and ``commitment``; every ``info`` is canonical
    JSON. Raises ``CustodesError`` as ``owed_shares``.
    """
    owed = owed_shares(verified, policy, custodian, minutes)
    shares: list[Json] = [_share(each) for each in owed]
    return {
        "kind": GRANT,
        "signer": custodian,
        "body": grant_body(verified.request, now, [each.item for each in owed]),
        "to": to_base64(verified.request.one_time_key.key),
        "shares": shares,
    }


def _share(owed: OwedShare) -> JsonObject:
    index, key = owed.place.index, owed.place.wrapping_key
    wrapped: list[Json] = [_way(key, owed.box, share_info(owed.sealed, index, key))]
    for each in owed.held:
        wrapped.append(_way(each.key, each.box, hold_info(owed.sealed, index, each.hold, owed.custodian, each.key)))
    return {
        "wrapped": wrapped,
        "binds": canonical.dumps(owed.info).decode(),
        "header": owed.sealed.digest.hex(),
        "index": index,
        "commitment": owed.place.commitment.hex(),
    }


def _way(key: KeyId, box: bytes, info: JsonObject) -> JsonObject:
    return {"key": key, "box": to_base64(box), "info": canonical.dumps(info).decode()}


def draft_refusal(verified: VerifiedDossier, custodian: KeyId, reason: str, now: Instant) -> JsonObject:
    """Return ``kind``, ``signer`` and ``body``; raises ``CustodesError`` (CORRUPT) for an unusable reason."""
    return {"kind": REFUSAL, "signer": custodian, "body": refusal_body(verified.request, reason, now)}
