# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open bitstream units of AV1: name them, give them their sizes, and read what a sequence header says of the picture.

Source: AV1 Bitstream & Decoding Process Specification, version 1.0.0 with errata 1, clauses 4.10.5 (leb128), 5.3
(OBU), 5.5 (sequence header), 5.9 (frame header). All input is hostile: errors are ``CustodesError`` (CORRUPT).
"""

from dataclasses import dataclass

from custodes.errors import corrupt
from custodes.video.nal import Bits

SEQUENCE, DELIMITER, FRAME_HEADER, TILE_GROUP, FRAME = 1, 2, 3, 4, 6
_PICTURES = frozenset({FRAME_HEADER, TILE_GROUP, FRAME})
_SRGB = (1, 13, 0)
"""Colour primaries, transfer and matrix that mean RGB, without subsampling (5.5.2)."""


def kind(obu: bytes) -> int:
    """``obu_type``, 0 to 15; 0 (reserved) for an empty unit."""
    return obu[0] >> 3 & 15 if obu else 0


def is_picture(obu: bytes) -> bool:
    """True for a frame, its header or its tiles."""
    return kind(obu) in _PICTURES


def leb128(data: bytes, at: int) -> tuple[int, int]:
    """Read a number of variable length; returns it and the place behind it (4.10.5)."""
    value = 0
    for count in range(8):
        if at + count >= len(data):
            break
        value |= (data[at + count] & 0x7F) << 7 * count
        if not data[at + count] & 0x80:
            if value >> 32:
                break
            return value, at + count + 1
    raise corrupt("a unit of the stream has a size that cannot be")


def to_leb128(value: int) -> bytes:
    """Write a number of variable length, as short as possible."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def sized(obu: bytes) -> bytes:
    """Return the unit with its size inside (``obu_has_size_field``), as files want it; the rest stays as it is."""
    head = 2 if obu and obu[0] & 4 else 1
    if len(obu) < head or obu[0] & 0x80:
        raise corrupt("a unit of the stream cannot be read")
    if obu[0] & 2:
        payload(obu)
        return obu
    return bytes((obu[0] | 2, *obu[1:head])) + to_leb128(len(obu) - head) + obu[head:]


def payload(obu: bytes) -> bytes:
    """What a unit with its size inside holds."""
    head = 2 if obu[0] & 4 else 1
    size, at = leb128(obu, head)
    if at + size > len(obu):
        raise corrupt("a unit of the stream is cut short")
    return obu[at : at + size]


def is_key(obus: "tuple[bytes, ...] | list[bytes]") -> bool:
    """True if decoding can begin with this temporal unit: a sequence header, then a key frame that is shown."""
    announced = False
    for obu in obus:
        if kind(obu) == SEQUENCE:
            announced = True
        elif is_picture(obu):
            data = payload(obu)
            return announced and bool(data) and data[0] & 0xE0 == 0
    return False


@dataclass(frozen=True, slots=True)
class SequenceFormat:
    """What a sequence header says: size in pixels and what ``av1C`` repeats (AV1-ISOBMFF 2.3.3)."""

    width: int
    height: int
    profile: int
    level: int
    tier: int
    bits: int
    monochrome: bool
    subsampling: tuple[int, int]


def read_sequence(obu: bytes) -> SequenceFormat:
    """Read a sequence header (5.5.1); sizes beyond 16384 pixels raise."""
    if kind(obu) != SEQUENCE or len(obu) > 1024:
        raise corrupt("not a sequence header")
    bits = Bits(b"\0" + payload(obu), escaped=False)
    profile, _, reduced = bits.take(3), bits.take(1), bool(bits.take(1))
    level, tier = (bits.take(5), 0) if reduced else _operating_points(bits)
    across, down = bits.take(4) + 1, bits.take(4) + 1
    width, height = bits.take(across) + 1, bits.take(down) + 1
    if not reduced and bits.take(1):
        bits.take(7)
    bits.take(3)
    if not reduced:
        _skip_tools(bits)
    bits.take(3)
    depth, monochrome, subsampling = _colour(bits, profile)
    if width > 16384 or height > 16384 or profile > 2:
        raise corrupt("a sequence header names a size or format that no camera sends")
    return SequenceFormat(width, height, profile, level, tier, depth, monochrome, subsampling)


def _operating_points(bits: Bits) -> tuple[int, int]:
    """Timing, decoder model and operating points; returns level and tier of the first one."""
    delay_bits = 0
    if bits.take(1):  # timing_info_present_flag
        bits.take(64)
        if bits.take(1):
            bits.unsigned()
        if bits.take(1):  # decoder_model_info_present_flag
            delay_bits = bits.take(5) + 1
            bits.take(42)
    display = bits.take(1)
    found: list[tuple[int, int]] = []
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        level = bits.take(5)
        found.append((level, bits.take(1) if level > 7 else 0))
        if delay_bits and bits.take(1):
            bits.take(2 * delay_bits + 1)
        if display and bits.take(1):
            bits.take(4)
    return found[0]


def _skip_tools(bits: Bits) -> None:
    """From ``enable_interintra_compound`` to ``order_hint_bits_minus_1``."""
    bits.take(4)
    order = bits.take(1)
    if order:
        bits.take(2)
    tools = 2 if bits.take(1) else bits.take(1)
    if tools and not bits.take(1):
        bits.take(1)
    if order:
        bits.take(3)


def _colour(bits: Bits, profile: int) -> tuple[int, bool, tuple[int, int]]:
    """``color_config`` (5.5.2): bits per sample, monochrome, subsampling across and down."""
    high = bits.take(1)
    depth = (12 if bits.take(1) else 10) if profile == 2 and high else 10 if high else 8
    monochrome = profile != 1 and bool(bits.take(1))
    described = (bits.take(8), bits.take(8), bits.take(8)) if bits.take(1) else (2, 2, 2)
    if monochrome:
        return depth, True, (1, 1)
    if described == _SRGB:
        return depth, False, (0, 0)
    bits.take(1)
    if profile == 2 and depth == 12:
        across = bits.take(1)
        return depth, False, (across, bits.take(1) if across else 0)
    return depth, False, {0: (1, 1), 1: (0, 0), 2: (1, 0)}.get(profile, (1, 1))
