# SPDX-License-Identifier: AGPL-3.0-or-later
"""What recording needs to know of NAL units, whichever codec they are of."""

from collections.abc import Iterable, Sequence

from custodes.domain.video import Codec, StreamInfo
from custodes.video import hevc, nal

_SETS = {Codec.H264: (nal.SPS, nal.PPS), Codec.H265: (hevc.VPS, hevc.SPS, hevc.PPS)}


def kind(codec: Codec, unit: bytes) -> int:
    """The type of a NAL unit, in its codec's numbering."""
    return nal.kind(unit) if codec is Codec.H264 else hevc.kind(unit)


def is_slice(codec: Codec, unit: bytes) -> bool:
    """True for a piece of a picture."""
    return nal.is_slice(unit) if codec is Codec.H264 else hevc.is_slice(unit)


def begins_picture(codec: Codec, unit: bytes) -> bool:
    """True unless this is a further slice of a picture that has begun.

    ``first_mb_in_slice`` is 0 (H.264, 7.4.3) or ``first_slice_segment_in_pic_flag`` is set (H.265, 7.4.7.1); whatever
    is no slice comes before a picture's first one.
    """
    if not is_slice(codec, unit):
        return True
    at = 1 if codec is Codec.H264 else 2
    return len(unit) > at and bool(unit[at] & 0x80)


def is_key(codec: Codec, units: Iterable[bytes]) -> bool:
    """True if a decoder can begin at the picture that these units are."""
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
    """The parameter sets among the units."""
    return tuple(unit for unit in units if kind(codec, unit) in _SETS[codec])


def renewed(codec: Codec, known: Sequence[bytes], sets: Sequence[bytes]) -> tuple[bytes, ...]:
    """``known`` with the newer ``sets`` in place of those of their kind, in the order in which a decoder wants them."""
    kinds = {kind(codec, each) for each in sets}
    kept = [each for each in known if kind(codec, each) not in kinds]
    return tuple(sorted([*kept, *dict.fromkeys(sets)], key=lambda each: kind(codec, each)))


def stream_info(codec: Codec, sets: tuple[bytes, ...]) -> StreamInfo | None:
    """What the sets say of the stream, None if one is missing; sets that cannot be read raise (CORRUPT)."""
    if {kind(codec, each) for each in sets} != set(_SETS[codec]):
        return None
    first = next(each for each in sets if kind(codec, each) == _SETS[codec][-2])
    form = nal.read_sps(first) if codec is Codec.H264 else hevc.read_sps(first)
    return StreamInfo(form.width, form.height, sets, codec)
