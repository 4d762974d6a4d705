# SPDX-License-Identifier: AGPL-3.0-or-later
"""Redacted pictures as an MP4 without sound and without metadata."""

from fractions import Fraction
from pathlib import Path

import av
from av.bitstream import BitStreamFilterContext
from av.codec.context import Flags
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from custodes.clock import SECOND, Instant
from custodes.domain.video import TICKS
from custodes.errors import unavailable
from custodes.video.encode.pictures import picture

_BT709 = 1
_BASE = Fraction(1, TICKS)
_PLAIN = {"movflags": "+faststart", "fflags": "+bitexact"}
_NO_NOTES = "filter_units=remove_types=6"
"""The encoder's notes on itself (SEI, ITU-T H.264, 7.4.1.2) are for nobody."""


class ClipWriter:
    """H.264 in MP4; time begins at 0 with the first picture. ``CustodesError`` (UNAVAILABLE) if it cannot be written.

    ``size``: width and height in pixels, both even.
    """

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        self._size = size
        self._first: Instant | None = None
        self._last = -1
        try:
            self._file = av.open(
                str(path), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}
            )
            self._stream = self._file.add_stream("libx264", rate=25)
        except (av.error.FFmpegError, OSError):
            raise unavailable(f"{path} cannot be written") from None
        _prepare(self._stream, size)
        self._filter = BitStreamFilterContext(_NO_NOTES, self._stream)

    def add(self, at: Instant, i420: bytes) -> None:
        """Add a picture; two that were taken at the same time are a tick apart."""
        self._first = at if self._first is None else self._first
        frame = picture(i420, *self._size)
        self._last = max((at - self._first) * TICKS // SECOND, self._last + 1)
        frame.pts, frame.time_base = self._last, _BASE
        self._write(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the file."""
        self._write(self._stream.encode(None))
        self._file.close()

    def _write(self, packets: "list[av.Packet[VideoStream]]") -> None:
        try:
            for packet in packets:
                self._file.mux(self._filter.filter(packet))
        except (av.error.FFmpegError, OSError):
            raise unavailable("the redacted clip cannot be written: is the disk full?") from None


def _prepare(stream: VideoStream, size: tuple[int, int]) -> None:
    context = stream.codec_context
    context.width, context.height = size
    context.pix_fmt, context.time_base, context.thread_count = "yuv420p", _BASE, 1
    context.flags |= Flags.bitexact
    context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
    context.color_primaries = context.color_trc = _BT709
    context.options = {"preset": "veryfast", "crf": "20", "bf": "0", "g": "50"}
