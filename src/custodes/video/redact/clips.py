# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures of native clips, one after the other, each with the time at which it was taken."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import av
from av.video.frame import VideoFrame

from custodes.clock import SECOND, Instant
from custodes.domain.video import TICKS, Frame, SourceTime
from custodes.errors import corrupt, invalid
from custodes.video.ingest.decode import i420

_MOST = 3840 * 2160


@dataclass(frozen=True, slots=True)
class Clip:
    """A native clip: ``started`` is the receiver's UTC at its first picture, ``read`` returns the MP4's bytes."""

    started: Instant
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture and its time: the clip's beginning and the stream's own time since then (90 kHz)."""

    at: Instant
    frame: VideoFrame

    def whole(self) -> Frame:
        """The picture at full size."""
        return Frame(self.frame.width, self.frame.height, i420(self.frame), self.at, SourceTime(0, 0))


def pictures(clips: Sequence[Clip]) -> Iterator[Picture]:
    """Decode the clips in the order given.

    ``CustodesError``: CORRUPT for a clip that cannot be decoded, INVALID if the size of the pictures changes.
    """
    size: tuple[int, int] | None = None
    for clip in clips:
        for picture in _decoded(clip):
            found = (picture.frame.width, picture.frame.height)
            if size is not None and found != size:
                raise invalid("the camera's pictures change their size: ask for the time before or after that")
            if found[0] % 2 or found[1] % 2 or found[0] * found[1] > _MOST:
                raise corrupt(f"pictures of {found[0]}x{found[1]} cannot be redacted")
            size = found
            yield picture


def _decoded(clip: Clip) -> Iterator[Picture]:
    try:
        with av.open(io.BytesIO(clip.read()), mode="r", format="mp4") as container:
            if not container.streams.video:
                raise corrupt("a clip holds no video")
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            for frame in container.decode(stream):
                if frame.pts is None or frame.time_base is None or frame.is_corrupt:
                    continue
                ticks = int(frame.pts * frame.time_base * TICKS)
                yield Picture(Instant(clip.started + ticks * SECOND // TICKS), frame)
    except (av.error.FFmpegError, ValueError, OSError):
        raise corrupt("a clip cannot be decoded") from None
