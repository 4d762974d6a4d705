# SPDX-License-Identifier: Apache-2.0
"""Published documents of a custodian's keys: read with nothing but docs/format.md, section 16, and by the product."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from tests.second_decoder import Decoder, canonical, nanoseconds, sha

from custodes.clock import Instant
from custodes.domain.ids import KeyId
from custodes.trust.custody.drill import check_answer, parse_answer, parse_drill
from custodes.trust.custody.held import open_held, parse_held, verify_hold
from custodes.trust.custody.keys import Keyring, parse_destroyed, parse_keys
from custodes.trust.custody.policy import parse_policy
from custodes.trust.seal.manifest import parse_opening
from custodes.trust.seal.wrapping import WrappingKey

VECTOR: dict[str, Any] = json.loads((Path(__file__).parent / "keys.json").read_text())
DECODER = Decoder(canonical(VECTOR["policy"]))
HOUR = 3600 * 10**9


def signed(name: str, kind: str) -> dict[str, Any]:
    """The body of one of the custodian's documents, both signatures verified."""
    body: dict[str, Any] = DECODER.signed(VECTOR[name], kind, DECODER.offices[:1])
    return body


def key_id(public: dict[str, Any]) -> str:
    return sha(canonical(public)).hex()[:32]


def opened(seed: str, box: str, info: dict[str, Any]) -> bytes:
    """Sections 2 and 4."""
    expanded = hashlib.shake_256(bytes.fromhex(seed)).digest(96)
    key = hpke.MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])
    )
    suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    return suite.decrypt(base64.b64decode(box), key, info=canonical(info))


def place_of() -> dict[str, Any]:
    """What every ``info`` about the period's share of custodian 1 has in common."""
    header = VECTOR["opening"]["body"]["header"]
    found = {name: header[name] for name in ("suite", "deployment", "camera", "period", "term")}
    found |= {name: header["custodians"][name] for name in ("epoch", "k", "n")}
    return found | {"v": 1, "header": sha(canonical(header)).hex(), "index": 1}


def test_the_period_is_sealed_to_the_published_key_of_its_day_as_the_document_says() -> None:
    keys = signed("keys", "custodian-keys")["keys"]
    started = VECTOR["opening"]["body"]["header"]["started"]
    (today,) = [key for key in keys if key["hours"] == 72 and key["from"] <= started < key["until"]]
    assert nanoseconds(today["until"]) - nanoseconds(today["from"]) == 24 * HOUR
    assert {nanoseconds(key["until"]) - nanoseconds(key["from"]) for key in keys if key["hours"] > 168} == {168 * HOUR}
    name = key_id(today["wrapping"])
    assert VECTOR["opening"]["body"]["shares"][0]["key"] == name
    seed = VECTOR["wrapping_seeds"][keys.index(today)]
    share = opened(seed, VECTOR["shares"]["shares"][0], {**place_of(), "use": "share", "key": name})
    assert share.hex() == VECTOR["share"]


def test_the_held_share_is_the_same_share_under_the_key_of_the_hold() -> None:
    hold, body = VECTOR["hold"]["hold"], signed("held", "held-shares")
    begin, end = (str(nanoseconds(hold[name])) for name in ("from", "until"))
    said = [hold["salt"], hold["id"], hold["camera"], begin, end, hold["reason"]]
    assert VECTOR["hold"]["added"]["entry"]["hold"] == sha(canonical(said)).hex()
    assert body["hold"] == hold["id"]
    info = {**place_of(), "use": "hold", "key": key_id(body["key"]), "hold": hold["id"]}
    info["custodian"] = VECTOR["held"]["key"]
    assert opened(VECTOR["hold_seed"], body["periods"][0]["share"], info).hex() == VECTOR["share"]


def test_the_answer_to_the_drill_is_the_share_that_was_dealt() -> None:
    drill, body = VECTOR["drill"], signed("answer", "drill-answer")
    (exercise,) = drill["exercises"]
    place, share = exercise["shares"][0], base64.b64decode(body["shares"][0])
    assert body["drill"] == sha(canonical(drill)).hex()
    said = sha(b"custodes/drill-share/v1\0", drill["drill"].encode(), bytes([1]), share)
    assert place["commitment"] == said.hex()
    info = {name: drill[name] for name in ("deployment", "drill", "epoch", "k", "n")}
    info |= {"v": 1, "use": "drill", "suite": place_of()["suite"], "index": 1, "key": place["key"]}
    (seed,) = [
        seed
        for seed, key in zip(VECTOR["wrapping_seeds"], VECTOR["keys"]["body"]["keys"], strict=True)
        if key_id(key["wrapping"]) == place["key"]
    ]
    assert opened(seed, place["share"], info) == share


def test_the_statement_names_every_key_that_was_due() -> None:
    body = signed("destroyed", "keys-destroyed")
    keys = VECTOR["keys"]["body"]["keys"]
    due = [
        key_id(key["wrapping"])
        for key in keys
        if nanoseconds(key["until"]) + (key["hours"] + 1) * HOUR <= nanoseconds(body["destroyed"])
    ]
    assert body["keys"] == sorted(due)
    assert len(due) < len(keys)


def test_the_product_reads_all_of_them() -> None:
    policy = parse_policy(canonical(VECTOR["policy"]))
    batch = parse_keys(canonical(VECTOR["keys"]), policy)
    opening = parse_opening(canonical(VECTOR["opening"]), policy.recorder_keys)
    used = Keyring((batch,)).of(batch.custodian, 72, Instant(opening.sealed.header.started))
    assert used is not None
    assert used.id == opening.shares[0].wrapping_key
    assert [found.period for found, _ in verify_hold(canonical(VECTOR["hold"]), policy).periods] == [opening.period]
    (share,) = parse_held(canonical(VECTOR["held"]), policy).shares
    key = WrappingKey.from_seed(bytes.fromhex(VECTOR["hold_seed"]))
    assert open_held(share, opening, KeyId(VECTOR["held"]["key"]), key).hex() == VECTOR["share"]
    check_answer(parse_drill(canonical(VECTOR["drill"])), 1, parse_answer(canonical(VECTOR["answer"]), policy))
    assert used.id in parse_destroyed(canonical(VECTOR["destroyed"]), policy).keys
