# SPDX-License-Identifier: AGPL-3.0-or-later
"""The main stream's packets as CMAF fragments: repackaged, never decoded, NAL units bit for bit.

Time. Presentation times are the stream's RTP times, exactly. RTP knows no decode times, so they are made: a fragment's
presentation times in ascending order, never running backwards, the difference written as a signed composition offset.
A period's decode time begins at 0; where the stream stalls it has a hole, as the stream had.
"""

from dataclasses import dataclass

from custodes.clock import SECOND, Instant
from custodes.domain.video import TICKS, Codec, Packet, StreamInfo
from custodes.video import cmaf
from custodes.video.units import NAL_CODECS

LIMIT = TICKS
"""A fragment is closed before it would become longer than this: one second."""
_USUAL = TICKS // 25
_JUMP = 10 * TICKS
"""A step in RTP time beyond this is a fault of the camera's clock, and the time of arrival is taken instead."""
_LONGEST_HOLE = 60 * TICKS


@dataclass(frozen=True, slots=True)
class OriginalFragment:
    """At most a second of the main stream (one picture if that lasts longer).

    ``data``: ``moof`` and ``mdat``; ``nals``: all its NAL units in order; ``start``: when its first packet arrived
    (receiver's UTC); ``duration_ticks``: of 90 kHz, as written in the fragment; ``key``: begins with a key picture;
    ``first_ticks``: RTP time of its first packet since the connection's first (``SourceTime.ticks``).
    """

    data: bytes
    nals: tuple[bytes, ...]
    start: Instant
    duration_ticks: int
    key: bool
    first_ticks: int


def init_segment(info: StreamInfo) -> bytes:
    """Return ``ftyp`` and ``moov`` of the track (parameter sets also stay in the samples).

    Raises ``CustodesError`` (CORRUPT) if the parameter sets cannot be used.
    """
    match info.codec:
        case Codec.H264:
            return cmaf.init_segment("avc3", info.parameter_sets).data
        case Codec.H265:
            return cmaf.init_segment_hevc(info.parameter_sets).data
        case Codec.AV1:
            return cmaf.init_segment_av1(info.parameter_sets).data
        case Codec.JPEG:
            return cmaf.init_segment_jpeg(info.width, info.height).data


class Fragmenter:
    """Gathers packets and hands out fragments; one object per stream.

    A fragment ends before a key picture, and when the next picture would make it longer than a second. Where pictures
    come in another order than they are shown (B-frames), it ends only where the orders meet.
    """

    def __init__(self) -> None:
        self._pending: list[tuple[Packet, int]] = []
        self._newest: tuple[Packet, int] | None = None
        self._sequence = 1
        self._decode_end = 0
        self._latest = 0
        self._step = _USUAL
        self._reorders = False

    def push(self, packet: Packet) -> list[OriginalFragment]:
        """Take one packet; return the fragments that are complete by it, none to two."""
        ready: list[OriginalFragment] = []
        time = self._time(packet)
        if self._pending:
            ahead = time > self._latest
            self._reorders |= not ahead
            self._step = min(time - self._latest, LIMIT) if ahead else self._step
            full = ahead and time + self._step - self._pending[0][1] > LIMIT
            if packet.key or full or packet.source.connection != self._pending[-1][0].source.connection:
                ready += self.flush()
        self._latest = max(time, self._latest) if self._pending else time
        self._pending.append((packet, time))
        self._newest = (packet, time)
        return ready

    def flush(self) -> list[OriginalFragment]:
        """Return what is pending as a fragment (one or none): the stream has a hole, or the period ends."""
        if not self._pending:
            return []
        times = sorted(time for _, time in self._pending)
        decode = [max(times[0], self._decode_end)]
        end = decode[0] + LIMIT
        for left, time in zip(range(len(times) - 1, 0, -1), times[1:], strict=True):
            decode.append(min(max(time, decode[-1] + 1), end - left))
        last = times[-1] - times[-2] if self._reorders and len(times) > 1 else self._step
        ends = [*decode[1:], min(decode[-1] + max(1, last), end)]
        samples = [
            cmaf.Sample(packet.nals, packet.key, end - start, time - start)
            for (packet, time), start, end in zip(self._pending, decode, ends, strict=True)
        ]
        first = self._pending[0][0]
        fragment = OriginalFragment(
            data=cmaf.fragment(self._sequence, decode[0], samples, apart=first.info.codec not in NAL_CODECS),
            nals=tuple(nal for sample in samples for nal in sample.nals),
            start=first.received,
            duration_ticks=ends[-1] - decode[0],
            key=first.key,
            first_ticks=first.source.ticks,
        )
        self._pending = []
        self._sequence += 1
        self._decode_end = ends[-1]
        return [fragment]

    def cut(self) -> list[OriginalFragment]:
        """As ``flush``; the next packet, to be a key picture, begins a new period: decode time 0, number 1."""
        ready = self.flush()
        self._sequence, self._decode_end, self._newest = 1, 0, None
        return ready

    def _time(self, packet: Packet) -> int:
        """Return the presentation time within the period, in ticks; the period's first packet is at 0."""
        if self._newest is None:
            return 0
        newest, time = self._newest
        step = packet.source.ticks - newest.source.ticks
        if packet.source.connection == newest.source.connection and abs(step) <= _JUMP:
            return time + step
        waited = (packet.received - newest.received) * TICKS // SECOND
        return self._latest + max(self._step, min(waited, _LONGEST_HOLE))
