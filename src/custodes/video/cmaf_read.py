# SPDX-License-Identifier: AGPL-3.0-or-later
"""CMAF reading, as far as our own fragments go: walk boxes, move a fragment in time, take its NAL units out.

Source: ISO/IEC 14496-12:2022; the clause stands at each function. All input is hostile: errors are ``CustodesError``
(CORRUPT).
"""

import struct
from collections.abc import Iterator

from custodes.clock import SECOND, Instant
from custodes.errors import corrupt
from custodes.video import nal
from custodes.video.cmaf import NTP_OFFSET


def boxes(data: bytes, begin: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, first byte and end of each box's content between ``begin`` and ``end`` (4.2.2)."""
    end = len(data) if end is None else end
    while begin < end:
        if end - begin < 8:
            raise corrupt("a box is cut short")
        size, kind = struct.unpack_from(">I4s", data, begin)
        if size < 8 or begin + size > end:
            raise corrupt("a box is larger than what holds it")
        yield kind, begin + 8, begin + size
        begin += size


def find(data: bytes, *path: bytes) -> tuple[int, int]:
    """Return first byte and end of the content of the first box at ``path``, e.g. ``moof``, ``traf``, ``tfdt``."""
    begin, end = 0, len(data)
    for wanted in path:
        for kind, first, last in boxes(data, begin, end):
            if kind == wanted:
                begin, end = first, last
                break
        else:
            raise corrupt(f"there is no {'/'.join(step.decode('ascii', 'replace') for step in path)} box")
    return begin, end


def decode_time(fragment: bytes) -> int:
    """Return ``baseMediaDecodeTime`` in ticks (8.8.12, version 1 only)."""
    begin, end = find(fragment, b"moof", b"traf", b"tfdt")
    if end - begin != 12 or fragment[begin] != 1:
        raise corrupt("the fragment's decode time has an unknown form")
    return int.from_bytes(fragment[begin + 4 : end], "big")


def reference_time(data: bytes) -> Instant | None:
    """Return when media time 0 was, by the file's first ``prft`` (8.16.5); None without one that speaks of time 0."""
    for kind, begin, end in boxes(data):
        if kind == b"prft":
            if end - begin != 24 or data[begin] != 1 or any(data[begin + 16 : end]):
                return None
            ntp = int.from_bytes(data[begin + 8 : begin + 16], "big")
            # NTP's seconds begin anew in 2036 (RFC 5905, 6): small ones are of the era that follows.
            seconds = (ntp >> 32) + (0 if ntp >> 63 else 1 << 32) - NTP_OFFSET
            return Instant(seconds * SECOND + -(-(ntp & 0xFFFFFFFF) * SECOND >> 32))
    return None


def moved(fragment: bytes, sequence: int, time: int) -> bytes:
    """Return the fragment with another ``mfhd`` number and ``baseMediaDecodeTime``; nothing else changes."""
    decode_time(fragment)
    changed = bytearray(fragment)
    number, end = find(fragment, b"moof", b"mfhd")
    if end - number != 8:
        raise corrupt("the fragment's number has an unknown form")
    changed[number + 4 : end] = struct.pack(">I", sequence & 0xFFFFFFFF)
    begin, end = find(fragment, b"moof", b"traf", b"tfdt")
    changed[begin + 4 : end] = struct.pack(">Q", time)
    return bytes(changed)


def fragment_nals(fragment: bytes) -> tuple[bytes, ...]:
    """Return all NAL units of a fragment of ours, in order: ``mdat`` holds samples and nothing else."""
    begin, end = find(fragment, b"mdat")
    return nal.split_lengths(fragment[begin:end])
