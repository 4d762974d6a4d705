# SPDX-License-Identifier: Apache-2.0
"""The two signed manifests of a period: opening (durable before the first byte) and closing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from custodes.clock import Instant
from custodes.domain import times
from custodes.domain.canonical import Json, JsonObject, hexadecimal, integer, listed, member, text
from custodes.domain.ids import DeploymentId, Digest, KeyId, PeriodId, check_id
from custodes.domain.video import GapCause
from custodes.errors import CustodesError, corrupt
from custodes.trust.seal.fields import only, sha256, versioned
from custodes.trust.seal.header import SealedHeader, header_json, parse_header, parse_period, period_json
from custodes.trust.seal.segment import MAX_CIPHERTEXT, PREAMBLE_BYTES, RECORD_BYTES, FragmentRecord
from custodes.trust.seal.shares import SharePlace
from custodes.trust.seal.signing import PublicKey, check, read_signed

OPENING = "custodes/opening-manifest"
CLOSING = "custodes/closing-manifest"

_Named = TypeVar("_Named", bound=Enum)


class CloseReason(Enum):
    """Why a segment ends where it ends."""

    CUT = "the next period began"
    GAP = "the camera fell silent"
    CHANGED = "the stream's parameters changed"
    STOPPED = "recording was stopped"
    RECOVERED = "the recorder was interrupted"


@dataclass(frozen=True, slots=True)
class StatedGap:
    """A hole within the period: nothing was received from ``began`` on, for this cause."""

    began: Instant
    cause: GapCause


@dataclass(frozen=True, slots=True)
class OpeningManifest:
    """A verified opening manifest; ``digest`` is the SHA-256 of the signed document, ``recorder`` its signer."""

    sealed: SealedHeader
    key_commitment: Digest
    shares: tuple[SharePlace, ...]
    recorder: KeyId
    digest: Digest

    @property
    def period(self) -> PeriodId:
        return self.sealed.header.period


@dataclass(frozen=True, slots=True)
class ClosingManifest:
    """A verified closing manifest.

    ``length`` is the number of durable bytes of the segment, ``ended`` receiver UTC of the end of the last fragment,
    ``digest`` the SHA-256 of the signed document: what the minute's log entry commits to.
    """

    deployment: DeploymentId
    period: PeriodId
    header: Digest
    opening: Digest
    ended: Instant
    reason: CloseReason
    length: int
    fragments: tuple[FragmentRecord, ...]
    gaps: tuple[StatedGap, ...]
    recorder: KeyId
    digest: Digest


def opening_body(sealed: SealedHeader, commitment: Digest, shares: Sequence[SharePlace]) -> JsonObject:
    """Return the body of an opening manifest."""
    return {
        "v": 1,
        "header": header_json(sealed.header, sealed.quorum),
        "key": commitment.hex(),
        "shares": [
            {
                "index": place.index,
                "key": place.wrapping_key,
                "commitment": place.commitment.hex(),
                "sealed": place.sealed.hex(),
            }
            for place in shares
        ],
    }


def parse_opening(data: bytes, recorders: Mapping[KeyId, PublicKey]) -> OpeningManifest:
    """Verify an opening manifest signed by one of ``recorders``.

    Raises ``CustodesError``: CORRUPT for a malformed or changed document, DENIED for another signer.
    """
    signed = read_signed(data, OPENING)
    check(signed, recorders)
    body = signed.body
    versioned(body, "header", "key", "shares")
    sealed = _malformed_is_corrupt(member(body, "header"))
    shares = tuple(_share_place(item) for item in listed(body, "shares"))
    if [place.index for place in shares] != list(range(1, sealed.quorum.n + 1)):
        raise corrupt("the manifest does not name the share of every custodian")
    return OpeningManifest(sealed, Digest(hexadecimal(body, "key", 32)), shares, signed.key, sha256(data))


def _malformed_is_corrupt(source: JsonObject) -> SealedHeader:
    try:
        return parse_header(source)
    except CustodesError as problem:
        raise corrupt(f"the header of a manifest: {problem}") from None


def _share_place(item: Json) -> SharePlace:
    if not isinstance(item, dict):
        raise corrupt("a share in a manifest must be an object")
    only(item, "index", "key", "commitment", "sealed")
    return SharePlace(
        integer(item, "index"),
        KeyId(hexadecimal(item, "key", 16).hex()),
        Digest(hexadecimal(item, "commitment", 32)),
        Digest(hexadecimal(item, "sealed", 32)),
    )


def closing_body(
    sealed: SealedHeader,
    opening: Digest,
    ended: Instant,
    reason: CloseReason,
    length: int,
    fragments: Sequence[FragmentRecord],
    gaps: Sequence[StatedGap],
) -> JsonObject:
    """Return the body of a closing manifest."""
    return {
        "v": 1,
        "deployment": sealed.header.deployment,
        **period_json(sealed.header.period),
        "header": sealed.digest.hex(),
        "opening": opening.hex(),
        "ended": times.to_text(ended),
        "reason": reason.name.lower(),
        "length": length,
        "fragments": [
            {
                "offset": record.offset,
                "length": record.length,
                "start": times.to_text(record.start),
                "ticks": record.ticks,
                "units": record.units,
                "head": record.head.hex(),
                "nals": record.nals.hex(),
                "digest": record.digest.hex(),
            }
            for record in fragments
        ],
        "gaps": [{"began": times.to_text(gap.began), "cause": gap.cause.name.lower()} for gap in gaps],
    }


def parse_closing(data: bytes, recorders: Mapping[KeyId, PublicKey]) -> ClosingManifest:
    """Verify a closing manifest signed by one of ``recorders``; its fragments lie end to end in the segment.

    Raises ``CustodesError``: CORRUPT for a malformed or changed document, DENIED for another signer.
    """
    signed = read_signed(data, CLOSING)
    check(signed, recorders)
    body = signed.body
    versioned(
        body,
        *("deployment", "camera", "period", "term", "header", "opening", "ended", "reason", "length"),
        *("fragments", "gaps"),
    )
    try:
        period, deployment = parse_period(body), DeploymentId(check_id(text(body, "deployment")))
    except CustodesError as problem:
        raise corrupt(f"a closing manifest: {problem}") from None
    length = integer(body, "length")
    return ClosingManifest(
        deployment=deployment,
        period=period,
        header=Digest(hexadecimal(body, "header", 32)),
        opening=Digest(hexadecimal(body, "opening", 32)),
        ended=times.from_text(body["ended"]),
        reason=_named(CloseReason, text(body, "reason")),
        length=length,
        fragments=_fragments(listed(body, "fragments"), length),
        gaps=tuple(_gap(item) for item in listed(body, "gaps")),
        recorder=signed.key,
        digest=sha256(data),
    )


def check_pair(opening: OpeningManifest, closing: ClosingManifest) -> None:
    """Check that both manifests are of one period and one recorder; raises ``CustodesError`` (CORRUPT)."""
    same = (
        closing.opening == opening.digest
        and closing.header == opening.sealed.digest
        and closing.period == opening.period
        and closing.deployment == opening.sealed.header.deployment
        # After a crash a recorder's new key may close what its old key opened; both are in the policy.
        and (closing.recorder == opening.recorder or closing.reason is CloseReason.RECOVERED)
    )
    if not same:
        raise corrupt("opening and closing manifest do not belong together")


def _fragments(items: Sequence[Json], length: int) -> tuple[FragmentRecord, ...]:
    records = []
    offset = PREAMBLE_BYTES
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            raise corrupt("a fragment in a manifest must be an object")
        only(item, "offset", "length", "start", "ticks", "units", "head", "nals", "digest")
        record = FragmentRecord(
            number,
            integer(item, "offset"),
            integer(item, "length"),
            times.from_text(item["start"]),
            integer(item, "ticks"),
            integer(item, "units"),
            Digest(hexadecimal(item, "head", 32)),
            Digest(hexadecimal(item, "nals", 32)),
            Digest(hexadecimal(item, "digest", 32)),
        )
        sound = record.offset == offset and 0 < record.length - RECORD_BYTES <= MAX_CIPHERTEXT
        if not sound or not all((0 <= record.start < 2**63, 0 <= record.ticks < 2**32, 0 <= record.units < 2**32)):
            raise corrupt(f"fragment {number} in a manifest does not follow on its predecessor")
        records.append(record)
        offset += record.length
    if length != offset and (records or length != 0):
        raise corrupt("the length in a manifest is not that of its fragments")
    return tuple(records)


def _gap(item: Json) -> StatedGap:
    if not isinstance(item, dict):
        raise corrupt("a gap in a manifest must be an object")
    only(item, "began", "cause")
    return StatedGap(times.from_text(item["began"]), _named(GapCause, text(item, "cause")))


def _named(kind: type[_Named], name: str) -> _Named:
    for found in kind:
        if found.name.lower() == name:
            return found
    raise corrupt(f"{name[:40]!r} in a manifest is not known")
