# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whether a recorded file is as long as its own structure says. libav plays what is there and tells nobody.

Three families say how long they are: ISO base media files (ISO/IEC 14496-12, 4.2), RIFF (AVI) and Matroska (RFC 8794,
RFC 9559). Transport and elementary streams have no end, so nothing can be missing from them.
"""

import io
from typing import BinaryIO

from custodes.errors import corrupt

_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"moof", b"pnot"}
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_MOST_BOXES = 1 << 20


def check_whole(file: BinaryIO) -> None:
    """Raise ``CustodesError`` (CORRUPT) if the file is empty or ends too early. It is left at its beginning."""
    length = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(64)
    if not head:
        raise corrupt("the file is empty")
    if head[4:8] in _BOXES:
        end = _end_of_boxes(file, length)
    elif head[:4] == b"RIFF":
        end = 8 + int.from_bytes(head[4:8], "little")
    elif head[:4] == _EBML:
        end = _end_of_segment(head)
    else:
        end = 0
    file.seek(0)
    if end > length:
        raise corrupt(f"the file is torn: {length} of {end} bytes are there")


def _end_of_boxes(file: BinaryIO, length: int) -> int:
    place = 0
    for _ in range(_MOST_BOXES):
        if place >= length:
            break
        file.seek(place)
        head = file.read(16)
        if not head[4:8].isalnum():
            return place  # what a recorder has put behind its video is not ours to judge
        size = int.from_bytes(head[:4], "big")
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        if size == 0:
            return length
        place += max(size, 8)
    return place


def _end_of_segment(head: bytes) -> int:
    """Where the segment ends, which follows the EBML header; 0 if it does not say (a live recording)."""
    size, place = _size(head, 4)
    place += size
    if head[place : place + 4] != _SEGMENT:
        return 0
    known, begin = _size(head, place + 4)
    return begin + known if known else 0


def _size(head: bytes, place: int) -> tuple[int, int]:
    """A variable-size integer and where it ends; 0 if it is unknown (all ones) or cut off."""
    first = head[place] if place < len(head) else 0
    width = 9 - first.bit_length() if first else 9
    if width > 8 or place + width > len(head):
        return 0, place
    value = int.from_bytes(head[place : place + width], "big") & ((1 << 7 * width) - 1)
    return (0 if value == (1 << 7 * width) - 1 else value), place + width
