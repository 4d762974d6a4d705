# SPDX-License-Identifier: Apache-2.0
"""The policy: whom a custodian, a requester and a verifier believe. Got once by a trusted way, kept, then compared."""

from collections.abc import Iterable
from dataclasses import dataclass

from custodes.domain import canonical
from custodes.domain.canonical import Json, JsonObject, listed, member, text
from custodes.domain.ids import DeploymentId, KeyId, check_id
from custodes.errors import CustodesError, corrupt
from custodes.trust.seal.custodians import Custodian, CustodianSet
from custodes.trust.seal.fields import only, versioned
from custodes.trust.seal.header import Quorum
from custodes.trust.seal.signing import PublicKey, by_id


@dataclass(frozen=True, slots=True)
class Requester:
    """An office that may ask for footage (never a person)."""

    label: str
    identity: PublicKey


@dataclass(frozen=True, slots=True)
class Policy:
    """One deployment: its log and witnesses (``log``, C2SP tlog-policy text), recorders, custodians, requesters.

    ``custodians`` holds every set that can still open something, the current one last.
    """

    deployment: DeploymentId
    log: str
    recorders: tuple[PublicKey, ...]
    custodians: tuple[CustodianSet, ...]
    requesters: tuple[Requester, ...]

    @property
    def recorder_keys(self) -> dict[KeyId, PublicKey]:
        """The keys that may sign manifests."""
        return by_id(self.recorders)

    @property
    def requester_keys(self) -> dict[KeyId, PublicKey]:
        """The keys that may sign requests."""
        return by_id(requester.identity for requester in self.requesters)

    @property
    def custodian_keys(self) -> dict[KeyId, PublicKey]:
        """The keys that may sign grants and refusals, of any epoch."""
        return by_id(custodian.identity for found in self.custodians for custodian in found.members)

    def quorum(self, wanted: Quorum) -> CustodianSet:
        """Return the set that a period was sealed to; raises ``CustodesError`` (CORRUPT) if the policy has no such."""
        for found in self.custodians:
            if Quorum.of(found) == wanted:
                return found
        raise corrupt(f"the period is sealed to custodians that the policy does not name (epoch {wanted.epoch})")

    def custodian(self, key: KeyId) -> Custodian | None:
        """Return the custodian with this identity key, from the newest set that has it."""
        found = (candidate.holder(key) for candidate in reversed(self.custodians))
        return next((custodian for custodian in found if custodian is not None), None)

    def requester(self, key: KeyId) -> Requester | None:
        """Return the requester with this identity key."""
        return next((requester for requester in self.requesters if requester.identity.id == key), None)


def encode_policy(policy: Policy) -> bytes:
    """Return the policy file: canonical JSON."""
    return canonical.dumps(
        {
            "v": 1,
            "deployment": policy.deployment,
            "log": policy.log,
            "recorders": [key.to_json() for key in policy.recorders],
            "custodians": [found.to_json() for found in policy.custodians],
            "requesters": [
                {"label": requester.label, "identity": requester.identity.to_json()} for requester in policy.requesters
            ],
        }
    )


def parse_policy(data: bytes) -> Policy:
    """Parse a policy file; raises ``CustodesError`` (CORRUPT) naming what is wrong."""
    try:
        return _parse(canonical.load_object(data))
    except CustodesError as problem:
        raise corrupt(f"the policy file: {problem}") from None


def _parse(source: JsonObject) -> Policy:
    versioned(source, "deployment", "log", "recorders", "custodians", "requesters")
    requesters = []
    for item in _objects(listed(source, "requesters")):
        only(item, "label", "identity")
        requesters.append(Requester(text(item, "label"), PublicKey.from_json(member(item, "identity"))))
    policy = Policy(
        DeploymentId(check_id(text(source, "deployment"))),
        text(source, "log"),
        tuple(PublicKey.from_json(item) for item in _objects(listed(source, "recorders"))),
        tuple(CustodianSet.from_json(item) for item in _objects(listed(source, "custodians"))),
        tuple(requesters),
    )
    epochs = [found.epoch for found in policy.custodians]
    if epochs != sorted(set(epochs)):
        raise corrupt("the epochs of the custodians must rise")
    return policy


def _objects(items: Iterable[Json]) -> list[JsonObject]:
    found = []
    for item in items:
        if not isinstance(item, dict):
            raise corrupt("a list holds something that is no object")
        found.append(item)
    return found
