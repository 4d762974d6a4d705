# SPDX-License-Identifier: AGPL-3.0-or-later
"""CMAF writing: the header (``ftyp``, ``moov``) and fragments (``moof``, ``mdat``) of one video track.

Source: ISO/IEC 14496-12:2022 (boxes; the clause stands at each), ISO/IEC 14496-15, 5.3 and 5.4 (``avc1``, ``avc3``,
``avcC``), 8.3 and 8.4 (``hev1``, ``hvcC``), ISO/IEC 23000-19 (CMAF), RFC 6381 (codec). The media time scale is the RTP
clock, 90 kHz. A fragment is self-contained bytes: nothing is held back, so a sample can leave as soon as it is there.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from custodes.domain.video import TICKS, InitSegment
from custodes.errors import corrupt
from custodes.video import av1, hevc, nal

_UNITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_KEY_FLAGS = 0x02000000
"""``sample_depends_on`` = 2: needs no other picture (8.8.3.1)."""
_DELTA_FLAGS = 0x01010000
"""``sample_depends_on`` = 1 and ``sample_is_non_sync_sample`` = 1."""
_TRACK = 1
NTP_OFFSET = 2_208_988_800
"""Seconds from 1900, where NTP's time begins (RFC 5905, 6), to 1970."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One access unit: its NAL units, whether it is a key picture, its duration and its composition offset in ticks.

    ``offset`` (presentation minus decode time) may be negative; ``duration`` is at least 1.
    """

    nals: tuple[bytes, ...]
    key: bool
    duration: int
    offset: int = 0


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return one box (4.2.2): size, four-letter kind, content."""
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """Return one full box (4.2.2): as ``box``, with version and flags before the content."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def reference_time(ticks: int) -> bytes:
    """Return a ``prft`` box (8.16.5): media time 0 is the picture of ``ticks`` of 90 kHz since 1970, UTC."""
    seconds, rest = divmod(ticks, TICKS)
    ntp = (seconds + NTP_OFFSET) % (1 << 32) << 32 | (rest << 32) // TICKS
    return full_box(b"prft", 1, 0, struct.pack(">IQQ", _TRACK, ntp, 0))


def codec_of(sample_entry: str, sps: bytes) -> str:
    """Return the RFC 6381 name, e.g. ``avc1.64001f`` (ISO/IEC 14496-15, annex E)."""
    if len(sps) < 4:
        raise corrupt("not a sequence parameter set")
    return f"{sample_entry}.{sps[1:4].hex()}"


def init_segment(sample_entry: str, parameter_sets: Sequence[bytes]) -> InitSegment:
    """Return the CMAF header of an H.264 track.

    ``sample_entry``: ``avc1`` where parameter sets stand in the header only, ``avc3`` where they may also stand in
    samples. ``parameter_sets``: at least one sequence and one picture parameter set, else ``CustodesError`` (CORRUPT).
    """
    sps = [each for each in parameter_sets if nal.kind(each) == nal.SPS]
    pps = [each for each in parameter_sets if nal.kind(each) == nal.PPS]
    if not sps or not pps or len(sps) > 31 or len(pps) > 255 or any(len(each) > 0xFFFF for each in (*sps, *pps)):
        raise corrupt("the stream has no usable parameter sets")
    form = nal.read_sps(sps[0])
    entry = _sample_entry(sample_entry.encode(), form.width, form.height, _avcc(form, sps, pps))
    return InitSegment(codec_of(sample_entry, sps[0]), form.width, form.height, _header(form.width, form.height, entry))


def init_segment_hevc(parameter_sets: Sequence[bytes]) -> InitSegment:
    """Return the CMAF header of an H.265 track (``hev1``: parameter sets may also stand in samples).

    ``parameter_sets``: at least one of each kind, else ``CustodesError`` (CORRUPT).
    """
    kinds = (hevc.VPS, hevc.SPS, hevc.PPS)
    arrays = [[each for each in parameter_sets if hevc.kind(each) == kind] for kind in kinds]
    if not all(arrays) or any(len(each) > 0xFFFF for array in arrays for each in array):
        raise corrupt("the stream has no usable parameter sets")
    form = hevc.read_sps(arrays[1][0])
    entry = _sample_entry(b"hev1", form.width, form.height, _hvcc(form, kinds, arrays))
    profile = form.profile
    compatible = int(f"{int.from_bytes(profile[1:5]):032b}"[::-1], 2)
    constraints = profile[5:11].rstrip(b"\0")
    space, tier = ("", "A", "B", "C")[profile[0] >> 6], "H" if profile[0] & 0x20 else "L"
    codec = ".".join(
        [
            f"hev1.{space}{profile[0] & 31}",
            f"{compatible:x}",
            f"{tier}{profile[11]}",
            *(f"{byte:x}" for byte in constraints),
        ]
    )
    return InitSegment(codec, form.width, form.height, _header(form.width, form.height, entry))


def init_segment_av1(parameter_sets: Sequence[bytes]) -> InitSegment:
    """Return the CMAF header of an AV1 track (AV1-ISOBMFF 2.3); ``parameter_sets``: its sequence header."""
    form = av1.read_sequence(parameter_sets[0])
    high, twelve = form.bits > 8, form.bits == 12
    across, down = form.subsampling
    flags = form.tier << 7 | high << 6 | twelve << 5 | form.monochrome << 4 | across << 3 | down << 2
    record = bytes((0x81, form.profile << 5 | form.level, flags, 0)) + parameter_sets[0]
    entry = _sample_entry(b"av01", form.width, form.height, box(b"av1C", record))
    codec = f"av01.{form.profile}.{form.level:02}{'H' if form.tier else 'M'}.{form.bits:02}"
    return InitSegment(codec, form.width, form.height, _header(form.width, form.height, entry))


def init_segment_jpeg(width: int, height: int) -> InitSegment:
    """Return the header of a track of JPEG pictures: ``mp4v`` with object type 0x6C (ISO/IEC 14496-1, table 5)."""
    config = struct.pack(">BBB3xII", 0x6C, 4 << 2 | 1, 0, 0, 0)
    content = struct.pack(">HB", _TRACK, 0) + _descriptor(4, config) + _descriptor(6, b"\2")
    entry = _sample_entry(b"mp4v", width, height, full_box(b"esds", 0, 0, _descriptor(3, content)))
    return InitSegment("mp4v.6C", width, height, _header(width, height, entry))


def _descriptor(tag: int, content: bytes) -> bytes:
    """A descriptor of MPEG-4 systems (ISO/IEC 14496-1, 8.3.3); none here is longer than 127 bytes."""
    return bytes((tag, len(content))) + content


def _header(width: int, height: int, entry: bytes) -> bytes:
    ftyp = box(b"ftyp", b"iso6", struct.pack(">I", 0), b"iso6", b"cmfc", b"cmf2")  # 4.3
    return ftyp + box(b"moov", _mvhd(), _trak(width, height, entry), box(b"mvex", _trex()))  # 8.2.1


def _mvhd() -> bytes:  # 8.2.2
    head = struct.pack(">IIIIIHHII", 0, 0, TICKS, 0, 0x10000, 0x0100, 0, 0, 0)
    return full_box(b"mvhd", 0, 0, head, _UNITY, bytes(24), struct.pack(">I", _TRACK + 1))


def _trex() -> bytes:  # 8.8.3
    return full_box(b"trex", 0, 0, struct.pack(">IIIII", _TRACK, 1, 0, 0, 0))


def _trak(width: int, height: int, entry: bytes) -> bytes:
    tkhd = full_box(  # 8.3.2; flags: enabled, in movie
        b"tkhd",
        0,
        3,
        struct.pack(">IIIIIIIhhHH", 0, 0, _TRACK, 0, 0, 0, 0, 0, 0, 0, 0),
        _UNITY,
        struct.pack(">II", width << 16, height << 16),
    )
    mdhd = full_box(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, TICKS, 0, 0x55C4, 0))  # 8.4.2; language "und"
    hdlr = full_box(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, b"vide"), b"video\x00")  # 8.4.3
    vmhd = full_box(b"vmhd", 0, 1, bytes(8))  # 12.1.2
    dref = full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1))  # 8.7.2; in the same file
    empty = [full_box(kind, 0, 0, bytes(4)) for kind in (b"stts", b"stsc", b"stco")]
    stsd = full_box(b"stsd", 0, 0, struct.pack(">I", 1), entry)  # 8.5.2
    stbl = box(b"stbl", stsd, *empty[:2], full_box(b"stsz", 0, 0, bytes(8)), empty[2])
    minf = box(b"minf", vmhd, box(b"dinf", dref), stbl)
    return box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, minf))


def _sample_entry(kind: bytes, width: int, height: int, configuration: bytes) -> bytes:
    """``VisualSampleEntry`` (12.1.3) with the codec's configuration box."""
    head = struct.pack(">6xH16xHHIII", 1, width, height, 0x480000, 0x480000, 0)
    return box(kind, head, struct.pack(">H32xHh", 1, 0x18, -1), configuration)


def _avcc(form: nal.PictureFormat, sps: list[bytes], pps: list[bytes]) -> bytes:
    """``AVCDecoderConfigurationRecord`` (ISO/IEC 14496-15, 5.3.3.1)."""
    record = bytes((1, *sps[0][1:4], 0xFC | 3, 0xE0 | len(sps)))
    record += b"".join(struct.pack(">H", len(each)) + each for each in sps)
    record += bytes((len(pps),)) + b"".join(struct.pack(">H", len(each)) + each for each in pps)
    if sps[0][1] in (100, 110, 122, 144):
        record += bytes((0xFC | form.chroma_format, 0xF8 | form.luma_bits - 8, 0xF8 | form.chroma_bits - 8, 0))
    return box(b"avcC", record)


def _hvcc(form: hevc.SequenceFormat, kinds: Sequence[int], arrays: Sequence[Sequence[bytes]]) -> bytes:
    """``HEVCDecoderConfigurationRecord`` (ISO/IEC 14496-15, 8.3.3.1); ``array_completeness`` 0."""
    record = bytes((1,)) + form.profile
    record += struct.pack(
        ">HBBBBH", 0xF000, 0xFC, 0xFC | form.chroma_format, 0xF8 | form.luma_bits - 8, 0xF8 | form.chroma_bits - 8, 0
    )
    record += bytes((form.layers << 3 | form.nested << 2 | 3, len(arrays)))
    for kind, array in zip(kinds, arrays, strict=True):
        record += struct.pack(">BH", kind, len(array))
        record += b"".join(struct.pack(">H", len(each)) + each for each in array)
    return box(b"hvcC", record)


def fragment(sequence: int, decode_time: int, samples: Sequence[Sample], *, apart: bool = False) -> bytes:
    """Return ``moof`` and ``mdat`` (8.8.4, 8.1.1): samples in decode order.

    ``sequence``: ``mfhd`` number, modulo 2^32; ``decode_time``: of the first sample, in ticks, below 2^64. In the media
    data each unit stands behind its length. Of codecs that know no lengths in samples, ``apart``, a sample has one unit
    and is a run of its own that begins behind the length: so all media data can be split in one way.
    """
    payloads = [nal.join_lengths(sample.nals) for sample in samples]
    mfhd = full_box(b"mfhd", 0, 0, struct.pack(">I", sequence & 0xFFFFFFFF))  # 8.8.5
    tfhd = full_box(b"tfhd", 0, 0x020000, struct.pack(">I", _TRACK))  # 8.8.7; default-base-is-moof
    tfdt = full_box(b"tfdt", 1, 0, struct.pack(">Q", decode_time))  # 8.8.12
    skip = 4 if apart else 0
    rows = [
        struct.pack(
            ">IIIi", sample.duration, len(payload) - skip, _KEY_FLAGS if sample.key else _DELTA_FLAGS, sample.offset
        )
        for sample, payload in zip(samples, payloads, strict=True)
    ]
    runs = [[row] for row in rows] if apart else [rows]
    # 8.8.8: version 1 has signed composition offsets; data offset is from the beginning of moof.
    moof_size = 8 + len(mfhd) + 8 + len(tfhd) + len(tfdt) + 20 * len(runs) + 16 * len(rows)
    truns, offset = [], moof_size + 8
    for run, payload in zip(runs, payloads, strict=False):
        truns.append(full_box(b"trun", 1, 0xF01, struct.pack(">II", len(run), offset + skip), *run))
        offset += len(payload)
    return box(b"moof", mfhd, box(b"traf", tfhd, tfdt, *truns)) + box(b"mdat", *payloads)
