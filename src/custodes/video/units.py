# SPDX-License-Identifier: AGPL-3.0-or-later
"""What recording needs to know of the units of a picture, whichever codec they are of.

Units are NAL units (H.264, H.265), open bitstream units with their sizes inside (AV1), or the whole picture (JPEG).
"""

from collections.abc import Callable, Iterable, Sequence

from custodes.domain.video import Codec, StreamInfo
from custodes.video import av1, hevc, jpeg, nal

_SETS = {
    Codec.H264: (nal.SPS, nal.PPS),
    Codec.H265: (hevc.VPS, hevc.SPS, hevc.PPS),
    Codec.AV1: (av1.SEQUENCE,),
    Codec.JPEG: (),
}
_KIND: dict[Codec, Callable[[bytes], int]] = {
    Codec.H264: nal.kind,
    Codec.H265: hevc.kind,
    Codec.AV1: av1.kind,
    Codec.JPEG: lambda _unit: 0,
}
_PICTURE: dict[Codec, Callable[[bytes], bool]] = {
    Codec.H264: nal.is_slice,
    Codec.H265: hevc.is_slice,
    Codec.AV1: av1.is_picture,
    Codec.JPEG: lambda _unit: True,
}
NAL_CODECS = frozenset({Codec.H264, Codec.H265})
"""Codecs whose units stand behind their lengths in a file (ISO/IEC 14496-15)."""


def kind(codec: Codec, unit: bytes) -> int:
    """The type of a unit, in its codec's numbering."""
    return _KIND[codec](unit)


def is_slice(codec: Codec, unit: bytes) -> bool:
    """True for a piece of a picture."""
    return _PICTURE[codec](unit)


def begins_picture(codec: Codec, unit: bytes) -> bool:
    """True unless this is a further piece of a picture that has begun.

    ``first_mb_in_slice`` is 0 (H.264, 7.4.3) or ``first_slice_segment_in_pic_flag`` is set (H.265, 7.4.7.1); whatever
    is no slice comes before a picture's first one. AV1: everything but a group of tiles.
    """
    if codec is Codec.AV1:
        return av1.kind(unit) != av1.TILE_GROUP
    if codec is Codec.JPEG or not is_slice(codec, unit):
        return True
    at = 1 if codec is Codec.H264 else 2
    return len(unit) > at and bool(unit[at] & 0x80)


def is_key(codec: Codec, units: Sequence[bytes]) -> bool:
    """True if a decoder can begin at the picture that these units are."""
    if codec is Codec.JPEG:
        return True
    if codec is Codec.AV1:
        return av1.is_key(list(units))
    if codec is Codec.H265:
        return any(hevc.is_key(unit) for unit in units)
    recovery = False
    for unit in units:
        if nal.is_key(unit):
            return True
        if nal.is_slice(unit):
            return recovery and nal.is_intra(unit)
        recovery |= nal.is_recovery_point(unit)
    return False


def parameter_sets(codec: Codec, units: Iterable[bytes]) -> tuple[bytes, ...]:
    """The parameter sets (AV1: sequence headers) among the units."""
    return tuple(unit for unit in units if kind(codec, unit) in _SETS[codec])


def renewed(codec: Codec, known: Sequence[bytes], sets: Sequence[bytes]) -> tuple[bytes, ...]:
    """``known`` with the newer ``sets`` in place of those of their kind, in the order in which a decoder wants them."""
    kinds = {kind(codec, each) for each in sets}
    kept = [each for each in known if kind(codec, each) not in kinds]
    return tuple(sorted([*kept, *dict.fromkeys(sets)], key=lambda each: kind(codec, each)))


def stream_info(codec: Codec, sets: tuple[bytes, ...]) -> StreamInfo | None:
    """What the sets say of the stream, None if one is missing; sets that cannot be read raise (CORRUPT)."""
    if codec is Codec.JPEG or {kind(codec, each) for each in sets} != set(_SETS[codec]):
        return None
    if codec is Codec.AV1:
        sequence = av1.read_sequence(sets[0])
        return StreamInfo(sequence.width, sequence.height, sets, codec)
    first = next(each for each in sets if kind(codec, each) == _SETS[codec][-2])
    form = nal.read_sps(first) if codec is Codec.H264 else hevc.read_sps(first)
    return StreamInfo(form.width, form.height, sets, codec)


def picture_info(codec: Codec, units: Sequence[bytes]) -> StreamInfo | None:
    """What a picture says of itself where the codec has no parameter sets; else None."""
    return StreamInfo(*jpeg.size(units[0]), (), codec) if codec is Codec.JPEG else None


def sample(codec: Codec, units: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The units as a recording keeps them: NAL units as they are, all of an AV1 picture as one."""
    return units if codec in NAL_CODECS else (b"".join(units),)
