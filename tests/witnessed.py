# SPDX-License-Identifier: AGPL-3.0-or-later
"""A node for tests and benchmarks whose witness, sequencer and web are processes of their own."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.custody_world import INIT, MINUTE, fragment_of

from custodes.clock import SECOND, Instant, SystemClock
from custodes.desk import custodian, requester, witness
from custodes.domain.ids import CameraId, Digest, Epoch, PeriodId, Term
from custodes.domain.video import StreamUrl
from custodes.errors import CustodesError, Kind
from custodes.node.acts import cameras
from custodes.node.config import Layout
from custodes.node.runtime import states
from custodes.node.runtime.recorder.segments import closed
from custodes.node.runtime.sequencer import Sequencer
from custodes.node.runtime.setup import Plan, WitnessAt, initialise
from custodes.node.store import Store, names
from custodes.node.store.evidence import policy_of
from custodes.node.store.keys import read_key
from custodes.trust.custody.policy import Requester
from custodes.trust.custody.statement import parse_custodian, parse_requester
from custodes.trust.seal.custodians import Custodian, CustodianSet
from custodes.trust.seal.manifest import parse_closing
from custodes.trust.seal.period import PeriodHeader, PeriodSealer
from custodes.trust.seal.signing import SigningKey
from custodes.trust.tlog.note import parse_vkeys

T = TypeVar("T")


@contextmanager
def deployment(
    folder: Path, custodians: Sequence[Custodian], requesters: Sequence[Requester] = ()
) -> Iterator[tuple[Layout, Store]]:
    """Set a deployment up below ``folder``, two of the custodians needed; the witness ends with the block."""
    keys = parse_vkeys("\n".join(witness.init(folder / "witness", "witness.example/one")))
    command = [sys.executable, "-m", "custodes", "log", "witness", "--dir", str(folder / "witness"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            at = WitnessAt("one", tuple(keys), json.loads(process.stdout.readline())["url"])
            layout = Layout(folder / "node")
            initialise(layout, Plan(CustodianSet(Epoch(1), 2, tuple(custodians)), tuple(requesters), (at,)))
            witness.trust_log(folder / "witness", (layout.log / "vkey").read_text().splitlines())
            store = Store(layout, SystemClock())
            yield layout, store
            store.close()
        finally:
            process.terminate()


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


def record(store: Store, camera: CameraId, start: Instant, unit: int) -> None:
    """Seal a minute of a fragment a second, 25 units of ``unit`` bytes each, into the node's store and catalogue."""
    policy = policy_of(store)
    period = PeriodId(camera, start, Term(1))
    key = SigningKey.from_seed(read_key(store.layout.keys / "recorder.key"))
    sealer = PeriodSealer(header(store, period), policy.custodians[-1], key)
    store.objects.put(names.opening(period), sealer.opening)
    store.objects.put(names.shares(period), sealer.shares)
    with store.objects.create(names.segment(period)) as segment:
        segment.append(sealer.preamble + sealer.seal_init(INIT))
        for second in range(60):
            units = [b"\x41" + os.urandom(unit - 1) for _ in range(25)]
            fragment = sealer.seal(fragment_of(units), units, Instant(start + second * SECOND), 90_000)
            segment.append(fragment)
    closing = sealer.close(Instant(start + 60 * SECOND))
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


@contextmanager
def recorded(folder: Path, minutes: int, unit: int) -> Iterator[tuple[str, CameraId, Instant]]:
    """A served node with some minutes of a camera; yields its address, the camera and the first minute's start.

    Below ``folder`` lie the parties' folders: ``custodian1`` to ``custodian3`` and ``court``.
    """
    members, asks = town(folder)
    with deployment(folder, members, [asks]) as (layout, store):
        policy = layout.policy.read_bytes()
        for number in (1, 2, 3):
            custodian.trust_policy(folder / f"custodian{number}", policy)
        requester.trust_policy(folder / "court", policy)
        url = StreamUrl("rtsp://127.0.0.1/")
        camera = cameras.add_camera(store, "Gate", url, url)
        start = Instant((store.clock.now() // MINUTE - 2 * minutes) * MINUTE)
        for minute in range(minutes):
            record(store, camera, Instant(start + minute * MINUTE), unit)
        sequencer = Sequencer(store)
        sequencer.commit_minute()
        sequencer.step()
        sequencer.log.close()
        with served(layout) as address:
            yield address, camera, start


def once_there(act: Callable[[], T], patience_s: float = 60.0) -> T:
    """Repeat what is not possible yet: the server starts, the witness has not signed."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return act()
        except CustodesError as problem:
            if problem.kind not in (Kind.UNAVAILABLE, Kind.DENIED) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
