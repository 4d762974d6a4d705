# SPDX-License-Identifier: AGPL-3.0-or-later
"""CMAF boxes: what a player reads in them, and that nothing else is in them."""

import io
from fractions import Fraction

import av
import pytest
from tests.ingest_streams import stream

from custodes.errors import CustodesError
from custodes.video import cmaf, cmaf_read, nal


def test_boxes_fill_what_holds_them_exactly() -> None:
    init = cmaf.init_segment("avc3", stream()[0].nals[:2])
    assert [kind for kind, _, _ in cmaf_read.boxes(init.data)] == [b"ftyp", b"moov"]
    begin, end = cmaf_read.find(init.data, b"moov")
    assert [kind for kind, _, _ in cmaf_read.boxes(init.data, begin, end)] == [b"mvhd", b"trak", b"mvex"]
    begin, end = cmaf_read.find(init.data, b"moov", b"trak", b"mdia", b"minf", b"stbl")
    kinds = [kind for kind, _, _ in cmaf_read.boxes(init.data, begin, end)]
    assert kinds == [b"stsd", b"stts", b"stsc", b"stsz", b"stco"]


@pytest.mark.parametrize("entry", ["avc1", "avc3"])
def test_libav_reads_size_codec_and_parameter_sets(entry: str) -> None:
    sets = stream(2, 640, 360)[0].nals[:2]
    init = cmaf.init_segment(entry, sets)
    data = init.data + cmaf.fragment(1, 0, [cmaf.Sample(stream(2, 640, 360)[0].nals, True, 3600)])
    with av.open(io.BytesIO(data)) as file:
        video = file.streams.video[0]
        assert (video.codec_context.name, video.width, video.height) == ("h264", 640, 360)
        assert video.time_base == Fraction(1, 90_000)
        assert nal.from_extradata(video.codec_context.extradata) == sets
        assert len(list(file.decode(video=0))) == 1
    assert init.codec == f"{entry}.{sets[0][1:4].hex()}"
    assert entry.encode() in init.data


def test_times_offsets_and_key_flags_are_what_was_written() -> None:
    units = stream(8, 64, 48, gop=4)
    samples = [
        cmaf.Sample(unit.nals, unit.key, 3000 + index, offset)
        for index, (unit, offset) in enumerate(zip(units, (0, 500, 0, 7, 0, 0, 0, 0), strict=True))
    ]
    begin = 1_790_000_000 * 90_000
    data = cmaf.init_segment("avc3", units[0].nals[:2]).data + cmaf.fragment(2**32 + 5, begin, samples)
    with av.open(io.BytesIO(data)) as file:
        packets = [packet for packet in file.demux(video=0) if packet.size]
    times = [begin + sum(3000 + before for before in range(index)) for index in range(8)]
    assert [packet.dts for packet in packets] == times
    assert [packet.pts - packet.dts for packet in packets] == [0, 500, 0, 7, 0, 0, 0, 0]
    assert [packet.is_keyframe for packet in packets] == [True, False, False, False] * 2
    assert [packet.duration for packet in packets] == [3000 + index for index in range(8)]
    assert [nal.split_lengths(bytes(packet)) for packet in packets] == [unit.nals for unit in units]


def test_a_moved_fragment_differs_in_number_and_time_only() -> None:
    fragment = cmaf.fragment(7, 90_000, [cmaf.Sample(stream()[0].nals, True, 3600)])
    moved = cmaf_read.moved(fragment, 1, 2**40)
    assert cmaf_read.decode_time(moved) == 2**40
    assert cmaf_read.moved(moved, 7, 90_000) == fragment
    assert cmaf_read.fragment_nals(moved) == stream()[0].nals


def test_every_shortened_fragment_is_refused() -> None:
    fragment = cmaf.fragment(7, 90_000, [cmaf.Sample((b"\x65abc",), True, 3600)])
    for length in range(len(fragment)):
        with pytest.raises(CustodesError):
            cmaf_read.fragment_nals(fragment[:length])
