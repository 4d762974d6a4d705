# SPDX-License-Identifier: AGPL-3.0-or-later
"""The requester's desk: asks for originals, and opens on its own machine what custodians have granted.

The folder (0700): ``identity.key`` (0600), ``statement.json`` (to hand over when enrolled), ``policy``, and one folder
per request, ``requests/<id>/``: ``request.json``, ``one-time.key`` and ``case.json`` (0600), ``package.zip``,
``native/`` (the clips) and ``bundle.zip``.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from custodes.clock import Clock, Instant
from custodes.desk.keyfile import load_key, load_policy_file, private_folder, read_file, save_key
from custodes.desk.keyfile import trust_policy as trust_policy
from custodes.desk.transport import RequestState, Transport, open_transport
from custodes.domain import canonical
from custodes.domain.canonical import hexadecimal, text
from custodes.domain.ids import CameraId, check_id
from custodes.domain.register import LegalBasis
from custodes.errors import CustodesError, Kind, conflict, denied, not_found, unavailable
from custodes.trust.custody.access import make_access
from custodes.trust.custody.archive import Archive
from custodes.trust.custody.bundle import CaseReference, build_bundle, native_name
from custodes.trust.custody.documents import Disclosure, verify_disclosure
from custodes.trust.custody.opening import OpenedPeriod, open_fragments, recover_keys
from custodes.trust.custody.opening_statement import make_opening
from custodes.trust.custody.policy import parse_policy
from custodes.trust.custody.request import MAX_REQUEST, case_commitment, make_request, parse_request, request_id
from custodes.trust.custody.statement import parse_requester, state_requester
from custodes.trust.seal.fields import only, sha256
from custodes.trust.seal.signing import SigningKey
from custodes.trust.seal.wrapping import WrappingKey
from custodes.trust.tlog.store import write_durably

IDENTITY, ONE_TIME = "requester identity", "request one-time"
DAY = 24 * 3600 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What to ask for: cameras, an ended window [``start``, ``end``), why, by what right, in which case."""

    cameras: Sequence[CameraId]
    start: Instant
    end: Instant
    purpose: str
    legal_basis: LegalBasis
    case: str


@dataclass(frozen=True, slots=True)
class Opened:
    """An opened request: the bundle, the native clips, and whose shares were false."""

    bundle: Path
    clips: tuple[Path, ...]
    false_shares: tuple[str, ...]
    disclosure: Disclosure


def keygen(
    folder: Path, label: str, passphrase: str | None = None, entropy: Callable[[int], bytes] = os.urandom
) -> bytes:
    """Make a requester's identity and return the statement to enrol with; ``label`` names the office.

    Raises ``CustodesError``: CONFLICT if there is one already, INVALID for an unusable label.
    """
    if (folder / "identity.key").exists():
        raise conflict(f"there is a requester in {folder} already")
    identity = SigningKey.generate(entropy)
    stated = state_requester(label, identity)
    private_folder(folder)
    write_durably(folder / "statement.json", stated)
    save_key(folder / "identity.key", IDENTITY, identity.public.id, identity.seed, passphrase, entropy)
    return stated


def statement(folder: Path) -> bytes:
    """Return the public half of the requester's key, signed; raises ``CustodesError`` (NOT_FOUND, CORRUPT)."""
    data = read_file(folder / "statement.json", 64 * 1024)
    parse_requester(data)
    return data


class RequesterDesk:
    """An unlocked desk. Raises ``CustodesError``: NOT_FOUND without key or policy, DENIED for a wrong passphrase."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        passphrase: str | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._passphrase = passphrase
        self._entropy = entropy
        self._identity = SigningKey.from_seed(load_key(folder / "identity.key", IDENTITY, passphrase))
        self._policy = parse_policy(load_policy_file(folder))

    def transport(self, location: str) -> Transport:
        """Open the operator's address, as oneself, or a folder of files; raises ``CustodesError`` (INVALID)."""
        return open_transport(
            location, lambda path: make_access(self._identity, self._policy.deployment, path, self._clock.now())
        )

    def request(self, transport: Transport, asked: Asked, expires: Instant | None = None) -> str:
        """Sign a request with a new one-time key and hand it in; returns its id. It expires after 14 days, or then.

        Raises ``CustodesError``: DENIED if the window has not ended, INVALID for what cannot be asked.
        """
        now = self._clock.now()
        one_time, salt = WrappingKey.generate(self._entropy), self._entropy(16)
        signed = make_request(
            self._identity,
            deployment=self._policy.deployment,
            cameras=asked.cameras,
            start=asked.start,
            end=asked.end,
            purpose=asked.purpose,
            legal_basis=asked.legal_basis,
            case=case_commitment(salt, asked.case),
            one_time_key=one_time.public,
            created=now,
            expires=Instant(now + 14 * DAY) if expires is None else expires,
        )
        name = request_id(sha256(signed))
        folder = self.folder(name)
        private_folder(folder)
        # Before anything leaves the house: without the one-time key a grant would be of no use to anybody.
        save_key(folder / "one-time.key", ONE_TIME, one_time.public.id, one_time.seed, self._passphrase, self._entropy)
        write_durably(folder / "case.json", canonical.dumps({"reference": asked.case, "salt": salt.hex()}), 0o600)
        write_durably(folder / "request.json", signed)
        if transport.file_request(signed) != name:
            raise unavailable("the server filed the request under another id: it did not understand it")
        return name

    def folder(self, request: str) -> Path:
        """Where everything about a request lies."""
        return self._folder / "requests" / check_id(request)

    def status(self, transport: Transport, request: str) -> RequestState:
        """Return how far a request has come, as the operator says; raises ``CustodesError`` (NOT_FOUND)."""
        found = next((state for state in transport.requests() if state.id == check_id(request)), None)
        if found is None:
            raise not_found(f"the operator does not know the request {request}")
        return found

    def open(self, transport: Transport, request: str) -> Opened:
        """Fetch the package, verify it, state the opening for the log, open it here, and write the bundle.

        Can be repeated. Raises ``CustodesError``: DENIED with fewer than k grants, CORRUPT, naming the culprit, for a
        false share or a changed segment.
        """
        folder = self.folder(request)
        mine = parse_request(
            read_file(folder / "request.json", MAX_REQUEST), {self._identity.public.id: self._identity.public}
        )
        key = WrappingKey.from_seed(load_key(folder / "one-time.key", ONE_TIME, self._passphrase))
        transport.package(request, folder / "package.zip")
        with Archive(folder / "package.zip") as package:
            disclosure = verify_disclosure(package, self._policy)
            if disclosure.request != mine:
                raise denied("the package is of another request")
            opened = recover_keys(disclosure, self._policy, key)
            self._state_opening(transport, request, disclosure)
            clips = {found.period.name: self._write_clip(package, found, folder) for found in opened}
            self._write_bundle(package, disclosure, opened, clips, folder)
        false = tuple(line for found in opened for line in found.false_shares)
        return Opened(folder / "bundle.zip", tuple(clips.values()), false, disclosure)

    def _state_opening(self, transport: Transport, request: str, disclosure: Disclosure) -> None:
        """Log first, act second: who opens says so before a picture is decrypted."""
        signed = make_opening(disclosure.request, self._identity, self._clock.now(), len(disclosure.periods))
        try:
            transport.file_opening(request, signed)
        except CustodesError as problem:
            # It was stated before, when the opening broke off or was done once already.
            if problem.kind is not Kind.CONFLICT:
                raise

    def _write_clip(self, package: Archive, opened: OpenedPeriod, folder: Path) -> Path:
        path = folder / native_name(opened.period)
        private_folder(path.parent)
        try:
            with path.open("wb") as file:
                for fragment in open_fragments(package, opened):
                    file.write(fragment)
        except OSError as problem:
            raise unavailable(f"{path} cannot be written: {problem.strerror}") from None
        except CustodesError:
            path.unlink(missing_ok=True)
            raise
        return path

    def _write_bundle(
        self,
        package: Archive,
        disclosure: Disclosure,
        opened: Sequence[OpenedPeriod],
        clips: dict[str, Path],
        folder: Path,
    ) -> None:
        temporary = folder / "bundle.part"
        try:
            with temporary.open("wb") as stream:
                build_bundle(
                    stream,
                    package,
                    disclosure,
                    opened,
                    clips,
                    self._policy,
                    self._identity,
                    self._clock.now(),
                    self._case(folder),
                )
            temporary.replace(folder / "bundle.zip")
        except OSError as problem:
            raise unavailable(f"the bundle cannot be written: {problem.strerror}") from None
        finally:
            temporary.unlink(missing_ok=True)

    def _case(self, folder: Path) -> CaseReference:
        source = canonical.load_object(read_file(folder / "case.json", 64 * 1024))
        only(source, "reference", "salt")
        return CaseReference(text(source, "reference"), hexadecimal(source, "salt", 16))
