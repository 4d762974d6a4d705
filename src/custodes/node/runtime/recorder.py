# SPDX-License-Identifier: AGPL-3.0-or-later
"""The recorder: one process for about ten cameras, one thread each, from packets to sealed segments on the disk."""

import threading
from collections.abc import Callable

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId
from custodes.domain.periods import PERIOD, minute_of
from custodes.domain.register import RecordingPermit
from custodes.domain.video import Gap, GapCause, Packet, StreamUrl
from custodes.errors import CustodesError, Kind
from custodes.node.queries import cameras
from custodes.node.queries.views import RecordingState
from custodes.node.runtime import permits, states
from custodes.node.runtime.bookkeeper import Bookkeeper
from custodes.node.runtime.segments import SegmentFiles, SegmentRecording
from custodes.node.store import Store
from custodes.video.ingest.fragmenter import Fragmenter
from custodes.video.ingest.session import CameraStream

NAP_S = 0.25
"""A recording thread drains its socket, then naps: 18 instead of 666 wake-ups per second and camera."""
_LOOK_S = 0.5
_DISK_RETRY_S = 5.0


class CameraRecorder:
    """Records one camera until its permit ends or it is stopped."""

    def __init__(
        self, store: Store, books: Bookkeeper, files: SegmentFiles, url: StreamUrl, permit: RecordingPermit
    ) -> None:
        self.camera = permit.camera
        self.permit = permit
        self._store = store
        self._books = books
        self._files = files
        self._url = url
        self._stop = threading.Event()
        self._recording: SegmentRecording | None = None
        self._cut: Instant = Instant(0)
        self._fragmenter = Fragmenter()
        self._thread = threading.Thread(target=self._run, name=f"record {self.camera}", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """False once the thread has ended."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Ask the thread to close its period and end."""
        self._stop.set()

    def join(self) -> None:
        """Wait until it has."""
        self._thread.join(timeout=10)

    def _run(self) -> None:
        self._report(RecordingState.CONNECTING, GapCause.CONNECTING.value)
        try:
            while not self._stop.is_set():
                try:
                    self._files.settle(self.camera)
                    self._follow(CameraStream(self._url, self.permit, self._store.clock, nap_s=NAP_S))
                    break
                except CustodesError as problem:
                    # The disk is full or gone: everybody else goes on. As soon as the disk takes it, the period is
                    # closed where it is durable, and this camera begins a new one.
                    self._abandon()
                    self._report(RecordingState.DOWN, problem.message)
                    self._stop.wait(_DISK_RETRY_S)
            self._close(Gap(self._store.clock.now(), GapCause.STOPPED, ""))
        except CustodesError as problem:
            self._report(RecordingState.DOWN, problem.message)
        finally:
            self._abandon()

    def _abandon(self) -> None:
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.abandon()

    def _follow(self, stream: CameraStream) -> None:
        """Record until the stream has nothing more to say: stopped, or the permit has ended."""
        for event in stream.events(self._stop):
            match event:
                case Packet():
                    self._packet(event)
                case Gap():
                    self._gap(event)

    def _packet(self, packet: Packet) -> None:
        if self._recording is not None and packet.key and packet.received >= self._cut:
            # The next period begins with this key picture: nothing is lost between the two.
            self._close(None)
            self._open(packet, minute_of(self.camera, packet.received))
        elif self._recording is None:
            if not packet.key:
                return  # cannot be decoded; the hole was reported when the stream went
            self._open(packet, Instant(packet.received // 1_000_000 * 1_000_000))
        recording = self._recording
        for fragment in self._fragmenter.push(packet):
            if recording is not None:
                recording.write(fragment)

    def _open(self, packet: Packet, start: Instant) -> None:
        self._fragmenter = Fragmenter()
        self._recording = self._files.begin(self.permit, start, packet)
        self._cut = Instant(minute_of(self.camera, packet.received) + PERIOD)
        self._report(RecordingState.RECORDING, "")

    def _gap(self, gap: Gap) -> None:
        self._close(gap)
        self._books.note(states.gap(self.camera, gap))
        state = RecordingState.CONNECTING if gap.cause is GapCause.CONNECTING else RecordingState.DOWN
        if gap.cause is GapCause.NOT_PERMITTED:
            state = RecordingState.DARK
        self._report(state, f"{gap.cause.value}{': ' if gap.detail else ''}{gap.detail}")

    def _close(self, gap: Gap | None) -> None:
        recording = self._recording
        if recording is None:
            return
        for fragment in self._fragmenter.flush():
            recording.write(fragment)
        recording.close(gap)
        self._recording = None

    def _report(self, state: RecordingState, cause: str) -> None:
        self._books.note(states.recording_state(self.camera, state, cause, self._store.clock.now()))


def record(store: Store, stop: threading.Event, ready: Callable[[], None] = lambda: None) -> None:
    """Record every registered camera until ``stop``: the recorder process's whole life."""
    files = SegmentFiles(store, books := Bookkeeper(store))
    files.recover()
    ready()
    recorders: dict[CameraId, CameraRecorder] = {}
    dark: dict[CameraId, str] = {}
    while not stop.wait(_LOOK_S):
        try:
            in_service = {each.id: each.main for each in cameras.streams(store)}
        except CustodesError as problem:
            if problem.kind is not Kind.UNAVAILABLE:
                raise
            continue  # whoever records goes on; who is to record is asked again
        for camera in [camera for camera in recorders if camera not in in_service]:
            recorders.pop(camera).stop()
        for camera, url in in_service.items():
            cause = _keep(store, books, files, recorders, camera, url)
            if cause and cause != dark.get(camera):
                books.note(states.recording_state(camera, RecordingState.DARK, cause, store.clock.now()))
            dark[camera] = cause
    for recorder in recorders.values():
        recorder.stop()
    for recorder in recorders.values():
        recorder.join()
    books.close()


def _keep(
    store: Store,
    books: Bookkeeper,
    files: SegmentFiles,
    recorders: dict[CameraId, CameraRecorder],
    camera: CameraId,
    url: StreamUrl,
) -> str:
    """Start the camera's recorder if it has a permit and is not running, or has been given a newer permit.

    Returns why the camera must stay dark, or nothing.
    """
    running = recorders.get(camera)
    if running is not None and running.running and running.permit.expires - store.clock.now() > 60 * SECOND:
        return ""
    try:
        permit = permits.permit_for(store, camera)
    except CustodesError as problem:
        return "" if running is not None and running.running else problem.message
    if running is not None and running.running:
        if permit.entry == running.permit.entry:
            return ""
        running.stop()
        running.join()
        if running.running:
            return ""  # its disk is slow: two must never write for one camera
    recorders[camera] = CameraRecorder(store, books, files, url, permit)
    return ""
