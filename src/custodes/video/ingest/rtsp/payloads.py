# SPDX-License-Identifier: AGPL-3.0-or-later
"""RTP payloads: from the bytes of a packet to units of a picture, one class a codec.

Each hands whole units, or pieces of one, to its ``Sink``, which knows where pictures begin and end and what was lost.
"""

from typing import Protocol

from custodes.domain.video import Codec
from custodes.errors import CustodesError, corrupt
from custodes.video import av1, jpeg

Buffer = bytes | bytearray


class Sink(Protocol):
    """Gathers a picture's units."""

    def add(self, unit: bytes) -> None:
        """Take a whole unit."""
        ...

    def fragment(self, head: bytes, flags: int, data: Buffer, begin: int, end: int) -> None:
        """Take a piece of a unit; bit 7 of ``flags``: its first (behind ``head``), bit 6: its last."""
        ...

    def damage(self) -> None:
        """The picture at hand lacks something."""
        ...


class Payload(Protocol):
    """Takes one packet's payload after the other."""

    def take(self, sink: Sink, data: Buffer, begin: int, end: int) -> None:
        """Take what lies between ``begin`` and ``end`` (not empty)."""
        ...

    def finish(self, sink: Sink) -> None:
        """The picture ends here."""
        ...

    def lose(self) -> None:
        """Packets are missing from here on."""
        ...


class _Units:
    """What the two codecs of NAL units have in common: nothing is kept between packets."""

    def finish(self, sink: Sink) -> None:
        """Nothing is held back."""

    def lose(self) -> None:
        """Nothing is held back."""


def _aggregate(sink: Sink, data: Buffer, begin: int, end: int, skip: int) -> None:
    """Units behind their sizes of two bytes; ``skip`` bytes of order number precede each but the first."""
    first = True
    while begin + 2 < end:
        begin += 0 if first else skip
        first = False
        size = int.from_bytes(data[begin : begin + 2], "big")
        begin += 2
        if size == 0 or begin + size > end:
            break  # padding, or a size that lies: what came before it is whole
        sink.add(bytes(data[begin : begin + size]))
        begin += size


class H264(_Units):
    """RFC 6184: single NAL unit (5.6), STAP-A (5.7.1), FU-A (5.8). Cameras do not interleave."""

    def take(self, sink: Sink, data: Buffer, begin: int, end: int) -> None:
        kind = data[begin] & 31
        if kind == 28:
            if end - begin > 1:
                flags = data[begin + 1]
                sink.fragment(bytes((data[begin] & 0xE0 | flags & 31,)), flags, data, begin + 2, end)
        elif kind == 24:
            _aggregate(sink, data, begin + 1, end, 0)
        elif kind < 24:
            sink.add(bytes(data[begin:end]))


class H265(_Units):
    """RFC 7798: single NAL unit (4.4.1), aggregation packet (4.4.2), fragmentation unit (4.4.3).

    ``donl``: with decoding order numbers, which are left out: cameras send pictures in decoding order.
    """

    def __init__(self, donl: bool) -> None:
        self._order = 2 if donl else 0

    def take(self, sink: Sink, data: Buffer, begin: int, end: int) -> None:
        if end - begin < 3:
            return
        kind, order = data[begin] >> 1 & 63, self._order
        if kind == 49:
            flags = data[begin + 2]
            head = bytes((data[begin] & 0x81 | (flags & 63) << 1, data[begin + 1]))
            at = begin + 3 + (order if flags & 0x80 else 0)
            sink.fragment(head, flags, data, at, end)
        elif kind == 48:
            _aggregate(sink, data, begin + 2 + order, end, 1 if order else 0)
        elif kind < 48:
            sink.add(bytes(data[begin : begin + 2]) + bytes(data[begin + 2 + order : end]))


class Av1:
    """RTP Payload Format For AV1 (AOMedia, version 1.0), clause 4.4: elements, the first and last of which may be
    pieces. Delimiters and padding are left out; the others get their sizes, as files want them."""

    def __init__(self) -> None:
        self._open: list[bytes] | None = None

    def take(self, sink: Sink, data: Buffer, begin: int, end: int) -> None:
        head = data[begin]
        continues, goes_on = bool(head & 0x80), bool(head & 0x40)
        try:
            elements = _elements(bytes(data[begin + 1 : end]), head >> 4 & 3)
        except CustodesError:
            sink.damage()
            return
        for number, element in enumerate(elements):
            pieces: list[bytes] | None = []
            if number == 0 and continues:
                pieces, self._open = self._open, None
                if pieces is None:
                    sink.damage()
                    continue
            assert pieces is not None  # noqa: S101 - told apart above
            pieces.append(element)
            if number == len(elements) - 1 and goes_on:
                self._open = pieces
            else:
                self._add(sink, b"".join(pieces))

    def finish(self, sink: Sink) -> None:
        if self._open is not None:
            self._open = None
            sink.damage()

    def lose(self) -> None:
        self._open = None

    def _add(self, sink: Sink, obu: bytes) -> None:
        if not obu or av1.kind(obu) in (av1.DELIMITER, 8, 15):
            return
        try:
            sink.add(av1.sized(obu))
        except CustodesError:
            sink.damage()


def _elements(packet: bytes, count: int) -> list[bytes]:
    """The elements of a packet: each behind its size, but for the last of ``count`` where that is not 0."""
    elements: list[bytes] = []
    at = 0
    while at < len(packet):
        last = count and len(elements) == count - 1
        size, at = (len(packet) - at, at) if last else av1.leb128(packet, at)
        if at + size > len(packet):
            raise corrupt("a packet of the stream is cut short")
        elements.append(packet[at : at + size])
        at += size
    return elements


class Jpeg:
    """RFC 2435: pieces of the entropy-coded picture behind a header of eight bytes (3.1), restart intervals (3.1.7) and
    quantisation tables (3.1.8). ``size``: in pixels, where the session description names one: packets count in eights,
    and not beyond 2040."""

    def __init__(self, size: tuple[int, int] | None = None) -> None:
        self._size = size
        self._scan: list[bytes] | None = None
        self._length = 0
        self._form = (0, 0, 0, 0)
        self._tables: dict[int, bytes] = {}
        self._quality = 0

    def take(self, sink: Sink, data: Buffer, begin: int, end: int) -> None:
        if end - begin < 8:
            return
        offset = int.from_bytes(data[begin + 1 : begin + 4], "big")
        kind, quality = data[begin + 4], data[begin + 5]
        width, height = data[begin + 6] * 8, data[begin + 7] * 8
        at, restart = begin + 8, 0
        if 64 <= kind < 128:
            restart, at = int.from_bytes(data[at : at + 2], "big"), at + 4
        if offset == 0:
            self.finish(sink)
            at = self._begin(data, at, end, quality)
            if self._size is not None and (not width or not height or self._fits(width, height)):
                width, height = self._size
            self._form = (width, height, kind & 0x3F, restart)
        if self._scan is None or offset != self._length:
            self._scan = None
            sink.damage()
            return
        self._scan.append(bytes(data[at:end]))
        self._length += max(0, end - at)

    def _fits(self, width: int, height: int) -> bool:
        """Whether the described size is the packet's, which counts in eights."""
        return self._size is not None and [-(-each // 8) * 8 for each in self._size] == [width, height]

    def _begin(self, data: Buffer, at: int, end: int, quality: int) -> int:
        """A picture begins; returns the place behind its quantisation tables."""
        self._scan, self._length, self._quality = [], 0, quality
        if quality < 128:
            self._tables[quality] = jpeg.scaled_tables(quality)
            return at
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        at += 4
        if length and at + length <= end and data[at - 3] == 0:
            self._tables[quality] = bytes(data[at : at + length])
        return at + length

    def finish(self, sink: Sink) -> None:
        scan, self._scan = self._scan, None
        if scan is not None:
            width, height, kind, restart = self._form
            tables = self._tables.get(self._quality, b"")
            sink.add(jpeg.picture(width, height, kind, tables, restart, b"".join(scan)))

    def lose(self) -> None:
        self._scan = None


def payload_of(codec: Codec, *, donl: bool = False, size: tuple[int, int] | None = None) -> Payload:
    """The payload of a codec; ``donl`` and ``size`` as the session description has them."""
    if codec is Codec.H264:
        return H264()
    if codec is Codec.H265:
        return H265(donl)
    return Av1() if codec is Codec.AV1 else Jpeg(size)
