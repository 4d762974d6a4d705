# SPDX-License-Identifier: AGPL-3.0-or-later
"""The custodian's desk: own keys in an own folder on an own machine; reads requests, grants or refuses.

The folder (0700): ``identity.key`` (0600), the wrapping keys (``keyshelf``), ``statement.json`` (to hand over when
enrolled), ``policy`` (put there by the custodian, from a source that the operator does not control), ``seen`` (the
newest state of the log that was verified) and ``answers/<id>.json`` (what was granted and refused).
"""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from custodes.clock import Clock, Instant
from custodes.desk.custodian_history import check_history, visit
from custodes.desk.holding import Holding
from custodes.desk.keyfile import load_key, load_policy_file, private_folder, read_file, save_key
from custodes.desk.keyfile import trust_policy as trust_policy
from custodes.desk.keyshelf import WRAPPING, KeyShelf
from custodes.desk.transport import Transport, open_transport, own_answer
from custodes.domain.canonical import Json
from custodes.domain.ids import CameraId, PeriodId, check_id
from custodes.errors import CustodesError, Kind, conflict, denied, unavailable
from custodes.trust.custody.access import make_access
from custodes.trust.custody.dossier import VerifiedDossier, verify_dossier
from custodes.trust.custody.drill import MAX_DRILL, answer, parse_drill
from custodes.trust.custody.grant import grant_verified, refuse, verify_refusal
from custodes.trust.custody.keys import AHEAD
from custodes.trust.custody.policy import Policy, parse_policy
from custodes.trust.custody.request import Request
from custodes.trust.custody.statement import parse_custodian, state_custodian
from custodes.trust.seal.signing import SigningKey
from custodes.trust.seal.wrapping import WrappingKey
from custodes.trust.tlog.store import write_durably

IDENTITY = "custodian identity"
_OVER = frozenset({"refused", "opened", "expired"})
"""States in which no answer is awaited. The operator states them; hiding a request that way only helps to refuse it."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A request as the desk shows it. ``problem`` says in one line why it must not be granted; empty if it may.

    The other members are None, or empty, where the dossier did not hold.
    """

    id: str
    state: str
    problem: str
    request: Request | None
    requester: str
    log_index: int | None
    witnessed: Instant | None
    periods: tuple[PeriodId, ...]


def keygen(
    folder: Path, label: str, passphrase: str | None = None, entropy: Callable[[int], bytes] = os.urandom
) -> bytes:
    """Make a custodian's keys and return the statement to enrol with; ``label`` names the office, never a person.

    Without a passphrase the keys are protected by the file system only. Raises ``CustodesError``: CONFLICT if there
    are keys already, INVALID for an unusable label.
    """
    if (folder / "identity.key").exists():
        raise conflict(f"there is a custodian in {folder} already")
    identity, wrapping = SigningKey.generate(entropy), WrappingKey.generate(entropy)
    stated = state_custodian(label, identity, wrapping.public)
    private_folder(folder)
    name = f"{wrapping.public.id}.key"
    save_key(folder / "wrapping" / name, WRAPPING, wrapping.public.id, wrapping.seed, passphrase, entropy)
    write_durably(folder / "statement.json", stated)
    # Last: a custodian exists once the identity does. A crash before leaves keys that nothing was sealed to.
    save_key(folder / "identity.key", IDENTITY, identity.public.id, identity.seed, passphrase, entropy)
    return stated


def statement(folder: Path) -> bytes:
    """Return the public half of the custodian's keys, signed; raises ``CustodesError`` (NOT_FOUND, CORRUPT)."""
    data = read_file(folder / "statement.json", 64 * 1024)
    parse_custodian(data)
    return data


class CustodianDesk:
    """An unlocked desk. Raises ``CustodesError``: NOT_FOUND without keys or policy, DENIED for a wrong passphrase."""

    def __init__(self, folder: Path, clock: Clock, passphrase: str | None = None) -> None:
        self._folder = folder
        self._clock = clock
        self._identity = SigningKey.from_seed(load_key(folder / "identity.key", IDENTITY, passphrase))
        self._policy = parse_policy(load_policy_file(folder))
        self.keys = KeyShelf(folder, self._identity, self._policy, clock, passphrase)
        self.holding = Holding(folder, self.keys)

    def transport(self, location: str) -> Transport:
        """Open the operator's address, as oneself, or a folder of files; raises ``CustodesError`` (INVALID)."""
        return open_transport(
            location, lambda path: make_access(self._identity, self._policy.deployment, path, self._clock.now())
        )

    @property
    def policy(self) -> Policy:
        return self._policy

    def watch(self, transport: Transport) -> Instant:
        """Check that the log is witnessed and has only grown since the last visit; returns the witnesses' time.

        Raises ``CustodesError``: DENIED or CORRUPT says what is wrong with it, UNAVAILABLE that it cannot be read.
        """
        log = transport.log()
        if log is None:
            raise unavailable("the log was not carried along")
        try:
            return visit(self._folder / "seen", self._policy, log)
        finally:
            log.close()

    def rotate(self, transport: Transport, hours: Collection[int] = (), ahead: int = AHEAD) -> int:
        """Make and hand in wrapping keys for what is not covered of the next ``ahead`` nanoseconds; returns how many.

        What was made earlier and could not be handed in goes along. Raises ``CustodesError``: INVALID if it is not
        known for which retentions.
        """
        self.keys.extend(self.keys.retentions(transport, hours), ahead)
        return self.keys.hand_in(transport)

    def drill(self, transport: Transport) -> tuple[str, dict[str, Json]]:
        """Open one's shares of the drill that is going on, or of a new one, and hand them in.

        They are of secrets that never sealed anything. Returns the drill's digest and the server's answer: how many
        have ``answered``, and whether they ``opened`` it together. Raises ``CustodesError``: DENIED if a key is not
        here, CORRUPT if a share does not open.
        """
        try:
            document = transport.document("drills/current", MAX_DRILL)
        except CustodesError as problem:
            if problem.kind is not Kind.NOT_FOUND:
                raise
            transport.file("drills", make_access(self._identity, self._policy.deployment, "drills", self._clock.now()))
            document = transport.document("drills/current", MAX_DRILL)
        keys = {key.public.id: key for key in self.keys.private()}
        signed = answer(document, self._policy, self._identity, keys, self._clock.now())
        return parse_drill(document).digest.hex(), own_answer(transport.file("answers", signed))

    def pending(self, transport: Transport) -> list[Pending]:
        """List the requests that are not over and that this custodian has not answered, each dossier verified."""
        waiting = [
            found for found in transport.requests() if found.state not in _OVER and not self._answer(found.id).exists()
        ]
        return [self._pending(transport, found.id, found.state) for found in waiting]

    def _pending(self, transport: Transport, request: str, state: str) -> Pending:
        try:
            verified = self.examine(transport, request)
        except CustodesError as problem:
            return Pending(request, state, problem.message, None, "", None, None, ())
        requester = self._policy.requester(verified.request.requester)
        label = requester.label if requester else verified.request.requester
        receipt = verified.receipt
        return Pending(
            request, state, "", verified.request, label, receipt.index, receipt.time, tuple(sorted(verified.periods))
        )

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

    def grant(
        self,
        transport: Transport,
        request: str,
        cameras: Collection[CameraId] | None = None,
        window: tuple[Instant, Instant] | None = None,
    ) -> bytes:
        """Verify a request, grant it, and hand the grant in; returns the signed grant.

        ``cameras`` and ``window`` ([start, end)) narrow it to fewer periods. Raises ``CustodesError``: nothing was
        released unless the error came from handing the grant in.
        """
        self._check_unanswered(request)
        verified = self.examine(transport, request)
        minutes = self._narrow(verified, cameras, window)
        now = self._clock.now()
        signed = grant_verified(verified, self._policy, self._identity, self.keys.private(), now, minutes)
        transport.file_grant(request, signed)
        self._remember(request, signed)
        return signed

    def _narrow(
        self, verified: VerifiedDossier, cameras: Collection[CameraId] | None, window: tuple[Instant, Instant] | None
    ) -> list[PeriodId]:
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

    def refuse(self, transport: Transport, request: str, reason: str) -> bytes:
        """Refuse a request, with a reason for requester and steward, and hand the refusal in; returns it signed."""
        self._check_unanswered(request)
        verified = self.examine(transport, request)
        signed = refuse(verified.request, self._identity, reason, self._clock.now())
        verify_refusal(signed, verified.request, self._policy)
        transport.file_refusal(request, signed)
        self._remember(request, signed)
        return signed

    def _check_unanswered(self, request: str) -> None:
        if self._answer(request).exists():
            raise conflict("you have answered this request already")

    def _answer(self, request: str) -> Path:
        return self._folder / "answers" / f"{check_id(request)}.json"

    def _remember(self, request: str, signed: bytes) -> None:
        private_folder(self._folder / "answers")
        write_durably(self._answer(request), signed, 0o600)
