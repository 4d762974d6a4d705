# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where a virtual camera's pictures come from: anything that can give the picture of an instant.

Pictures are planar YUV 4:2:0 (I420), 8 bit, limited range, BT.709, as one ``uint8`` array of ``height * 3 // 2`` rows
and ``width`` columns: the rows of Y, then U, then V, each chroma plane's rows two to a row of the array.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Protocol, TypeAlias

import av
import cv2
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

from custodes.errors import invalid

I420: TypeAlias = NDArray[np.uint8]

WIDTH, HEIGHT, RATE = 1280, 720, 25
"""The main stream: pixels and pictures per second. Picture ``index`` belongs to ``index / RATE`` seconds."""
SUB_WIDTH, SUB_HEIGHT, SUB_EVERY = 640, 360, 5
"""The sub stream: pixels, and every how many main pictures there is one."""

_BLACK_LUMA, _NEUTRAL_CHROMA = 16, 128
_MAX_SIDE = 8192


class PictureSource(Protocol):
    """Something with a view."""

    def picture(self, index: int) -> I420:
        """Return the picture of ``index / 25`` seconds, 1280x720: shape (1080, 1280). Indices increase, with gaps."""
        ...


def downscale(picture: I420) -> I420:
    """Return the sub stream's picture, 640x360: shape (540, 640). Each plane is averaged over its area."""
    half = np.empty((SUB_HEIGHT * 3 // 2, SUB_WIDTH), np.uint8)
    for source, target in zip(_planes(picture, WIDTH, HEIGHT), _planes(half, SUB_WIDTH, SUB_HEIGHT), strict=True):
        cv2.resize(source, target.shape[::-1], dst=target, interpolation=cv2.INTER_AREA)
    return half


def _planes(picture: I420, width: int, height: int) -> tuple[I420, I420, I420]:
    """Return views of Y, U and V."""
    flat = picture.reshape(-1)
    luma, chroma = width * height, width * height // 4
    half = (height // 2, width // 2)
    return (
        flat[:luma].reshape(height, width),
        flat[luma : luma + chroma].reshape(half),
        flat[luma + chroma :].reshape(half),
    )


class VideoSource:
    """A video file, looped for ever, fitted into 1280x720 (black bars where the shape differs).

    Pictures are repeated or dropped to 25 per second by their own time stamps. One decoded picture is kept at a time.
    ``start_s`` lets a second camera begin elsewhere in the same file. Raises ``CustodesError`` (INVALID) for a file
    that holds no video that can be decoded, at construction.
    """

    def __init__(self, path: Path, start_s: Fraction = Fraction(0)) -> None:
        self._path = path
        self._start_s = start_s
        self._frames = self._endless()
        self._current, self._until = next(self._frames)
        self._shown: I420 | None = None

    def picture(self, index: int) -> I420:
        """Return the picture of ``index / 25`` seconds; see ``PictureSource``."""
        instant = self._start_s + Fraction(index, RATE)
        while self._until <= instant:
            self._current, self._until = next(self._frames)
            self._shown = None
        if self._shown is None:
            self._shown = _fitted(self._current)
        return self._shown

    def _endless(self) -> Iterator[tuple[VideoFrame, Fraction]]:
        """Yield frames with the second, counted from the first loop's beginning, at which the next one replaces it."""
        begun = Fraction(0)
        while True:
            end = begun
            for frame, until in self._once():
                end = begun + until
                yield frame, end
            if end <= begun:
                raise invalid(f"{self._path.name}: no picture in it can be decoded")
            begun = end

    def _once(self) -> Iterator[tuple[VideoFrame, Fraction]]:
        """Yield one loop, each frame with the second at which it ends; a file damaged half-way ends there."""
        held: VideoFrame | None = None
        first = last = Fraction(0)
        usual = Fraction(1, RATE)
        try:
            with av.open(str(self._path)) as container:
                if not container.streams.video:
                    raise invalid(f"{self._path.name}: there is no video in it")
                stream = container.streams.video[0]
                usual = 1 / Fraction(stream.average_rate or RATE)
                for frame in container.decode(stream):
                    self._check(frame)
                    at = last + usual
                    if frame.pts is not None and frame.time_base is not None:
                        at = frame.pts * frame.time_base
                    if held is None:
                        first = at
                    elif at <= last:
                        continue
                    else:
                        yield held, at - first
                    held, last = frame, at
        except (FFmpegError, OSError) as problem:
            if held is None:
                raise invalid(f"{self._path.name}: {problem.strerror or 'it cannot be decoded'}") from None
        if held is not None:
            yield held, last + usual - first

    def _check(self, frame: VideoFrame) -> None:
        if not (0 < frame.width <= _MAX_SIDE and 0 < frame.height <= _MAX_SIDE):
            raise invalid(f"{self._path.name}: pictures of {frame.width}x{frame.height} are too large")


def _fitted(frame: VideoFrame) -> I420:
    """Scale into 1280x720, keeping the shape of things, and put black bars round what is left."""
    aspect = frame.width / frame.height
    scale_to_width = aspect >= WIDTH / HEIGHT
    width = WIDTH if scale_to_width else _even(HEIGHT * aspect)
    height = _even(WIDTH / aspect) if scale_to_width else HEIGHT
    reformatted = frame.reformat(
        width,
        height,
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.BILINEAR,
    )
    scaled = reformatted.to_ndarray().astype(np.uint8, copy=False)
    if (width, height) == (WIDTH, HEIGHT):
        return scaled
    picture = np.full((HEIGHT * 3 // 2, WIDTH), _NEUTRAL_CHROMA, np.uint8)
    picture[:HEIGHT] = _BLACK_LUMA
    left, top = (WIDTH - width) // 4 * 2, (HEIGHT - height) // 4 * 2
    for number, (source, target) in enumerate(
        zip(_planes(scaled, width, height), _planes(picture, WIDTH, HEIGHT), strict=True)
    ):
        x, y = (left, top) if number == 0 else (left // 2, top // 2)
        target[y : y + source.shape[0], x : x + source.shape[1]] = source
    return picture


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)
