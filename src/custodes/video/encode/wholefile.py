# SPDX-License-Identifier: AGPL-3.0-or-later
"""The masked copy of a recorded file: H.264 in MP4, one picture for each of the original's, at the same times.

Nothing of the original but size, times, pixel aspect, colour description and the turn for display is written: no sound,
no titles, no place, no date. Pictures of odd size are coded as 4:4:4 (H.264 cannot crop 4:2:0 to odd sizes); all others
as 4:2:0.

Times are exact as long as MP4 can hold the file's time base (a scale below 2^31, differences below 2^31); otherwise the
scale is reduced by what all times have in common, and if that does not do, times are rounded to microseconds.
"""

import math
import os
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from custodes.domain.video import Footage, MaskedFrame
from custodes.errors import CustodesError, Kind, invalid, unavailable
from custodes.video.encode.pictures import picture_of

_LIMIT = 1 << 31
_MICROSECONDS = 1_000_000
_KEY_EVERY = 250


class MaskedFile:
    """Writes one file at ``path``, which must not exist. ``ticks``: when each picture is, rising, at
    least one.

    ``CustodesError``: UNAVAILABLE if the disk does not take it, INVALID if a picture has another size. What there is of
    the file after an error is the caller's to remove.
    """

    def __init__(self, path: Path, footage: Footage, ticks: Sequence[int]) -> None:
        self._path, self._footage = path.absolute(), footage  # libav takes what stands before a colon for a protocol
        self._odd = bool(footage.width % 2 or footage.height % 2)
        self._scale, self._times = _timeline(ticks, footage.time_base)
        self._count = 0
        try:
            self._file: BinaryIO = path.open("xb+")
        except OSError as problem:
            raise self._failed(problem) from None
        try:
            self._container = self._open()
            self._stream = self._add_stream()
        except BaseException:
            self._file.close()
            raise

    def _open(self) -> OutputContainer:
        options = {
            "fflags": "+bitexact",
            "movflags": "+faststart",
            "video_track_timescale": str(self._scale),
            "movie_timescale": str(self._scale),
        }
        return av.open(str(self._path), "w", format="mp4", options=options)

    def _add_stream(self) -> VideoStream:
        footage = self._footage
        stream = self._container.add_stream("libx264", rate=None)
        context = stream.codec_context
        context.width, context.height = footage.width, footage.height
        context.pix_fmt = "yuv444p" if self._odd else "yuv420p"
        stream.set_display_matrix(self._footage.matrix)
        stream.time_base = context.time_base = Fraction(1, self._scale)
        context.sample_aspect_ratio = footage.aspect
        context.color_range = ColorRange.MPEG
        context.colorspace, context.color_primaries, context.color_trc = footage.colours
        context.gop_size, context.max_b_frames = _KEY_EVERY, 0
        context.flags |= Flags.bitexact
        context.options = {"preset": "veryfast", "crf": "20", "x264-params": "deblock=-1,-1"}
        return stream

    def write(self, frame: MaskedFrame) -> None:
        """Add the next picture."""
        if self._count >= len(self._times):
            raise invalid("there are more pictures than times")
        picture = self._picture(frame)
        picture.pts, picture.time_base = self._times[self._count], Fraction(1, self._scale)
        self._count += 1
        self._mux(self._stream.encode(picture))

    def close(self) -> None:
        """End the file and make it durable; raises unless it holds every picture at its time."""
        self._mux(self._stream.encode(None))
        try:
            self._container.close()
            self._check()
            os.fsync(self._file.fileno())
        except (av.error.FFmpegError, OSError, ValueError) as problem:
            raise self._failed(problem) from None
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Let go of it after an error."""
        try:
            self._container.close()
        except (av.error.FFmpegError, OSError, ValueError):
            pass  # it is removed anyway
        finally:
            self._file.close()

    def _picture(self, frame: MaskedFrame) -> VideoFrame:
        width, height = self._footage.width, self._footage.height
        if (frame.width, frame.height) != (width + width % 2, height + height % 2):
            raise invalid("a masked frame has another size than the file")
        if not self._odd:
            return _described(picture_of(frame), self._footage)
        luma = frame.width * frame.height
        flat = np.frombuffer(frame.i420, np.uint8)
        planes = [flat[:luma].reshape(frame.height, frame.width)]
        for half in (flat[luma : luma + luma // 4], flat[luma + luma // 4 :]):
            planes.append(half.reshape(frame.height // 2, frame.width // 2).repeat(2, 0).repeat(2, 1))
        whole = np.ascontiguousarray(np.stack([plane[:height, :width] for plane in planes]))
        return _described(VideoFrame.from_ndarray(whole, format="yuv444p", channel_last=False), self._footage)

    def _mux(self, packets: "list[Packet[VideoStream]]") -> None:
        try:
            for packet in packets:
                if self._count == len(self._times) and packet.pts == self._times[-1]:
                    packet.duration = self._last_duration()
                self._container.mux(packet)
        except (av.error.FFmpegError, OSError, ValueError) as problem:
            raise self._failed(problem) from None

    def _last_duration(self) -> int:
        """Nobody knows how long the last picture stays; as long as the one before it, a second at most."""
        before = self._times[-1] - self._times[-2] if len(self._times) > 1 else self._scale // 25
        return max(min(before, self._scale), 1)

    def _check(self) -> None:
        """Read it back without decoding: every picture at its time, or it was not written whole."""
        with av.open(str(self._path)) as container:
            stream = container.streams.video[0]
            times = [packet.pts for packet in container.demux(stream) if packet.size]
            base = stream.time_base
        if base != Fraction(1, self._scale) or times != self._times:
            raise CustodesError(Kind.UNAVAILABLE, f"{self._path.name} was not written whole")

    def _failed(self, problem: Exception) -> CustodesError:
        said = getattr(problem, "strerror", None) or str(problem)
        return unavailable(f"the masked copy cannot be written into {self._path.parent}: {said}")


def _described(picture: VideoFrame, footage: Footage) -> VideoFrame:
    picture.color_range = ColorRange.MPEG
    picture.colorspace, picture.color_primaries, picture.color_trc = footage.colours
    return picture


def _timeline(ticks: Sequence[int], base: Fraction) -> tuple[int, list[int]]:
    """Ticks per second, and the times in these ticks; MP4 begins no earlier than 0."""
    earliest = min(ticks[0], 0)
    scale, times = base.denominator, [(tick - earliest) * base.numerator for tick in ticks]
    if _fits(scale, times):
        return scale, times
    common = math.gcd(scale, *times)
    if _fits(scale // common, [time // common for time in times]):
        return scale // common, [time // common for time in times]
    rounded: list[int] = []
    for time in times:
        at = time * _MICROSECONDS // scale
        rounded.append(max(at, rounded[-1] + 1) if rounded else at)
    if not _fits(_MICROSECONDS, rounded):
        raise invalid("the pictures' times lie too far apart for an MP4 file")
    return _MICROSECONDS, rounded


def _fits(scale: int, times: list[int]) -> bool:
    steps = (after - before for before, after in pairwise(times))
    return scale < _LIMIT and max(steps, default=0) < _LIMIT and times[-1] < 1 << 62
