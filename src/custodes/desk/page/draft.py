# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the browser is given to sign: a grant that lacks the shares, or a refusal. No secret is in it."""

from collections.abc import Collection

from custodes.clock import Instant
from custodes.domain import canonical
from custodes.domain.canonical import Json, JsonObject
from custodes.domain.ids import KeyId, PeriodId
from custodes.trust.custody.dossier import VerifiedDossier
from custodes.trust.custody.grant import GRANT, REFUSAL, OwedShare, grant_body, owed_shares, refusal_body
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
    sealed, place = owed.shown.opening.sealed, owed.place
    wrapped: JsonObject = {
        "key": place.wrapping_key,
        "box": to_base64(owed.shown.boxes[place.index - 1]),
        "info": canonical.dumps(share_info(sealed, place.index, place.wrapping_key)).decode(),
    }
    return {
        "wrapped": [wrapped],
        "binds": canonical.dumps(owed.info).decode(),
        "header": sealed.digest.hex(),
        "index": place.index,
        "commitment": place.commitment.hex(),
    }


def draft_refusal(verified: VerifiedDossier, custodian: KeyId, reason: str, now: Instant) -> JsonObject:
    """Return ``kind``, ``signer`` and ``body``; raises ``CustodesError`` (CORRUPT) for an unusable reason."""
    return {"kind": REFUSAL, "signer": custodian, "body": refusal_body(verified.request, reason, now)}
