# SPDX-License-Identifier: Apache-2.0
"""The second decoder opens a published period: sealed shares to shares, shares to the key, the key to the clip."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from tests.second_decoder import Decoder, canonical, sha

VECTOR: dict[str, Any] = json.loads((Path(__file__).parent / "period.json").read_text())
OPENING, CLOSING = VECTOR["opening"], VECTOR["closing"]
SEGMENT = base64.b64decode(VECTOR["segment"])
POLICY = canonical({"log": "", "custodians": [VECTOR["set"]], "recorders": [VECTOR["recorder"]], "requesters": []})


def share_of(number: int) -> bytes:
    """Sections 2, 4 and 6.2 of docs/format.md."""
    expanded = hashlib.shake_256(bytes.fromhex(VECTOR["custodians"][number - 1]["wrapping_seed"])).digest(96)
    key = hpke.MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])
    )
    header, place = OPENING["body"]["header"], OPENING["body"]["shares"][number - 1]
    digest = sha(canonical(header))
    info = {name: header[name] for name in ("suite", "deployment", "camera", "period", "term")}
    info |= {name: header["custodians"][name] for name in ("epoch", "k", "n")}
    info |= {"v": 1, "use": "share", "header": digest.hex(), "index": number, "key": place["key"]}
    box = base64.b64decode(VECTOR["shares"]["shares"][number - 1])
    assert sha(box).hex() == place["sealed"]
    suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    share = suite.decrypt(box, key, info=canonical(info))
    assert sha(b"custodes/share/v1\0", digest, bytes([number]), share).hex() == place["commitment"]
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


def units_of(fragment: bytes) -> list[str]:
    """The hashes of the NAL units behind the header of ``mdat``."""
    rest, found = fragment[fragment.index(b"mdat") + 4 :], []
    while rest:
        length = int.from_bytes(rest[:4], "big")
        found.append(hashlib.sha256(rest[4 : 4 + length]).hexdigest())
        rest = rest[4 + length :]
    return found


@pytest.mark.parametrize("numbers", [(1, 2), (2, 3), (3, 1)])
def test_the_published_period_opens_with_nothing_but_the_document(numbers: tuple[int, ...]) -> None:
    assert OPENING["body"]["header"]["custodians"]["set"] == sha(canonical(VECTOR["set"])).hex()
    key = combine([share_of(number) for number in numbers])
    parts = list(Decoder(POLICY).segment(SEGMENT, OPENING, CLOSING, key))
    assert hashlib.sha256(b"".join(parts)).hexdigest() == VECTOR["clip_sha256"]
    assert [unit for part in parts[1:] for unit in units_of(part)] == VECTOR["nals_sha256"]


@pytest.mark.parametrize("offset", [0, 20, 52, 56, 60, 68, 72, 76, 108, 140, 175, 200, -1])
def test_the_second_decoder_refuses_the_published_segment_with_one_byte_changed(offset: int) -> None:
    key = combine([share_of(1), share_of(2)])
    changed = bytearray(SEGMENT)
    changed[offset] ^= 1
    with pytest.raises(AssertionError):
        list(Decoder(POLICY).segment(bytes(changed), OPENING, CLOSING, key))
