# SPDX-License-Identifier: AGPL-3.0-or-later
"""RTP packets of H.264 (RFC 3550, RFC 6184 packetisation mode 1) and RTCP."""

import struct
from collections.abc import Iterable

from custodes.clock import SECOND, Instant
from custodes.domain.video import TICKS

PAYLOAD_TYPE = 96
MTU = 1400
"""Bytes in an RTP packet at most, its header included."""

_HEADER = struct.Struct("!BBHII")
_MAX_PAYLOAD = MTU - _HEADER.size
_FU_A = 28
_SR, _SDES, _BYE = 200, 202, 203
_NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970 (RFC 5905, appendix)."""


def payloads(nals: Iterable[bytes]) -> list[bytes]:
    """Return the RTP payloads of one access unit: single NAL units, FU-A for those beyond the MTU (RFC 6184, 5.8)."""
    result: list[bytes] = []
    for nal in nals:
        if len(nal) <= _MAX_PAYLOAD:
            result.append(nal)
            continue
        indicator, kind = nal[0] & 0xE0 | _FU_A, nal[0] & 0x1F
        step = _MAX_PAYLOAD - 2
        for begin in range(1, len(nal), step):
            start, end = begin == 1, begin + step >= len(nal)
            result.append(bytes((indicator, start << 7 | end << 6 | kind)) + nal[begin : begin + step])
    return result


class RtpSender:
    """One receiver's RTP stream: its source identifier, its sequence, its time base."""

    def __init__(self, entropy: bytes) -> None:
        """``entropy``: 10 random bytes (RFC 3550, 5.1: initial values should be random)."""
        if len(entropy) != 10:
            raise ValueError("an RTP sender starts from 10 random bytes")
        self.ssrc = int.from_bytes(entropy[:4], "big")
        self.base = int.from_bytes(entropy[4:8], "big")
        self._sequence = int.from_bytes(entropy[8:], "big")
        self._packets = self._octets = 0

    @property
    def next_sequence(self) -> int:
        """The sequence number of the next packet."""
        return self._sequence

    def time(self, ticks: int) -> int:
        """Return the RTP time stamp of ``ticks`` (90 kHz) after the camera's first picture."""
        return (self.base + ticks) & 0xFFFFFFFF

    def packets(self, parts: list[bytes], ticks: int) -> list[bytes]:
        """Return one access unit's packets; the last one bears the marker (RFC 6184, 5.1)."""
        stamp, last = self.time(ticks), len(parts) - 1
        result = []
        for number, part in enumerate(parts):
            kind = PAYLOAD_TYPE | (0x80 if number == last else 0)
            result.append(_HEADER.pack(0x80, kind, self._sequence, stamp, self.ssrc) + part)
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._octets += len(part)
        self._packets += len(parts)
        return result

    def report(self, now: Instant, ticks: int) -> bytes:
        """Return a sender report with SDES (RFC 3550, 6.4.1); ``ticks`` and ``now`` name the same instant."""
        seconds, fraction = divmod(now, SECOND)
        report = struct.pack(
            "!BBHIIIIII",
            0x80,
            _SR,
            6,
            self.ssrc,
            (seconds + _NTP_EPOCH) & 0xFFFFFFFF,
            (fraction << 32) // SECOND,
            self.time(ticks),
            self._packets & 0xFFFFFFFF,
            self._octets & 0xFFFFFFFF,
        )
        return report + self._description()

    def goodbye(self, now: Instant, ticks: int) -> bytes:
        """Return a BYE, preceded by the report that a compound packet must begin with (RFC 3550, 6.1)."""
        return self.report(now, ticks) + struct.pack("!BBHI", 0x81, _BYE, 1, self.ssrc)

    def _description(self) -> bytes:
        # SDES with one item, CNAME (RFC 3550, 6.5); it says no more than that it is a camera.
        chunk = struct.pack("!IBB", self.ssrc, 1, 6) + b"camera"
        chunk += b"\x00" * (4 - len(chunk) % 4)
        return struct.pack("!BBH", 0x81, _SDES, len(chunk) // 4) + chunk


def is_rtcp(data: bytes) -> bool:
    """Tell whether ``data`` is a well-formed compound RTCP packet (RFC 3550, appendix A.2). Never raises."""
    place = 0
    while place + 4 <= len(data):
        first, kind, words = struct.unpack_from("!BBH", data, place)
        if first >> 6 != 2 or not 200 <= kind <= 207:
            return False
        place += 4 * (words + 1)
    return 0 < place == len(data)


def ticks_of(nanoseconds: int) -> int:
    """Return a length of time in RTP ticks."""
    return nanoseconds * TICKS // SECOND
