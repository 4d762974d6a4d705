# SPDX-License-Identifier: AGPL-3.0-or-later
"""A small world for tests of custody: a log with a witness, a recorder, custodians, a requester, and sealed periods."""

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from custodes.clock import SECOND, FakeClock, Instant
from custodes.domain import canonical
from custodes.domain.acts import Act, LogEntry
from custodes.domain.canonical import JsonObject
from custodes.domain.ids import CameraId, DeploymentId, Digest, Epoch, PeriodId, Term, new_id
from custodes.domain.register import LegalBasis
from custodes.trust.custody import facts
from custodes.trust.custody.documents import Logged, PeriodDocuments
from custodes.trust.custody.dossier import Dossier, DossierPeriod, build_dossier
from custodes.trust.custody.grant import grant, refuse, verify_grant, verify_refusal
from custodes.trust.custody.minute import closed_minute
from custodes.trust.custody.package import Package, PackagedPeriod, build_package
from custodes.trust.custody.policy import Policy, Requester
from custodes.trust.custody.request import case_commitment, make_request, parse_request
from custodes.trust.seal.custodians import Custodian, CustodianSet
from custodes.trust.seal.manifest import OpeningManifest, parse_opening
from custodes.trust.seal.period import CloseReason, PeriodHeader, PeriodSealer
from custodes.trust.seal.segment import join_units
from custodes.trust.seal.signing import SigningKey
from custodes.trust.seal.wrapping import WrappingKey
from custodes.trust.tlog.checkpoint import SignedCheckpoint
from custodes.trust.tlog.log import FolderTiles, Log
from custodes.trust.tlog.note import Ed25519Cosigner, Ed25519Signer
from custodes.trust.tlog.policy import build_policy

START = Instant(1_790_000_040 * SECOND)
MINUTE = 60 * SECOND
FIRST_END = Instant(START + MINUTE)
INIT = b"\x00\x00\x00\x10ftypiso6\x00\x00\x00\x00" + b"\x00\x00\x00\x0cmoov\x00\x00\x00\x00"


def source(seed: str) -> Callable[[int], bytes]:
    """Return a source of bytes that is the same in every run."""
    state = hashlib.sha256(seed.encode()).digest()

    def draw(size: int) -> bytes:
        nonlocal state
        out = hashlib.shake_256(state).digest(size)
        state = hashlib.sha256(state).digest()
        return out

    return draw


def box(kind: bytes, body: bytes) -> bytes:
    """Return one ISO box."""
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def fragment_of(nals: Sequence[bytes]) -> bytes:
    """Return what a fragment looks like from outside: a movie fragment box, then the units."""
    return box(b"moof", b"about these samples") + box(b"mdat", join_units(nals))


@dataclass(frozen=True)
class Recorded:
    """A sealed period and what was sealed."""

    id: PeriodId
    opening: bytes
    shares: bytes
    segment: bytes
    closing: bytes
    nals: tuple[bytes, ...]
    clip: bytes


@dataclass
class World:
    """Everything a deployment consists of. ``seed`` makes its keys, so that worlds can be equal or foreign."""

    folder: Path
    k: int = 2
    n: int = 3
    seed: str = "world"
    clock: FakeClock = field(default_factory=lambda: FakeClock(START))

    def __post_init__(self) -> None:
        draw = source(self.seed)
        self.deployment = DeploymentId(new_id(draw(16)))
        self.cameras = [CameraId(new_id(draw(16))) for _ in range(2)]
        self.register = dict.fromkeys(self.cameras, b"register")
        self.recorder = SigningKey.generate(draw)
        self.identities = [SigningKey.generate(draw) for _ in range(self.n)]
        self.wrapping = [WrappingKey.generate(draw) for _ in range(self.n)]
        self.requester = SigningKey.generate(draw)
        self.one_time = WrappingKey.generate(draw)
        self.witness = Ed25519Cosigner("witness.test/one", draw(32), self.clock)
        self.log = Log(FolderTiles(self.folder / "log"), [Ed25519Signer(f"custodes.test/{self.deployment}", draw(32))])
        self.set = self.custodians(Epoch(1))
        self.draw = draw
        log_keys = [signer.key for signer in self.log._signers]
        self.policy = Policy(
            self.deployment,
            build_policy(log_keys, {"one": [self.witness.key]}, 1).serialise(),
            (self.recorder.public,),
            (self.set,),
            (Requester("District court", self.requester.public),),
        )
        self.add(Act.DEPLOYMENT_INITIALISED, {"deployment": self.deployment})

    def custodians(self, epoch: Epoch) -> CustodianSet:
        """Return the custodians as a set of this epoch."""
        return CustodianSet(
            epoch,
            self.k,
            tuple(
                Custodian(index, f"Office {index}", identity.public, wrapping.public)
                for index, (identity, wrapping) in enumerate(zip(self.identities, self.wrapping, strict=True), 1)
            ),
        )

    def add(self, act: Act, about: JsonObject, witnessed: bool = True) -> tuple[bytes, bytes]:
        """Log an act; return entry and receipt."""
        entry = LogEntry(act, self.clock.now(), about).encode()
        index = self.log.append([entry])
        if witnessed:
            self.cosign()
        return entry, self.log.receipt(index)

    def cosign(self) -> None:
        """Let the witness sign the current checkpoint."""
        signed = SignedCheckpoint.parse(self.log.checkpoint())
        self.log.attach([self.witness.sign(signed.note.text).line], signed.checkpoint.size)

    def header(self, camera: int = 0, start: Instant = START) -> PeriodHeader:
        """Return the header of one of the cameras' periods."""
        return PeriodHeader(
            self.deployment,
            PeriodId(self.cameras[camera], start, Term(1)),
            Instant(start + 40_000_000),
            "h264",
            1280,
            720,
            (b"\x67sps", b"\x68pps"),
            "short",
            72,
            Digest(hashlib.sha256(self.register[self.cameras[camera]]).digest()),
            0,
            1,
            Digest(SignedCheckpoint.parse(self.log.checkpoint()).checkpoint.root),
            None,
        )

    def sealer(self, camera: int = 0, start: Instant = START, custodians: CustodianSet | None = None) -> PeriodSealer:
        """Return a sealer for a period."""
        return PeriodSealer(self.header(camera, start), custodians or self.set, self.recorder, self.draw)

    def record(
        self, camera: int = 0, start: Instant = START, fragments: int = 3, custodians: CustodianSet | None = None
    ) -> Recorded:
        """Seal a period with fragments of 20 s and two units each."""
        sealer = self.sealer(camera, start, custodians)
        segment, clip, nals = sealer.preamble + sealer.seal_init(INIT), INIT, []
        for number in range(fragments):
            units = [b"\x65" + self.draw(200 + number), b"\x41" + self.draw(17_000)]
            data = fragment_of(units)
            began = Instant(start + 40_000_000 + number * 20 * SECOND)
            segment += sealer.seal(data, units, began, 20 * 90_000)
            clip += data
            nals += units
        closing = sealer.close(Instant(start + MINUTE), (), CloseReason.CUT)
        return Recorded(
            sealer_period(self, camera, start), sealer.opening, sealer.shares, segment, closing, tuple(nals), clip
        )

    def ask(self, start: Instant = START, end: Instant = FIRST_END, **changes: object) -> bytes:
        """Return a signed request for the first camera."""
        asked: dict[str, object] = {
            "deployment": self.deployment,
            "cameras": [self.cameras[0]],
            "start": start,
            "end": end,
            "purpose": "assault in the square",
            "legal_basis": LegalBasis.PUBLIC_TASK,
            "case": case_commitment(b"s" * 16, "12 C 34/26"),
            "one_time_key": self.one_time.public,
            "created": self.clock.now(),
            "expires": Instant(self.clock.now() + 3600 * SECOND),
        }
        return make_request(self.requester, **{**asked, **changes})  # type: ignore[arg-type]

    def logged_request(self, signed: bytes) -> Logged:
        """Log a request."""
        digest = Digest(hashlib.sha256(signed).digest())
        return Logged(signed, *self.add(Act.DISCLOSURE_REQUESTED, facts.requested(digest)))

    def dossier(self, request: Logged, periods: Sequence[Recorded]) -> bytes:
        """Return what custodians are shown."""
        shown = tuple(DossierPeriod(period.opening, period.closing, period.shares) for period in periods)
        return build_dossier(Dossier(request.document, request.entry, request.receipt, shown))

    def grant(self, dossier: bytes, number: int, minutes: Sequence[PeriodId] | None = None) -> bytes:
        """Grant as custodian ``number`` (from 1)."""
        custodian = self.identities[number - 1]
        return grant(dossier, self.policy, custodian, [self.wrapping[number - 1]], self.clock.now(), minutes)

    def manifests(self, periods: Sequence[Recorded]) -> dict[PeriodId, OpeningManifest]:
        """Return the verified opening manifests."""
        return {period.id: parse_opening(period.opening, self.policy.recorder_keys) for period in periods}

    def logged_grant(self, request: Logged, signed: bytes, periods: Sequence[Recorded]) -> Logged:
        """Log a grant."""
        asked = parse_request(request.document, self.policy.requester_keys)
        found = verify_grant(signed, asked, self.manifests(periods), self.policy)
        about = facts.granted(asked.digest, found.digest, found.custodian, len(found.periods))
        return Logged(signed, *self.add(Act.DISCLOSURE_GRANTED, about))

    def logged_refusal(self, request: Logged, number: int, reason: str = "no legal basis") -> Logged:
        """Refuse as custodian ``number`` and log it."""
        asked = parse_request(request.document, self.policy.requester_keys)
        signed = refuse(asked, self.identities[number - 1], reason, self.clock.now())
        found = verify_refusal(signed, asked, self.policy)
        about = facts.refused(asked.digest, found.digest, found.custodian)
        return Logged(signed, *self.add(Act.DISCLOSURE_REFUSED, about))

    def commit(self, periods: Sequence[Recorded]) -> dict[PeriodId, PeriodDocuments]:
        """Commit to the periods in one log entry."""
        minute = closed_minute([period.closing for period in periods])
        entry, receipt = self.add(Act.PERIODS_COMMITTED, minute.facts)
        return {
            period.id: PeriodDocuments(
                period.opening,
                period.closing,
                minute.prove(Digest(hashlib.sha256(period.closing).digest())),
                entry,
                receipt,
            )
            for period in periods
        }

    def package(
        self,
        request: Logged,
        grants: Sequence[Logged],
        documents: dict[PeriodId, PeriodDocuments],
        periods: Sequence[Recorded],
        refusals: Sequence[Logged] = (),
    ) -> bytes:
        """Return a package."""
        packaged = [PackagedPeriod(documents[period.id], period.segment) for period in periods]
        stream = io.BytesIO()
        masked = {self.cameras[0]: b"a masked film"}
        build_package(stream, Package(request, grants, packaged, refusals, masked))
        return stream.getvalue()

    def close(self) -> None:
        """Let go of the log."""
        self.log.close()


def sealer_period(world: World, camera: int, start: Instant) -> PeriodId:
    """Return the id of a period."""
    return PeriodId(world.cameras[camera], start, Term(1))


def forge(document: bytes, key: SigningKey, /, **changes: canonical.Json) -> bytes:
    """Sign a document anew, with ``key``, after changing members of its body: what a cheating signer would do."""
    parsed = canonical.load_object(document)
    return key.sign(canonical.text(parsed, "kind"), {**canonical.member(parsed, "body"), **changes})


def with_policy(world: World, **changes: object) -> Policy:
    """Return the world's policy with members changed."""
    return replace(world.policy, **changes)  # type: ignore[arg-type]
