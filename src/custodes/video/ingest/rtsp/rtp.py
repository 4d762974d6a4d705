# SPDX-License-Identifier: AGPL-3.0-or-later
"""RTP (RFC 3550): from packets to access units, and what is read from sender reports.

One ``Unpacker`` per connection. Packets come in order (``Reorder`` sees to that over UDP). What is missing is counted:
a picture that lost a part is left out and told of, and the stream goes on with the next whole one.
"""

import struct
from dataclasses import dataclass

from custodes.clock import Instant
from custodes.domain.video import Codec
from custodes.errors import corrupt
from custodes.video import units
from custodes.video.ingest.rtsp.payloads import Buffer, Payload, payload_of

MAX_UNIT = 8 << 20
"""Bytes of one access unit; a key picture of 8K has a quarter of it."""
MAX_NALS = 2_048
_STRAY = 64
"""So many packets from another source before the announced one has sent any: what was announced was not true."""
_FOREIGN = 256
"""So many packets in a row from another source: the camera has begun anew."""
_LATE = 64
"""So many packets in a row that are older than what came: the camera has begun to count anew."""

_HEAD = struct.Struct(">BBHII")
_REPORT = struct.Struct(">BBHIQI")
_NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970 (RFC 5905, 6)."""


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One picture as it came.

    Every unit is whole, and none is missing. ``ticks``: RTP time since the connection's first packet; ``lost``: packets
    that were missing between the access unit before and this one; ``arrived``: the receiver's UTC when its first packet
    was read.
    """

    nals: tuple[bytes, ...]
    ticks: int
    lost: int
    arrived: Instant


@dataclass(frozen=True, slots=True)
class SenderReport:
    """``ntp_ns``: the camera's clock, nanoseconds since 1970, at RTP time ``timestamp`` (RFC 3550, 6.4.1)."""

    ntp_ns: int
    timestamp: int


class Unpacker:
    """Access units from one source's packets.

    ``eager``: a picture is handed over with its last packet (the marker bit) and not only when the next one begins.
    ``kind``: the RTP payload type; ``payload``: how it is taken apart (default: as the codec's usually is). ``ssrc``:
    the source that the camera announced, if it did. ``now``: set by the owner before it pushes.
    """

    def __init__(
        self, codec: Codec, kind: int, *, ssrc: int | None = None, payload: Payload | None = None, eager: bool
    ) -> None:
        self.now = self._arrived = Instant(0)
        self.units: list[AccessUnit] = []
        self.lost = 0
        self.octets = 0
        self.foreign = 0
        self._codec, self._type, self._eager = codec, kind, eager
        self._announced, self._ssrc = ssrc, ssrc
        self._damaged = self._doubtful = self._after_loss = False
        self._repeated: set[int] = set()
        self._next: int | None = None
        self._timestamp = 0
        self._ticks = 0
        self._nals: list[bytes] = []
        self._parts: list[bytes] | None = None
        self._size = 0
        self._marked = self._pictured = False
        self._missing = 0
        self._begun = False
        self._late = 0
        self._payload = payload or payload_of(codec)

    def push(self, data: Buffer, begin: int, end: int) -> bool:
        """Take the packet that lies between ``begin`` and ``end``; returns whether it is one of the stream's.

        Raises ``CustodesError`` (CORRUPT) where a unit grows beyond all bounds.
        """
        if end - begin < 12:
            return False
        first, second, sequence, timestamp, ssrc = _HEAD.unpack_from(data, begin)
        if first & 0xC0 != 0x80 or second & 0x7F != self._type or (ssrc != self._ssrc and not self._is_ours(ssrc)):
            return False
        begin += 12
        if first & 0x3F:
            begin, end = _bounds(data, first, begin, end)
        self.foreign = 0
        expected, self._next = self._next, (sequence + 1) & 0xFFFF
        if expected is not None and sequence != expected:
            gap = (sequence - expected) & 0xFFFF
            if gap >= 0x8000 and self._late < _LATE:
                self._next, self._late = expected, self._late + 1
                return True  # late or twice: what it held is counted as lost or was here already
            self._lose(gap if gap < 0x8000 else 1)
        self._late = 0
        if not self._begun:
            self._begun, self._timestamp, self._arrived = True, timestamp, self.now
        elif timestamp != self._timestamp:
            self.flush()
            step = (timestamp - self._timestamp) & 0xFFFFFFFF
            self._ticks += step - (1 << 32) if step >= 1 << 31 else step
            self._timestamp, self._arrived = timestamp, self.now
        if begin < end:
            self.octets += end - begin
            self._size += end - begin
            if self._size > MAX_UNIT:
                raise corrupt("a picture of the camera has no end")
            self._payload.take(self, data, begin, end)
        if second & 0x80:
            self._mark()
        return True

    def wants(self, data: Buffer) -> bool:
        """Whether these bytes are a packet that ``push`` may take: RTP of the stream's type."""
        return len(data) >= 12 and data[0] & 0xC0 == 0x80 and data[1] & 0x7F == self._type and self._knows(data)

    def _knows(self, data: Buffer) -> bool:
        ssrc = int.from_bytes(data[8:12], "big")
        return self._ssrc is None or ssrc in (self._ssrc, self._announced) or self._is_ours(ssrc)

    def flush(self) -> None:
        """The picture at hand ends here. Parameter sets and the like with a time of their own go with the next one."""
        self._finish()
        self._marked = False
        if self._pictured and units.is_key(self._codec, self._nals):
            # A camera that repeats its parameter sets does so with every key picture: here they were lost.
            sets = {units.kind(self._codec, each) for each in units.parameter_sets(self._codec, self._nals)}
            self._damaged |= self._after_loss and not self._repeated <= sets
            self._repeated = self._repeated if self._damaged else sets
        if self._damaged:
            self._nals, self._size, self._pictured, self._damaged, self._after_loss = [], 0, False, False, False
        elif self._pictured:
            self._after_loss = False
            self.units.append(AccessUnit(tuple(self._nals), self._ticks, self._missing, self._arrived))
            self._missing = 0
            self._nals, self._size, self._pictured = [], 0, False

    def close(self) -> None:
        """The connection has ended: hand over the last picture if its end was seen."""
        if self._marked:
            self.flush()

    def _is_ours(self, ssrc: int) -> bool:
        if self._ssrc is None:
            self._ssrc = ssrc
            return True
        if ssrc == self._announced:
            # What came before was somebody else's after all.
            self._ssrc, self._next, self._begun, self._damaged = ssrc, None, False, True
            self.flush()
            return True
        self.foreign += 1
        if self._announced is not None and not self._begun and self.foreign > _STRAY:
            self._ssrc = ssrc
            return True
        return False

    @property
    def begun_anew(self) -> bool:
        """True if only another source has been sending for a while."""
        return self.foreign > _FOREIGN

    def _lose(self, count: int) -> None:
        """Packets are missing: of the picture at hand unless its end was seen, and perhaps of the next one."""
        if self._marked:
            self.flush()
        self.lost += count
        self._missing += count
        self._parts = None
        self._payload.lose()
        self._damaged = bool(self._nals) or self._size > 0
        self._doubtful = True

    def _mark(self) -> None:
        """The marker bit: the picture's last packet (RFC 6184, 5.1). Some cameras set it on what precedes a picture."""
        self._finish()
        self._marked = True
        if self._eager and self._pictured:
            self.flush()

    def add(self, unit: bytes) -> None:
        """Take a whole unit."""
        self._finish_part()
        self._take(unit)

    def _take(self, unit: bytes) -> None:
        """Put a whole unit to the picture at hand; cameras that send a byte stream of NAL units are understood too."""
        if not unit:
            return
        if self._codec not in units.NAL_CODECS:
            self._keep(unit)
        elif unit.startswith(b"\0\0") or (not units.is_slice(self._codec, unit) and b"\0\0\1" in unit):
            for piece in unit.split(b"\0\0\1"):
                if bare := piece.rstrip(b"\0"):
                    self._keep(bare)
        else:
            self._keep(unit)

    def _keep(self, unit: bytes) -> None:
        # The same timestamp on two pictures: a camera whose clock stands still, or marks that came too early.
        if self._marked and self._pictured and units.begins_picture(self._codec, unit):
            self.flush()
            self._size = len(unit)
        if len(self._nals) >= MAX_NALS:
            raise corrupt("a picture of the camera has too many parts")
        if self._doubtful:
            # The first unit after a loss: is it a picture's first one?
            self._doubtful, self._after_loss = False, True
            self._damaged |= not units.begins_picture(self._codec, unit)
        self._nals.append(unit)
        self._pictured = self._pictured or units.is_slice(self._codec, unit)

    def _finish_part(self) -> None:
        """A fragmented unit ends: by its end bit, or because something else begins (some cameras set no end bit)."""
        parts, self._parts = self._parts, None
        if parts is not None:
            self._take(b"".join(parts))

    def _finish(self) -> None:
        """Nothing more comes of this picture: what was held back is whole."""
        self._finish_part()
        self._payload.finish(self)

    def damage(self) -> None:
        """The picture at hand lacks something: it was lost, or never sent."""
        self._missing, self._damaged, self._doubtful = self._missing or 1, True, False

    def fragment(self, head: bytes, flags: int, data: Buffer, begin: int, end: int) -> None:
        """Take a piece of a unit; bit 7 of ``flags``: its first, bit 6: its last."""
        if flags & 0x80:
            self._finish_part()
            self._parts = [head]
        if self._parts is None:
            self.damage()
            return
        self._parts.append(bytes(data[begin:end]))
        if flags & 0x40:
            self._finish_part()


def _bounds(data: Buffer, first: int, begin: int, end: int) -> tuple[int, int]:
    """Where the payload lies behind contributing sources and extension, before padding (RFC 3550, 5.1 and 5.3.1)."""
    begin += 4 * (first & 15)
    if first & 0x10:
        begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big") if begin + 4 <= end else 4
    if first & 0x20 and begin < end:
        end -= data[end - 1]
    return begin, end


def sender_report(data: Buffer, begin: int, end: int) -> SenderReport | None:
    """The sender report that a compound RTCP packet begins with; None if it has none or no time in it."""
    if end - begin < _REPORT.size:
        return None
    first, kind, _, _, ntp, timestamp = _REPORT.unpack_from(data, begin)
    if first & 0xC0 != 0x80 or kind != 200 or ntp == 0:
        return None
    seconds, fraction = (ntp >> 32) - _NTP_EPOCH, (ntp & 0xFFFFFFFF) * 1_000_000_000 >> 32
    return SenderReport(seconds * 1_000_000_000 + fraction, timestamp)


def receiver_report(ssrc: int) -> bytes:
    """An empty receiver report (RFC 3550, 6.4.2): a sign of life for cameras that count on it over UDP."""
    return struct.pack(">BBHI", 0x80, 201, 1, ssrc)


class Reorder:
    """Puts datagrams in order: waits for a missing one, for ``window`` later ones or ``patience_ns``."""

    def __init__(self, window: int = 32, patience_ns: int = 100_000_000) -> None:
        self._window, self._patience_ns = window, patience_ns
        self._held: dict[int, bytes] = {}
        self._since = 0
        self._next: int | None = None
        self._late = 0

    def push(self, packet: bytes, now: int) -> list[bytes]:
        """Take an RTP packet at ``now`` (monotonic, ns); return those whose turn it is."""
        sequence = packet[2] << 8 | packet[3]
        if self._next is None:
            self._next = sequence
        if self._distance(sequence) >= 0x8000:
            self._late += 1
            if self._late < _LATE:
                return []  # too late, or twice
            # The camera's numbers begin anew.
            ready = self.release()
            self._next, self._late = (sequence + 1) & 0xFFFF, 0
            return [*ready, packet]
        self._late = 0
        if not self._held:
            self._since = now
        self._held[sequence] = packet
        ready = self._in_turn()
        if len(self._held) > self._window:
            ready += self._skip()
        return ready

    def due(self, now: int) -> list[bytes]:
        """What has waited long enough for a datagram that does not come."""
        if self._held and now - self._since > self._patience_ns:
            return self._skip()
        return []

    def release(self) -> list[bytes]:
        """Everything that is held, in order."""
        ready: list[bytes] = []
        while self._held:
            ready += self._skip()
        return ready

    def _skip(self) -> list[bytes]:
        self._next = min(self._held, key=self._distance)
        return self._in_turn()

    def _in_turn(self) -> list[bytes]:
        ready: list[bytes] = []
        while self._next in self._held:
            ready.append(self._held.pop(self._next))
            self._next = (self._next + 1) & 0xFFFF
        return ready

    def _distance(self, sequence: int) -> int:
        return (sequence - (self._next or 0)) & 0xFFFF
