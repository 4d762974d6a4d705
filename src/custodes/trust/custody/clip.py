# SPDX-License-Identifier: Apache-2.0
"""Native clips: what a period's segment opens to. Reads hostile files: lengths are checked before they are believed."""

from collections.abc import Callable, Iterator

from custodes.errors import corrupt
from custodes.trust.seal.manifest import ClosingManifest
from custodes.trust.seal.segment import commitments, plaintext_size, split_fragment

ReadAt = Callable[[int, int], bytes]
"""Return that many bytes from that offset."""


def verify_clip(read: ReadAt, size: int, closing: ClosingManifest, commitment_key: bytes) -> int:
    """Check that a clip is, byte for byte, what the recorder committed to; return the number of NAL units.

    Needs no key that opens anything: ``commitment_key`` only undoes the blinding of the commitments. Raises
    ``CustodesError`` (CORRUPT) naming the first fragment that differs.
    """
    offset = count = 0
    for record in closing.fragments:
        length = plaintext_size(record)
        if offset + length > size:
            raise corrupt(f"the clip is cut off in fragment {record.number}")
        head, units = split_fragment(read(offset, length), record.units)
        if commitments(commitment_key, head, units) != (record.head, record.nals):
            raise corrupt(f"fragment {record.number} of the clip is not what the camera sent")
        if sum(1 for _ in split_units(units)) != record.units:
            raise corrupt(f"fragment {record.number} of the clip does not hold the units that the manifest counts")
        offset, count = offset + length, count + record.units
    if offset != size:
        raise corrupt("the clip goes on after its last fragment")
    return count


def split_units(units: bytes) -> Iterator[bytes]:
    """Yield the NAL units of media data, each behind its length in four bytes (ISO/IEC 14496-15, 5.3.3.1.2).

    Raises ``CustodesError`` (CORRUPT) if a length leads beyond the end.
    """
    offset = 0
    while offset < len(units):
        start = offset + 4
        offset = start + int.from_bytes(units[offset:start], "big")
        if offset > len(units) or start > len(units):
            raise corrupt("media data is cut off in the middle of a NAL unit")
        yield units[start:offset]


def nal_units(clip: bytes) -> Iterator[bytes]:
    """Yield the NAL units of a native clip in the order in which the camera sent them.

    Top-level boxes are walked (ISO/IEC 14496-12, 4.2), those of the type ``mdat`` are read. Raises ``CustodesError``
    (CORRUPT) if the boxes do not fill the file exactly.
    """
    offset = 0
    while offset < len(clip):
        size = int.from_bytes(clip[offset : offset + 4], "big")
        header = 8
        if size == 1:
            size, header = int.from_bytes(clip[offset + 8 : offset + 16], "big"), 16
        if size < header or offset + size > len(clip):
            raise corrupt("the clip is not a whole MP4 file")
        if clip[offset + 4 : offset + 8] == b"mdat":
            yield from split_units(clip[offset + header : offset + size])
        offset += size
