# SPDX-License-Identifier: AGPL-3.0-or-later
"""One camera's recording: from packets to sealed segments, on a thread of its own."""

import sys
import threading
from collections.abc import Callable

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.domain.periods import PERIOD, minute_of
from custodes.domain.register import RecordingPermit
from custodes.domain.video import Gap, GapCause, Packet, StreamInfo, StreamUrl, Transport
from custodes.errors import CustodesError, Kind, corrupt
from custodes.node.queries.views import RecordingState
from custodes.node.runtime.recorder.segments import SegmentFiles, SegmentRecording
from custodes.node.runtime.recorder.vault import Vault
from custodes.node.runtime.recorder.wire import Health, Hole, Report, State
from custodes.trust.seal.period import CloseReason
from custodes.video.ingest.fragmenter import Fragmenter
from custodes.video.ingest.session import CameraStream

NAP_S = 0.25
"""A reading thread drains its socket, then naps: four wake-ups a second instead of one for every packet."""
_DISK_RETRY_S = 2.0
_STREAM_RETRY_S = 10.0
_STEADY = 2 * SECOND
"""A format of pictures lasts at least so long."""
_TOGETHER = 60 * SECOND
"""Losses within so long are one row of the catalogue; the manifest names them one by one."""
_WITHIN = frozenset({GapCause.LOST, GapCause.PAUSED, GapCause.CAMERA_TIME, GapCause.CLOCK_SET})
"""Holes in a connection that goes on: the period goes on too, and states them."""


class CameraRecorder:
    """Records one camera until its permit ends or it is stopped; then ``ended`` is called.

    ``turn``: the number of the order that it obeys.
    """

    def __init__(
        self,
        vault: Vault,
        report: Callable[[Report], None],
        url: StreamUrl,
        permit: RecordingPermit,
        transport: Transport = "tcp",
        pin: str = "",
        turn: int = 0,
        ended: Callable[["CameraRecorder"], None] = lambda _recorder: None,
    ) -> None:
        self._ended = ended
        self.turn = turn
        self.way = (url, transport, pin)
        self.camera = permit.camera
        self.permit = permit
        self._vault = vault
        self._report = report
        self._files = SegmentFiles(vault, self.camera, report)
        self._stream = CameraStream(url, permit, vault.clock, transport=transport, pin=pin, nap_s=NAP_S)
        self._stop = threading.Event()
        self._recording: SegmentRecording | None = None
        self._info: StreamInfo | None = None
        self._cut: Instant = Instant(0)
        self._fragmenter = Fragmenter()
        self._hole: Gap | None = None
        self._told: tuple[RecordingState | None, str] = (None, "")
        self._last = self._begun = Instant(0)
        self._losses: Gap | None = None
        self._written = 0
        self._measured = (vault.clock.monotonic(), 0, 0)
        self._thread = threading.Thread(target=self._run, name=f"record {self.camera}", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """False once the thread has ended."""
        return self._thread.is_alive()

    def renew(self, permit: RecordingPermit, turn: int) -> None:
        """Go on under another permit for the same camera: a new period begins under it with the next key picture."""
        self.permit, self.turn = permit, turn
        self._stream.renew(permit)
        self._cut = Instant(0)

    def stop(self) -> None:
        """Ask the thread to close its period and end."""
        self._stop.set()

    def join(self, timeout_s: float = 10) -> None:
        """Wait until it has."""
        self._thread.join(timeout_s)

    def health(self) -> Health:
        """What has been measured since the last call; any thread may ask."""
        meter, now = self._stream.meter, self._vault.clock.monotonic()
        then, pictures, octets = self._measured
        self._measured = (now, meter.pictures, meter.octets)
        passed_ms = max(1, (now - then) // MILLISECOND)
        recording, info = self._recording, self._info
        sync_ns, written = 0, self._written
        if recording is not None:
            sync_ns, recording.sync_ns = recording.sync_ns, 0
            written += recording.written
        return Health(
            camera=self.camera,
            at=self._vault.clock.now(),
            since=meter.since,
            connections=meter.connections,
            pictures=meter.pictures,
            octets=meter.octets,
            lost=meter.lost,
            written=written,
            pictures_per_s=(meter.pictures - pictures) * 1_000_000 // passed_ms,
            bits_per_s=(meter.octets - octets) * 8_000 // passed_ms,
            waiting=meter.waiting,
            sync_ms=sync_ns // MILLISECOND,
            clock_offset_ms=None if meter.offset_ns is None else meter.offset_ns // MILLISECOND,
            codec=info.codec.value if info else "",
            width=info.width if info else 0,
            height=info.height if info else 0,
        )

    def _run(self) -> None:
        try:
            self._state(RecordingState.CONNECTING, GapCause.CONNECTING.value)
            while not self._stop.is_set():
                try:
                    self._record()
                    break
                except CustodesError as problem:
                    if problem.kind is Kind.CORRUPT:
                        self._stream_failed(problem)
                    else:
                        self._disk_failed(problem)
        except Exception as problem:  # noqa: BLE001 - a camera that nobody records must not look like one that is
            sys.stderr.write(f"{self.camera}: {type(problem).__name__}: {problem}\n")
            self._state(RecordingState.DOWN, f"the recorder failed ({type(problem).__name__})")
        finally:
            self._abandon()
            self._ended(self)

    def _record(self) -> None:
        before = self._files.settle()
        if before is not None and self._hole is None:
            self._hole = before.hole
        # Until the stream has nothing more to say: stopped, or the permit has ended.
        for event in self._stream.events(self._stop):
            match event:
                case Packet():
                    self._packet(event)
                case Gap():
                    self._gap(event)

    def _stream_failed(self, problem: CustodesError) -> None:
        """What the camera sends cannot be put into a file."""
        self._abandon()
        began = self._hole.began if self._hole else self._last or self._vault.clock.now()
        self._open_hole(Gap(Instant(began), GapCause.DAMAGED, problem.message))
        self._state(RecordingState.DOWN, f"{GapCause.DAMAGED.value}: {problem.message}")
        self._stop.wait(_STREAM_RETRY_S)

    def _disk_failed(self, problem: CustodesError) -> None:
        """The disk is full or gone: everybody else goes on. As soon as it takes the recording, the period is closed
        where it is durable, and this camera begins a new one."""
        full = self._vault.is_full(self.camera)
        self._abandon()
        cause = GapCause.DISK_FULL if full else GapCause.DISK_FAILED
        began = self._hole.began if self._hole else self._last or self._vault.clock.now()
        self._open_hole(Gap(Instant(began), cause, "" if full else problem.message))
        self._state(RecordingState.DOWN, cause.value if full else problem.message)
        self._stop.wait(_DISK_RETRY_S)
        while self._vault.is_full(self.camera) and not self._stop.wait(_DISK_RETRY_S):
            pass  # the camera is not asked for pictures that nobody can keep

    def _abandon(self) -> None:
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.abandon()

    def _packet(self, packet: Packet) -> None:
        recording = self._recording
        if recording is None:
            if not packet.key:
                return  # cannot be decoded; the hole goes on until the first key picture
            self._open(packet, Instant(packet.received // MILLISECOND * MILLISECOND))
        elif packet.key and (packet.received >= self._cut or packet.info != self._info):
            # The next period begins with this key picture: nothing is lost between the two.
            changed = packet.info != self._info
            if changed and packet.received - self._begun < _STEADY:
                raise corrupt("the camera changes the format of its pictures all the time")
            self._close(None, CloseReason.CHANGED if changed else CloseReason.CUT)
            # A period that is cut before its minute is over is not followed by one that bears that minute's name.
            usual = self._cut > 0 and not changed
            self._open(packet, minute_of(self.camera, packet.received) if usual else packet.received)
        self._last = packet.received
        if self._hole is not None:
            self._end_hole(self._hole, packet.received)
        recording = self._recording
        for fragment in self._fragmenter.push(packet):
            if recording is not None:
                recording.write(fragment)

    def _open(self, packet: Packet, start: Instant) -> None:
        self._fragmenter = Fragmenter()
        self._recording = self._files.begin(self.permit, Instant(start // MILLISECOND * MILLISECOND), packet)
        self._info, self._begun = packet.info, packet.received
        self._cut = Instant(minute_of(self.camera, packet.received) + PERIOD)
        self._state(RecordingState.RECORDING, "")

    def _gap(self, gap: Gap) -> None:
        if gap.cause in _WITHIN:
            if self._recording is not None:
                self._recording.hole(gap)
            if gap.cause is GapCause.CLOCK_SET:
                self._cut = Instant(0)  # the next key picture begins a period that has the new time
            self._open_hole(self._together(gap))
            return
        self._close(gap)
        self._open_hole(gap)
        if gap.cause is GapCause.CONNECTING and self._told[0] is RecordingState.DOWN:
            return  # the disk did not take the recording: it is down until it does
        state = RecordingState.CONNECTING if gap.cause is GapCause.CONNECTING else RecordingState.DOWN
        if gap.cause in (GapCause.NOT_PERMITTED, GapCause.OUTSIDE_HOURS):
            state = RecordingState.DARK
        self._state(state, f"{gap.cause.value}{': ' if gap.detail else ''}{gap.detail}")

    def _together(self, gap: Gap) -> Gap:
        """One loss after the other is told as one: a bad line would fill the catalogue."""
        known = self._losses
        if gap.cause is GapCause.LOST and known is not None and 0 <= gap.began - known.began < _TOGETHER:
            return Gap(known.began, gap.cause, "packets again and again within a minute")
        self._losses = gap if gap.cause is GapCause.LOST else None
        return gap

    def _open_hole(self, gap: Gap) -> None:
        """A hole begins, or goes on for another reason; that we are connecting is no reason."""
        if self._hole is not None:
            known = self._hole.cause if gap.cause is GapCause.CONNECTING else gap.cause
            gap = Gap(self._hole.began, known, gap.detail)
        self._hole = gap
        self._report(Hole(self.camera, gap.began, gap.cause.value, gap.detail, None))

    def _end_hole(self, gap: Gap, ended: Instant) -> None:
        self._hole = None
        self._report(Hole(self.camera, gap.began, gap.cause.value, gap.detail, ended))

    def _close(self, gap: Gap | None, reason: CloseReason = CloseReason.CUT) -> None:
        recording = self._recording
        if recording is None:
            return
        for fragment in self._fragmenter.flush():
            recording.write(fragment)
        recording.close(gap, reason)
        self._written += recording.written
        self._recording = None

    def _state(self, state: RecordingState, cause: str) -> None:
        """Report a state when it begins, not again while it lasts."""
        if self._told == (state, cause):
            return
        self._told = (state, cause)
        self._report(State(self.camera, state.value, cause, self._vault.clock.now()))
