# SPDX-License-Identifier: Apache-2.0
"""The documents that prove a disclosure, as they lie in packages and bundles, and their verification.

Every logged document comes as three files: itself, its log entry, and the entry's receipt (tlog-proof). A package and a
bundle hold them under the same names, so requester and court run the same checks.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from custodes.domain.acts import Act
from custodes.domain.ids import PeriodId
from custodes.errors import corrupt, denied
from custodes.trust.custody import facts
from custodes.trust.custody.archive import Archive, Content
from custodes.trust.custody.dossier import verify_logged_request, verify_period
from custodes.trust.custody.grant import Grant, Refusal, verify_grant, verify_refusal
from custodes.trust.custody.minute import check_minute
from custodes.trust.custody.policy import Policy
from custodes.trust.custody.request import Request, parse_request
from custodes.trust.custody.witnessing import verify_witnessed
from custodes.trust.seal.manifest import ClosingManifest, OpeningManifest
from custodes.trust.tlog.receipt import Receipt

_PERIOD = re.compile(r"periods/(\d{5})/")
_ANSWER = re.compile(r"(grants|refusals)/(\d{2})/")


@dataclass(frozen=True, slots=True)
class Logged:
    """A signed document, the log entry that names it, and the entry's receipt."""

    document: bytes
    entry: bytes
    receipt: bytes


@dataclass(frozen=True, slots=True)
class PeriodDocuments:
    """A period's manifests, the proof that leads from the closing one to a log entry, that entry and its receipt."""

    opening: bytes
    closing: bytes
    proof: bytes
    entry: bytes
    receipt: bytes


@dataclass(frozen=True, slots=True)
class ProvenPeriod:
    """A verified period: its place in the archive (five digits), its manifests, and where the log commits to it."""

    name: str
    opening: OpeningManifest
    closing: ClosingManifest
    receipt: Receipt

    @property
    def id(self) -> PeriodId:
        return self.opening.period


@dataclass(frozen=True, slots=True)
class LoggedGrant:
    """A verified grant and where it stands in the log."""

    grant: Grant
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class LoggedRefusal:
    """A verified refusal and where it stands in the log."""

    refusal: Refusal
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A disclosure in which everything was verified that can be verified without the originals."""

    request: Request
    receipt: Receipt
    periods: tuple[ProvenPeriod, ...]
    grants: tuple[LoggedGrant, ...]
    refusals: tuple[LoggedRefusal, ...]

    def granted(self, period: PeriodId) -> list[Grant]:
        """The grants that name a period."""
        return [logged.grant for logged in self.grants if period in logged.grant.periods]


def logged_files(folder: str, name: str, logged: Logged) -> dict[str, Content]:
    """Return a logged document as files of an archive: ``<folder>/<name>.json`` and its entry and receipt."""
    return {
        f"{folder}/{name}.json": logged.document,
        f"{folder}/entry.json": logged.entry,
        f"{folder}/receipt.tlog-proof": logged.receipt,
    }


def period_files(name: str, documents: PeriodDocuments) -> dict[str, Content]:
    """Return a period's documents as files of an archive, below ``periods/<name>/``."""
    return {
        f"periods/{name}/opening.json": documents.opening,
        f"periods/{name}/closing.json": documents.closing,
        f"periods/{name}/proof.json": documents.proof,
        f"periods/{name}/entry.json": documents.entry,
        f"periods/{name}/receipt.tlog-proof": documents.receipt,
    }


def disclosure_files(
    request: Logged,
    grants: Sequence[Logged],
    refusals: Sequence[Logged],
    periods: Sequence[PeriodDocuments],
) -> dict[str, Content]:
    """Return all documents of a disclosure as files of an archive; periods are numbered from 1 in the order given."""
    files = logged_files("request", "request", request)
    for kind, name, answers in (("grants", "grant", grants), ("refusals", "refusal", refusals)):
        for number, answer in enumerate(answers, 1):
            files |= logged_files(f"{kind}/{number:02d}", name, answer)
    for number, documents in enumerate(periods, 1):
        files |= period_files(period_name(number), documents)
    return files


def period_name(number: int) -> str:
    """Return the name of the ``number``-th period in an archive: five digits."""
    return f"{number:05d}"


def read_logged(archive: Archive, folder: str, name: str) -> Logged:
    """Read a logged document; raises ``CustodesError`` (CORRUPT) if a part is missing."""
    return Logged(
        archive.read(f"{folder}/{name}.json"),
        archive.read(f"{folder}/entry.json"),
        archive.read(f"{folder}/receipt.tlog-proof"),
    )


def read_period(archive: Archive, name: str) -> PeriodDocuments:
    """Read a period's documents; raises ``CustodesError`` (CORRUPT) if one is missing."""
    folder = f"periods/{name}"
    return PeriodDocuments(
        archive.read(f"{folder}/opening.json"),
        archive.read(f"{folder}/closing.json"),
        archive.read(f"{folder}/proof.json"),
        archive.read(f"{folder}/entry.json"),
        archive.read(f"{folder}/receipt.tlog-proof"),
    )


def period_names(archive: Archive) -> list[str]:
    """Return the names of the periods in an archive."""
    return sorted({found.group(1) for name in archive.names if (found := _PERIOD.match(name))})


def _answers(archive: Archive, kind: str) -> list[str]:
    matches = (_ANSWER.match(name) for name in archive.names)
    return sorted({found.group(2) for found in matches if found and found.group(1) == kind})


def verify_request(archive: Archive, policy: Policy) -> tuple[Request, Receipt]:
    """Verify the request, and that exactly it is in the witnessed log, after its window had ended.

    Raises ``CustodesError`` (CORRUPT, DENIED).
    """
    logged = read_logged(archive, "request", "request")
    request = parse_request(logged.document, policy.requester_keys)
    if request.deployment != policy.deployment:
        raise denied("the request is for another deployment")
    return request, verify_logged_request(request, logged.entry, logged.receipt, policy)


def verify_periods(archive: Archive, request: Request, policy: Policy) -> tuple[ProvenPeriod, ...]:
    """Verify every period's manifests, that the request asks for it, and that the witnessed log commits to it.

    Raises ``CustodesError`` (CORRUPT, DENIED).
    """
    found: dict[PeriodId, ProvenPeriod] = {}
    for name in period_names(archive):
        documents = read_period(archive, name)
        opening, closing = verify_period(documents.opening, documents.closing, request, policy)
        check_minute(documents.proof, closing.digest, documents.entry)
        period = ProvenPeriod(name, opening, closing, verify_witnessed(documents.entry, documents.receipt, policy))
        if period.id in found:
            raise corrupt(f"the period {period.id} is there twice")
        found[period.id] = period
    if not found:
        raise corrupt("there is no period in it")
    return tuple(found.values())


def verify_grants(
    archive: Archive, request: Request, periods: Sequence[ProvenPeriod], policy: Policy
) -> tuple[LoggedGrant, ...]:
    """Verify every grant, and that each is in the witnessed log; no custodian counts twice.

    Raises ``CustodesError`` (CORRUPT, DENIED).
    """
    openings = {period.id: period.opening for period in periods}
    grants: list[LoggedGrant] = []
    for number in _answers(archive, "grants"):
        logged = read_logged(archive, f"grants/{number}", "grant")
        grant = verify_grant(logged.document, request, openings, policy)
        expected = facts.granted(request.digest, grant.digest, grant.custodian, len(grant.periods))
        facts.check_entry(logged.entry, Act.DISCLOSURE_GRANTED, expected)
        grants.append(LoggedGrant(grant, verify_witnessed(logged.entry, logged.receipt, policy)))
    if len({logged.grant.custodian for logged in grants}) < len(grants):
        raise corrupt("one custodian's grant is there twice")
    return tuple(grants)


def verify_refusals(archive: Archive, request: Request, policy: Policy) -> tuple[LoggedRefusal, ...]:
    """Verify every refusal, and that each is in the witnessed log; raises ``CustodesError`` (CORRUPT, DENIED)."""
    refusals = []
    for number in _answers(archive, "refusals"):
        logged = read_logged(archive, f"refusals/{number}", "refusal")
        refusal = verify_refusal(logged.document, request, policy)
        expected = facts.refused(request.digest, refusal.digest, refusal.custodian)
        facts.check_entry(logged.entry, Act.DISCLOSURE_REFUSED, expected)
        refusals.append(LoggedRefusal(refusal, verify_witnessed(logged.entry, logged.receipt, policy)))
    return tuple(refusals)


def check_quorum(periods: Sequence[ProvenPeriod], grants: Sequence[LoggedGrant], policy: Policy) -> None:
    """Check that k custodians of its own set granted every period; raises ``CustodesError`` (DENIED)."""
    for period in periods:
        quorum = policy.quorum(period.opening.sealed.quorum)
        given = sum(period.id in logged.grant.periods for logged in grants)
        if given < quorum.k:
            raise denied(f"{given} of the {quorum.k} grants that {period.id} needs are there")


def verify_disclosure(archive: Archive, policy: Policy) -> Disclosure:
    """Verify everything but the pictures.

    Raises ``CustodesError``: CORRUPT if something was changed, DENIED if a rule was broken.
    """
    request, receipt = verify_request(archive, policy)
    periods = verify_periods(archive, request, policy)
    grants = verify_grants(archive, request, periods, policy)
    refusals = verify_refusals(archive, request, policy)
    return Disclosure(request, receipt, periods, grants, refusals)
