# SPDX-License-Identifier: AGPL-3.0-or-later
"""The custodian's desk: own keys in an own folder on an own machine; reads requests, grants or refuses.

The folder (0700): ``identity.key`` (0600), the wrapping keys (``keyshelf``), ``statement.json`` (to hand over when
enrolled), ``policy`` (put there by the custodian, from a source that the operator does not control), ``seen`` (the
newest state of the log that was verified) and ``answers/`` (what was granted and refused: ``answers``).
"""

import os
from collections.abc import Callable, Collection
from pathlib import Path

from custodes.clock import Clock, Instant
from custodes.desk.custodian_history import visit
from custodes.desk.holding import Holding
from custodes.desk.keyfile import load_key, private_folder, read_file, save_key
from custodes.desk.keyfile import trust_policy as trust_policy
from custodes.desk.keyshelf import WRAPPING, KeyShelf
from custodes.desk.reading import ReadingDesk, narrow
from custodes.desk.transport import Transport, open_transport, own_answer
from custodes.domain.canonical import Json
from custodes.domain.ids import CameraId, PeriodId
from custodes.errors import CustodesError, Kind, conflict, unavailable
from custodes.trust.custody.access import make_access
from custodes.trust.custody.dossier import VerifiedDossier
from custodes.trust.custody.drill import MAX_DRILL, answer, parse_drill
from custodes.trust.custody.grant import grant_verified, refuse
from custodes.trust.custody.keys import AHEAD
from custodes.trust.custody.statement import parse_custodian, state_custodian
from custodes.trust.seal.signing import SigningKey
from custodes.trust.seal.wrapping import WrappingKey
from custodes.trust.tlog.store import write_durably

IDENTITY = "custodian identity"


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


class CustodianDesk(ReadingDesk):
    """An unlocked desk. Raises ``CustodesError``: NOT_FOUND without keys or policy, DENIED for a wrong passphrase."""

    def __init__(self, folder: Path, clock: Clock, passphrase: str | None = None) -> None:
        self._identity = SigningKey.from_seed(load_key(folder / "identity.key", IDENTITY, passphrase))
        super().__init__(folder, clock)
        self.keys = KeyShelf(folder, self._identity, self._policy, clock, passphrase)
        self.holding = Holding(folder, self.keys)

    def transport(self, location: str) -> Transport:
        """Open the operator's address, as oneself, or a folder of files; raises ``CustodesError`` (INVALID)."""
        return open_transport(
            location, lambda path: make_access(self._identity, self._policy.deployment, path, self._clock.now())
        )

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
        self._answers.check_open(request)
        verified = self.examine(transport, request)
        return self.grant_verified(transport, verified, narrow(verified, cameras, window))

    def grant_verified(self, transport: Transport, verified: VerifiedDossier, minutes: Collection[PeriodId]) -> bytes:
        """As ``grant``, of what ``examine`` has just returned, these minutes of it."""
        now = self._clock.now()
        signed = grant_verified(verified, self._policy, self._identity, self.keys.private(), now, minutes)
        self.hand_in_grant(transport, verified, signed, self._identity.public.id, minutes)
        return signed

    def refuse(self, transport: Transport, request: str, reason: str) -> bytes:
        """Refuse a request, with a reason for requester and steward, and hand the refusal in; returns it signed."""
        self._answers.check_open(request)
        return self.refuse_verified(transport, self.examine(transport, request), reason)

    def refuse_verified(self, transport: Transport, verified: VerifiedDossier, reason: str) -> bytes:
        """As ``refuse``, of what ``examine`` has just returned."""
        signed = refuse(verified.request, self._identity, reason, self._clock.now())
        self.hand_in_refusal(transport, verified, signed, self._identity.public.id)
        return signed
