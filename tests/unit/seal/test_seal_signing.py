# SPDX-License-Identifier: AGPL-3.0-or-later
"""Signed documents and wrapping keys."""

import pytest
from tests.custody_world import source

from custodes.domain import canonical
from custodes.errors import CustodesError, Kind
from custodes.trust.seal.custodians import Custodian, CustodianSet
from custodes.trust.seal.fields import to_base64
from custodes.trust.seal.signing import PublicKey, SigningKey, by_id, open_signed
from custodes.trust.seal.wrapping import OVERHEAD, WrappingKey, WrappingPublicKey, unwrap, wrap

KEY = SigningKey.generate(source("one"))
OTHER = SigningKey.generate(source("two"))
BODY: canonical.JsonObject = {"what": "a body", "number": 7}


def test_a_signed_document_opens_for_its_kind_and_signer_only() -> None:
    data = KEY.sign("custodes/this", BODY)
    assert open_signed(data, "custodes/this", by_id([OTHER.public, KEY.public])) == BODY
    with pytest.raises(CustodesError, match="another") as wrong_kind:
        open_signed(data, "custodes/that", by_id([KEY.public]))
    assert wrong_kind.value.kind is Kind.CORRUPT
    with pytest.raises(CustodesError, match="policy does not name") as unknown:
        open_signed(data, "custodes/this", by_id([OTHER.public]))
    assert unknown.value.kind is Kind.DENIED


def test_relabelling_a_document_to_another_kind_breaks_both_signatures() -> None:
    relabelled = KEY.sign("custodes/this", BODY).replace(b"custodes/this", b"custodes/that")
    with pytest.raises(CustodesError, match="does not hold"):
        open_signed(relabelled, "custodes/that", by_id([KEY.public]))


@pytest.mark.parametrize("member", ["ed25519", "ml-dsa-44"])
def test_one_good_signature_of_two_is_not_enough(member: str) -> None:
    mine, foreign = (canonical.load_object(key.sign("k", BODY)) for key in (KEY, OTHER))
    canonical.member(mine, "signatures")[member] = canonical.member(foreign, "signatures")[member]
    with pytest.raises(CustodesError, match="does not hold"):
        open_signed(canonical.dumps(mine), "k", by_id([KEY.public]))


def test_half_of_another_key_makes_another_key() -> None:
    hybrid = PublicKey(KEY.public.ed25519, OTHER.public.ml_dsa_44)
    assert hybrid.id not in (KEY.public.id, OTHER.public.id)
    with pytest.raises(CustodesError, match="policy does not name"):
        open_signed(KEY.sign("k", BODY), "k", by_id([hybrid]))


def test_keys_come_back_from_seed_and_json() -> None:
    assert SigningKey.from_seed(KEY.seed).public == KEY.public
    assert PublicKey.from_json(KEY.public.to_json()) == KEY.public
    assert repr(KEY) == f"SigningKey({KEY.public.id})"
    wrapping = WrappingKey.generate(source("w"))
    assert WrappingKey.from_seed(wrapping.seed).public == wrapping.public
    assert WrappingPublicKey.from_json(wrapping.public.to_json()) == wrapping.public
    assert wrapping.seed.hex() not in repr(wrapping)


@pytest.mark.parametrize(
    "json",
    [
        {},
        {"ed25519": "AA==", "ml-dsa-44": "AA=="},
        {**KEY.public.to_json(), "more": 1},
        {**KEY.public.to_json(), "ed25519": "é"},
        {**KEY.public.to_json(), "ed25519": 5},
    ],
)
def test_what_is_no_public_key_is_refused(json: canonical.JsonObject) -> None:
    with pytest.raises(CustodesError) as problem:
        PublicKey.from_json(json)
    assert problem.value.kind is Kind.CORRUPT


def test_base64_has_one_spelling() -> None:
    json = KEY.public.to_json()
    text = canonical.text(json, "ed25519")
    # 32 bytes leave two unused bits in the last letter before "=": another letter decodes to the same bytes.
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    respelled = text[:-2] + letters[letters.index(text[-2]) ^ 1] + "="
    with pytest.raises(CustodesError, match="base64"):
        PublicKey.from_json({**json, "ed25519": respelled})


def test_wrapping_is_bound_to_key_and_info() -> None:
    key, other = WrappingKey.generate(source("a")), WrappingKey.generate(source("b"))
    box = wrap(key.public, b"share", {"camera": "x", "index": 1})
    assert len(box) == len(b"share") + OVERHEAD
    assert unwrap(key, box, {"camera": "x", "index": 1}) == b"share"
    for wrong_key, wrong_box, info in (
        (other, box, {"camera": "x", "index": 1}),
        (key, box, {"camera": "y", "index": 1}),
        (key, box[:-1], {"camera": "x", "index": 1}),
        (key, b"", {"camera": "x", "index": 1}),
    ):
        with pytest.raises(CustodesError, match="does not open"):
            unwrap(wrong_key, wrong_box, dict(info))


def test_a_wrapping_key_that_is_no_point_of_the_scheme_is_refused() -> None:
    json = WrappingKey.generate(source("a")).public.to_json()

    # ML-KEM's polynomial coefficients lie below 3329; all ones do not (FIPS 203, 7.2, modulus check).
    with pytest.raises(CustodesError, match="not valid"):
        WrappingPublicKey.from_json({**json, "key": to_base64(b"\xff" * 1216)})
    with pytest.raises(CustodesError, match="suite"):
        WrappingPublicKey.from_json({**json, "suite": "X25519"})


def _custodian(index: int, seed: str = "") -> Custodian:
    draw = source(seed or f"custodian {index}")
    return Custodian(index, f"c{index}", SigningKey.generate(draw).public, WrappingKey.generate(draw).public)


def test_a_set_of_custodians_comes_back_from_json() -> None:
    found = CustodianSet(1, 2, (_custodian(1), _custodian(2), _custodian(3)))  # type: ignore[arg-type]
    assert CustodianSet.from_json(found.to_json()) == found
    assert found.n == 3
    holder = found.holder(_custodian(2).identity.id)
    assert holder is not None
    assert holder.index == 2
    with pytest.raises(CustodesError, match="not n"):
        CustodianSet.from_json({**found.to_json(), "n": 2})


@pytest.mark.parametrize(
    ("k", "members"),
    [
        (1, (_custodian(1), _custodian(2))),
        (3, (_custodian(1), _custodian(2))),
        (2, (_custodian(1), _custodian(3))),
        (2, (_custodian(1, "same"), _custodian(2, "same"))),
    ],
)
def test_nobody_can_be_a_quorum_alone(k: int, members: tuple[Custodian, ...]) -> None:
    with pytest.raises(CustodesError):
        CustodianSet(1, k, members)  # type: ignore[arg-type]
