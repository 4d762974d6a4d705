# SPDX-License-Identifier: Apache-2.0
"""A second decoder, written from docs/format.md alone, importing nothing of custodes, opens a published period."""

import base64
import hashlib
import hmac
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

VECTOR: dict[str, Any] = json.loads((Path(__file__).parent / "period.json").read_text())


def canonical(value: Any) -> bytes:
    """Section 1, for values whose member names are ASCII."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def opened(document: dict[str, Any], kind: str, key: dict[str, str]) -> dict[str, Any]:
    """Section 3."""
    assert document["kind"] == kind
    assert document["key"] == sha(canonical(key)).hex()[:32]
    message = b"\0".join((b"custodes/signed/v1", kind.encode(), document["key"].encode(), canonical(document["body"])))
    first, second = (base64.b64decode(document["signatures"][name]) for name in ("ed25519", "ml-dsa-44"))
    Ed25519PublicKey.from_public_bytes(base64.b64decode(key["ed25519"])).verify(first, message)
    MLDSA44PublicKey.from_public_bytes(base64.b64decode(key["ml-dsa-44"])).verify(second, message)
    body: dict[str, Any] = document["body"]
    return body


def share_of(number: int, opening: dict[str, Any], header_digest: bytes) -> bytes:
    """Sections 4 and 6."""
    expanded = hashlib.shake_256(bytes.fromhex(VECTOR["custodians"][number - 1]["wrapping_seed"])).digest(96)
    key = hpke.MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])
    )
    header, place = opening["header"], opening["shares"][number - 1]
    info = {name: header[name] for name in ("suite", "deployment", "camera", "period", "term")}
    info |= {name: header["custodians"][name] for name in ("epoch", "k", "n")}
    info |= {"v": 1, "use": "share", "header": header_digest.hex(), "index": number, "key": place["key"]}
    box = base64.b64decode(VECTOR["shares"]["shares"][number - 1])
    assert sha(box).hex() == place["sealed"]
    suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    share = suite.decrypt(box, key, info=canonical(info))
    assert sha(b"custodes/share/v1\0", header_digest, bytes([number]), share).hex() == place["commitment"]
    return share


def times(a: int, b: int) -> int:
    """Multiply in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1."""
    product = 0
    for bit in range(8):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(14, 7, -1):
        if product >> bit & 1:
            product ^= 0x11B << (bit - 8)
    return product


def combine(shares: list[bytes]) -> bytes:
    """Lagrange interpolation at 0; the last byte of a share is its x."""
    key = bytearray(32)
    for share in shares:
        weight = 1
        for other in shares:
            if other is not share:
                inverse = next(c for c in range(1, 256) if times(c, other[32] ^ share[32]) == 1)
                weight = times(weight, times(other[32], inverse))
        for position in range(32):
            key[position] ^= times(share[position], weight)
    return bytes(key)


@pytest.mark.parametrize("numbers", [(1, 2), (2, 3), (3, 1)])
def test_the_published_period_opens_with_nothing_but_the_document(numbers: tuple[int, ...]) -> None:
    recorder = VECTOR["recorder"]
    opening = opened(VECTOR["opening"], "custodes/opening-manifest", recorder)
    closing = opened(VECTOR["closing"], "custodes/closing-manifest", recorder)
    digest = sha(canonical(opening["header"]))
    assert opening["header"]["custodians"]["set"] == sha(canonical(VECTOR["set"])).hex()
    assert closing["opening"] == sha(canonical(VECTOR["opening"])).hex()
    assert closing["header"] == digest.hex()
    key = combine([share_of(number, opening, digest) for number in numbers])
    assert sha(b"custodes/key/v1\0", digest, key).hex() == opening["key"]
    encryption = HKDFExpand(SHA256(), 32, b"custodes/encryption/v1\0" + digest).derive(key)
    blinding = HKDFExpand(SHA256(), 32, b"custodes/commitment/v1\0" + digest).derive(key)
    segment = base64.b64decode(VECTOR["segment"])
    assert segment[:52] == b"custodes-segment" + (1).to_bytes(4, "big") + digest
    offset, clip, nals = 52, b"", []
    for number, stated in enumerate(closing["fragments"]):
        record = segment[offset : offset + stated["length"]]
        assert stated["offset"] == offset
        found, size, _, ticks, units, head, body = struct.unpack(">IIQII32s32s", record[:88])
        assert (found, size, ticks, units) == (number, len(record) - 120, stated["ticks"], stated["units"])
        assert record[88:120] == sha(record[:88], record[120:]) == bytes.fromhex(stated["digest"])
        decryptor = Cobblestone256Decryptor(encryption, digest + number.to_bytes(4, "big"))
        plain = decryptor.update(record[120:]) + decryptor.finalize()
        split = plain.index(b"mdat") + 4 if units else len(plain)
        assert hmac.digest(blinding, b"\0" + sha(plain[:split]), "sha256") == head == bytes.fromhex(stated["head"])
        assert hmac.digest(blinding, b"\1" + sha(plain[split:]), "sha256") == body == bytes.fromhex(stated["nals"])
        rest = plain[split:]
        while rest:
            length = int.from_bytes(rest[:4], "big")
            nals.append(hashlib.sha256(rest[4 : 4 + length]).hexdigest())
            rest = rest[4 + length :]
        clip, offset = clip + plain, offset + len(record)
    assert offset == len(segment) == closing["length"]
    assert hashlib.sha256(clip).hexdigest() == VECTOR["clip_sha256"]
    assert nals == VECTOR["nals_sha256"]
