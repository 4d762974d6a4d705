# SPDX-License-Identifier: Apache-2.0
"""Verification of an evidence bundle: offline, with nothing but the policy file."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from custodes.clock import SECOND
from custodes.domain import times
from custodes.errors import CustodesError, corrupt, denied
from custodes.trust.custody.archive import Archive
from custodes.trust.custody.bundle import INDEX, BundleIndex, check_files, native_name, read_index
from custodes.trust.custody.clip import verify_clip
from custodes.trust.custody.continuity import check_order, holes
from custodes.trust.custody.documents import (
    LoggedGrant,
    ProvenPeriod,
    check_quorum,
    verify_grants,
    verify_periods,
    verify_refusals,
    verify_request,
)
from custodes.trust.custody.policy import Policy
from custodes.trust.custody.request import SKEW, Request, case_commitment
from custodes.trust.tlog.receipt import Receipt
from custodes.trust.verify.report import Check, Report

_T = TypeVar("_T")


@dataclass(slots=True)
class _Checks:
    """Collects checks; one that needs what an earlier one did not yield fails and says so."""

    done: list[Check] = field(default_factory=list)

    def run(self, name: str, proves: str, check: Callable[[], tuple[_T, str]]) -> _T | None:
        try:
            value, detail = check()
        except CustodesError as problem:
            self.done.append(Check(name, False, proves, problem.message))
            return None
        self.done.append(Check(name, True, proves, detail))
        return value


def verify_bundle(path: Path, policy: Policy) -> Report:
    """Check everything in a bundle and say what each check proves. A file that is no bundle gives one failed check."""
    checks = _Checks()
    archive = checks.run("container", "the file is a whole bundle; nothing is hidden in it", lambda: _open(path))
    if archive is not None:
        with archive:
            _verify(checks, archive, policy)
    return Report(tuple(checks.done))


def _open(path: Path) -> tuple[Archive, str]:
    archive = Archive(path)
    return archive, f"{len(archive.names)} files"


def _verify(checks: _Checks, archive: Archive, policy: Policy) -> None:
    index = checks.run("index", "an enrolled requester made this bundle", lambda: _index(archive, policy))
    checks.run(
        "files",
        "no file was changed, added or left out since",
        lambda: (True, f"{check_files(archive, _needed(index).files)} files"),
    )
    request = checks.run(
        "request",
        "an enrolled requester asked for exactly this, in the witnessed log, after the window had ended",
        lambda: _request(archive, policy, index),
    )
    periods = checks.run(
        "recordings",
        "an enrolled recorder made these recordings, and the witnessed log commits to them",
        lambda: _periods(archive, policy, request),
    )
    grants = checks.run(
        "grants",
        "each custodian signed for these minutes and this request, in the public log",
        lambda: _grants(archive, policy, request, periods),
    )
    checks.run("quorum", "as many custodians as the rules demand agreed", lambda: _quorum(policy, periods, grants))
    checks.run(
        "refusals", "refusals that are shown are real; others may exist", lambda: _refusals(archive, policy, request)
    )
    checks.run(
        "native clips",
        "the clips are, byte for byte, what the recorder took from the camera",
        lambda: _clips(archive, index, periods),
    )
    checks.run("continuity", "what is missing of the window is known", lambda: _continuity(request, periods))
    checks.run("times", "witnesses bound the recorder's clock from above", lambda: _times(periods))
    if index is not None and index.case is not None:
        checks.run("case", "the request was made for this case", lambda: _case(index, request))


def _needed(value: _T | None) -> _T:
    if value is None:
        raise corrupt("cannot be checked: an earlier check failed")
    return value


def _index(archive: Archive, policy: Policy) -> tuple[BundleIndex, str]:
    index = read_index(archive.read(INDEX), policy)
    requester = policy.requester(index.requester)
    return index, f"signed by {requester.label if requester else index.requester} at {times.to_text(index.opened)}"


def _request(archive: Archive, policy: Policy, index: BundleIndex | None) -> tuple[Request, str]:
    request, receipt = verify_request(archive, policy)
    asked = (request.digest, request.requester, request.deployment)
    if index is not None and (index.request, index.requester, index.deployment) != asked:
        raise corrupt("the bundle was made for another request")
    return (
        request,
        f"{request.id}, {_logged(receipt)}, window {times.to_text(request.start)} to {times.to_text(request.end)}",
    )


def _logged(receipt: Receipt) -> str:
    return f"log entry {receipt.index}, seen by {', '.join(receipt.witnesses)} at {times.to_text(receipt.time)}"


def _periods(archive: Archive, policy: Policy, request: Request | None) -> tuple[tuple[ProvenPeriod, ...], str]:
    periods = verify_periods(archive, _needed(request), policy)
    cameras = len({period.id.camera for period in periods})
    return periods, f"{len(periods)} periods of {cameras} camera{'s' if cameras > 1 else ''}"


def _grants(
    archive: Archive, policy: Policy, request: Request | None, periods: tuple[ProvenPeriod, ...] | None
) -> tuple[tuple[LoggedGrant, ...], str]:
    grants = verify_grants(archive, _needed(request), _needed(periods), policy)
    offices = [policy.custodian(logged.grant.custodian) for logged in grants]
    return grants, ", ".join(office.label for office in offices if office) or "none"


def _quorum(
    policy: Policy, periods: tuple[ProvenPeriod, ...] | None, grants: tuple[LoggedGrant, ...] | None
) -> tuple[bool, str]:
    check_quorum(_needed(periods), _needed(grants), policy)
    quorums = sorted({(p.opening.sealed.quorum.k, p.opening.sealed.quorum.n) for p in _needed(periods)})
    return True, ", ".join(f"{k} of {n} custodians" for k, n in quorums)


def _refusals(archive: Archive, policy: Policy, request: Request | None) -> tuple[bool, str]:
    return True, f"{len(verify_refusals(archive, _needed(request), policy))} in the bundle"


def _clips(archive: Archive, index: BundleIndex | None, periods: tuple[ProvenPeriod, ...] | None) -> tuple[bool, str]:
    keys = {clip.period: clip for clip in _needed(index).clips}
    if len(keys) != len(_needed(index).clips) or set(keys) != {period.name for period in _needed(periods)}:
        raise corrupt("there is not one clip for every recording")
    units = 0
    for period in _needed(periods):
        clip = keys[period.name]
        if clip.file != native_name(period):
            raise corrupt(f"the clip of {period.id} has the name of another")
        try:
            units += verify_clip(
                partial(archive.read_at, clip.file),
                archive.size(clip.file),
                period.closing,
                clip.commitment_key,
            )
        except CustodesError as problem:
            raise corrupt(f"{clip.file}: {problem}") from None
    return True, f"{len(keys)} clips, {units} NAL units"


def _continuity(request: Request | None, periods: tuple[ProvenPeriod, ...] | None) -> tuple[bool, str]:
    check_order(_needed(periods))
    found = holes(_needed(request), _needed(periods))
    lines = [f"{hole.camera} {times.to_text(hole.start)} to {times.to_text(hole.end)}: {hole.cause}" for hole in found]
    return True, "; ".join(lines) or "the recordings cover the whole window"


def _times(periods: tuple[ProvenPeriod, ...] | None) -> tuple[bool, str]:
    latest = 0
    for period in _needed(periods):
        seen, ended = period.receipt.seen_by, period.closing.ended
        if seen is None or ended > seen + SKEW:
            raise denied(f"{period.id} ends after witnesses saw it in the log: the recorder's clock was wrong")
        # Not a proof by itself, but a header that names a later tree than the one that commits to it is a lie.
        if period.opening.sealed.header.checkpoint_size > period.receipt.index:
            raise denied(f"{period.id} names a state of the log that did not exist when it was recorded")
        latest = max(latest, seen - ended)
    return True, f"witnesses saw every recording in the log at most {latest // SECOND} s after its end"


def _case(index: BundleIndex, request: Request | None) -> tuple[bool, str]:
    case = index.case
    if case is None or case_commitment(case.salt, case.reference) != _needed(request).case:
        raise corrupt("the case is not the one that the request committed to")
    return True, case.reference
