# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whatever a camera sends, the RTSP client's parsers raise one type only, and hold no more than they say."""

import contextlib
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ingest_streams import stream

from custodes.domain.video import Codec
from custodes.errors import CustodesError
from custodes.video import hevc, units
from custodes.video.ingest.rtsp import message, sdp
from custodes.video.ingest.rtsp.auth import best_challenge
from custodes.video.ingest.rtsp.interleaved import Interleaved
from custodes.video.ingest.rtsp.rtp import MAX_UNIT, Reorder, Unpacker, sender_report

BYTES = st.binary(max_size=400)
HEADS = st.sampled_from([b"RTSP/1.0 200 OK\r\n", b"OPTIONS * RTSP/1.0\r\n", b"$\0\0\x10", b"$\1\0\4", b"\x80\x60", b""])


def packet(sequence: int, payload: bytes, timestamp: int = 0, marked: bool = False) -> bytes:
    head = bytes((0x80, 96 | marked << 7)) + (sequence & 0xFFFF).to_bytes(2)
    return head + timestamp.to_bytes(4) + bytes(4) + payload


@given(st.lists(st.tuples(HEADS, BYTES), max_size=8))
def test_a_connection_of_any_bytes_ends_in_one_type_of_error_or_none(pieces: list[tuple[bytes, bytes]]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        taken = Interleaved()
        taken.listen(Unpacker(Codec.H264, 96, eager=True))
        for head, rest in pieces:
            theirs.sendall(head + rest)
            with contextlib.suppress(CustodesError):
                taken.drain(ours)
            assert len(taken.messages) <= 65


@given(BYTES)
def test_documents_and_headers_of_any_bytes_raise_one_type_only(data: bytes) -> None:
    with contextlib.suppress(CustodesError):
        message.read(data, 0)
    with contextlib.suppress(CustodesError):
        sdp.choose_video(data)
    with contextlib.suppress(CustodesError):
        sdp.choose_video(b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\na=fmtp:96 " + data)
    best_challenge([data.decode("latin-1")])
    sender_report(data, 0, len(data))


@pytest.mark.parametrize("codec", Codec)
@given(payloads=st.lists(st.tuples(st.binary(max_size=80), st.integers(0, 3), st.booleans()), max_size=30))
def test_packets_of_any_payload_make_whole_units_or_nothing(
    codec: Codec, payloads: list[tuple[bytes, int, bool]]
) -> None:
    unpacker, sequence = Unpacker(codec, 96, eager=True), 0
    for payload, skipped, marked in payloads:
        sequence += 1 + skipped
        with contextlib.suppress(CustodesError):
            unpacker.push(packet(sequence, payload, sequence // 3, marked), 0, 12 + len(payload))
    with contextlib.suppress(CustodesError):
        unpacker.close()
    for unit in unpacker.units:
        assert all(unit.nals)
        assert any(units.is_slice(codec, each) for each in unit.nals)
        with contextlib.suppress(CustodesError):
            units.stream_info(codec, units.parameter_sets(codec, unit.nals))


def test_a_unit_without_an_end_is_given_up_before_it_fills_the_memory() -> None:
    unpacker = Unpacker(Codec.H264, 96, eager=True)
    pieces = (packet(number, b"\x7c\x01" + bytes(1_000)) for number in range(MAX_UNIT // 1_000 + 2))
    with pytest.raises(CustodesError, match="no end"):
        all(unpacker.push(piece, 0, len(piece)) for piece in pieces)


@given(st.permutations(range(12)), st.integers(0, 0xFFFF))
def test_datagrams_that_were_shuffled_a_little_come_in_order(order: list[int], first: int) -> None:
    reorder, found = Reorder(window=16), []
    packets = [packet(first + number, bytes([number])) for number in range(30)]
    for each in [packets[0], *(packets[1 + number] for number in order), *packets[13:]]:
        found += reorder.push(each, 0)
    assert found == packets


@settings(max_examples=200)
@given(st.integers(0, 400), st.binary(min_size=1, max_size=6))
def test_a_damaged_h265_parameter_set_raises_one_type_only(at: int, damage: bytes) -> None:
    sps = next(each for each in stream(2, codec=Codec.H265)[0].nals if hevc.kind(each) == hevc.SPS)
    at %= len(sps)
    with contextlib.suppress(CustodesError):
        hevc.read_sps(sps[:at] + damage + sps[at + len(damage) :])


def test_the_size_of_an_h265_stream_is_read_after_cropping() -> None:
    units_ = stream(2, 322, 182, codec=Codec.H265)
    info = units.stream_info(Codec.H265, units.parameter_sets(Codec.H265, units_[0].nals))
    assert info is not None
    assert (info.width, info.height) == (322, 182)
