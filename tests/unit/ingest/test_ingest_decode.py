# SPDX-License-Identifier: AGPL-3.0-or-later
"""Decoding the sub stream: one frame for one packet, and nothing at all once something was wrong."""

import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from tests.ingest_streams import Unit, stream

from custodes.clock import Instant
from custodes.domain.video import Codec, Packet, SourceTime, StreamInfo
from custodes.errors import CustodesError, Kind
from custodes.video import av1, nal, units
from custodes.video.ingest.decode import SubDecoder


def packets_of(units: tuple[Unit, ...]) -> list[Packet]:
    sets = nal.parameter_sets(units[0].nals)
    form = nal.read_sps(sets[0])
    info = StreamInfo(form.width, form.height, sets)
    return [Packet(each.nals, each.key, SourceTime(1, each.ticks), Instant(each.ticks), info) for each in units]


@pytest.mark.parametrize(("width", "height"), [(320, 180), (640, 360), (62, 46)])
def test_every_packet_gives_its_frame_at_once_with_its_time(width: int, height: int) -> None:
    decoder, units = SubDecoder(), stream(12, width, height, gop=5)
    for packet in packets_of(units):
        (frame,) = decoder.decode(packet)
        assert (frame.source, frame.received) == (packet.source, packet.received)
        assert (frame.width, frame.height, len(frame.i420)) == (width, height, width * height * 3 // 2)


def test_frames_are_scaled_to_the_size_that_is_asked_for() -> None:
    decoder = SubDecoder((64, 36))
    for packet in packets_of(stream(4, 128, 96, gop=4)):
        (frame,) = decoder.decode(packet)
        assert (frame.width, frame.height, len(frame.i420)) == (64, 36, 64 * 36 * 3 // 2)


def test_the_pixels_are_those_that_libav_decodes() -> None:
    decoder, units = SubDecoder(), stream(6, 62, 46)
    reference = av.CodecContext.create("h264", "r")
    pictures = [each for unit in units for each in reference.decode(av.Packet(nal.join_annexb(unit.nals)))]
    pictures += reference.decode(None)
    for packet, picture in zip(packets_of(units), pictures, strict=True):
        (frame,) = decoder.decode(packet)
        assert frame.i420 == picture.to_ndarray().tobytes()


def test_parameter_sets_from_the_session_description_are_enough() -> None:
    packets = packets_of(stream(4, 64, 48))
    bare = [replace(each, nals=tuple(one for one in each.nals if nal.is_slice(one))) for each in packets]
    assert len([frame for packet in bare for frame in _all(SubDecoder(), [packet])]) == 1
    assert len(_all(SubDecoder(), bare)) == 4


def test_nothing_is_shown_before_the_first_key_picture() -> None:
    packets = packets_of(stream(12, 64, 48, gop=5))
    assert [frame.source.ticks for frame in _all(SubDecoder(), packets[2:])] == [
        packet.source.ticks for packet in packets[5:]
    ]


def test_after_a_damaged_picture_nothing_is_shown_until_the_next_key_picture() -> None:
    packets = packets_of(stream(12, 64, 48, gop=5))
    decoder = SubDecoder()
    slices = packets[1].nals
    cut = replace(packets[1], nals=(slices[0][: len(slices[0]) // 3],))
    assert len(decoder.decode(packets[0])) == 1
    with pytest.raises(CustodesError) as refusal:
        decoder.decode(cut)
    assert refusal.value.kind is Kind.CORRUPT
    assert [len(decoder.decode(packet)) for packet in packets[2:]] == [0, 0, 0, *[1] * 7]


def test_a_picture_whose_reference_was_lost_is_not_patched_up() -> None:
    packets = packets_of(stream(12, 64, 48, gop=12))
    decoder = SubDecoder()
    decoder.decode(packets[0])
    with pytest.raises(CustodesError) as refusal:
        decoder.decode(packets[4])
    assert refusal.value.kind is Kind.CORRUPT
    assert _all(decoder, packets[5:]) == []


def test_a_change_of_size_at_a_key_picture_is_followed() -> None:
    frames = _all(SubDecoder(), [*packets_of(stream(3, 64, 48)), *packets_of(stream(3, 96, 64))])
    assert [(frame.width, frame.height) for frame in frames] == [(64, 48)] * 3 + [(96, 64)] * 3


def test_a_stream_that_is_too_large_is_refused_even_if_it_lies_about_its_size() -> None:
    packet = packets_of(stream(1, 2048, 1152))[0]
    with pytest.raises(CustodesError) as refusal:
        SubDecoder().decode(packet)
    assert "2048x1152" in refusal.value.message
    with pytest.raises(CustodesError):
        SubDecoder().decode(replace(packet, info=replace(packet.info, width=64, height=48)))


def test_a_full_range_picture_becomes_limited_range() -> None:
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt, context.time_base = 64, 48, "yuvj420p", Fraction(1, 5)
    context.options = {"qp": "0", "tune": "zerolatency", "preset": "ultrafast"}
    planes = np.full((72, 64), 128, np.uint8)
    planes[:24], planes[24:48] = 0, 255
    picture = av.VideoFrame.from_ndarray(planes, format="yuvj420p")
    (coded,) = context.encode(picture)
    nals = nal.split_annexb(bytes(coded))
    (packet,) = packets_of((Unit(0, nals, True),))
    (frame,) = SubDecoder().decode(packet)
    luma = np.frombuffer(frame.i420[: 64 * 48], np.uint8)
    assert (luma.min(), luma.max()) == (16, 235)


def coded(codec: str, count: int, form: str = "yuv420p", **options: str) -> list[bytes]:
    """Pictures of 64x48 that change, the first one a key picture."""
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt, context.time_base = 64, 48, form, Fraction(1, 5)
    context.options, context.thread_count = options, 1
    found = []
    for number in range(count):
        planes = np.random.default_rng(number).integers(60, 180, (72, 64)).astype(np.uint8)
        picture = av.VideoFrame.from_ndarray(planes, format=form)
        picture.pts = number
        found += [bytes(each) for each in context.encode(picture)]
    return found + [bytes(each) for each in context.encode(None)]


def h265(count: int) -> list[Packet]:
    """Pictures of H.265, each after the one before; the parameter sets stand in the first."""
    quiet = "log-level=none:keyint=50:bframes=0:pools=none:frame-threads=1"
    pictures = [
        nal.split_annexb(each)
        for each in coded("libx265", count, preset="ultrafast", tune="zerolatency", **{"x265-params": quiet})
    ]
    sets = units.parameter_sets(Codec.H265, pictures[0])
    return _packets(Codec.H265, [tuple(one for one in each if one not in sets) for each in pictures], sets)


def jpegs(count: int) -> list[Packet]:
    return _packets(Codec.JPEG, [(each,) for each in coded("mjpeg", count, "yuvj420p")], ())


def av1s(count: int) -> list[Packet]:
    pictures = coded("libsvtav1", count, preset="12", **{"svtav1-params": "pred-struct=1:lookahead=0:lp=1"})
    return _packets(Codec.AV1, [_obus(each) for each in pictures], ())


def _obus(unit: bytes) -> tuple[bytes, ...]:
    """The pieces of a temporal unit, each with its size inside (AV1, 5.3.2)."""
    found, at = [], 0
    while at < len(unit):
        size, begin = av1.leb128(unit, at + 1)
        found.append(unit[at : begin + size])
        at = begin + size
    return tuple(found)


def _packets(codec: Codec, pictures: list[tuple[bytes, ...]], sets: tuple[bytes, ...]) -> list[Packet]:
    info = StreamInfo(64, 48, sets, codec)
    return [
        Packet(nals, units.is_key(codec, nals), SourceTime(1, at), Instant(at), info)
        for at, nals in enumerate(pictures)
    ]


@pytest.mark.parametrize("made", [h265, av1s, jpegs])
def test_other_codecs_give_one_frame_for_one_picture_too(made: Callable[[int], list[Packet]]) -> None:
    decoder, packets = SubDecoder((32, 24)), made(6)
    assert packets[0].key
    for packet in packets:
        (frame,) = decoder.decode(packet)
        assert (frame.source, frame.width, frame.height) == (packet.source, 32, 24)


def test_a_picture_of_h265_whose_reference_was_lost_is_not_patched_up() -> None:
    packets, decoder = h265(12), SubDecoder()
    assert len(decoder.decode(packets[0])) == 1
    assert _all(decoder, packets[4:]) == []


def test_a_camera_that_changes_its_codec_is_followed_from_the_next_key_picture() -> None:
    frames = _all(SubDecoder(), [*h265(3), *packets_of(stream(3, 64, 48)), *jpegs(2)])
    assert len(frames) == 8


@pytest.mark.parametrize("made", [h265, av1s, jpegs])
def test_damage_in_other_codecs_raises_one_kind_of_error_or_gives_nothing(
    made: Callable[[int], list[Packet]],
) -> None:
    dice = random.Random(4)
    for packet in made(4):
        for _ in range(40):
            unit = bytearray(max(packet.nals, key=len))
            for _ in range(6):
                unit[dice.randrange(len(unit))] = dice.randrange(256)
            broken = replace(packet, nals=(bytes(unit[: dice.randrange(2, len(unit))]),), key=True)
            try:
                SubDecoder().decode(broken)
            except CustodesError as refusal:
                assert refusal.kind is Kind.CORRUPT  # noqa: PT017  (a picture that decodes all the same is as good)


def _all(decoder: SubDecoder, packets: list[Packet]) -> list:
    return [frame for packet in packets for frame in decoder.decode(packet)]
