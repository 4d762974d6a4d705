# SPDX-License-Identifier: AGPL-3.0-or-later
"""RTP (RFC 3550): from packets to access units, and what is read from sender reports.

One ``Unpacker`` per connection. Packets come in order (``Reorder`` sees to that over UDP); what is missing is counted,
and an access unit that lost a part is left out and told.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from custodes.clock import Instant
from custodes.domain.video import Codec
from custodes.errors import corrupt
from custodes.video import units

MAX_UNIT = 8 << 20
"""Bytes of one access unit; a key picture of 8K has a quarter of it."""
MAX_NALS = 2_048
_FOREIGN = 256
"""So many packets in a row from another source: the camera has begun anew."""
_LATE = 64
"""So many packets in a row that are older than what came: the camera has begun to count anew."""

_HEAD = struct.Struct(">BBHII")
_REPORT = struct.Struct(">BBHIQI")
_NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970 (RFC 5905, 6)."""

Buffer: TypeAlias = bytes | bytearray


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One picture as it came.

    ``ticks``: RTP time since the connection's first packet; ``lost``: packets that were missing before or within, whose
    units are left out; ``arrived``: the receiver's UTC when its first packet was read.
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
    ``ssrc``: the source that the camera announced, if it did. ``now``: set by the owner before it pushes.
    """

    def __init__(self, codec: Codec, payload: int, *, ssrc: int | None = None, donl: bool = False, eager: bool) -> None:
        self.now = self._arrived = Instant(0)
        self.units: list[AccessUnit] = []
        self.lost = 0
        self.octets = 0
        self.foreign = 0
        self._codec, self._type, self._donl, self._eager = codec, payload, donl, eager
        self._announced, self._ssrc = ssrc, ssrc
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
        self._payload: Callable[[Buffer, int, int], None] = self._h264 if codec is Codec.H264 else self._h265

    def push(self, data: Buffer, begin: int, end: int) -> bool:
        """Take the packet that lies between ``begin`` and ``end``; returns whether it is one of the stream's.

        Raises ``CustodesError`` (CORRUPT) where a unit grows beyond all bounds.
        """
        if end - begin < 12:
            return False
        first, second, sequence, timestamp, ssrc = _HEAD.unpack_from(data, begin)
        if first & 0xC0 != 0x80 or second & 0x7F != self._type:
            return False
        if ssrc != self._ssrc and not self._is_ours(ssrc):
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
            self._payload(data, begin, end)
        if second & 0x80:
            self._mark()
        return True

    def flush(self) -> None:
        """The picture at hand ends here. Parameter sets and the like with a time of their own go with the next one."""
        self._finish_part()
        self._marked = False
        if self._pictured:
            self.units.append(AccessUnit(tuple(self._nals), self._ticks, self._missing, self._arrived))
            self._missing = 0
            self._nals, self._size, self._pictured = [], 0, False

    def close(self) -> None:
        """The connection has ended: hand over the last picture if its end was seen."""
        if self._marked and self._pictured and self._parts is None:
            self.flush()

    @property
    def unreported(self) -> int:
        """Packets that are missing since the last access unit."""
        return self._missing

    def _is_ours(self, ssrc: int) -> bool:
        if self._ssrc is None:
            self._ssrc = ssrc
            return True
        self.foreign += 1
        if self._announced is not None and not self._begun and self.foreign > 8:
            # It announced a source that it then does not use.
            self._announced, self._ssrc = None, ssrc
            return True
        return False

    @property
    def begun_anew(self) -> bool:
        """True if only another source has been sending for a while."""
        return self.foreign > _FOREIGN

    def _lose(self, count: int) -> None:
        """Packets are missing: whatever NAL unit they belonged to is not whole."""
        self.lost += count
        self._missing += count
        self._parts = None

    def _mark(self) -> None:
        """The marker bit: the picture's last packet (RFC 6184, 5.1). Some cameras set it on what precedes a picture."""
        self._finish_part()
        self._marked = True
        if self._eager and self._pictured:
            self.flush()

    def _add(self, unit: bytes) -> None:
        self._finish_part()
        self._take(unit)

    def _take(self, unit: bytes) -> None:
        """Put a whole NAL unit to the picture at hand; cameras that send a byte stream are understood too."""
        if not unit:
            return
        if unit.startswith(b"\0\0") or (len(unit) < 2_048 and b"\0\0\1" in unit):
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
        self._nals.append(unit)
        self._pictured = self._pictured or units.is_slice(self._codec, unit)

    def _finish_part(self) -> None:
        """A fragmented unit ends: by its end bit, or because something else begins (some cameras set no end bit)."""
        parts, self._parts = self._parts, None
        if parts is not None:
            self._take(b"".join(parts))

    def _fragment(self, head: bytes, flags: int, data: Buffer, begin: int, end: int) -> None:
        if flags & 0x80:
            self._finish_part()
            self._parts = [head]
        if self._parts is None:
            self._missing = self._missing or 1  # its beginning was lost, or never sent
            return
        self._parts.append(bytes(data[begin:end]))
        if flags & 0x40:
            self._finish_part()

    def _aggregate(self, data: Buffer, begin: int, end: int, skip: int) -> None:
        """Units behind their sizes of two bytes; ``skip`` bytes of order number precede each but the first."""
        first = True
        while begin + 2 < end:
            begin += 0 if first else skip
            first = False
            size = int.from_bytes(data[begin : begin + 2], "big")
            begin += 2
            if size == 0 or begin + size > end:
                break  # padding, or a size that lies: what came before it is whole
            self._add(bytes(data[begin : begin + size]))
            begin += size

    def _h264(self, data: Buffer, begin: int, end: int) -> None:
        """RFC 6184: single NAL unit (5.6), STAP-A (5.7.1), FU-A (5.8). Cameras do not interleave."""
        kind = data[begin] & 31
        if kind == 28:
            if end - begin > 1:
                flags = data[begin + 1]
                self._fragment(bytes((data[begin] & 0xE0 | flags & 31,)), flags, data, begin + 2, end)
        elif kind == 24:
            self._aggregate(data, begin + 1, end, 0)
        elif kind < 24:
            self._add(bytes(data[begin:end]))

    def _h265(self, data: Buffer, begin: int, end: int) -> None:
        """RFC 7798: single NAL unit (4.4.1), aggregation packet (4.4.2), fragmentation unit (4.4.3)."""
        if end - begin < 3:
            return
        kind, order = data[begin] >> 1 & 63, 2 if self._donl else 0
        if kind == 49:
            flags = data[begin + 2]
            head = bytes((data[begin] & 0x81 | (flags & 63) << 1, data[begin + 1]))
            at = begin + 3 + (order if flags & 0x80 else 0)
            self._fragment(head, flags, data, at, end)
        elif kind == 48:
            self._aggregate(data, begin + 2 + order, end, 1 if order else 0)
        elif kind < 48:
            self._add(bytes(data[begin : begin + 2]) + bytes(data[begin + 2 + order : end]))


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
    """Puts datagrams in order: waits for a missing one until ``window`` later ones are there."""

    def __init__(self, window: int = 32) -> None:
        self._window = window
        self._held: dict[int, bytes] = {}
        self._next: int | None = None

    def push(self, packet: bytes) -> list[bytes]:
        """Take a packet; return those whose turn it is."""
        if len(packet) < 4:
            return []
        sequence = packet[2] << 8 | packet[3]
        if self._next is None or (self._distance(sequence) == 0 and not self._held):
            self._next = (sequence + 1) & 0xFFFF
            return [packet]
        if self._distance(sequence) >= 0x8000:
            if self._distance(sequence) < 0x10000 - 2 * self._window:
                return self._restart(packet, sequence)
            return []  # too late, or twice
        self._held[sequence] = packet
        ready: list[bytes] = []
        if len(self._held) > self._window:
            self._next = min(self._held, key=self._distance)
        while self._next in self._held:
            ready.append(self._held.pop(self._next))
            self._next = (self._next + 1) & 0xFFFF
        return ready

    def _restart(self, packet: bytes, sequence: int) -> list[bytes]:
        """The camera's numbers begin anew."""
        held = [self._held[each] for each in sorted(self._held, key=self._distance)]
        self._held, self._next = {}, (sequence + 1) & 0xFFFF
        return [*held, packet]

    def _distance(self, sequence: int) -> int:
        return (sequence - (self._next or 0)) & 0xFFFF
