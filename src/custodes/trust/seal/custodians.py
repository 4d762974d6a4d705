# SPDX-License-Identifier: Apache-2.0
"""A set of custodians: who holds which share, and how many of them it takes."""

from dataclasses import dataclass

from custodes.domain import canonical
from custodes.domain.canonical import JsonObject, integer, listed, member, text
from custodes.domain.ids import Digest, Epoch, KeyId
from custodes.errors import CustodesError, corrupt, invalid
from custodes.trust.seal.fields import only, sha256, versioned
from custodes.trust.seal.signing import PublicKey
from custodes.trust.seal.wrapping import WrappingPublicKey

MAX_CUSTODIANS = 32


@dataclass(frozen=True, slots=True)
class Custodian:
    """One office (never a person). ``index`` counts from 1 and is the number of its share."""

    index: int
    label: str
    identity: PublicKey
    wrapping: WrappingPublicKey


@dataclass(frozen=True, slots=True)
class CustodianSet:
    """``k`` of the ``n`` members together can open what was sealed in ``epoch``; no single one ever can (k >= 2)."""

    epoch: Epoch
    k: int
    members: tuple[Custodian, ...]

    def __post_init__(self) -> None:
        if not 2 <= self.k <= self.n <= MAX_CUSTODIANS:
            raise invalid(f"a quorum needs 2 <= k <= n <= {MAX_CUSTODIANS}, not {self.k} of {self.n}")
        if [member.index for member in self.members] != list(range(1, self.n + 1)):
            raise invalid("custodians are numbered from 1 in order")
        if self.epoch < 1:
            raise invalid("epochs are counted from 1")
        # One person with two seats would be two of k.
        if len({member.identity.id for member in self.members}) < self.n:
            raise invalid("two custodians have the same identity key")
        if len({member.wrapping.id for member in self.members}) < self.n:
            raise invalid("two custodians have the same wrapping key")

    @property
    def n(self) -> int:
        return len(self.members)

    @property
    def digest(self) -> Digest:
        """SHA-256 of the set's canonical JSON; what periods and the log name it by."""
        return sha256(canonical.dumps(self.to_json()))

    def holder(self, key: KeyId) -> Custodian | None:
        """Return the member with this identity key."""
        return next((found for found in self.members if found.identity.id == key), None)

    def to_json(self) -> JsonObject:
        """Return the set as published: ``epoch``, ``k``, ``n`` and ``members`` in the order of their index."""
        return {
            "v": 1,
            "epoch": self.epoch,
            "k": self.k,
            "n": self.n,
            "members": [
                {
                    "index": custodian.index,
                    "label": custodian.label,
                    "identity": custodian.identity.to_json(),
                    "wrapping": custodian.wrapping.to_json(),
                }
                for custodian in self.members
            ],
        }

    @classmethod
    def from_json(cls, source: JsonObject) -> "CustodianSet":
        """Parse what ``to_json`` returns; anything else raises ``CustodesError`` (CORRUPT)."""
        versioned(source, "epoch", "k", "n", "members")
        members = []
        for item in listed(source, "members"):
            if not isinstance(item, dict):
                raise corrupt("a custodian must be an object")
            only(item, "index", "label", "identity", "wrapping")
            members.append(
                Custodian(
                    integer(item, "index"),
                    text(item, "label"),
                    PublicKey.from_json(member(item, "identity")),
                    WrappingPublicKey.from_json(member(item, "wrapping")),
                )
            )
        try:
            found = cls(Epoch(integer(source, "epoch")), integer(source, "k"), tuple(members))
        except CustodesError as problem:
            raise corrupt(f"custodians: {problem}") from None
        if integer(source, "n") != found.n:
            raise corrupt("the number of custodians is not n")
        return found
