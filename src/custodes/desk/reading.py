# SPDX-License-Identifier: AGPL-3.0-or-later
"""The part of a custodian's desk that needs no private key: what is asked, whether it holds, what was answered."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from custodes.clock import Clock, Instant
from custodes.desk.answers import Answered, Answers
from custodes.desk.custodian_history import check_history
from custodes.desk.keyfile import load_policy_file
from custodes.desk.transport import RequestState, Transport
from custodes.domain.ids import CameraId, KeyId, PeriodId, check_id
from custodes.errors import CustodesError, Kind, denied
from custodes.trust.custody.dossier import VerifiedDossier, verify_dossier
from custodes.trust.custody.grant import verify_grant, verify_refusal
from custodes.trust.custody.policy import Policy, parse_policy
from custodes.trust.custody.request import Request

_OVER = frozenset({"refused", "opened", "expired"})
"""States in which no answer is awaited. The operator states them; hiding a request that way only helps to refuse it."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A request as the desk shows it. ``problem`` says in one line why it must not be granted; empty if it may.

    ``later``: nothing is wrong, but it cannot be judged yet. The other members are None, or empty, where there is a
    problem.
    """

    id: str
    state: str
    problem: str
    later: bool
    request: Request | None
    requester: str
    log_index: int | None
    witnessed: Instant | None
    periods: tuple[PeriodId, ...]


class ReadingDesk:
    """A desk in a folder with a policy; raises ``CustodesError`` (NOT_FOUND) without one."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._policy = parse_policy(load_policy_file(folder))
        self._answers = Answers(folder / "answers")

    @property
    def policy(self) -> Policy:
        return self._policy

    def waiting(self, transport: Transport) -> list[RequestState]:
        """The requests that are not over and that this custodian has not answered, as the operator lists them."""
        found = transport.requests()
        return [each for each in found if each.state not in _OVER and not self._answers.given(each.id)]

    def pending(self, transport: Transport) -> list[Pending]:
        """The same, each dossier verified."""
        return [self._pending(transport, found.id, found.state) for found in self.waiting(transport)]

    def _pending(self, transport: Transport, request: str, state: str) -> Pending:
        try:
            verified = self.examine(transport, request)
        except CustodesError as problem:
            later = problem.kind is Kind.UNAVAILABLE
            return Pending(request, state, problem.message, later, None, "", None, None, ())
        receipt = verified.receipt
        return Pending(
            *(request, state, "", False, verified.request, self.office(verified.request)),
            *(receipt.index, receipt.time, tuple(sorted(verified.periods))),
        )

    def office(self, request: Request) -> str:
        """The label of the office that asks, as one's own policy has it."""
        requester = self._policy.requester(request.requester)
        return requester.label if requester else request.requester

    def examine(self, transport: Transport, request: str) -> VerifiedDossier:
        """Fetch and verify a request's dossier, and that the log has only grown since the last visit.

        Raises ``CustodesError``: DENIED or CORRUPT says why this request must not be granted.
        """
        verified = verify_dossier(transport.dossier(check_id(request)), self._policy, self._clock.now())
        if verified.request.id != request:
            raise denied("the dossier is of another request")
        log = transport.log()
        try:
            check_history(self._folder / "seen", self._policy, verified.receipt.checkpoint, log)
        finally:
            if log is not None:
                log.close()
        return verified

    def answered(self) -> list[Answered]:
        """What this custodian has answered, the newest first; raises ``CustodesError`` (CORRUPT)."""
        return self._answers.all(self._policy)

    def hand_in_grant(
        self, transport: Transport, verified: VerifiedDossier, signed: bytes, by: KeyId, minutes: Collection[PeriodId]
    ) -> None:
        """Check a grant that was signed elsewhere, by ``by``, for exactly ``minutes``, and hand it in.

        Raises ``CustodesError``: DENIED or CORRUPT if it is not that grant.
        """
        self._answers.check_open(verified.request.id)
        found = verify_grant(signed, verified.request, verified.openings, self._policy)
        if found.custodian != by or set(found.periods) != set(minutes):
            raise denied("this is not the grant that was prepared here")
        transport.file_grant(verified.request.id, signed)
        self._answers.keep(verified.request.id, verified.signed, signed)

    def hand_in_refusal(self, transport: Transport, verified: VerifiedDossier, signed: bytes, by: KeyId) -> None:
        """Check a refusal that was signed elsewhere, by ``by``, and hand it in; raises ``CustodesError``."""
        self._answers.check_open(verified.request.id)
        if verify_refusal(signed, verified.request, self._policy).custodian != by:
            raise denied("this refusal is another custodian's")
        transport.file_refusal(verified.request.id, signed)
        self._answers.keep(verified.request.id, verified.signed, signed)


def narrow(
    verified: VerifiedDossier, cameras: Collection[CameraId] | None, window: tuple[Instant, Instant] | None
) -> list[PeriodId]:
    """The periods of fewer cameras or less time ([start, end)); ``CustodesError`` (DENIED) if it was not asked for."""
    asked = verified.request
    wrong = sorted(set(cameras or ()) - set(asked.cameras))
    if wrong:
        raise denied(f"the request does not ask for the camera {wrong[0]}")
    start, end = window or (asked.start, asked.end)
    if start >= end or start < asked.start or end > asked.end:
        raise denied("the request does not ask for that time")
    chosen = [
        period
        for period, shown in sorted(verified.periods.items())
        if (cameras is None or period.camera in cameras)
        and shown.opening.sealed.header.started < end
        and shown.closing.ended > start
    ]
    if not chosen:
        raise denied("the request touches no recorded minute there: there is nothing to grant")
    return chosen
