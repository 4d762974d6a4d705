# SPDX-License-Identifier: AGPL-3.0-or-later
"""NAL units: exact splitting, joining, and what a sequence parameter set says."""

from fractions import Fraction

import av
import pytest
from tests.ingest_streams import stream

from custodes.errors import CustodesError, Kind
from custodes.video import nal

ONE, TWO = b"\x67\x01\x00\x02", b"\x65\xff\x00\x00\x03\x01"


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x00\x01" + ONE + b"\x00\x00\x01" + TWO,
        b"\x00\x00\x00\x01" + ONE + b"\x00\x00\x00\x01" + TWO,
        b"\x00\x00\x00\x00\x00\x01" + ONE + b"\x00\x00\x00\x00\x00\x01" + TWO + b"\x00\x00\x00",
    ],
    ids=["three-byte start codes", "four-byte start codes", "padding before, between and after"],
)
def test_nal_units_come_out_untouched_whatever_the_start_codes(data: bytes) -> None:
    assert nal.split_annexb(data) == (ONE, TWO)


def test_an_empty_stream_has_no_nal_units() -> None:
    assert nal.split_annexb(b"") == ()


@pytest.mark.parametrize("data", [b"\x65\x00\x00\x01\x65", b"no start code", b"\x01"])
def test_bytes_before_the_first_start_code_are_refused(data: bytes) -> None:
    with pytest.raises(CustodesError) as refusal:
        nal.split_annexb(data)
    assert refusal.value.kind is Kind.CORRUPT


def test_kinds_are_told_apart() -> None:
    assert [nal.kind(each) for each in (b"\x67", b"\x68", b"\x06", b"\x65", b"\x41", b"")] == [7, 8, 6, 5, 1, 0]
    assert [nal.is_slice(bytes((kind,))) for kind in range(8)] == [False, *[True] * 5, False, False]
    assert nal.is_key(b"\x65")
    assert not nal.is_key(b"\x41")


def test_lengths_that_were_joined_can_be_split() -> None:
    assert nal.join_lengths((ONE, TWO)) == b"\x00\x00\x00\x04" + ONE + b"\x00\x00\x00\x06" + TWO
    assert nal.split_lengths(nal.join_lengths((ONE, TWO, b""))) == (ONE, TWO, b"")


@pytest.mark.parametrize("data", [b"\x00\x00\x00", b"\x00\x00\x00\x05\x01", b"\xff\xff\xff\xff\x00"])
def test_lengths_beyond_the_end_are_refused(data: bytes) -> None:
    with pytest.raises(CustodesError) as refusal:
        nal.split_lengths(data)
    assert refusal.value.kind is Kind.CORRUPT


@pytest.mark.parametrize(("width", "height"), [(320, 180), (640, 360), (1280, 720), (62, 46)])
def test_the_size_is_read_from_the_parameter_set_with_its_cropping(width: int, height: int) -> None:
    sps = stream(2, width, height)[0].nals[0]
    assert nal.read_sps(sps) == nal.PictureFormat(width, height, 1, 8, 8, 4, False, False)


@pytest.mark.parametrize(
    ("pixels", "chroma", "bits"),
    [("yuv420p", 1, 8), ("yuv422p", 2, 8), ("yuv444p", 3, 8), ("gray", 0, 8), ("yuv420p10le", 1, 10)],
)
def test_chroma_format_and_depth_are_read_in_high_profiles(pixels: str, chroma: int, bits: int) -> None:
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt, context.framerate = 70, 52, pixels, 25
    context.options = {"x264-params": "interlaced=1:cqm=jvt"}
    context.time_base = Fraction(1, 25)
    context.flags |= av.codec.context.Flags.global_header
    context.open()
    sps, _ = nal.from_extradata(context.extradata)
    form = nal.read_sps(sps)
    assert (form.width, form.height, form.chroma_format, form.luma_bits) == (70, 52, chroma, bits)


def test_extradata_is_read_as_byte_stream_and_as_avcc() -> None:
    sps, pps = stream(2)[0].nals[:2]
    record = b"\x01" + sps[1:4] + b"\xff\xe1" + len(sps).to_bytes(2, "big") + sps
    record += b"\x01" + len(pps).to_bytes(2, "big") + pps
    assert nal.from_extradata(record) == (sps, pps)
    assert nal.from_extradata(nal.join_annexb((sps, pps))) == (sps, pps)
    assert nal.from_extradata(b"") == ()


def test_every_shortened_avcc_and_parameter_set_is_refused() -> None:
    sps, pps = stream(2)[0].nals[:2]
    record = b"\x01" + sps[1:4] + b"\xff\xe1" + len(sps).to_bytes(2, "big") + sps
    record += b"\x01" + len(pps).to_bytes(2, "big") + pps
    for length in range(1, len(record)):
        with pytest.raises(CustodesError):
            nal.from_extradata(record[:length])
    for length in range(8):
        with pytest.raises(CustodesError):
            nal.read_sps(sps[:length])
