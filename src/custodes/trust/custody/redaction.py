# SPDX-License-Identifier: Apache-2.0
"""The statement that goes with a redacted clip: what was done, from which request, and who reviewed it.

It proves that the office which opened the footage answers for the clip, not that the clip hides everybody: that is
what a person looked at it for.
"""

from dataclasses import dataclass

from custodes.clock import Instant
from custodes.domain import times
from custodes.domain.canonical import Json, JsonObject, hexadecimal, integer, listed, member, text
from custodes.domain.ids import CameraId, DeploymentId, Digest, KeyId, check_id
from custodes.errors import CustodesError, corrupt
from custodes.trust.custody.policy import Policy
from custodes.trust.seal.fields import only, sha256, versioned
from custodes.trust.seal.signing import SigningKey, check, read_signed

REDACTION = "custodes/redaction"
MAX_STATEMENT = 1024 * 1024
MAX_POINTS = 64
_MAX_TEXT = 100


@dataclass(frozen=True, slots=True)
class KeptRegion:
    """A point (thousandths of width and height, and when), and from when to when it is shown, and why no longer."""

    x: int
    y: int
    at: Instant
    start: Instant
    end: Instant
    begun: str
    ended: str


@dataclass(frozen=True, slots=True)
class Redaction:
    """What was made of the footage of [``start``, ``end``) of one camera; ``clip`` is the SHA-256 of the MP4.

    ``showing`` of its ``pictures`` show something that is not masked. ``request`` is the digest of the disclosure
    request, ``bundle`` of the bundle's index (``bundle.json``).
    """

    deployment: DeploymentId
    request: Digest
    bundle: Digest
    camera: CameraId
    start: Instant
    end: Instant
    made: Instant
    clip: Digest
    size: int
    pictures: int
    showing: int
    kept: tuple[KeptRegion, ...]


@dataclass(frozen=True, slots=True)
class SignedRedaction:
    """A verified statement: ``reviewed`` is when its signer says that a person had looked at all of it."""

    redaction: Redaction
    reviewed: Instant
    signer: KeyId


def redaction_body(made: Redaction) -> JsonObject:
    """Return the members that a draft and a statement have in common."""
    kept: list[Json] = [
        {
            "x": each.x,
            "y": each.y,
            "at": times.to_text(each.at),
            "start": times.to_text(each.start),
            "end": times.to_text(each.end),
            "begun": each.begun,
            "ended": each.ended,
        }
        for each in made.kept
    ]
    return {
        "v": 1,
        "deployment": made.deployment,
        "request": made.request.hex(),
        "bundle": made.bundle.hex(),
        "camera": made.camera,
        "start": times.to_text(made.start),
        "end": times.to_text(made.end),
        "made": times.to_text(made.made),
        "clip": {"sha256": made.clip.hex(), "size": made.size},
        "pictures": made.pictures,
        "showing": made.showing,
        "kept": kept,
    }


def read_redaction(body: JsonObject) -> Redaction:
    """Undo ``redaction_body``; anything else raises ``CustodesError`` (CORRUPT)."""
    versioned(body, *_MEMBERS)
    clip, kept = member(body, "clip"), listed(body, "kept")
    only(clip, "sha256", "size")
    if not 1 <= len(kept) <= MAX_POINTS:
        raise corrupt(f"a redaction keeps 1 to {MAX_POINTS} regions")
    try:
        ids = DeploymentId(check_id(text(body, "deployment"))), CameraId(check_id(text(body, "camera")))
    except CustodesError as problem:
        raise corrupt(f"the redaction: {problem}") from None
    return Redaction(
        deployment=ids[0],
        request=Digest(hexadecimal(body, "request", 32)),
        bundle=Digest(hexadecimal(body, "bundle", 32)),
        camera=ids[1],
        start=times.from_text(body["start"]),
        end=times.from_text(body["end"]),
        made=times.from_text(body["made"]),
        clip=Digest(hexadecimal(clip, "sha256", 32)),
        size=integer(clip, "size"),
        pictures=integer(body, "pictures"),
        showing=integer(body, "showing"),
        kept=tuple(map(_kept, kept)),
    )


_MEMBERS = (
    *("deployment", "request", "bundle", "camera", "start", "end", "made", "clip"),
    *("pictures", "showing", "kept"),
)


def _kept(item: Json) -> KeptRegion:
    if not isinstance(item, dict):
        raise corrupt("a kept region must be an object")
    only(item, "x", "y", "at", "start", "end", "begun", "ended")
    x, y = integer(item, "x"), integer(item, "y")
    begun, ended = text(item, "begun"), text(item, "ended")
    if not (0 <= x < 1000 and 0 <= y < 1000) or max(len(begun), len(ended)) > _MAX_TEXT:
        raise corrupt("a kept region is not as it must be")
    at, start, end = (times.from_text(item[name]) for name in ("at", "start", "end"))
    return KeptRegion(x, y, at, start, end, begun, ended)


def sign_redaction(made: Redaction, requester: SigningKey, reviewed: Instant) -> bytes:
    """Return the statement, signed by the office that opened the footage, once a person has reviewed all of it."""
    return requester.sign(REDACTION, {**redaction_body(made), "reviewed": times.to_text(reviewed)})


def verify_redaction(data: bytes, clip: bytes, policy: Policy) -> SignedRedaction:
    """Verify a statement and that it is about this clip.

    Raises ``CustodesError``: CORRUPT if either was changed, DENIED if the signer is no requester of the policy.
    """
    if len(data) > MAX_STATEMENT:
        raise corrupt("a statement holds at most 1 MiB")
    signed = read_signed(data, REDACTION)
    check(signed, policy.requester_keys)
    body = dict(signed.body)
    reviewed = times.from_text(body.pop("reviewed", None))
    made = read_redaction(body)
    if made.deployment != policy.deployment:
        raise corrupt("the statement is of another deployment")
    if (made.clip, made.size) != (sha256(clip), len(clip)):
        raise corrupt("the clip is not the one that was reviewed")
    return SignedRedaction(made, reviewed, signed.key)
