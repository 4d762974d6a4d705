# SPDX-License-Identifier: AGPL-3.0-or-later
"""One slice of what a camera sends, taken straight from its stream, for showing that the search works."""

import av

from custodes.domain.video import StreamUrl
from custodes.errors import unavailable
from custodes.video import nal

_ENOUGH = 4_000


def a_slice(url: StreamUrl) -> bytes:
    """Return a slice NAL unit of at least 4,000 bytes; it is held in memory only."""
    with av.open(url.value, mode="r", options={"rtsp_transport": "tcp", "timeout": "5000000"}) as container:
        for packet in container.demux(video=0):
            for unit in nal.split_annexb(bytes(packet)):
                if nal.is_slice(unit) and len(unit) >= _ENOUGH:
                    return unit
    raise unavailable("the camera sent no picture to look for")
