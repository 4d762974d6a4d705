# SPDX-License-Identifier: Apache-2.0
"""Signed notes, their keys and signature types (C2SP signed-note; tlog-cosignature for types 04 and 06)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from custodes.clock import SECOND, Clock, Instant
from custodes.errors import corrupt
from custodes.trust.tlog.head import from_base64, parse_head, to_base64

MAX_NOTE = 512 * 1024
"""Bytes of a note that is read at all."""
MAX_SIGNATURES = 64
_LAST_SECOND = 253_402_300_799
"""9999-12-31T23:59:59Z: times after it have no RFC 3339 form."""


class SignatureType(IntEnum):
    """Assigned signature type identifier bytes (C2SP signed-note) that Custodes knows."""

    ED25519 = 0x01
    ED25519_COSIGNATURE = 0x04
    MLDSA44_COSIGNATURE = 0x06


_KEY_SIZES = {
    SignatureType.ED25519: 32,
    SignatureType.ED25519_COSIGNATURE: 32,
    SignatureType.MLDSA44_COSIGNATURE: 1312,
}


def check_name(name: str) -> str:
    """Return a key name that notes can carry; anything else raises ``CustodesError`` (CORRUPT)."""
    if not name or "+" in name or any(letter.isspace() or letter < " " for letter in name):
        raise corrupt("key name: it must not be empty nor hold spaces, control characters or plus signs")
    return name


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: whose key (name and 4-byte key id) and the bytes that follow the key id."""

    name: str
    key_id: bytes
    data: bytes

    @property
    def line(self) -> str:
        """The line without its newline."""
        return f"— {self.name} {to_base64(self.key_id + self.data)}"


def parse_signature(line: str) -> Signature:
    """Parse one signature line (no newline); raises ``CustodesError`` (CORRUPT)."""
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—":
        raise corrupt("note: a signature line must have the form '— name base64'")
    blob = from_base64(parts[2], "note signature")
    if len(blob) < 5:
        raise corrupt("note: a signature is too short")
    return Signature(check_name(parts[1]), blob[:4], blob[4:])


@dataclass(frozen=True, slots=True)
class Note:
    """A text ending in a newline, and its signatures. Trust the text only after a signature has been verified."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, data: bytes) -> "Note":
        """Parse a signed note; raises ``CustodesError`` (CORRUPT)."""
        if len(data) > MAX_NOTE:
            raise corrupt("note: it is too long")
        try:
            whole = data.decode("utf-8")
        except UnicodeDecodeError:
            raise corrupt("note: not UTF-8") from None
        if any(letter < " " and letter != "\n" for letter in whole):
            raise corrupt("note: it holds control characters")
        head, separator, tail = whole.rpartition("\n\n")
        if not separator or not tail.endswith("\n"):
            raise corrupt("note: text, empty line and signature lines are expected")
        lines = tail[:-1].split("\n")
        if len(lines) > MAX_SIGNATURES:
            raise corrupt("note: it has too many signatures")
        return cls(head + "\n", tuple(parse_signature(line) for line in lines))

    def serialise(self) -> bytes:
        """Return the note's bytes."""
        lines = "".join(f"{signature.line}\n" for signature in self.signatures)
        return f"{self.text}\n{lines}".encode()

    def verify(self, keys: Sequence["VerifierKey"]) -> list["Verified"]:
        """Return the verified signatures of ``keys``, in the note's order; those of other keys are ignored.

        A signature that names a known key and does not verify, or none at all, raises ``CustodesError`` (CORRUPT), as
        signed-note demands.
        """
        known = {(key.name, key.key_id): key for key in keys}
        verified = []
        for signature in self.signatures:
            key = known.get((signature.name, signature.key_id))
            if key is not None:
                verified.append(Verified(key, key.verify(self.text, signature.data)))
        if not verified:
            raise corrupt("note: it carries no signature of a known key")
        return verified


@dataclass(frozen=True, slots=True)
class Verified:
    """A signature that was checked; ``time`` is what a cosignature states, None for plain signatures."""

    key: "VerifierKey"
    time: Instant | None


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name and signature type; ``str()`` is its vkey."""

    name: str
    type: SignatureType
    public: bytes

    @property
    def key_id(self) -> bytes:
        """First 4 bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key)."""
        return sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes([self.type]) + self.public)}"

    def verify(self, text: str, signature: bytes) -> Instant | None:
        """Check a signature's bytes (without key id); returns the time that a cosignature states.

        A wrong one raises ``CustodesError`` (CORRUPT); so does, for ML-DSA-44, a text that is no checkpoint.
        """
        try:
            if self.type is SignatureType.ED25519:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
                return None
            seconds = int.from_bytes(signature[:8], "big")
            if len(signature) < 8 or seconds > _LAST_SECOND:
                raise corrupt(f"note: the cosignature of {self.name} states no possible time")
            if self.type is SignatureType.ED25519_COSIGNATURE:
                message = _ed25519_message(text, seconds)
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature[8:], message)
            else:
                message = _mldsa44_message(self.name, text, seconds)
                MLDSA44PublicKey.from_public_bytes(self.public).verify(signature[8:], message)
        except (InvalidSignature, ValueError):
            raise corrupt(f"note: the signature of {self.name} is wrong") from None
        return Instant(seconds * SECOND)


def parse_vkey(text: str) -> VerifierKey:
    """Parse ``name+hex(key id)+base64(type ‖ public key)``; raises ``CustodesError`` (CORRUPT)."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise corrupt("verifier key: the form is name+id+key")
    blob = from_base64(parts[2], "verifier key")
    if not blob or blob[0] not in list(SignatureType):
        raise corrupt("verifier key: its signature type is not known")
    kind = SignatureType(blob[0])
    if len(blob) != 1 + _KEY_SIZES[kind]:
        raise corrupt("verifier key: it has the wrong length for its type")
    try:
        parts[0].encode()
    except UnicodeEncodeError:
        raise corrupt("verifier key: its name is not UTF-8") from None
    key = VerifierKey(check_name(parts[0]), kind, blob[1:])
    if key.key_id.hex() != parts[1]:
        raise corrupt("verifier key: the key id does not belong to the key")
    return key


def parse_vkeys(text: str) -> list[VerifierKey]:
    """Parse verifier keys, one per line (as served under ``/log/vkey``); raises ``CustodesError`` (CORRUPT)."""
    return [parse_vkey(line) for line in text.split("\n") if line.strip()]


class Signer(Protocol):
    """A private key that signs notes."""

    @property
    def key(self) -> VerifierKey:
        """The public half."""
        ...

    @property
    def vkey(self) -> str:
        """The public half as text."""
        ...

    def sign(self, text: str) -> Signature:
        """Sign a note text (ends in a newline)."""
        ...


class Ed25519Signer:
    """Plain Ed25519 signatures (type 01), which every public log must carry. ``seed``: 32 bytes."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._private.public_key().public_bytes_raw()
        self.key = VerifierKey(check_name(name), SignatureType.ED25519, public)
        self.vkey = str(self.key)

    def sign(self, text: str) -> Signature:
        return Signature(self.key.name, self.key.key_id, self._private.sign(text.encode()))


class Ed25519Cosigner:
    """Timestamped Ed25519 cosignatures (type 04). ``seed``: 32 bytes, used by no other key."""

    def __init__(self, name: str, seed: bytes, clock: Clock) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._clock = clock
        public = self._private.public_key().public_bytes_raw()
        self.key = VerifierKey(check_name(name), SignatureType.ED25519_COSIGNATURE, public)
        self.vkey = str(self.key)

    def sign(self, text: str) -> Signature:
        seconds = self._clock.now() // SECOND
        signature = self._private.sign(_ed25519_message(text, seconds))
        return Signature(self.key.name, self.key.key_id, seconds.to_bytes(8, "big") + signature)


class MlDsa44Signer:
    """Timestamped ML-DSA-44 cosignatures (type 06), for logs and witnesses. ``seed``: 32 bytes (FIPS 204)."""

    def __init__(self, name: str, seed: bytes, clock: Clock) -> None:
        self._private = MLDSA44PrivateKey.from_seed_bytes(seed)
        self._clock = clock
        public = self._private.public_key().public_bytes_raw()
        self.key = VerifierKey(check_name(name), SignatureType.MLDSA44_COSIGNATURE, public)
        self.vkey = str(self.key)

    def sign(self, text: str) -> Signature:
        """Sign a checkpoint; another text raises ``CustodesError`` (CORRUPT)."""
        seconds = self._clock.now() // SECOND
        signature = self._private.sign(_mldsa44_message(self.key.name, text, seconds))
        return Signature(self.key.name, self.key.key_id, seconds.to_bytes(8, "big") + signature)


def _ed25519_message(text: str, seconds: int) -> bytes:
    """C2SP tlog-cosignature, "Ed25519 signed message"."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _mldsa44_message(name: str, text: str, seconds: int) -> bytes:
    """C2SP tlog-cosignature, "ML-DSA-44 signed message", for a checkpoint (start 0)."""
    head = parse_head(text)
    cosigner, origin = name.encode(), head.origin.encode()
    if len(cosigner) > 255 or len(origin) > 255:
        raise corrupt("cosignature: a name or origin is longer than 255 bytes")
    return b"".join(
        [
            b"subtree/v1\n\x00",
            bytes([len(cosigner)]) + cosigner,
            seconds.to_bytes(8, "big"),
            bytes([len(origin)]) + origin,
            (0).to_bytes(8, "big"),
            head.size.to_bytes(8, "big"),
            head.root,
        ]
    )
