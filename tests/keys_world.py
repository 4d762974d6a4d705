# SPDX-License-Identifier: AGPL-3.0-or-later
"""A node on loopback with custodians who have desks of their own, all under one clock that a test moves."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import uvicorn
from tests.browser.web_house import HandFeeds
from tests.ingest_streams import stream
from tests.integration.web.web_client import eventually
from tests.node_store import Node, node, permit_of

from custodes.clock import SECOND, Instant
from custodes.desk import custodian
from custodes.desk.agent import Agent, Round
from custodes.desk.custodian import CustodianDesk
from custodes.desk.transport import Transport
from custodes.domain.ids import CameraId, PeriodId
from custodes.domain.video import Packet, SourceTime, StreamInfo
from custodes.node.acts import register, sessions
from custodes.node.queries.alarms import going_on
from custodes.node.runtime import states
from custodes.node.runtime.bookkeeper import Bookkeeper
from custodes.node.runtime.recorder.keywatch import KeyWatch
from custodes.node.runtime.recorder.segments import SegmentFiles
from custodes.node.runtime.recorder.shard import keyring
from custodes.node.runtime.recorder.vault import Vault
from custodes.node.runtime.sequencer import Sequencer
from custodes.node.store import names
from custodes.node.store.evidence import policy_of
from custodes.trust.custody.statement import parse_custodian
from custodes.trust.seal.custodians import Custodian
from custodes.trust.seal.manifest import OpeningManifest, parse_opening
from custodes.video import nal
from custodes.video.ingest.fragmenter import Fragmenter
from custodes.web.app import create_app
from custodes.web.services import Services

HOUR = 3600 * SECOND
UNITS = stream(50, 320, 180, 25, 25)
SETS = tuple(each for each in UNITS[0].nals if nal.kind(each) in (nal.SPS, nal.PPS))


def packets(start: Instant) -> Iterator[Packet]:
    """Two seconds of a camera, the first packet received at ``start``."""
    info = StreamInfo(320, 180, SETS)
    for unit in UNITS:
        received = Instant(start + unit.ticks * SECOND // 90_000)
        yield Packet(unit.nals, unit.key, SourceTime(1, unit.ticks), received, info)


@dataclass
class KeyTown:
    """The node, where it answers, and the custodians' folders."""

    node: Node
    address: str
    folders: list[Path]
    sequencer: Sequencer
    camera: CameraId
    vault: Vault = field(init=False)

    def __post_init__(self) -> None:
        self.vault = Vault(self.node.layout, self.node.clock)

    def desk(self, number: int) -> CustodianDesk:
        """The desk of custodian ``number``, counted from 1."""
        return CustodianDesk(self.folders[number - 1], self.node.clock)

    def way(self, number: int) -> Transport:
        """The custodian's way to the operator."""
        return self.desk(number).transport(self.address)

    def rotate(self, *numbers: int) -> None:
        """Have custodians publish, and let it be witnessed."""
        for number in numbers:
            self.desk(number).rotate(self.way(number))
        self.settle()

    def settle_log(self) -> None:
        """Let what is pending into the log."""
        self.sequencer.step()

    def settle(self) -> None:
        """Let what is pending into the log, and the recorder look at the keys."""
        self.settle_log()
        watch = KeyWatch(self.node.store, patience_s=0.0)
        watch.look()
        self.vault.keyring = keyring(watch.order, policy_of(self.node.store))

    def later(self, nanoseconds: int) -> None:
        """Let time pass, and have the witness sign a log that has grown since."""
        self.node.clock.advance(nanoseconds)
        sessions.issue_link(self.node.store, "operator")
        self.settle()

    def agent(self, number: int) -> Round:
        """One round of a custodian's agent, and let what it stated into the log."""
        done = Agent(self.desk(number), self.way(number), self.node.clock).round()
        self.settle()
        return done

    def record(self) -> PeriodId:
        """Seal a minute of two seconds that begins now, through the recorder's own write path."""
        books = Bookkeeper(self.node.store)
        files = SegmentFiles(self.vault, self.camera, lambda report: books.note(states.row(report)))
        start, fragmenter = self.node.clock.now(), Fragmenter()
        recording = files.begin(permit_of(self.camera), start, next(packets(start)))
        for packet in packets(start):
            for fragment in fragmenter.push(packet):
                recording.write(fragment)
        recording.close(None)
        books.close()
        return recording.period

    def opening(self, period: PeriodId) -> OpeningManifest:
        return parse_opening(
            self.node.store.objects.get(names.opening(period)), policy_of(self.node.store).recorder_keys
        )

    def alarms(self) -> set[tuple[str, str]]:
        return {(each.kind, each.subject) for each in going_on(self.node.store)}


@contextmanager
def key_town(root: Path) -> Iterator[KeyTown]:
    """Three custodians, two needed; one registered camera that keeps for 24 hours; no key is published yet."""
    folders = [root / f"custodian{number}" for number in (1, 2, 3)]
    offices = []
    for index, folder in enumerate(folders, 1):
        stated = parse_custodian(custodian.keygen(folder, f"office {index}"))
        offices.append(Custodian(index, stated.label, stated.identity, stated.wrapping))
    with node(root, tuple(offices)) as found:
        for folder in folders:
            custodian.trust_policy(folder, found.layout.policy.read_bytes())
        sequencer = found.sequencer()
        camera = found.camera()
        with serving(found) as address:
            town = KeyTown(found, address, folders, sequencer, camera)
            entry = replace(found.entry(camera), expires=Instant(found.clock.now() + 400 * 24 * HOUR))
            register.publish_entry(found.store, entry)
            sequencer.step()
            try:
                yield town
            finally:
                sequencer.log.close()


@contextmanager
def serving(found: Node) -> Iterator[str]:
    """Serve the node's web on a free port of loopback."""
    app = create_app(Services(found.store, HandFeeds(found.clock), None, found.clock))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    assert eventually(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
