# SPDX-License-Identifier: AGPL-3.0-or-later
"""The main stream as fragments: NAL for NAL, tick for tick, at most a second each, readable by libav."""

import io
from dataclasses import replace

import av
import pytest
from tests.ingest_streams import Unit, stream

from custodes.clock import Instant
from custodes.domain.video import Packet, SourceTime, StreamInfo
from custodes.errors import CustodesError
from custodes.video import cmaf_read, nal
from custodes.video.ingest.fragmenter import Fragmenter, OriginalFragment, init_segment

SECOND = 90_000


def packets_of(units: tuple[Unit, ...], connection: int = 1, begin: int = 0) -> list[Packet]:
    info = StreamInfo(320, 180, nal.parameter_sets(units[0].nals))
    return [
        Packet(
            unit.nals, unit.key, SourceTime(connection, unit.ticks), Instant(begin + unit.ticks * 100_000 // 9), info
        )
        for unit in units
    ]


def fragments_of(packets: list[Packet]) -> list[OriginalFragment]:
    fragmenter = Fragmenter()
    return [each for packet in packets for each in fragmenter.push(packet)] + fragmenter.flush()


def decoded(packets: list[Packet], fragments: list[OriginalFragment]) -> list[int]:
    data = init_segment(packets[0].info) + b"".join(each.data for each in fragments)
    with av.open(io.BytesIO(data)) as file:
        times = [frame.pts for frame in file.decode(video=0) if not frame.is_corrupt]
    # libav moves a whole track later so that no composition offset is negative.
    return [time - times[0] for time in times]


@pytest.mark.parametrize("bframes", [0, 1, 2, 3])
@pytest.mark.parametrize(("fps", "gop"), [(25, 25), (25, 40), (10, 250), (5, 7), (1, 3), (30, 60)])
def test_every_nal_unit_and_every_presentation_time_is_kept(fps: int, gop: int, bframes: int) -> None:
    units = stream(62, 64, 48, fps, gop, bframes)
    packets = packets_of(units)
    fragments = fragments_of(packets)
    assert [each for fragment in fragments for each in fragment.nals] == [each for unit in units for each in unit.nals]
    assert all(cmaf_read.fragment_nals(fragment.data) == fragment.nals for fragment in fragments)
    assert decoded(packets, fragments) == sorted(unit.ticks for unit in units)


@pytest.mark.parametrize("bframes", [0, 2])
def test_fragments_are_contiguous_at_most_a_second_and_begin_anew_at_key_pictures(bframes: int) -> None:
    packets = packets_of(stream(200, 64, 48, 25, 40, bframes))
    fragments = fragments_of(packets)
    times = [cmaf_read.decode_time(fragment.data) for fragment in fragments]
    lengths = [fragment.duration_ticks for fragment in fragments]
    assert times[0] == 0
    assert [time + length for time, length in zip(times, lengths, strict=True)][:-1] == times[1:]
    assert max(lengths) <= SECOND
    keys = {packet.source.ticks for packet in packets if packet.key}
    assert {fragment.first_ticks for fragment in fragments if fragment.key} == keys
    by_ticks = {packet.source.ticks: packet.received for packet in packets}
    assert [fragment.start for fragment in fragments] == [by_ticks[fragment.first_ticks] for fragment in fragments]


def test_a_second_of_pictures_is_handed_out_when_the_next_picture_comes() -> None:
    fragmenter, units = Fragmenter(), stream(26, 64, 48, 25, 250)
    ready = [fragmenter.push(packet) for packet in packets_of(units)]
    assert [len(each) for each in ready] == [*[0] * 25, 1]
    assert ready[25][0].duration_ticks == SECOND


def test_after_a_cut_time_and_numbers_begin_anew() -> None:
    fragmenter, packets = Fragmenter(), packets_of(stream(62, 64, 48, 25, 25))
    ahead = [each for packet in packets[:30] for each in fragmenter.push(packet)] + fragmenter.cut()
    behind = [each for packet in packets[50:] for each in fragmenter.push(packet)] + fragmenter.flush()
    assert sum(len(each.nals) for each in ahead) == sum(len(packet.nals) for packet in packets[:30])
    assert [cmaf_read.decode_time(each.data) for each in behind] == [0]
    assert behind[0].first_ticks == 50 * 3600
    assert decoded(packets, behind) == [index * 3600 for index in range(12)]
    assert fragmenter.cut() == []


def test_after_a_reconnection_time_goes_on_by_the_hole_that_was_there() -> None:
    units = stream(25, 64, 48, 25, 25)
    packets = packets_of(units) + packets_of(units, connection=2, begin=3_000_000_000)
    fragments = fragments_of(packets)
    assert [cmaf_read.decode_time(each.data) for each in fragments] == [0, 3 * SECOND]
    assert decoded(packets, fragments)[25] == 3 * SECOND


@pytest.mark.parametrize("jump", [10_000_000_000, -10_000_000])
def test_a_leap_of_the_cameras_clock_does_not_tear_the_recording(jump: int) -> None:
    units = stream(50, 64, 48, 25, 25)
    leapt = tuple(Unit(unit.ticks + jump * (index >= 30), unit.nals, unit.key) for index, unit in enumerate(units))
    steady = packets_of(units)
    packets = [
        Packet(each.nals, each.key, SourceTime(1, unit.ticks), each.received, each.info)
        for each, unit in zip(steady, leapt, strict=True)
    ]
    assert decoded(packets, fragments_of(packets)) == [index * 3600 for index in range(50)]


def test_a_picture_that_stays_for_seconds_leaves_a_hole_and_not_a_long_fragment() -> None:
    units = stream(20, 64, 48, 25, 250)
    late = tuple(Unit(unit.ticks + 4 * SECOND * (index >= 10), unit.nals, unit.key) for index, unit in enumerate(units))
    packets = packets_of(late)
    fragments = fragments_of(packets)
    assert max(fragment.duration_ticks for fragment in fragments) <= SECOND
    assert decoded(packets, fragments) == [unit.ticks for unit in late]


def test_units_that_share_a_time_stay_apart_in_decoding_order() -> None:
    units = stream(10, 64, 48, 25, 250)
    same = tuple(Unit(0 if index < 3 else unit.ticks, unit.nals, unit.key) for index, unit in enumerate(units))
    fragments = fragments_of(packets_of(same))
    assert [each for fragment in fragments for each in fragment.nals] == [each for unit in same for each in unit.nals]
    assert len(decoded(packets_of(same), fragments)) == 10


def test_parameter_sets_that_nobody_can_use_are_refused() -> None:
    sps, pps = stream()[0].nals[:2]
    for sets in ((), (sps,), (pps,), (sps[:5], pps)):
        with pytest.raises(CustodesError):
            init_segment(StreamInfo(320, 180, sets))


@pytest.mark.parametrize("step", [0, -1])
def test_a_camera_whose_time_stands_still_or_runs_backwards_is_fragmented_all_the_same(step: int) -> None:
    first = packets_of(stream(2))[0]
    fragmenter, made, pictures = Fragmenter(), [], 2_000
    for number in range(pictures):
        source = SourceTime(1, number * step)
        at = Instant(first.received + number * 40_000_000)
        made += fragmenter.push(replace(first, key=number == 0, source=source, received=at))
        assert len(fragmenter._pending) <= 60
    made += fragmenter.flush()
    assert sum(len(fragment.nals) for fragment in made) == pictures * len(first.nals)
