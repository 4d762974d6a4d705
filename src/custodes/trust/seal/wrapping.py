# SPDX-License-Identifier: Apache-2.0
"""Wrapping keys: small secrets sealed to one reader, hybrid post-quantum.

HPKE (RFC 9180, base mode, single shot) with the KEM of X25519 and ML-KEM-768 together, HKDF-SHA256 and AES-256-GCM.
Base mode names no sender and carries no additional data, so everything that a secret belongs to stands in ``info``.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from custodes.domain import canonical
from custodes.domain.canonical import JsonObject
from custodes.domain.ids import KeyId
from custodes.errors import corrupt
from custodes.trust.seal.fields import binary, only, sha256, to_base64

SUITE = "MLKEM768_X25519-HKDF_SHA256-AES_256_GCM"
"""The one suite there is; it stands beside every key and in every ``info``, so that another can follow."""
SEED_BYTES = 32
_MLKEM_PUBLIC, _X25519_PUBLIC = 1184, 32
OVERHEAD = 1120 + 16
"""Bytes that wrapping adds: the encapsulated key (1,088 + 32) and the tag."""

_HPKE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


@dataclass(frozen=True, slots=True)
class WrappingPublicKey:
    """The public half: ML-KEM-768 (1,184 bytes) followed by X25519 (32 bytes), as X-Wing orders them."""

    key: bytes
    suite: str = SUITE
    id: KeyId = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", KeyId(sha256(canonical.dumps(self.to_json())).hex()[:32]))

    def to_json(self) -> JsonObject:
        """Return the members ``suite`` and ``key`` (base64)."""
        return {"suite": self.suite, "key": to_base64(self.key)}

    @classmethod
    def from_json(cls, source: JsonObject) -> "WrappingPublicKey":
        """Parse what ``to_json`` returns; anything else raises ``CustodesError`` (CORRUPT)."""
        only(source, "suite", "key")
        if canonical.text(source, "suite") != SUITE:
            raise corrupt("a wrapping key is of a suite that is not known")
        public = cls(binary(source, "key", _MLKEM_PUBLIC + _X25519_PUBLIC))
        public.hpke_key()
        return public

    def hpke_key(self) -> hpke.MLKEM768X25519PublicKey:
        """Return the key as the library knows it; raises ``CustodesError`` (CORRUPT) if it is no valid key."""
        try:
            mlkem = MLKEM768PublicKey.from_public_bytes(self.key[:_MLKEM_PUBLIC])
            x25519 = X25519PublicKey.from_public_bytes(self.key[_MLKEM_PUBLIC:])
        except ValueError:
            raise corrupt("a wrapping key is not valid") from None
        return hpke.MLKEM768X25519PublicKey(mlkem, x25519)


class WrappingKey:
    """The private half, made from a 32-byte seed: SHAKE256(seed, 96) is ML-KEM's seed (64) and X25519's key (32)."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a wrapping key is made from {SEED_BYTES} bytes")
        self._seed = seed
        expanded = hashlib.shake_256(seed).digest(96)
        mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        x25519 = X25519PrivateKey.from_private_bytes(expanded[64:])
        self._hpke = hpke.MLKEM768X25519PrivateKey(mlkem, x25519)
        self._public = WrappingPublicKey(mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, entropy: Callable[[int], bytes] = os.urandom) -> "WrappingKey":
        """Make a new key."""
        return cls(entropy(SEED_BYTES))

    @classmethod
    def from_seed(cls, seed: bytes) -> "WrappingKey":
        """Restore a key from its ``seed``."""
        return cls(seed)

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes that the key is made from."""
        return self._seed

    @property
    def public(self) -> WrappingPublicKey:
        return self._public

    def __repr__(self) -> str:
        return f"WrappingKey({self._public.id})"

    def open(self, ciphertext: bytes, info: bytes) -> bytes:
        """Unwrap; raises ``InvalidTag`` if key, ``info`` or ciphertext do not belong together."""
        return _HPKE.decrypt(ciphertext, self._hpke, info=info)


def wrap(public: WrappingPublicKey, plaintext: bytes, info: JsonObject) -> bytes:
    """Seal ``plaintext`` to ``public``, bound to the canonical JSON of ``info``; ``OVERHEAD`` bytes longer."""
    return _HPKE.encrypt(plaintext, public.hpke_key(), info=canonical.dumps(info))


def unwrap(key: WrappingKey, ciphertext: bytes, info: JsonObject) -> bytes:
    """Open what ``wrap`` made with the same ``info``; anything else raises ``CustodesError`` (CORRUPT)."""
    try:
        return key.open(ciphertext, canonical.dumps(info))
    except InvalidTag:
        raise corrupt("a wrapped share does not open: it belongs to another key or to something else") from None
