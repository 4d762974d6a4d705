# SPDX-License-Identifier: AGPL-3.0-or-later
"""Masked fragments as one file."""

from collections.abc import Sequence

from custodes.errors import corrupt, invalid
from custodes.video import cmaf, cmaf_read


def as_mp4(init: bytes, fragments: Sequence[bytes]) -> bytes:
    """Return a playable MP4 (fragmented, ISO/IEC 14496-12, 8.8): ``init``, then the fragments in ascending time.

    Time begins at 0 with the first fragment, and a ``prft`` box says when that was; holes between fragments stay.
    Fragments are numbered from 1. Raises ``CustodesError``: INVALID without fragments, CORRUPT if one cannot be read or
    is not after the one before.
    """
    if not fragments:
        raise invalid("there is no masked video in this window")
    cmaf_read.find(init, b"moov", b"trak")
    begin = previous = cmaf_read.decode_time(fragments[0])
    pieces = [init, cmaf.reference_time(begin)]
    for number, fragment in enumerate(fragments, 1):
        time = cmaf_read.decode_time(fragment)
        if number > 1 and time <= previous:
            raise corrupt("masked fragments are not in the order of their times")
        previous = time
        pieces.append(cmaf_read.moved(fragment, number, time - begin))
    return b"".join(pieces)
