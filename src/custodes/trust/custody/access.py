# SPDX-License-Identifier: Apache-2.0
"""Access: who may read requests, dossiers and packages. A signed statement goes with each such message over HTTP.

What is asked of whom is nobody else's business: the public log holds hashes only, so the operator's server gives these
documents to enrolled custodians and requesters, and a package to the office that made the request. A statement names
the path and is good for five minutes; what it opens is encrypted to its readers or public by then anyway.
"""

from custodes.clock import SECOND, Instant
from custodes.domain import times
from custodes.domain.canonical import JsonObject, text
from custodes.domain.ids import DeploymentId, KeyId
from custodes.errors import denied
from custodes.trust.custody.policy import Policy
from custodes.trust.seal.fields import versioned
from custodes.trust.seal.signing import SigningKey, check, read_signed

ACCESS = "custodes/custody-access"
HEADER = "Custodes-Access"
"""The HTTP header that carries the statement, base64 (RFC 4648, 4)."""
LIFE = 300 * SECOND


def make_access(identity: SigningKey, deployment: DeploymentId, path: str, now: Instant) -> bytes:
    """Return the signed statement that goes with a request for ``path`` (below ``/api/custody/``)."""
    return identity.sign(ACCESS, access_body(deployment, path, now))


def access_body(deployment: DeploymentId, path: str, now: Instant) -> JsonObject:
    """Return the statement's body."""
    return {"v": 1, "deployment": deployment, "path": path, "time": times.to_text(now)}


def verify_access(data: bytes, policy: Policy, path: str, now: Instant) -> KeyId:
    """Return the identity key of the enrolled custodian or requester who asks.

    Raises ``CustodesError``: DENIED for anybody else, another path, another deployment or a statement that is more
    than five minutes old or ahead; CORRUPT for a malformed one.
    """
    signed = read_signed(data, ACCESS)
    check(signed, {**policy.custodian_keys, **policy.requester_keys})
    versioned(signed.body, "deployment", "path", "time")
    if text(signed.body, "deployment") != policy.deployment or text(signed.body, "path") != path:
        raise denied("the access statement is for something else")
    if abs(times.from_text(signed.body["time"]) - now) > LIFE:
        raise denied("the access statement is too old or ahead: check this machine's clock")
    return signed.key
