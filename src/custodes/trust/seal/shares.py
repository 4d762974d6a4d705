# SPDX-License-Identifier: Apache-2.0
"""From the period's key to the custodians' shares and back.

The key is 32 random bytes. Shamir's scheme over GF(2^8) makes shares of 33 bytes (the last is the share's x). Every
share is wrapped to its custodian; hash commitments to key and shares stand in the opening manifest, because Shamir's
scheme does not notice a false share and would silently give another key.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from custodes.domain import canonical
from custodes.domain.canonical import JsonObject, listed
from custodes.domain.ids import Digest, KeyId
from custodes.errors import corrupt
from custodes.trust.seal.custodians import Custodian, CustodianSet
from custodes.trust.seal.fields import binary, sha256, to_base64, versioned
from custodes.trust.seal.header import SealedHeader, period_json
from custodes.trust.seal.wrapping import OVERHEAD, SUITE, WrappingKey, WrappingPublicKey, unwrap, wrap

KEY_BYTES = 32
SHARE_BYTES = KEY_BYTES + 1


@dataclass(frozen=True, slots=True)
class SharePlace:
    """What the opening manifest says of one share.

    ``commitment`` is over the share itself, ``sealed`` the SHA-256 of the wrapped share in the share object.
    """

    index: int
    wrapping_key: KeyId
    commitment: Digest
    sealed: Digest


@dataclass(frozen=True, slots=True)
class PeriodKeys:
    """What the period's key is used for: one key encrypts the fragments, the other hides the commitments to them."""

    encryption: bytes
    commitment: bytes

    @classmethod
    def derive(cls, key: bytes, header: Digest) -> "PeriodKeys":
        """HKDF-Expand (RFC 5869) with SHA-256 and the header's digest in ``info``."""
        return cls(
            HKDFExpand(SHA256(), 32, b"custodes/encryption/v1\0" + header).derive(key),
            HKDFExpand(SHA256(), 32, b"custodes/commitment/v1\0" + header).derive(key),
        )


def key_commitment(header: Digest, key: bytes) -> Digest:
    """Commit to the period's key: SHA-256("custodes/key/v1" 00 header key)."""
    return sha256(b"custodes/key/v1\0", header, key)


def share_commitment(header: Digest, index: int, share: bytes) -> Digest:
    """Commit to a share: SHA-256("custodes/share/v1" 00 header index share), the index in one byte."""
    return sha256(b"custodes/share/v1\0", header, bytes([index]), share)


def is_share(place: SharePlace, header: Digest, share: bytes) -> bool:
    """Say whether ``share`` is the one that the recorder committed to."""
    return len(share) == SHARE_BYTES and hmac.compare_digest(
        share_commitment(header, place.index, share), place.commitment
    )


def share_info(sealed: SealedHeader, index: int, wrapping_key: KeyId) -> JsonObject:
    """Return what a wrapped share is bound to (HPKE ``info``)."""
    header, quorum = sealed.header, sealed.quorum
    return {
        "v": 1,
        "use": "share",
        "suite": SUITE,
        "deployment": header.deployment,
        **period_json(header.period),
        "header": sealed.digest.hex(),
        "epoch": quorum.epoch,
        "k": quorum.k,
        "n": quorum.n,
        "index": index,
        "key": wrapping_key,
    }


def seal_shares(
    key: bytes, sealed: SealedHeader, custodians: CustodianSet, dated: Mapping[int, WrappingPublicKey] | None = None
) -> tuple[tuple[SharePlace, ...], bytes]:
    """Split ``key`` among the custodians; return what the manifest says of the shares, and the share object.

    ``dated``: the custodians' keys of the day, by index; who has none there gets the share under the set's own key.
    """
    import pyshamir  # here, so that whoever only verifies needs nothing but cryptography

    places, wrapped = [], []
    for custodian, share in zip(custodians.members, pyshamir.split(key, custodians.n, custodians.k), strict=True):
        public = (dated or {}).get(custodian.index, custodian.wrapping)
        place, box = _seal_share(bytes(share), sealed, custodian, public)
        places.append(place)
        wrapped.append(box)
    return tuple(places), canonical.dumps(
        {"v": 1, "header": sealed.digest.hex(), "shares": [to_base64(box) for box in wrapped]}
    )


def _seal_share(
    share: bytes, sealed: SealedHeader, custodian: Custodian, public: WrappingPublicKey
) -> tuple[SharePlace, bytes]:
    box = wrap(public, share, share_info(sealed, custodian.index, public.id))
    commitment = share_commitment(sealed.digest, custodian.index, share)
    return SharePlace(custodian.index, public.id, commitment, sha256(box)), box


def read_shares(source: JsonObject, header: Digest, places: Sequence[SharePlace]) -> tuple[bytes, ...]:
    """Parse a share object and check every wrapped share against the opening manifest.

    Raises ``CustodesError`` (CORRUPT) if it is of another period or was changed.
    """
    versioned(source, "header", "shares")
    if canonical.hexadecimal(source, "header", 32) != header:
        raise corrupt("the shares belong to another period")
    boxes = [binary({"shares": item}, "shares", SHARE_BYTES + OVERHEAD) for item in listed(source, "shares")]
    if [sha256(box) for box in boxes] != [place.sealed for place in places]:
        raise corrupt("the shares are not those that the recorder sealed")
    return tuple(boxes)


def open_share(box: bytes, sealed: SealedHeader, place: SharePlace, key: WrappingKey) -> bytes:
    """Unwrap a share with its custodian's key and check it against its commitment.

    Raises ``CustodesError`` (CORRUPT) if it does not open or is not the share that the recorder committed to.
    """
    share = unwrap(key, box, share_info(sealed, place.index, place.wrapping_key))
    if not is_share(place, sealed.digest, share):
        raise corrupt(f"share {place.index} is not the one that the recorder committed to")
    return share


def combine_shares(shares: Sequence[bytes], header: Digest, commitment: Digest) -> bytes:
    """Return the period's key from k shares that were checked against their commitments.

    Raises ``CustodesError`` (CORRUPT) if they do not give the key that the recorder committed to.
    """
    import pyshamir  # as above

    try:
        key = bytes(pyshamir.combine([bytearray(share) for share in shares]))
    except ValueError:
        raise corrupt("the shares cannot be combined") from None
    if not hmac.compare_digest(key_commitment(header, key), commitment):
        raise corrupt("the shares do not give the key that the recorder committed to")
    return key
