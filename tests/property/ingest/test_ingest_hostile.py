# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whatever bytes come, the video parsers answer or raise ``CustodesError``; what we write we can read."""

from hypothesis import given
from hypothesis import strategies as st
from tests.ingest_streams import stream

from custodes.clock import Instant
from custodes.domain.video import Packet, SourceTime, StreamInfo
from custodes.errors import CustodesError
from custodes.video import cmaf, cmaf_read, nal
from custodes.video.ingest.decode import SubDecoder
from custodes.video.ingest.fragmenter import LIMIT, Fragmenter

UNIT = st.binary(min_size=1, max_size=40).map(lambda data: data.replace(b"\x00\x00", b"\x00\x01") + b"\x80")
INFO = StreamInfo(320, 180, nal.parameter_sets(stream()[0].nals))


@given(st.lists(UNIT, max_size=6), st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_nal_units_survive_any_padding(nals: list[bytes], zeros: list[int]) -> None:
    data = b"".join(bytes(pad) + b"\x00\x00\x01" + each for each, pad in zip(nals, zeros, strict=False))
    assert nal.split_annexb(data) == tuple(nals)
    assert nal.split_annexb(nal.join_annexb(nals)) == tuple(nals)
    assert nal.split_lengths(nal.join_lengths(nals)) == tuple(nals)


@given(st.binary(max_size=200))
def test_parsers_of_any_bytes_answer_or_refuse(data: bytes) -> None:
    for parse in (
        nal.split_annexb,
        nal.split_lengths,
        nal.from_extradata,
        lambda data: nal.read_sps(b"\x67" + data),
        cmaf_read.decode_time,
        cmaf_read.fragment_nals,
        lambda data: cmaf_read.moved(data, 1, 0),
    ):
        try:
            parse(data)
        except CustodesError:
            continue


@given(st.integers(0, 400), st.binary(min_size=1, max_size=8))
def test_a_damaged_fragment_is_read_or_refused(position: int, damage: bytes) -> None:
    samples = [cmaf.Sample((b"\x65" + bytes((index,)) * 20,), True, 3600) for index in range(5)]
    data = bytearray(cmaf.fragment(1, 7200, samples))
    data[position : position + len(damage)] = damage
    try:
        cmaf_read.moved(bytes(data), 2, 0)
        cmaf_read.fragment_nals(bytes(data))
    except CustodesError:
        return


@given(st.data())
def test_the_decoder_answers_damage_with_frames_or_a_refusal(data: st.DataObject) -> None:
    decoder = SubDecoder()
    for index, unit in enumerate(stream(4, 64, 48)):
        nals = [bytearray(each) for each in unit.nals]
        victim = data.draw(st.sampled_from(nals))
        for _ in range(data.draw(st.integers(0, 3))):
            victim[data.draw(st.integers(0, len(victim) - 1))] = data.draw(st.integers(0, 255))
        info = StreamInfo(64, 48, nal.parameter_sets(unit.nals) or INFO.parameter_sets)
        packet = Packet(tuple(map(bytes, nals)), unit.key, SourceTime(1, index), Instant(index), info)
        try:
            frames = decoder.decode(packet)
        except CustodesError:
            continue
        assert all(len(frame.i420) == frame.width * frame.height * 3 // 2 for frame in frames)


@given(st.lists(st.tuples(st.integers(-20_000, 200_000), st.booleans(), st.integers(0, 2)), min_size=1, max_size=60))
def test_fragments_lose_nothing_and_never_run_backwards_whatever_the_clock_of_the_camera_does(
    steps: list[tuple[int, bool, int]],
) -> None:
    fragmenter, ticks, connection, packets = Fragmenter(), 0, 1, []
    for index, (step, key, reconnect) in enumerate(steps):
        connection, ticks = (connection + 1, 0) if reconnect == 2 else (connection, ticks + step)
        nals = (b"\x65" + index.to_bytes(2, "big") + b"\x80",)
        source = SourceTime(connection, ticks)
        packets.append(Packet(nals, key or index == 0, source, Instant(index * 40_000_000), INFO))
    fragments = [each for packet in packets for each in fragmenter.push(packet)] + fragmenter.flush()
    assert [each for fragment in fragments for each in fragment.nals] == [each.nals[0] for each in packets]
    end = 0
    for fragment in fragments:
        assert cmaf_read.fragment_nals(fragment.data) == fragment.nals
        assert cmaf_read.decode_time(fragment.data) >= end
        end = cmaf_read.decode_time(fragment.data) + fragment.duration_ticks
        assert 0 < fragment.duration_ticks <= LIMIT
