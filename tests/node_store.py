# SPDX-License-Identifier: AGPL-3.0-or-later
"""A small deployment for tests of the node: store, sequencer and a witness in this process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from custodes.clock import SECOND, FakeClock, Instant
from custodes.domain.ids import CameraId, Digest, Epoch
from custodes.domain.register import LegalBasis, Purpose, RecordingPermit, RegisterEntry
from custodes.domain.video import StreamUrl
from custodes.node.acts import cameras, register
from custodes.node.config import Layout
from custodes.node.runtime.sequencer import Sequencer, _WitnessTurn
from custodes.node.runtime.setup import Plan, WitnessAt, initialise
from custodes.node.store import Store, tables
from custodes.trust.custody.policy import Requester
from custodes.trust.seal.custodians import Custodian, CustodianSet
from custodes.trust.seal.signing import SigningKey
from custodes.trust.seal.wrapping import WrappingKey
from custodes.trust.tlog.note import Ed25519Cosigner, parse_vkeys
from custodes.trust.tlog.witness import FolderStates, Witness, WitnessClient

DAY = 24 * 3600 * SECOND


@dataclass
class Node:
    """A deployment. ``offices``, ``wrapping``: its custodians. ``witness_up`` False: the witness is silent."""

    layout: Layout
    clock: FakeClock
    store: Store
    witness: Witness
    witness_key: Ed25519Cosigner
    requester: SigningKey
    offices: tuple[SigningKey, ...] = ()
    wrapping: tuple[WrappingKey, ...] = ()
    witness_up: bool = True
    asked: int = 0

    def sequencer(self) -> Sequencer:
        """A sequencer that asks the witness in this process; the caller closes its log."""
        made = Sequencer(self.store)
        made._witnesses = [_WitnessTurn(WitnessClient([self.witness_key.key], self._post))]
        return made

    def _post(self, body: bytes) -> tuple[int, bytes]:
        self.asked += 1
        if not self.witness_up:
            return 503, b"down"
        status, _, answer = self.witness.add_checkpoint(body)
        return status, answer

    def camera(self, name: str = "Gate") -> CameraId:
        # A camera that is there already would not be added again.
        url = StreamUrl(f"rtsp://viewer:secret@127.0.0.1:8554/{self.count(tables.cameras)}")
        return cameras.add_camera(self.store, name, url, url)

    def entry(self, camera: CameraId, expires: int | None = None) -> RegisterEntry:
        now = self.clock.now()
        return RegisterEntry(
            camera, "Gate", Purpose.ACCESS, "", LegalBasis.PUBLIC_TASK, "", "Town", "town@example", 24,
            now, Instant(expires or now + 30 * DAY), 0, 0, 0, 60, 300, 2_000, "4 mm", os.urandom(16),
        )  # fmt: skip

    def register(self, camera: CameraId) -> Digest:
        return register.publish_entry(self.store, self.entry(camera))

    def count(self, table: sa.Table) -> int:
        return int(self.store.read(sa.select(sa.func.count()).select_from(table))[0][0])

    def counts(self) -> dict[str, int]:
        """Rows of every table."""
        return {name: self.count(table) for name, table in tables.metadata.tables.items()}


def permit_of(camera: CameraId) -> RecordingPermit:
    return RecordingPermit(camera, Digest(bytes(32)), 0, Instant(0), Instant(2**62), 24)


@contextmanager
def node(root: Path, offices: tuple[Custodian, ...] = ()) -> Iterator[Node]:
    """Set a deployment up below ``root``; nothing has been logged yet. ``offices``: its custodians (else any)."""
    clock = FakeClock()
    layout = Layout(root / "node")
    cosigner = Ed25519Cosigner("witness.example/one", os.urandom(32), clock)
    identities = tuple(SigningKey.generate() for _ in range(3))
    wrapping = tuple(WrappingKey.generate() for _ in range(3))
    custodians = offices or tuple(
        Custodian(index, f"office {index}", identity.public, wrapping[index - 1].public)
        for index, identity in enumerate(identities, 1)
    )
    requester = SigningKey.generate()
    plan = Plan(
        CustodianSet(Epoch(1), 2, custodians),
        (Requester("court", requester.public),),
        (WitnessAt("one", (cosigner.key,), "http://witness.invalid"),),
    )
    initialise(layout, plan, clock)
    (root / "witness").mkdir()
    keys = parse_vkeys((layout.log / "vkey").read_text())
    witness = Witness(FolderStates(root / "witness"), [cosigner], lambda _origin: keys)
    store = Store(layout, clock)
    try:
        yield Node(layout, clock, store, witness, cosigner, requester, identities, wrapping)
    finally:
        store.close()
