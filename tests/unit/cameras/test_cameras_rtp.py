# SPDX-License-Identifier: AGPL-3.0-or-later
"""RTP and RTCP of the virtual cameras."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custodes.clock import SECOND, Instant
from custodes.demo.cameras.rtp import MTU, RtpSender, is_rtcp, payloads, ticks_of

ENTROPY = bytes.fromhex("deadbeef fffff000 fffe".replace(" ", ""))


def reassemble(parts: list[bytes]) -> list[bytes]:
    """Undo the packetisation by RFC 6184, 5.6 and 5.8."""
    nals: list[bytes] = []
    for part in parts:
        if part[0] & 0x1F != 28:
            nals.append(part)
        elif part[1] & 0x80:
            nals.append(bytes((part[0] & 0xE0 | part[1] & 0x1F,)) + part[2:])
        else:
            nals[-1] += part[2:]
    return nals


@given(st.lists(st.tuples(st.integers(1, 23), st.integers(0, 6000)), min_size=1, max_size=5))
def test_a_receiver_puts_the_nal_units_together_again(shapes: list[tuple[int, int]]) -> None:
    nals = [bytes((0x60 | kind,)) + bytes(index % 251 for index in range(length)) for kind, length in shapes]
    parts = payloads(nals)
    assert reassemble(parts) == nals
    assert max(len(part) for part in parts) <= MTU - 12
    for part in parts:
        if part[0] & 0x1F == 28:
            assert part[1] & 0xC0 != 0xC0, "a fragment must not be first and last (RFC 6184, 5.8)"


@pytest.mark.parametrize("length", [MTU - 13, MTU - 12, MTU - 11, 1 + 2 * (MTU - 14), 2 + 2 * (MTU - 14)])
def test_the_last_fragment_and_only_it_has_the_end_bit(length: int) -> None:
    nal = b"\x65" + b"\xaa" * (length - 1)
    parts = payloads([nal])
    assert reassemble(parts) == [nal]
    fragments = [part for part in parts if part[0] & 0x1F == 28]
    assert [bool(part[1] & 0x40) for part in fragments] == [part is fragments[-1] for part in fragments]


def test_packets_count_on_and_wrap_and_the_last_bears_the_marker() -> None:
    sender = RtpSender(ENTROPY)
    assert sender.next_sequence == 0xFFFE
    packets = sender.packets([b"\x67a", b"\x68b", b"\x65c"], 0x2000)
    fields = [struct.unpack("!BBHII", packet[:12]) for packet in packets]
    assert [first for first, *_ in fields] == [0x80] * 3
    assert [kind for _, kind, *_ in fields] == [96, 96, 96 | 0x80]
    assert [sequence for _, _, sequence, *_ in fields] == [0xFFFE, 0xFFFF, 0]
    assert {(stamp, ssrc) for *_, stamp, ssrc in fields} == {((0xFFFFF000 + 0x2000) % 2**32, 0xDEADBEEF)}
    assert [packet[12:] for packet in packets] == [b"\x67a", b"\x68b", b"\x65c"]


def test_a_sender_report_says_what_was_sent_and_when() -> None:
    sender = RtpSender(ENTROPY)
    sender.packets([b"12345", b"678"], 0)
    report = sender.report(Instant(10 * SECOND + SECOND // 2), 4500)
    assert is_rtcp(report)
    ssrc, seconds, fraction, stamp, packets, octets = struct.unpack("!IIIIII", report[4:28])
    assert (ssrc, seconds, fraction) == (0xDEADBEEF, 10 + 2_208_988_800, 1 << 31)
    assert stamp == (0xFFFFF000 + 4500) % 2**32
    assert (packets, octets) == (2, 8)
    assert struct.unpack("!BBH", report[28:32]) == (0x81, 202, 4), "SDES follows"
    goodbye = sender.goodbye(Instant(0), 0)
    assert is_rtcp(goodbye)
    assert struct.unpack("!BBHI", goodbye[-8:]) == (0x81, 203, 1, 0xDEADBEEF)


def test_a_sender_wants_all_its_random_bytes() -> None:
    with pytest.raises(ValueError, match="10 random bytes"):
        RtpSender(b"short")


@given(st.binary(max_size=64))
def test_any_bytes_are_told_from_rtcp(data: bytes) -> None:
    if is_rtcp(data):
        assert data[0] >> 6 == 2
        assert 200 <= data[1] <= 207


def test_what_is_not_rtcp_is_said_not_to_be() -> None:
    report = RtpSender(ENTROPY).report(Instant(0), 0)
    assert not is_rtcp(b"")
    assert not is_rtcp(report[:-1])
    assert not is_rtcp(report + b"\x80")
    assert not is_rtcp(b"\x40" + report[1:])
    assert not is_rtcp(report[:1] + b"\x60" + report[2:])


def test_a_second_has_ninety_thousand_ticks() -> None:
    assert ticks_of(SECOND) == 90_000
    assert ticks_of(40_000_000) == 3600
