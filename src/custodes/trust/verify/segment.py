# SPDX-License-Identifier: Apache-2.0
"""Verification of a sealed segment against its manifests, by anybody: no key opens anything here."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from custodes.errors import CustodesError, Kind, corrupt, not_found
from custodes.trust.custody.opening import check_segment_size
from custodes.trust.custody.policy import Policy
from custodes.trust.seal.manifest import (
    ClosingManifest,
    OpeningManifest,
    check_pair,
    parse_closing,
    parse_opening,
)
from custodes.trust.seal.segment import PREAMBLE_BYTES, check_record, read_preamble
from custodes.trust.verify.report import Check, Report


def verify_segment(segment: Path, opening: bytes, closing: bytes, policy: Policy) -> Report:
    """Check that a segment is, byte for byte, the one that an enrolled recorder sealed.

    Raises ``CustodesError`` (NOT_FOUND) if the segment cannot be read; what is wrong with it stands in the report.
    """
    checks: list[Check] = []
    manifests: list[tuple[OpeningManifest, ClosingManifest]] = []

    def signed() -> str:
        pair = parse_opening(opening, policy.recorder_keys), parse_closing(closing, policy.recorder_keys)
        check_pair(*pair)
        manifests.append(pair)
        return f"{pair[0].period}, {len(pair[1].fragments)} fragments, {pair[1].reason.value}"

    _run(checks, "manifests", "an enrolled recorder opened and closed this period", signed)
    if manifests:
        last = manifests[0][1]
        proves = "no byte of what the recorder sealed was changed or lost"
        _run(checks, "segment", proves, lambda: _segment(segment, last))
    return Report(tuple(checks))


def _run(checks: list[Check], name: str, proves: str, check: Callable[[], str]) -> None:
    try:
        checks.append(Check(name, True, proves, check()))
    except CustodesError as problem:
        # What cannot be read was not found wanting.
        if problem.kind is Kind.NOT_FOUND:
            raise
        checks.append(Check(name, False, proves, problem.message))


def _segment(path: Path, closing: ClosingManifest) -> str:
    try:
        with path.open("rb") as stream:
            size = path.stat().st_size
            check_segment_size(size, closing)
            _records(stream, closing)
    except OSError as problem:
        raise not_found(f"{path.name} cannot be read: {problem.strerror}") from None
    rest = size - closing.length
    return f"{closing.length} bytes" + (f", then {rest} bytes of a torn record" if rest else "")


def _records(stream: BinaryIO, closing: ClosingManifest) -> None:
    if closing.length and read_preamble(stream.read(PREAMBLE_BYTES)) != closing.header:
        raise corrupt("the segment belongs to another period")
    for record in closing.fragments:
        check_record(record, stream.read(record.length))
