# SPDX-License-Identifier: AGPL-3.0-or-later
"""A masked copy read again: its pictures with the times of their slots."""

import io
from collections.abc import Iterator

import av
from av.video.frame import VideoFrame

from custodes.clock import SECOND, Instant
from custodes.domain.video import TICKS
from custodes.errors import corrupt
from custodes.video import cmaf_read


def masked_pictures(mp4: bytes) -> Iterator[tuple[Instant, VideoFrame]]:
    """Decode what ``encode.join.as_mp4`` has written; anything else raises ``CustodesError`` (CORRUPT)."""
    began = cmaf_read.reference_time(mp4)
    if began is None:
        raise corrupt("the masked copy does not say when it was taken")
    try:
        with av.open(io.BytesIO(mp4), mode="r", format="mp4") as container:
            for frame in container.decode(video=0):
                if frame.pts is None or frame.time_base is None or frame.is_corrupt:
                    raise corrupt("the masked copy is damaged")
                ticks = int(frame.pts * frame.time_base * TICKS)
                yield Instant(began + ticks * SECOND // TICKS), frame
    except (av.error.FFmpegError, ValueError, OSError, IndexError):
        raise corrupt("the masked copy cannot be decoded") from None
