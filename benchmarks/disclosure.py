# SPDX-License-Identifier: AGPL-3.0-or-later
"""A disclosure of ten camera-minutes at 4 Mbit/s: from the last grant that is needed to the opened originals.

A node's sequencer and web, and its witness, are processes of their own; two of three custodians grant and the requester
opens through the desks that they use in life, over HTTP on loopback. The clock starts when the second grant is about to
be handed in. ``first_byte_s``: until the first decrypted byte lies on the requester's disk; witnesses, packing,
transfer and every verification lie in between. ``mb_per_s``: megabytes (10^6) of original per second until the bundle
is written. No masked copy is in the package: nothing of this camera was masked.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.witnessed import deployment

from custodes.clock import SECOND, Instant, SystemClock
from custodes.desk import custodian, requester
from custodes.desk.custodian import CustodianDesk
from custodes.desk.requester import Asked, Opened, RequesterDesk
from custodes.domain.ids import CameraId, Digest, PeriodId, Term
from custodes.domain.register import LegalBasis
from custodes.domain.video import StreamUrl
from custodes.errors import CustodesError, Kind
from custodes.node.acts import cameras
from custodes.node.config import Layout
from custodes.node.runtime import states
from custodes.node.runtime.recorder.segments import closed
from custodes.node.runtime.sequencer import Sequencer
from custodes.node.store import Store, names
from custodes.node.store.evidence import policy_of
from custodes.node.store.keys import read_key
from custodes.trust.custody.policy import Requester
from custodes.trust.custody.statement import parse_custodian, parse_requester
from custodes.trust.seal.custodians import Custodian
from custodes.trust.seal.manifest import parse_closing
from custodes.trust.seal.period import PeriodHeader, PeriodSealer
from custodes.trust.seal.segment import join_units
from custodes.trust.seal.signing import SigningKey

MINUTES, SECONDS, FRAGMENT, UNITS = 10, 60, 500_000, 25
CLOCK = SystemClock()


def header(store: Store, period: PeriodId) -> PeriodHeader:
    """What the recorder would say of a minute."""
    return PeriodHeader(
        deployment=policy_of(store).deployment,
        period=period,
        started=period.start,
        codec="h264",
        width=1920,
        height=1080,
        parameter_sets=(b"\x67sps", b"\x68pps"),
        retention_class="72h",
        retention_hours=72,
        register_entry=Digest(bytes(32)),
        register_index=0,
        checkpoint_size=1,
        checkpoint_root=Digest(bytes(32)),
        previous=None,
    )


def box(kind: bytes, body: bytes) -> bytes:
    """One ISO box."""
    return (8 + len(body)).to_bytes(4) + kind + body


def record(store: Store, camera: CameraId, start: Instant) -> None:
    """Seal a minute, as the recorder does, into the node's store and catalogue."""
    policy = policy_of(store)
    period = PeriodId(camera, start, Term(1))
    key = SigningKey.from_seed(read_key(store.layout.keys / "recorder.key"))
    sealer = PeriodSealer(header(store, period), policy.custodians[-1], key)
    store.objects.put(names.opening(period), sealer.opening)
    store.objects.put(names.shares(period), sealer.shares)
    with store.objects.create(names.segment(period)) as segment:
        segment.append(sealer.preamble + sealer.seal_init(box(b"ftyp", b"iso6\0\0\0\0") + box(b"moov", b"")))
        for second in range(SECONDS):
            units = [b"\x41" + os.urandom(FRAGMENT // UNITS - 1) for _ in range(UNITS)]
            data = box(b"moof", b"samples") + box(b"mdat", join_units(units))
            segment.append(sealer.seal(data, units, Instant(start + second * SECOND), 90_000))
    closing = sealer.close(Instant(start + SECONDS * SECOND))
    store.objects.put(names.closing(period), closing)
    with store.begin() as connection:
        states.row(closed(parse_closing(closing, policy.recorder_keys)))(connection)


def town(folder: Path) -> tuple[list[Custodian], Requester]:
    """Three custodians and a requester, each with a folder."""
    members = []
    for number in (1, 2, 3):
        stated = parse_custodian(custodian.keygen(folder / f"custodian{number}", f"Office {number}"))
        members.append(Custodian(number, stated.label, stated.identity, stated.wrapping))
    asks = parse_requester(requester.keygen(folder / "court", "District court"))
    return members, Requester(asks.label, asks.identity)


@contextmanager
def served(layout: Layout) -> Iterator[str]:
    """The node's sequencer and web; yields the address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    worker = [sys.executable, "-m", "custodes.cli.worker"]
    roles = [["sequencer"], ["web", "--port", str(port)]]
    processes = [subprocess.Popen([*worker, *role, "--dir", str(layout.root)]) for role in roles]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        for process in processes:
            process.terminate()
            process.wait()


def once_there(act: Callable[[], Opened | str]) -> Opened | str:
    """Repeat what is not possible yet: the server starts, the witness has not signed."""
    while True:
        try:
            return act()
        except CustodesError as problem:
            if problem.kind not in (Kind.UNAVAILABLE, Kind.DENIED):
                raise
            time.sleep(0.02)


class FirstByte(threading.Thread):
    """Notes when a folder holds a file that is not empty."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.seen = 0.0

    def run(self) -> None:
        """Look two hundred times a second."""
        while not any(path.stat().st_size for path in self._folder.glob("native/*")):
            time.sleep(0.005)
        self.seen = time.perf_counter()


def disclose(folder: Path, address: str, camera: CameraId, start: Instant) -> dict[str, object]:
    """Ask, grant, open; returns what it took."""
    court = RequesterDesk(folder / "court", CLOCK)
    end = Instant(start + MINUTES * SECONDS * SECOND)
    asked = Asked([camera], start, end, "assault in the square", LegalBasis.PUBLIC_TASK, "12 C 34/26")
    name = str(once_there(lambda: court.request(court.transport(address), asked)))
    offices = [CustodianDesk(folder / f"custodian{number}", CLOCK) for number in (1, 2)]
    once_there(lambda: str(len(offices[0].grant(offices[0].transport(address), name))))
    watch = FirstByte(court.folder(name))
    watch.start()
    began = time.perf_counter()
    offices[1].grant(offices[1].transport(address), name)
    granted = time.perf_counter()
    opened = once_there(lambda: court.open(court.transport(address), name))
    ended = time.perf_counter()
    watch.join()
    assert isinstance(opened, Opened)
    size = sum(path.stat().st_size for path in opened.clips) / 1e6
    assert len(opened.clips) == MINUTES
    facts = {"camera_minutes": MINUTES, "first_byte_s": round(watch.seen - began, 2)}
    more = {"mb": round(size), "second_grant_s": round(granted - began, 2), "opened_s": round(ended - began, 2)}
    return {**facts, "mb_per_s": round(size / (ended - began), 1), **more}


def main() -> None:
    """Measure and print one JSON line."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        members, asks = town(folder)
        with deployment(folder, members, [asks]) as (layout, store):
            for party in ("custodian1", "custodian2"):
                custodian.trust_policy(folder / party, layout.policy.read_bytes())
            requester.trust_policy(folder / "court", layout.policy.read_bytes())
            url = StreamUrl("rtsp://127.0.0.1/")
            camera = cameras.add_camera(store, "Gate", url, url)
            start = Instant((CLOCK.now() // SECOND - 2 * MINUTES * SECONDS) // 60 * 60 * SECOND)
            for minute in range(MINUTES):
                record(store, camera, Instant(start + minute * SECONDS * SECOND))
            sequencer = Sequencer(store)
            sequencer.commit_minute()
            sequencer.step()
            sequencer.log.close()
            with served(layout) as address:
                print(json.dumps(disclose(folder, address, camera, start)))


if __name__ == "__main__":
    main()
