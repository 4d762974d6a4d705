# SPDX-License-Identifier: Apache-2.0
"""Vectors published by others: X-Wing's own draft, and HPKE with X-Wing (draft-ietf-hpke-pq)."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.bindings._rust import openssl as rust_openssl
from cryptography.hazmat.primitives import hpke

from custodes.trust.seal.wrapping import WrappingKey

PUBLISHED: dict[str, Any] = json.loads(Path(__file__).with_name("published.json").read_text())


@pytest.mark.parametrize("vector", PUBLISHED["xwing"], ids=lambda vector: vector["seed"][:8])
def test_a_wrapping_key_is_an_x_wing_key(vector: dict[str, str]) -> None:
    assert WrappingKey(bytes.fromhex(vector["seed"])).public.key.hex() == vector["pk"]


def test_wrapping_is_hpke_as_published() -> None:
    vector = PUBLISHED["hpke"]
    key = WrappingKey(bytes.fromhex(vector["skRm"]))
    assert key.public.key.hex() == vector["pkRm"]
    # Nobody has published one with AES-256-GCM: KEM, KDF and key schedule are the same.
    suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
    found = vector["encryption"]
    box = bytes.fromhex(vector["enc"] + found["ct"])
    info, about = bytes.fromhex(vector["info"]), bytes.fromhex(found["aad"])
    assert rust_openssl.hpke._decrypt_with_aad(suite, box, key._hpke, info, about).hex() == found["pt"]
