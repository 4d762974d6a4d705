# SPDX-License-Identifier: AGPL-3.0-or-later
"""The custodian's desk: own keys in an own folder on an own machine; reads requests, grants or refuses.

The folder (0700): ``identity.key``, ``wrapping/<id>.key`` (0600), ``statement.json`` (to hand over when enrolled),
``policy`` (put there by the custodian, from a source that the operator does not control), ``seen`` (the newest state of
the log that was verified) and ``answers/`` (what was granted and refused: ``answers``).
"""

import os
from collections.abc import Callable, Collection
from pathlib import Path

from custodes.clock import Clock, Instant
from custodes.desk.keyfile import load_key, private_folder, read_file, save_key
from custodes.desk.keyfile import trust_policy as trust_policy
from custodes.desk.reading import ReadingDesk, narrow
from custodes.desk.transport import Transport, open_transport
from custodes.domain.ids import CameraId, PeriodId
from custodes.errors import conflict
from custodes.trust.custody.access import make_access
from custodes.trust.custody.dossier import VerifiedDossier
from custodes.trust.custody.grant import grant_verified, refuse
from custodes.trust.custody.statement import parse_custodian, state_custodian
from custodes.trust.seal.signing import SigningKey
from custodes.trust.seal.wrapping import WrappingKey
from custodes.trust.tlog.store import write_durably

IDENTITY, WRAPPING = "custodian identity", "custodian wrapping"


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
        self._wrapping = [
            WrappingKey.from_seed(load_key(path, WRAPPING, passphrase))
            for path in sorted((folder / "wrapping").glob("*.key"))
        ]
        super().__init__(folder, clock)

    def transport(self, location: str) -> Transport:
        """Open the operator's address, as oneself, or a folder of files; raises ``CustodesError`` (INVALID)."""
        return open_transport(
            location, lambda path: make_access(self._identity, self._policy.deployment, path, self._clock.now())
        )

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
        signed = grant_verified(verified, self._policy, self._identity, self._wrapping, now, minutes)
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
