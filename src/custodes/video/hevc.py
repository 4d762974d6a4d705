# SPDX-License-Identifier: AGPL-3.0-or-later
"""NAL units of H.265: name them, and read what parameter sets say of the picture.

Source: ITU-T H.265 (08/2021), clauses 7.3.1.2 (NAL unit header), 7.3.2.2 (sequence parameter set), 7.3.3 (profile, tier
and level) and table 7-1. All input is hostile: errors are ``CustodesError`` (CORRUPT).
"""

from dataclasses import dataclass

from custodes.errors import corrupt
from custodes.video.nal import Bits

VPS, SPS, PPS = 32, 33, 34
_IRAP = range(16, 22)
"""BLA, IDR and CRA pictures: a decoder can begin here."""
_VCL_END = 32
_PROFILE_BYTES = 12
"""``general_profile_space`` to ``general_level_idc``: what ``hvcC`` repeats (ISO/IEC 14496-15, 8.3.3.1.2)."""
_SUBSAMPLING = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}


def kind(nal: bytes) -> int:
    """``nal_unit_type``, 0 to 63; 63 (unspecified) for a unit without a whole header."""
    return nal[0] >> 1 & 63 if len(nal) >= 2 else 63


def is_slice(nal: bytes) -> bool:
    """True for coded slice segments, types 0 to 31."""
    return kind(nal) < _VCL_END


def is_key(nal: bytes) -> bool:
    """True for a slice segment of a picture at which decoding can begin."""
    return kind(nal) in _IRAP


@dataclass(frozen=True, slots=True)
class SequenceFormat:
    """What a sequence parameter set says.

    Size in pixels after cropping, ``chroma_format_idc``, bits per sample, number of temporal layers and whether they
    nest, and the 12 bytes of general profile, tier and level.
    """

    width: int
    height: int
    chroma_format: int
    luma_bits: int
    chroma_bits: int
    layers: int
    nested: bool
    profile: bytes


def read_sps(sps: bytes) -> SequenceFormat:
    """Read a sequence parameter set as far as the bit depth; sizes beyond 16384 pixels raise."""
    if kind(sps) != SPS or not 16 <= len(sps) <= 1024:
        raise corrupt("not a sequence parameter set")
    bits = Bits(sps[1:])  # the header has two bytes; the reader skips one
    bits.take(4)
    layers, nested = bits.take(3) + 1, bool(bits.take(1))
    profile = bits.take(8 * _PROFILE_BYTES).to_bytes(_PROFILE_BYTES, "big")
    _skip_sublayers(bits, layers - 1)
    bits.unsigned()
    chroma_format = bits.unsigned()
    if chroma_format not in _SUBSAMPLING:
        raise corrupt("a sequence parameter set names a colour format that does not exist")
    if chroma_format == 3:
        bits.take(1)
    width, height = bits.unsigned(), bits.unsigned()
    if bits.take(1):
        across, down = _SUBSAMPLING[chroma_format]
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        width, height = width - across * (left + right), height - down * (top + bottom)
    luma_bits, chroma_bits = 8 + bits.unsigned(), 8 + bits.unsigned()
    if not (0 < width <= 16384 and 0 < height <= 16384 and luma_bits <= 16 and chroma_bits <= 16):
        raise corrupt("a sequence parameter set names a size or format that no camera sends")
    return SequenceFormat(width, height, chroma_format, luma_bits, chroma_bits, layers, nested, profile)


def _skip_sublayers(bits: Bits, count: int) -> None:
    """``sub_layer_profile_present_flag`` and ``sub_layer_level_present_flag``, and what they announce (7.3.3)."""
    present = [(bits.take(1), bits.take(1)) for _ in range(count)]
    if count:
        bits.take(2 * (8 - count))
    for profile, level in present:
        bits.take(88 * profile + 8 * level)
