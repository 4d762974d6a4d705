# SPDX-License-Identifier: Apache-2.0
"""Signed documents: canonical JSON under Ed25519 (RFC 8032) and ML-DSA-44 (FIPS 204) together.

Both signatures must verify, so a document stands while either algorithm stands. What is signed is
``"custodes/signed/v1" 00 kind 00 key id 00 canonical(body)``: the kind keeps a document of one kind from being taken
for another, and the key id is a hash over both public keys, so no half can be exchanged for somebody else's.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from custodes.domain import canonical
from custodes.domain.canonical import Json, JsonObject
from custodes.domain.ids import KeyId
from custodes.errors import corrupt, denied
from custodes.trust.seal.fields import binary, only, sha256, to_base64

SEED_BYTES = 64
_ED25519_PUBLIC, _ED25519_SIGNATURE = 32, 64
_MLDSA_PUBLIC, _MLDSA_SIGNATURE = 1312, 2420


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public half of a signing key: Ed25519 (32 bytes) and ML-DSA-44 (1,312 bytes)."""

    ed25519: bytes
    ml_dsa_44: bytes
    id: KeyId = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", KeyId(sha256(canonical.dumps(self.to_json())).hex()[:32]))

    def to_json(self) -> JsonObject:
        """Return the members ``ed25519`` and ``ml-dsa-44``, base64."""
        return {"ed25519": to_base64(self.ed25519), "ml-dsa-44": to_base64(self.ml_dsa_44)}

    @classmethod
    def from_json(cls, source: JsonObject) -> "PublicKey":
        """Parse what ``to_json`` returns; anything else raises ``CustodesError`` (CORRUPT)."""
        only(source, "ed25519", "ml-dsa-44")
        return cls(binary(source, "ed25519", _ED25519_PUBLIC), binary(source, "ml-dsa-44", _MLDSA_PUBLIC))

    def verifies(self, message: bytes, ed25519: bytes, ml_dsa_44: bytes) -> bool:
        """Say whether both signatures over ``message`` are of this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.ed25519).verify(ed25519, message)
            MLDSA44PublicKey.from_public_bytes(self.ml_dsa_44).verify(ml_dsa_44, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class SigningKey:
    """An identity: one Ed25519 and one ML-DSA-44 key made from 64 random bytes (two seeds of 32)."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a signing key is made from {SEED_BYTES} bytes")
        self._seed = seed
        self._ed25519 = Ed25519PrivateKey.from_private_bytes(seed[:32])
        self._ml_dsa_44 = MLDSA44PrivateKey.from_seed_bytes(seed[32:])
        self._public = PublicKey(
            self._ed25519.public_key().public_bytes_raw(), self._ml_dsa_44.public_key().public_bytes_raw()
        )

    @classmethod
    def generate(cls, entropy: Callable[[int], bytes] = os.urandom) -> "SigningKey":
        """Make a new key."""
        return cls(entropy(SEED_BYTES))

    @classmethod
    def from_seed(cls, seed: bytes) -> "SigningKey":
        """Restore a key from its ``seed``."""
        return cls(seed)

    @property
    def seed(self) -> bytes:
        """The 64 secret bytes that the key is made from."""
        return self._seed

    @property
    def public(self) -> PublicKey:
        return self._public

    def __repr__(self) -> str:
        return f"SigningKey({self._public.id})"

    def sign(self, kind: str, body: JsonObject) -> bytes:
        """Return the signed document: canonical JSON with ``kind``, ``key``, ``body`` and ``signatures``."""
        message = _message(kind, self._public.id, body)
        signatures: JsonObject = {
            "ed25519": to_base64(self._ed25519.sign(message)),
            "ml-dsa-44": to_base64(self._ml_dsa_44.sign(message)),
        }
        return canonical.dumps({"kind": kind, "key": self._public.id, "body": body, "signatures": signatures})


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed document taken apart, its signatures not yet checked."""

    kind: str
    key: KeyId
    body: JsonObject
    ed25519: bytes
    ml_dsa_44: bytes

    def verified_by(self, key: PublicKey) -> bool:
        """Say whether ``key`` made both signatures."""
        message = _message(self.kind, self.key, self.body)
        return key.id == self.key and key.verifies(message, self.ed25519, self.ml_dsa_44)


def _message(kind: str, key: KeyId, body: Json) -> bytes:
    return b"\0".join((b"custodes/signed/v1", kind.encode(), key.encode(), canonical.dumps(body)))


def read_signed(data: bytes, kind: str) -> Signed:
    """Take a signed document of one kind apart **without** checking signatures.

    Raises ``CustodesError`` (CORRUPT) for everything else.
    """
    return signed_from_json(canonical.load_object(data), kind)


def signed_from_json(source: JsonObject, kind: str) -> Signed:
    """As ``read_signed``, for a document that was embedded in another one."""
    only(source, "kind", "key", "body", "signatures")
    found = canonical.text(source, "kind")
    if found != kind:
        raise corrupt(f"a document of the kind {kind} is needed, this is another")
    signatures = canonical.member(source, "signatures")
    only(signatures, "ed25519", "ml-dsa-44")
    return Signed(
        kind,
        KeyId(canonical.hexadecimal(source, "key", 16).hex()),
        canonical.member(source, "body"),
        binary(signatures, "ed25519", _ED25519_SIGNATURE),
        binary(signatures, "ml-dsa-44", _MLDSA_SIGNATURE),
    )


def check(signed: Signed, keys: Mapping[KeyId, PublicKey]) -> PublicKey:
    """Return the key that signed.

    Raises ``CustodesError``: DENIED if the signer is not among ``keys``, CORRUPT if a signature does not hold.
    """
    key = keys.get(signed.key)
    if key is None:
        raise denied(f"the {signed.kind} is signed by a key that the policy does not name ({signed.key})")
    if not signed.verified_by(key):
        raise corrupt(f"the signature of the {signed.kind} does not hold: it was changed or forged")
    return key


def open_signed(data: bytes, kind: str, keys: Mapping[KeyId, PublicKey]) -> JsonObject:
    """Return the body of a signed document of ``kind`` by one of ``keys``; both signatures must verify.

    Raises ``CustodesError``: CORRUPT for a malformed or changed document, DENIED for an unknown signer.
    """
    signed = read_signed(data, kind)
    check(signed, keys)
    return signed.body


def by_id(keys: Iterable[PublicKey]) -> dict[KeyId, PublicKey]:
    """Return the keys under their ids."""
    return {key.id: key for key in keys}
