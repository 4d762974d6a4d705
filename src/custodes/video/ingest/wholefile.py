# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reading the pictures of a recorded file, of whatever recorder: for the masker alone.

Such files are hostile input. Only the file itself is ever opened (a playlist's or a reference's target is not), sizes
are bounded, and whatever libav says about it becomes one line. A file that ends before its own structure says so is
torn, and so is one with a picture that cannot be decoded: nobody would know what is missing.
"""

import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream

from custodes.clock import Instant
from custodes.domain.video import Footage, Frame, SourceTime
from custodes.errors import CustodesError, corrupt, invalid
from custodes.video.ingest.decode import i420
from custodes.video.ingest.structure import check_whole

MOST_PIXELS = 3840 * 2160
_LEAST_SIDE = 16
_ATTACHED_PICTURE = 0x400
_RGB, _UNSPECIFIED, _BT709 = 0, 2, 1
_USUAL_RATE = Fraction(25)
_TROUBLE = (av.error.FFmpegError, ValueError, OSError, EOFError, OverflowError)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture as it was decoded, in the order of display. ``ticks``: its time in the file's time base, if any."""

    ticks: int | None
    picture: VideoFrame

    def frame(self, at: Instant) -> Frame:
        """Return 4:2:0 planes in limited range; an odd side is continued by a copy of its last row or column."""
        try:
            data = i420(self._yuv())
        except _TROUBLE:
            raise corrupt("a picture is of a kind that cannot be converted") from None
        width, height = self.picture.width, self.picture.height
        if width % 2 or height % 2:
            size = width * height
            luma = np.frombuffer(data[:size], np.uint8).reshape(height, width)
            data = np.pad(luma, ((0, height % 2), (0, width % 2)), mode="edge").tobytes() + data[size:]
        return Frame(width + width % 2, height + height % 2, data, at, SourceTime(0, self.ticks or 0))

    def _yuv(self) -> VideoFrame:
        if self.picture.colorspace == _RGB or self.picture.format.is_rgb:
            return self.picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
        return self.picture


class RecordedFile:
    """A recorded file's first proper video stream. Use it as a context; ``shots`` reads it from the beginning, once.

    Whatever is wrong with the file raises ``CustodesError``: INVALID if there is none that can be opened, CORRUPT for
    everything in it.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._file = open_regular(path)
        try:
            check_whole(self._file)
            self._container, self._stream = self._open()
            self._ahead = self._decoded()
            self._first = next(self._ahead, None)
            if self._first is None:
                raise corrupt(f"{self.name} holds no picture")
            self.footage = self._footage(self._first.picture)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "RecordedFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()
        self._file.close()

    @property
    def seconds(self) -> float | None:
        """How long the file says it is; None if it does not. Not to be relied on."""
        return self._container.duration / av.time_base if self._container.duration else None

    @property
    def step(self) -> int:
        """Ticks between two pictures where the file does not say when they are."""
        rate = self._stream.average_rate or self._stream.guessed_rate or _USUAL_RATE
        return max(round(1 / rate / self.footage.time_base), 1)

    def shots(self) -> Iterator[Shot]:
        """The pictures, in the order of display."""
        first, self._first = self._first, None
        if first is not None:
            yield first
            yield from self._ahead

    def _open(self) -> tuple[InputContainer, VideoStream]:
        try:
            # No protocol is allowed: libav reads this one file through us, and opens nothing by itself.
            container = av.open(self._file, "r", options={"protocol_whitelist": "none"}, metadata_errors="replace")
        except _TROUBLE:
            raise corrupt(f"{self.name} is not a video, or a torn one") from None
        proper = [each for each in container.streams.video if not int(each.disposition) & _ATTACHED_PICTURE]
        if not proper:
            raise corrupt(f"{self.name} holds no video stream")
        stream = proper[0]
        if stream.codec_context is None or not stream.time_base:
            raise corrupt(f"{self.name}: its video is of a kind that cannot be decoded here")
        self._check_size(stream.codec_context.width, stream.codec_context.height)
        stream.codec_context.options = {"max_pixels": str(MOST_PIXELS + 64 * 3840)}
        stream.thread_type = "AUTO"
        return container, stream

    def _check_size(self, width: int, height: int) -> None:
        if width * height > MOST_PIXELS:
            raise corrupt(f"{self.name}: pictures of {width}x{height} are too large (3840x2160 pixels at most)")

    def _decoded(self) -> Iterator[Shot]:
        units = number = 0
        size: tuple[int, int] | None = None
        try:
            for packet in self._container.demux(self._stream):
                units += packet.size > 0
                for picture in packet.decode():
                    assert isinstance(picture, VideoFrame)  # noqa: S101  (narrows the type; the stream is video)
                    size = size or (picture.width, picture.height)
                    self._check_size(picture.width, picture.height)
                    if picture.is_corrupt:
                        raise corrupt(f"{self.name} is damaged: picture {number + 1} cannot be decoded whole")
                    if (picture.width, picture.height) != size:
                        raise corrupt(f"{self.name}: the size of its pictures changes at picture {number + 1}")
                    number += 1
                    yield Shot(picture.pts, picture)
        except CustodesError:
            raise
        except _TROUBLE:
            raise corrupt(f"{self.name} is torn or damaged: it cannot be decoded after picture {number}") from None
        if "mp4" in self._container.format.name and units < self._stream.frames:
            raise corrupt(f"{self.name} is torn: {units} of {self._stream.frames} pictures are there")

    def _footage(self, picture: VideoFrame) -> Footage:
        if min(picture.width, picture.height) < _LEAST_SIDE:
            raise corrupt(f"{self.name}: pictures of {picture.width}x{picture.height} are too small to be masked")
        beside: Any = picture.side_data  # PyAV's types call it a dictionary of texts
        matrix = next((bytes(each) for each in beside if each.type.name == "DISPLAYMATRIX"), b"")
        numbers = tuple(int(value) for value in np.frombuffer(matrix, np.int32)) if len(matrix) == 36 else None
        context = self._stream.codec_context
        colours = (int(picture.colorspace), int(picture.color_primaries), int(picture.color_trc))
        if picture.format.is_rgb or colours[0] == _RGB:
            colours = (_BT709, _BT709, _BT709)
        return Footage(
            picture.width,
            picture.height,
            Fraction(self._stream.time_base or 1),
            numbers,
            round(picture.rotation / 90) % 4,
            context.sample_aspect_ratio or Fraction(1),
            colours,
        )


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file that the user named; ``CustodesError`` (INVALID) if it cannot be, or is a pipe, device or folder."""
    try:
        # A pipe would block for ever before it could be seen to be one.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        raise invalid(f"{path} cannot be read: {problem.strerror}") from None
    except ValueError:
        raise invalid("a file's name cannot hold a zero byte") from None
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise invalid(f"{path} is not a file")
    return io.BufferedReader(io.FileIO(number))
