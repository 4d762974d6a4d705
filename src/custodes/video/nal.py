# SPDX-License-Identifier: AGPL-3.0-or-later
"""NAL units of H.264: split, join, name them, and read what a sequence parameter set says of the picture.

Source: ITU-T H.264 (08/2021), clauses 7.3.1 (NAL unit), 7.3.2.1.1 (sequence parameter set) and Annex B (byte stream);
ISO/IEC 14496-15, 5.3 (length-prefixed). All input is hostile: errors are ``CustodesError`` (CORRUPT).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from custodes.errors import CustodesError, corrupt

SLICE = 1
IDR = 5
SEI = 6
SPS = 7
PPS = 8

_START = b"\x00\x00\x01"
_LENGTH_BYTES = 4
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""Profiles whose sequence parameter set names chroma format and bit depth (7.3.2.1.1)."""


def kind(nal: bytes) -> int:
    """Return ``nal_unit_type``, 0 to 31 (7.3.1); 0 for an empty unit."""
    return nal[0] & 31 if nal else 0


def is_slice(nal: bytes) -> bool:
    """True for coded slice data, types 1 to 5 (table 7-1)."""
    return SLICE <= kind(nal) <= IDR


def is_key(nal: bytes) -> bool:
    """True for a slice of an IDR picture."""
    return kind(nal) == IDR


def is_recovery_point(nal: bytes) -> bool:
    """True for supplemental information that tells a decoder to begin here (7.3.2.3.1; D.2.8, type 6).

    Cameras send it as a message of its own or as the first one of a unit.
    """
    return kind(nal) == SEI and len(nal) > 2 and nal[1] == 6


def is_intra(nal: bytes) -> bool:
    """True for a slice that needs no other picture: ``slice_type`` I or SI (table 7-6)."""
    if not is_slice(nal):
        return False
    bits = Bits(nal[:16])
    try:
        bits.unsigned()
        return bits.unsigned() % 5 in (2, 4)
    except CustodesError:
        return False


def split_annexb(data: bytes) -> tuple[bytes, ...]:
    """Return the NAL units of a byte stream, untouched, in order, without start codes.

    Exact, because a NAL unit never ends with a zero byte (7.4.1): zeros before a start code are its first byte
    (``zero_byte``) or padding (``trailing_zero_8bits``, B.1). Bytes before the first start code other than zeros raise.
    """
    before, *pieces = data.split(_START)
    if before.strip(b"\x00") or (data and not pieces):
        raise corrupt("the stream does not begin with a start code")
    return tuple(nal for nal in (piece.rstrip(b"\x00") for piece in pieces) if nal)


def join_annexb(nals: Iterable[bytes]) -> bytes:
    """Return a byte stream: each NAL unit after a four-byte start code."""
    return b"".join(b"\x00" + _START + nal for nal in nals)


def join_lengths(nals: Iterable[bytes]) -> bytes:
    """Return the NAL units, each after its length in four bytes, big-endian."""
    return b"".join(len(nal).to_bytes(_LENGTH_BYTES, "big") + nal for nal in nals)


def split_lengths(data: bytes) -> tuple[bytes, ...]:
    """Return the NAL units that ``join_lengths`` joined; a length that does not fit raises."""
    nals: list[bytes] = []
    position = 0
    while position < len(data):
        begin = position + _LENGTH_BYTES
        position = begin + int.from_bytes(data[position:begin], "big")
        if begin > len(data) or position > len(data):
            raise corrupt("a NAL unit is longer than the sample that holds it")
        nals.append(data[begin:position])
    return tuple(nals)


def parameter_sets(nals: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the sequence and picture parameter sets among ``nals``."""
    return tuple(nal for nal in nals if kind(nal) in (SPS, PPS))


def from_extradata(data: bytes) -> tuple[bytes, ...]:
    """Return the parameter sets of a decoder's extradata, byte stream or ``avcC``; empty if it has none."""
    if not data:
        return ()
    if data[0] != 1:
        return parameter_sets(split_annexb(data))
    sets: list[bytes] = []
    position = 5  # AVCDecoderConfigurationRecord, ISO/IEC 14496-15, 5.3.3.1.2
    for mask in (0x1F, 0xFF):
        if position >= len(data):
            raise corrupt("avcC is cut short")
        count, position = data[position] & mask, position + 1
        for _ in range(count):
            begin = position + 2
            position = begin + int.from_bytes(data[position:begin], "big")
            if position > len(data):
                raise corrupt("avcC is cut short")
            sets.append(data[begin:position])
    return parameter_sets(sets)


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """What a sequence parameter set says.

    Size in pixels after cropping, ``chroma_format_idc``, bits per sample, bits of ``frame_num`` and whether it may have
    gaps, whether the colour planes are coded apart.
    """

    width: int
    height: int
    chroma_format: int
    luma_bits: int
    chroma_bits: int
    frame_number_bits: int
    gaps_allowed: bool
    planes_apart: bool


class Bits:
    """Reads the raw byte sequence payload of a NAL unit bit by bit, from behind its first byte (7.2, 9.1)."""

    def __init__(self, nal: bytes, *, escaped: bool = True) -> None:
        payload = nal[1:].replace(b"\x00\x00\x03", b"\x00\x00") if escaped else nal[1:]  # 7.4.1
        self._value = int.from_bytes(payload, "big")
        self._left = len(payload) * 8

    def take(self, count: int) -> int:
        if count > self._left:
            raise corrupt("a NAL unit is cut short")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def unsigned(self) -> int:
        zeros = 0
        while self.take(1) == 0:
            zeros += 1
            if zeros > 31:
                raise corrupt("a NAL unit holds a number that is too large")
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        code = self.unsigned()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def _skip_scaling_lists(bits: Bits, chroma_format: int) -> None:
    for index in range(12 if chroma_format == 3 else 8):
        if not bits.take(1):
            continue
        last = following = 8
        for _ in range(16 if index < 6 else 64):
            if following:
                following = (last + bits.signed()) % 256
            last = following or last


def _skip_order_count(bits: Bits) -> None:
    """``pic_order_cnt_type`` and what hangs on it."""
    order = bits.unsigned()
    if order == 0:
        bits.unsigned()
    elif order == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        cycle = bits.unsigned()
        if cycle > 255:
            raise corrupt("a sequence parameter set holds a number that is out of range")
        for _ in range(cycle):
            bits.signed()


def read_sps(sps: bytes) -> PictureFormat:
    """Read a sequence parameter set (7.3.2.1.1) as far as the size; sizes beyond 16384 pixels raise."""
    if kind(sps) != SPS or len(sps) < 4 or len(sps) > 1024:
        raise corrupt("not a sequence parameter set")
    bits = Bits(sps)
    profile = bits.take(8)
    bits.take(16)
    bits.unsigned()
    chroma_format, luma_bits, chroma_bits, planes = 1, 8, 8, False
    if profile in _HIGH_PROFILES:
        chroma_format = bits.unsigned()
        planes = chroma_format == 3 and bool(bits.take(1))
        luma_bits, chroma_bits = 8 + bits.unsigned(), 8 + bits.unsigned()
        bits.take(1)
        if bits.take(1):
            _skip_scaling_lists(bits, chroma_format)
    frame_number_bits = 4 + bits.unsigned()
    _skip_order_count(bits)
    bits.unsigned()
    gaps_allowed = bool(bits.take(1))
    columns, rows = bits.unsigned() + 1, bits.unsigned() + 1
    frame_only = bits.take(1)
    if not frame_only:
        bits.take(1)
    bits.take(1)
    left, right, top, bottom = [bits.unsigned() for _ in range(4)] if bits.take(1) else (0, 0, 0, 0)
    monochrome = planes or chroma_format in (0, 3)
    across = 1 if monochrome else 2
    down = (2 if chroma_format == 1 and not planes else 1) * (2 - frame_only)
    width = columns * 16 - across * (left + right)
    height = rows * 16 * (2 - frame_only) - down * (top + bottom)
    sized = 0 < width <= 16384 and 0 < height <= 16384 and frame_number_bits <= 16
    if not sized or chroma_format > 3 or luma_bits > 14 or chroma_bits > 14:
        raise corrupt("a sequence parameter set names a size or format that no camera sends")
    return PictureFormat(width, height, chroma_format, luma_bits, chroma_bits, frame_number_bits, gaps_allowed, planes)


def frame_number(slice_nal: bytes, form: PictureFormat) -> int:
    """Return ``frame_num`` from a slice's header (7.3.3)."""
    if not is_slice(slice_nal):
        raise corrupt("not a slice")
    bits = Bits(slice_nal[:32])
    for _ in range(3):  # first_mb_in_slice, slice_type, pic_parameter_set_id
        bits.unsigned()
    if form.planes_apart:
        bits.take(2)
    return bits.take(form.frame_number_bits)
