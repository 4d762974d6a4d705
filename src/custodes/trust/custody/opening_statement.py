# SPDX-License-Identifier: Apache-2.0
"""What a requester owes the public log: his signed statement that the originals were opened."""

from dataclasses import dataclass

from custodes.clock import Instant
from custodes.domain import times
from custodes.domain.canonical import hexadecimal, integer
from custodes.domain.ids import Digest
from custodes.errors import denied
from custodes.trust.custody.policy import Policy
from custodes.trust.custody.request import Request
from custodes.trust.seal.fields import sha256, versioned
from custodes.trust.seal.signing import SigningKey, check, read_signed

OPENED = "custodes/disclosure-opened"


@dataclass(frozen=True, slots=True)
class OpeningStatement:
    """A requester's verified statement that the footage was opened; ``digest`` is its SHA-256 as signed."""

    request: Digest
    opened: Instant
    periods: int
    digest: Digest


def make_opening(request: Request, requester: SigningKey, opened: Instant, periods: int) -> bytes:
    """Return the signed statement that so many periods of the request were opened."""
    return requester.sign(
        OPENED, {"v": 1, "request": request.digest.hex(), "opened": times.to_text(opened), "periods": periods}
    )


def verify_opening(data: bytes, request: Request, policy: Policy) -> OpeningStatement:
    """Verify a statement by the requester himself; raises ``CustodesError`` (CORRUPT, DENIED)."""
    signed = read_signed(data, OPENED)
    key = check(signed, policy.requester_keys)
    versioned(signed.body, "request", "opened", "periods")
    if hexadecimal(signed.body, "request", 32) != request.digest or key.id != request.requester:
        raise denied("the statement is about another request")
    return OpeningStatement(
        request.digest, times.from_text(signed.body["opened"]), integer(signed.body, "periods"), sha256(data)
    )
