# SPDX-License-Identifier: AGPL-3.0-or-later
"""A shard: one process that records about ten cameras, told by the coordinator which.

Orders come in on standard input, reports go out on standard output; its log is standard error. When the coordinator is
gone, the shard closes its periods and ends: the next coordinator begins anew.
"""

import queue
import sys
import threading
from typing import BinaryIO

from custodes.domain import canonical
from custodes.domain.ids import CameraId, KeyId
from custodes.domain.video import StreamUrl, Transport
from custodes.errors import CustodesError, unavailable
from custodes.node.config import Layout
from custodes.node.queries.views import RecordingState
from custodes.node.runtime.recorder import wire
from custodes.node.runtime.recorder.camera import CameraRecorder
from custodes.node.runtime.recorder.vault import Vault
from custodes.node.runtime.recorder.wire import Gone, Keys, Leave, Record, Report, State
from custodes.trust.custody.keys import Keyring, parse_keys
from custodes.trust.custody.policy import Policy
from custodes.trust.verify.permit import permit

HEALTH_S = 10.0
_PATIENCE_S = 3.0
_MOST_REPORTS = 10_000
"""Reports that may wait for a coordinator that does not read; measurements beyond that are left out."""


class Reporter:
    """Writes reports on a thread of its own: recording never waits for the coordinator."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._reports: queue.SimpleQueue[Report | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)
        self._thread.start()

    def report(self, message: Report) -> None:
        """Queue a report; returns at once."""
        if self._reports.qsize() < _MOST_REPORTS or not isinstance(message, wire.Health):
            self._reports.put(message)

    def close(self) -> None:
        """Write what is queued, if anybody still reads."""
        self._reports.put(None)
        self._thread.join(timeout=2)

    def _run(self) -> None:
        while (message := self._reports.get()) is not None:
            try:
                self._out.write(wire.encode(message))
                self._out.flush()
            except OSError:
                return  # the coordinator is gone, and we are about to be


class Shard:
    """Keeps the cameras that it was told to record."""

    def __init__(self, vault: Vault, reporter: Reporter) -> None:
        self._vault = vault
        self._reporter = reporter
        self._recorders: dict[CameraId, CameraRecorder] = {}
        self._lock = threading.Lock()
        self._stopped = False

    def obey(self, order: wire.Order) -> None:
        """Begin, go on, or end with a camera. Whatever comes of it, the coordinator hears when it has ended."""
        if isinstance(order, Keys):
            self._vault.keyring = keyring(order, self._vault.policy)
            return
        try:
            self._obey(order)
        except CustodesError as problem:
            now = self._vault.clock.now()
            self._reporter.report(State(order.camera, RecordingState.DARK.value, problem.message, now))
            if isinstance(order, Record):
                self._reporter.report(Gone(order.camera, order.turn))

    def _obey(self, order: Record | Leave) -> None:
        camera = CameraId(order.camera)
        with self._lock:
            running = self._recorders.get(camera)
        if isinstance(order, Record):
            allowed = permit(
                order.document, order.entry, order.receipt, self._vault.tlog_policy, self._vault.clock.now()
            )
            if running is not None and running.running and running.way == _way(order):
                running.renew(allowed, order.turn)
                return
        if running is not None:
            running.stop()
            running.join(_PATIENCE_S)
            if running.running:
                # Its disk is slow. Two must never write for one camera: the coordinator asks again.
                raise unavailable("its disk does not answer")
            with self._lock:
                self._recorders.pop(camera, None)
        if isinstance(order, Record):
            url, transport, pin = _way(order)
            with self._lock:
                if self._stopped:
                    return  # an order that was still waiting must not outlive the shard's end
                self._recorders[camera] = CameraRecorder(
                    self._vault, self._reporter.report, url, allowed, transport, pin, order.turn, self._ended
                )

    def _ended(self, recorder: CameraRecorder) -> None:
        self._reporter.report(Gone(recorder.camera, recorder.turn))

    def measure(self) -> None:
        """Report the health of every camera that is being recorded."""
        with self._lock:
            recorders = [each for each in self._recorders.values() if each.running]
        for recorder in recorders:
            self._reporter.report(recorder.health())

    def stop(self) -> None:
        """Close every period; no camera begins after this."""
        with self._lock:
            self._stopped = True
            recorders = list(self._recorders.values())
            self._recorders.clear()
        for recorder in recorders:
            recorder.stop()
        for recorder in recorders:
            recorder.join()


def keyring(order: Keys, policy: Policy) -> Keyring:
    """The published keys that hold; a document that does not is said to be bad, and the others count all the same."""
    source, batches = canonical.load_object(order.published), []
    for document in canonical.listed(source, "documents"):
        try:
            batches.append(parse_keys(canonical.dumps(document), policy))
        except CustodesError as problem:
            sys.stderr.write(f"a custodian's keys cannot be used: {problem}\n")
    return Keyring(tuple(batches), frozenset(KeyId(str(key)) for key in canonical.listed(source, "gone")))


def _way(order: Record) -> tuple[StreamUrl, Transport, str]:
    """Where the camera is, and how it is spoken to."""
    return StreamUrl(order.main), "udp" if order.transport == "udp" else "tcp", order.pin


def run(layout: Layout, stop: threading.Event) -> None:
    """The shard's whole life: until ``stop``, or until standard input ends."""
    reporter = Reporter(sys.stdout.buffer)
    shard = Shard(Vault(layout), reporter)
    orders: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin.buffer:
            orders.put(line)
        stop.set()

    threading.Thread(target=listen, name="orders", daemon=True).start()
    threading.Thread(target=_obey, args=(shard, orders), name="obey", daemon=True).start()
    while not stop.wait(HEALTH_S):
        shard.measure()
    shard.stop()
    reporter.close()


def _obey(shard: Shard, orders: "queue.SimpleQueue[bytes | None]") -> None:
    while (line := orders.get()) is not None:
        try:
            shard.obey(wire.decode(line))
        except CustodesError as problem:
            sys.stderr.write(f"{problem}\n")
