# SPDX-License-Identifier: Apache-2.0
"""Statements: the public halves of a custodian's or requester's keys, signed with the identity key itself.

They are handed over when somebody is enrolled. The signature shows that whoever handed it over holds the identity key,
and that the wrapping key is meant to be his.
"""

from dataclasses import dataclass

from custodes.domain.canonical import JsonObject, member, text
from custodes.errors import corrupt, invalid
from custodes.trust.seal.fields import versioned
from custodes.trust.seal.signing import PublicKey, SigningKey, check, read_signed
from custodes.trust.seal.wrapping import WrappingPublicKey

CUSTODIAN = "custodes/custodian-statement"
REQUESTER = "custodes/requester-statement"
MAX_LABEL = 80


@dataclass(frozen=True, slots=True)
class CustodianStatement:
    """A verified custodian's statement. ``label`` names the office."""

    label: str
    identity: PublicKey
    wrapping: WrappingPublicKey


@dataclass(frozen=True, slots=True)
class RequesterStatement:
    """A verified requester's statement. ``label`` names the office."""

    label: str
    identity: PublicKey


def state_custodian(label: str, identity: SigningKey, wrapping: WrappingPublicKey) -> bytes:
    """Return a custodian's signed statement; raises ``CustodesError`` (INVALID) for an unusable label."""
    return identity.sign(CUSTODIAN, {**_common(label, identity), "wrapping": wrapping.to_json()})


def state_requester(label: str, identity: SigningKey) -> bytes:
    """Return a requester's signed statement; raises ``CustodesError`` (INVALID) for an unusable label."""
    return identity.sign(REQUESTER, _common(label, identity))


def _common(label: str, identity: SigningKey) -> JsonObject:
    if not _usable(label):
        raise invalid(f"a label is one line of 1 to {MAX_LABEL} characters")
    return {"v": 1, "label": label, "identity": identity.public.to_json()}


def _usable(label: str) -> bool:
    return bool(label.strip()) and len(label) <= MAX_LABEL and label.isprintable()


def parse_custodian(data: bytes) -> CustodianStatement:
    """Verify a custodian's statement; raises ``CustodesError`` (CORRUPT)."""
    body, identity = _read(data, CUSTODIAN, "wrapping")
    return CustodianStatement(text(body, "label"), identity, WrappingPublicKey.from_json(member(body, "wrapping")))


def parse_requester(data: bytes) -> RequesterStatement:
    """Verify a requester's statement; raises ``CustodesError`` (CORRUPT)."""
    body, identity = _read(data, REQUESTER)
    return RequesterStatement(text(body, "label"), identity)


def _read(data: bytes, kind: str, *more: str) -> tuple[JsonObject, PublicKey]:
    signed = read_signed(data, kind)
    versioned(signed.body, "label", "identity", *more)
    identity = PublicKey.from_json(member(signed.body, "identity"))
    if identity.id != signed.key:
        raise corrupt("the statement is signed by another key than it names")
    check(signed, {identity.id: identity})
    if not _usable(text(signed.body, "label")):
        raise corrupt("the label of a statement cannot be used")
    return signed.body, identity
