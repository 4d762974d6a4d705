# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures that nobody drew and the RTP packets that carry them: RFC 3550, RFC 6184 (H.264) and RFC 7798 (H.265).

Independent of what it is meant to test. Parameter sets are real; slices have a true header and random bytes without
zeros behind it, for a recorder decodes nothing. Lengths in bytes, times in ticks of 90 kHz.
"""

import random
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count

TICK = 18_000
"""Ticks between two pictures: five a second."""
MTU = 1_200
SSRC = 0x5EED_CAFE
START = b"\x00\x00\x00\x01"


@dataclass(frozen=True)
class Picture:
    """One access unit: its NAL units, RTP time, and whether a decoder can begin here."""

    ticks: int
    nals: tuple[bytes, ...]
    key: bool = False


class _Writer:
    """Bits of a raw byte sequence payload (H.264, 7.2 and 9.1)."""

    def __init__(self) -> None:
        self.text = ""

    def bits(self, width: int, value: int) -> "_Writer":
        self.text += f"{value:0{width}b}"
        return self

    def ue(self, *values: int) -> "_Writer":
        for value in values:
            code = f"{value + 1:b}"
            self.text += "0" * (len(code) - 1) + code
        return self

    def nal(self, head: bytes) -> bytes:
        """Stop bit, alignment and emulation prevention (7.3.1)."""
        text = self.text + "1"
        text += "0" * (-len(text) % 8)
        out = bytearray()
        for byte in int(text, 2).to_bytes(len(text) // 8, "big"):
            if len(out) >= 2 and out[-2:] == b"\0\0" and byte <= 3:
                out.append(3)
            out.append(byte)
        return head + bytes(out)


def h264_sps(width: int, height: int) -> bytes:
    """A baseline sequence parameter set (7.3.2.1.1) for a picture of this size."""
    writer = _Writer().bits(8, 66).bits(8, 0xC0).bits(8, 40)
    writer.ue(0, 0, 2, 1).bits(1, 0)  # id, frame_num of 4 bits, order count of type 2, one reference, no gaps
    columns, rows = -(-width // 16), -(-height // 16)
    writer.ue(columns - 1, rows - 1).bits(1, 1).bits(1, 1)
    right, bottom = (columns * 16 - width) // 2, (rows * 16 - height) // 2
    if right or bottom:
        writer.bits(1, 1).ue(0, right, 0, bottom)
    else:
        writer.bits(1, 0)
    return writer.bits(1, 0).nal(b"\x67")


def h264_sets(width: int = 320, height: int = 180) -> tuple[bytes, ...]:
    """Sequence and picture parameter set."""
    return h264_sps(width, height), bytes.fromhex("68ce3c80")


def h265_sps(width: int, height: int) -> bytes:
    """A main profile sequence parameter set (H.265, 7.3.2.2), without anything that it may leave out."""
    writer = _Writer().bits(4, 0).bits(3, 0).bits(1, 1)
    writer.bits(8, 1).bits(32, 0x6000_0000).bits(48, 0x9000_0000_0000).bits(8, 60)
    writer.ue(0, 1, width, height).bits(1, 0).ue(0, 0, 4)  # id, 4:2:0, size, no cropping, 8 bits twice, order count
    writer.bits(1, 1).ue(1, 0, 0, 0, 3, 0, 3, 0, 0)  # decoded picture buffer, then sizes of coding blocks
    writer.bits(4, 0).ue(0).bits(5, 0)  # no lists, filters, PCM; no reference sets, long terms, VUI, extension
    return writer.nal(b"\x42\x01")


def h265_sets(width: int = 320, height: int = 184) -> tuple[bytes, ...]:
    """Video, sequence and picture parameter set."""
    return (
        bytes.fromhex("40010c01ffff01600000030090000003000003003c959409"),
        h265_sps(width, height),
        bytes.fromhex("4401c073c189"),
    )


def _noise(dice: random.Random, size: int) -> bytes:
    return dice.randbytes(size).replace(b"\0", b"\x55")


def h264_pictures(
    number: int = 20,
    *,
    gop: int = 5,
    slices: int = 1,
    size: int = 3_000,
    sets: Sequence[bytes] = (),
    first: int = 0,
    seed: int = 1,
) -> tuple[Picture, ...]:
    """Pictures with parameter sets in front of each key picture; slices of ``size`` bytes, a third of it where small.

    ``first`` is the ordinal of the first picture: two series in a row need not share a GOP.
    """
    dice, sets = random.Random(seed), tuple(sets) or h264_sets()
    pictures = []
    for index in range(number):
        key = index % gop == 0
        head = 0x65 if key else 0x41
        parts = tuple(
            bytes((head, (0x88 if key else 0x9A) if part == 0 else 0x42))
            + _noise(dice, size if key else size // 3 + 200 * (index % 5))
            for part in range(slices)
        )
        pictures.append(Picture((first + index) * TICK, (*sets, *parts) if key else parts, key))
    return tuple(pictures)


def h265_pictures(
    number: int = 20, *, gop: int = 5, slices: int = 1, size: int = 3_000, sets: Sequence[bytes] = (), seed: int = 2
) -> tuple[Picture, ...]:
    """The same for H.265: IDR_W_RADL and TRAIL_R, of which the first slice segment says that it is one."""
    dice, sets = random.Random(seed), tuple(sets) or h265_sets()
    pictures = []
    for index in range(number):
        key = index % gop == 0
        parts = tuple(
            bytes((19 << 1 if key else 1 << 1, 1, 0xAF if part == 0 else 0x2F))
            + _noise(dice, size if key else size // 3)
            for part in range(slices)
        )
        pictures.append(Picture(index * TICK, (*sets, *parts) if key else parts, key))
    return tuple(pictures)


def h264_payloads(nal: bytes, mtu: int = MTU) -> list[bytes]:
    """Single NAL unit packet (RFC 6184, 5.6) or FU-A (5.8)."""
    if len(nal) <= mtu:
        return [nal]
    pieces = [nal[at : at + mtu] for at in range(1, len(nal), mtu)]
    last = len(pieces) - 1
    return [
        bytes((nal[0] & 0xE0 | 28, (0x80 if at == 0 else 0) | (0x40 if at == last else 0) | nal[0] & 31)) + piece
        for at, piece in enumerate(pieces)
    ]


def h264_together(nals: Iterable[bytes]) -> bytes:
    """STAP-A (RFC 6184, 5.7.1)."""
    return b"\x78" + b"".join(len(nal).to_bytes(2, "big") + nal for nal in nals)


def h265_payloads(nal: bytes, mtu: int = MTU) -> list[bytes]:
    """Single NAL unit packet (RFC 7798, 4.4.1) or fragmentation units (4.4.3)."""
    if len(nal) <= mtu:
        return [nal]
    pieces = [nal[at : at + mtu] for at in range(2, len(nal), mtu)]
    head, kind, last = bytes((nal[0] & 0x81 | 49 << 1, nal[1])), nal[0] >> 1 & 63, len(pieces) - 1
    return [
        head + bytes(((0x80 if at == 0 else 0) | (0x40 if at == last else 0) | kind,)) + piece
        for at, piece in enumerate(pieces)
    ]


def h265_together(nals: Iterable[bytes]) -> bytes:
    """Aggregation packet (RFC 7798, 4.4.2)."""
    return bytes((48 << 1, 1)) + b"".join(len(nal).to_bytes(2, "big") + nal for nal in nals)


@dataclass(frozen=True)
class Rtp:
    """One RTP packet (RFC 3550, 5.1). ``flags`` are P, X and CC; ``extra`` is what stands between head and payload."""

    payload: bytes
    sequence: int
    timestamp: int
    marker: bool = False
    kind: int = 96
    ssrc: int = SSRC
    flags: int = 0
    extra: bytes = b""

    def pack(self) -> bytes:
        head = bytes((0x80 | self.flags, (0x80 if self.marker else 0) | self.kind))
        head += (self.sequence & 0xFFFF).to_bytes(2, "big") + (self.timestamp & 0xFFFF_FFFF).to_bytes(4, "big")
        return head + self.ssrc.to_bytes(4, "big") + self.extra + self.payload


def framed(packet: bytes, channel: int = 0) -> bytes:
    """A packet between the messages of the RTSP connection (RFC 2326, 10.12)."""
    return b"$" + bytes((channel,)) + len(packet).to_bytes(2, "big") + packet


def marked(payloads: Sequence[bytes]) -> list[tuple[bytes, bool]]:
    """The marker bit on the last packet of a picture."""
    return [(payload, at == len(payloads) - 1) for at, payload in enumerate(payloads)]


def packets(
    pictures: Iterable[Picture],
    *,
    codec: str = "H264",
    sequence: int = 1_000,
    timestamp: int = 0x1234_5678,
    ssrc: int = SSRC,
    kind: int = 96,
    mtu: int = MTU,
) -> list[Rtp]:
    """What a decent camera sends for these pictures."""
    cut = h264_payloads if codec == "H264" else h265_payloads
    parts = [(each.ticks, marked([part for nal in each.nals for part in cut(nal, mtu)])) for each in pictures]
    return numbered(parts, sequence=sequence, timestamp=timestamp, ssrc=ssrc, kind=kind)


def numbered(
    parts: Iterable[tuple[int, Sequence[tuple[bytes, bool]]]],
    *,
    sequence: int = 1_000,
    timestamp: int = 0x1234_5678,
    ssrc: int = SSRC,
    kind: int = 96,
) -> list[Rtp]:
    """RTP packets of payloads with their marker bits, by the time of their picture."""
    order = count(sequence)
    return [
        Rtp(payload, next(order) & 0xFFFF, (timestamp + ticks) & 0xFFFF_FFFF, marker, kind, ssrc)
        for ticks, payloads in parts
        for payload, marker in payloads
    ]


def renumbered(items: Iterable[Rtp], sequence: int = 1_000) -> list[Rtp]:
    """The same packets in this order, numbered without a gap."""
    return [replace(each, sequence=(sequence + at) & 0xFFFF) for at, each in enumerate(items)]


def sprop(sets: Iterable[bytes]) -> str:
    """Parameter sets as SDP has them (RFC 6184, 8.1)."""
    return ",".join(b64encode(each).decode() for each in sets)
