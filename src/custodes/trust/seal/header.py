# SPDX-License-Identifier: Apache-2.0
"""What is fixed before a period's first byte: the header of its opening manifest."""

from dataclasses import dataclass

from custodes.clock import Instant
from custodes.domain import canonical, times
from custodes.domain.canonical import JsonObject, hexadecimal, integer, listed, member, text
from custodes.domain.ids import CameraId, DeploymentId, Digest, Epoch, PeriodId, Term, check_id
from custodes.errors import corrupt
from custodes.trust.seal.custodians import CustodianSet
from custodes.trust.seal.fields import sha256, versioned
from custodes.trust.seal.wrapping import SUITE


@dataclass(frozen=True, slots=True)
class PeriodHeader:
    """One period of one camera.

    ``started`` is the receiver's UTC at the first packet. ``parameter_sets`` are NAL units without start code.
    ``register_entry`` is the SHA-256 of the register document under whose permit the camera records,
    ``register_index`` its place in the log. ``checkpoint_size`` and ``checkpoint_root`` name the newest witnessed
    checkpoint that the recorder knew: the period cannot have been begun before it. ``previous`` is the SHA-256 of the
    camera's preceding closing manifest, None where this recorder has none.
    """

    deployment: DeploymentId
    period: PeriodId
    started: Instant
    codec: str
    width: int
    height: int
    parameter_sets: tuple[bytes, ...]
    retention_class: str
    retention_hours: int
    register_entry: Digest
    register_index: int
    checkpoint_size: int
    checkpoint_root: Digest
    previous: Digest | None


@dataclass(frozen=True, slots=True)
class Quorum:
    """Which custodians can open the period: the set's epoch, ``k`` of ``n``, and its digest."""

    epoch: Epoch
    k: int
    n: int
    set: Digest

    @classmethod
    def of(cls, custodians: CustodianSet) -> "Quorum":
        return cls(custodians.epoch, custodians.k, custodians.n, custodians.digest)


@dataclass(frozen=True, slots=True)
class SealedHeader:
    """Header and quorum together; ``digest`` (SHA-256 of the canonical JSON) binds every key, share and fragment."""

    header: PeriodHeader
    quorum: Quorum
    digest: Digest


def seal_header(header: PeriodHeader, quorum: Quorum) -> SealedHeader:
    """Bind a header to the custodians who can open the period."""
    return SealedHeader(header, quorum, sha256(canonical.dumps(header_json(header, quorum))))


def header_json(header: PeriodHeader, quorum: Quorum) -> JsonObject:
    """Return the member ``header`` of the opening manifest."""
    return {
        "v": 1,
        "suite": SUITE,
        "deployment": header.deployment,
        "camera": header.period.camera,
        "period": times.to_text(header.period.start),
        "term": header.period.term,
        "started": times.to_text(header.started),
        "codec": header.codec,
        "width": header.width,
        "height": header.height,
        "parameter_sets": [nal.hex() for nal in header.parameter_sets],
        "retention": {"class": header.retention_class, "hours": header.retention_hours},
        "register": {"entry": header.register_entry.hex(), "index": header.register_index},
        "checkpoint": {"size": header.checkpoint_size, "root": header.checkpoint_root.hex()},
        "custodians": {"epoch": quorum.epoch, "k": quorum.k, "n": quorum.n, "set": quorum.set.hex()},
        "previous": None if header.previous is None else header.previous.hex(),
    }


def parse_header(source: JsonObject) -> SealedHeader:
    """Parse what ``header_json`` returns; anything else raises ``CustodesError`` (CORRUPT)."""
    versioned(
        source,
        *("suite", "deployment", "camera", "period", "term", "started", "codec", "width", "height", "parameter_sets"),
        *("retention", "register", "checkpoint", "custodians", "previous"),
    )
    if text(source, "suite") != SUITE:
        raise corrupt("the period is sealed with a suite that is not known")
    retention, register = member(source, "retention"), member(source, "register")
    checkpoint, custodians = member(source, "checkpoint"), member(source, "custodians")
    header = PeriodHeader(
        deployment=DeploymentId(check_id(text(source, "deployment"))),
        period=parse_period(source),
        started=times.from_text(source["started"]),
        codec=text(source, "codec"),
        width=integer(source, "width"),
        height=integer(source, "height"),
        parameter_sets=tuple(
            hexadecimal({"parameter_sets": item}, "parameter_sets") for item in listed(source, "parameter_sets")
        ),
        retention_class=text(retention, "class"),
        retention_hours=integer(retention, "hours"),
        register_entry=Digest(hexadecimal(register, "entry", 32)),
        register_index=integer(register, "index"),
        checkpoint_size=integer(checkpoint, "size"),
        checkpoint_root=Digest(hexadecimal(checkpoint, "root", 32)),
        previous=None if source["previous"] is None else Digest(hexadecimal(source, "previous", 32)),
    )
    quorum = Quorum(
        Epoch(integer(custodians, "epoch")),
        integer(custodians, "k"),
        integer(custodians, "n"),
        Digest(hexadecimal(custodians, "set", 32)),
    )
    sealed = seal_header(header, quorum)
    # Members that this version does not know would be covered by the signature but not by the digest.
    if sealed.digest != sha256(canonical.dumps(source)):
        raise corrupt("the header of a manifest has members that are not known")
    return sealed


def parse_period(source: JsonObject) -> PeriodId:
    """Parse the members ``camera``, ``period`` and ``term``; raises ``CustodesError`` (CORRUPT)."""
    term = integer(source, "term")
    if term < 1:
        raise corrupt("term must be at least 1")
    return PeriodId(CameraId(check_id(text(source, "camera"))), times.from_text(source.get("period")), Term(term))


def period_json(period: PeriodId) -> JsonObject:
    """Return the members ``camera``, ``period`` and ``term`` that name a period in every document."""
    return {"camera": period.camera, "period": times.to_text(period.start), "term": period.term}
