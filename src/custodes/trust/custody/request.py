# SPDX-License-Identifier: Apache-2.0
"""The request for originals: signed by an enrolled requester, and the one-time key that grants are wrapped to.

The key stands inside the signed request, so nobody between requester and custodian can put his own in its place.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from custodes.clock import SECOND, Instant
from custodes.domain import canonical, times
from custodes.domain.canonical import JsonObject, hexadecimal, listed, member, text
from custodes.domain.ids import CameraId, DeploymentId, Digest, KeyId, check_id
from custodes.domain.register import LegalBasis
from custodes.errors import CustodesError, corrupt, denied, invalid
from custodes.trust.seal.fields import sha256, versioned
from custodes.trust.seal.signing import PublicKey, SigningKey, check, read_signed
from custodes.trust.seal.wrapping import WrappingPublicKey

REQUEST = "custodes/disclosure-request"
MAX_REQUEST = 256 * 1024
MAX_CAMERAS = 64
MAX_LIFE = 31 * 24 * 3600 * SECOND
MAX_WINDOW = 31 * 24 * 3600 * SECOND
SKEW = 60 * SECOND
"""How far another machine's clock may be ahead of ours when it says "now". Ends of windows get no such allowance."""
MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose signatures were verified. ``[start, end)`` is the window, ``digest`` its SHA-256 as signed.

    ``case`` is a salted commitment to the case reference (``case_commitment``), ``requester`` the signing key.
    """

    deployment: DeploymentId
    cameras: tuple[CameraId, ...]
    start: Instant
    end: Instant
    purpose: str
    legal_basis: LegalBasis
    case: Digest
    one_time_key: WrappingPublicKey
    created: Instant
    expires: Instant
    requester: KeyId
    digest: Digest

    @property
    def id(self) -> str:
        return request_id(self.digest)


def request_id(digest: Digest) -> str:
    """Return the short name of a request: the first 26 base32 characters of its SHA-256, lower case."""
    return base64.b32encode(digest).decode()[:26].lower()


def case_commitment(salt: bytes, reference: str) -> Digest:
    """Commit to a case reference: SHA-256("custodes/case/v1" 00 salt reference), salt of 16 random bytes, UTF-8."""
    if len(salt) != 16:
        raise ValueError("the salt of a case has 16 bytes")
    return sha256(b"custodes/case/v1\0", salt, reference.encode())


def make_request(
    requester: SigningKey,
    *,
    deployment: DeploymentId,
    cameras: Sequence[CameraId],
    start: Instant,
    end: Instant,
    purpose: str,
    legal_basis: LegalBasis,
    case: Digest,
    one_time_key: WrappingPublicKey,
    created: Instant,
    expires: Instant,
) -> bytes:
    """Return the signed request.

    Raises ``CustodesError``: INVALID for what no server would accept, DENIED if the window has not ended.
    """
    body: JsonObject = {
        "v": 1,
        "deployment": deployment,
        "cameras": list[canonical.Json](sorted(set(cameras))),
        "start": times.to_text(start),
        "end": times.to_text(end),
        "purpose": purpose,
        "legal_basis": legal_basis.name.lower(),
        "case": case.hex(),
        "one_time_key": one_time_key.to_json(),
        "created": times.to_text(created),
        "expires": times.to_text(expires),
    }
    data = requester.sign(REQUEST, body)
    try:
        request = parse_request(data, {requester.public.id: requester.public})
    except CustodesError as problem:
        raise invalid(str(problem)) from None
    # Witnesses state whole seconds, rounded down; a window that ended within this second would seem not to have ended.
    check_request(request, Instant(created - SECOND))
    return data


def parse_request(data: bytes, requesters: Mapping[KeyId, PublicKey]) -> Request:
    """Verify a signed request by one of ``requesters``. Times are not compared with any clock: see ``check_request``.

    Raises ``CustodesError``: CORRUPT for a malformed or changed request, DENIED for a requester who is not enrolled.
    """
    if len(data) > MAX_REQUEST:
        raise corrupt("a request holds at most 256 KiB")
    signed = read_signed(data, REQUEST)
    check(signed, requesters)
    body = signed.body
    versioned(
        body,
        *("deployment", "cameras", "start", "end", "purpose", "legal_basis", "case", "one_time_key"),
        *("created", "expires"),
    )
    try:
        deployment = DeploymentId(check_id(text(body, "deployment")))
        cameras = tuple(CameraId(check_id(text({"cameras": item}, "cameras"))) for item in listed(body, "cameras"))
    except CustodesError as problem:
        raise corrupt(f"the request: {problem}") from None
    request = Request(
        deployment=deployment,
        cameras=cameras,
        start=times.from_text(body["start"]),
        end=times.from_text(body["end"]),
        purpose=text(body, "purpose"),
        legal_basis=_basis(text(body, "legal_basis")),
        case=Digest(hexadecimal(body, "case", 32)),
        one_time_key=WrappingPublicKey.from_json(member(body, "one_time_key")),
        created=times.from_text(body["created"]),
        expires=times.from_text(body["expires"]),
        requester=signed.key,
        digest=sha256(data),
    )
    _check_form(request)
    return request


def _basis(name: str) -> LegalBasis:
    for basis in LegalBasis:
        if basis.name.lower() == name:
            return basis
    raise corrupt("the request names no legal basis that is known")


def _check_form(request: Request) -> None:
    if not 1 <= len(request.cameras) <= MAX_CAMERAS or list(request.cameras) != sorted(set(request.cameras)):
        raise corrupt(f"a request names 1 to {MAX_CAMERAS} cameras, each once, in order")
    if not request.start < request.end <= request.start + MAX_WINDOW:
        raise corrupt("the window of a request must have a length, of at most 31 days")
    if not request.created < request.expires <= request.created + MAX_LIFE:
        raise corrupt("a request must expire after it was made, within 31 days")
    if not request.purpose.strip() or len(request.purpose) > MAX_TEXT or not request.purpose.isprintable():
        raise corrupt(f"the purpose of a request is one line of 1 to {MAX_TEXT} characters")


def check_request(request: Request, now: Instant) -> None:
    """Compare a request with a clock; raises ``CustodesError`` (DENIED): window not ended, expired, from the future."""
    if request.end > now:
        raise denied(
            f"the window has not ended: it ends at {times.to_text(request.end)}; there is no live unmasked view"
        )
    if request.expires <= now:
        raise denied(f"the request has expired at {times.to_text(request.expires)}: make a new one")
    if request.created > now + SKEW:
        raise denied("the request was made in the future: check the clocks")
