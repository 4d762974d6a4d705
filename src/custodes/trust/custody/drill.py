# SPDX-License-Identifier: Apache-2.0
"""Drills: proof that the quorum can still open, with secrets that never sealed anything.

A drill deals a random secret for each retention in use, under the keys that a period of now would be sealed to. Each
custodian opens its shares and hands them over: they open nothing. ``use`` in the HPKE ``info`` keeps the share of real
footage from being passed off as one of a drill.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from custodes.clock import Instant
from custodes.domain import canonical, times
from custodes.domain.canonical import Json, JsonObject, hexadecimal, integer, listed, text
from custodes.domain.ids import DeploymentId, Digest, Epoch, KeyId, check_id
from custodes.errors import corrupt, denied
from custodes.trust.custody.policy import Policy
from custodes.trust.seal.custodians import MAX_CUSTODIANS, CustodianSet
from custodes.trust.seal.fields import binary, only, sha256, to_base64, versioned
from custodes.trust.seal.shares import KEY_BYTES, SHARE_BYTES
from custodes.trust.seal.signing import SigningKey, check, read_signed
from custodes.trust.seal.wrapping import OVERHEAD, SUITE, WrappingKey, WrappingPublicKey, unwrap, wrap

ANSWER = "custodes/drill-answer"
MAX_DRILL = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DrillShare:
    """One custodian's share of a drill's secret, wrapped to ``key``."""

    index: int
    key: KeyId
    commitment: Digest
    box: bytes


@dataclass(frozen=True, slots=True)
class Exercise:
    """One secret, as footage kept for ``hours`` would be sealed; ``commitment`` is to the secret."""

    hours: int
    commitment: Digest
    shares: tuple[DrillShare, ...]


@dataclass(frozen=True, slots=True)
class Drill:
    """A parsed drill; ``digest`` is the SHA-256 of its document."""

    deployment: DeploymentId
    name: str
    epoch: Epoch
    k: int
    n: int
    exercises: tuple[Exercise, ...]
    digest: Digest


@dataclass(frozen=True, slots=True)
class DrillAnswer:
    """A custodian's verified answer: its shares, in the order of the exercises."""

    custodian: KeyId
    drill: Digest
    shares: tuple[bytes, ...]


def _info(deployment: DeploymentId, name: str, quorum: tuple[int, int, int], index: int, key: KeyId) -> JsonObject:
    epoch, k, n = quorum
    return {
        "v": 1, "use": "drill", "suite": SUITE, "deployment": deployment, "drill": name,
        "epoch": epoch, "k": k, "n": n, "index": index, "key": key,
    }  # fmt: skip


def _share_commitment(name: str, index: int, share: bytes) -> Digest:
    return sha256(b"custodes/drill-share/v1\0", name.encode(), bytes([index]), share)


def _secret_commitment(name: str, secret: bytes) -> Digest:
    return sha256(b"custodes/drill-key/v1\0", name.encode(), secret)


def deal(
    deployment: DeploymentId,
    name: str,
    now: Instant,
    custodians: CustodianSet,
    exercises: Sequence[tuple[int, bytes, Mapping[int, WrappingPublicKey]]],
) -> bytes:
    """Return a drill. ``exercises``: retention in hours, 32 random bytes, and the keys of the day by index."""
    import pyshamir  # here, so that whoever only verifies needs nothing but cryptography

    quorum = (custodians.epoch, custodians.k, custodians.n)
    items: list[Json] = []
    for hours, secret, dated in exercises:
        shares: list[Json] = []
        dealt = pyshamir.split(secret, custodians.n, custodians.k)
        for member, share in zip(custodians.members, map(bytes, dealt), strict=True):
            public = dated.get(member.index, member.wrapping)
            box = wrap(public, share, _info(deployment, name, quorum, member.index, public.id))
            shares.append(
                {
                    "index": member.index,
                    "key": public.id,
                    "commitment": _share_commitment(name, member.index, share).hex(),
                    "share": to_base64(box),
                }
            )
        items.append({"hours": hours, "secret": _secret_commitment(name, secret).hex(), "shares": shares})
    body: JsonObject = {
        "v": 1, "deployment": deployment, "drill": name, "dealt": times.to_text(now),
        "epoch": custodians.epoch, "k": custodians.k, "n": custodians.n, "exercises": items,
    }  # fmt: skip
    return canonical.dumps(body)


def parse_drill(data: bytes) -> Drill:
    """Parse a drill; raises ``CustodesError`` (CORRUPT)."""
    source = canonical.load_object(data)
    versioned(source, "deployment", "drill", "dealt", "epoch", "k", "n", "exercises")
    times.from_text(source["dealt"])
    exercises = tuple(_exercise(item, integer(source, "n")) for item in listed(source, "exercises"))
    if not exercises:
        raise corrupt("a drill without an exercise proves nothing")
    if len({exercise.hours for exercise in exercises}) < len(exercises):
        raise corrupt("a drill has one exercise for each retention")
    return Drill(
        DeploymentId(check_id(text(source, "deployment"))),
        check_id(text(source, "drill")),
        Epoch(integer(source, "epoch")),
        integer(source, "k"),
        integer(source, "n"),
        exercises,
        sha256(data),
    )


def _exercise(item: Json, n: int) -> Exercise:
    if not isinstance(item, dict):
        raise corrupt("an exercise must be an object")
    only(item, "hours", "secret", "shares")
    shares = tuple(_share(each) for each in listed(item, "shares"))
    if not 2 <= n <= MAX_CUSTODIANS or [share.index for share in shares] != list(range(1, n + 1)):
        raise corrupt("a drill must have a share of every custodian")
    return Exercise(integer(item, "hours"), Digest(hexadecimal(item, "secret", 32)), shares)


def _share(item: Json) -> DrillShare:
    if not isinstance(item, dict):
        raise corrupt("a share of a drill must be an object")
    only(item, "index", "key", "commitment", "share")
    return DrillShare(
        integer(item, "index"),
        KeyId(hexadecimal(item, "key", 16).hex()),
        Digest(hexadecimal(item, "commitment", 32)),
        binary(item, "share", SHARE_BYTES + OVERHEAD),
    )


def answer(
    data: bytes, policy: Policy, custodian: SigningKey, keys: Mapping[KeyId, WrappingKey], now: Instant
) -> bytes:
    """Open the custodian's shares of a drill and return them signed.

    Raises ``CustodesError``: DENIED for another deployment or set, or a key that is not here; CORRUPT for a share that
    does not open (one of real footage does not: it is bound to another use).
    """
    drill = parse_drill(data)
    current = policy.custodians[-1]
    holder = current.holder(custodian.public.id)
    dealt = (drill.deployment, drill.epoch, drill.k, drill.n)
    if holder is None or dealt != (policy.deployment, current.epoch, current.k, current.n):
        raise denied("the drill is for other custodians")
    opened: list[Json] = []
    for exercise in drill.exercises:
        place = exercise.shares[holder.index - 1]
        if place.key not in keys:
            raise denied(f"the key for footage kept {exercise.hours} h that is sealed to today is not here")
        info = _info(drill.deployment, drill.name, (drill.epoch, drill.k, drill.n), holder.index, place.key)
        opened.append(to_base64(unwrap(keys[place.key], place.box, info)))
    body: JsonObject = {"v": 1, "drill": drill.digest.hex(), "answered": times.to_text(now), "shares": opened}
    return custodian.sign(ANSWER, body)


def parse_answer(data: bytes, policy: Policy) -> DrillAnswer:
    """Verify a custodian's answer; raises ``CustodesError`` (DENIED, CORRUPT)."""
    signed = read_signed(data, ANSWER)
    check(signed, policy.custodian_keys)
    versioned(signed.body, "drill", "answered", "shares")
    times.from_text(signed.body["answered"])
    shares = tuple(binary({"share": item}, "share", SHARE_BYTES) for item in listed(signed.body, "shares"))
    return DrillAnswer(signed.key, Digest(hexadecimal(signed.body, "drill", 32)), shares)


def check_answer(drill: Drill, index: int, found: DrillAnswer) -> None:
    """Check every share against its commitment; raises ``CustodesError`` (CORRUPT) if one is false."""
    commitments = [exercise.shares[index - 1].commitment for exercise in drill.exercises]
    if [_share_commitment(drill.name, index, share) for share in found.shares] != commitments:
        raise corrupt("the answer is not what was dealt: this custodian could not open its shares")


def is_opened(drill: Drill, answers: Sequence[DrillAnswer]) -> bool:
    """Say whether these answers, whose shares were checked, bring every secret of the drill together."""
    import pyshamir  # as above

    if len(answers) < drill.k:
        return False
    for number, exercise in enumerate(drill.exercises):
        shares = [bytearray(found.shares[number]) for found in answers[: drill.k]]
        secret = bytes(pyshamir.combine(shares))
        if len(secret) != KEY_BYTES or not hmac.compare_digest(
            _secret_commitment(drill.name, secret), exercise.commitment
        ):
            raise corrupt("the shares of a drill do not give its secret")
    return True
