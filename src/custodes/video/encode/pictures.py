# SPDX-License-Identifier: AGPL-3.0-or-later
"""Masked frames as libav's pictures."""

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from custodes.domain.video import MaskedFrame
from custodes.errors import invalid


def picture_of(frame: MaskedFrame) -> VideoFrame:
    """Return a ``yuv420p`` picture, limited range, BT.709; planes of a wrong size raise (INVALID)."""
    if frame.width % 2 or frame.height % 2 or len(frame.i420) != frame.width * frame.height * 3 // 2:
        raise invalid("a masked frame's planes do not have its size")
    return picture(frame.i420, frame.width, frame.height)


def picture(i420: bytes, width: int, height: int) -> VideoFrame:
    """Planes of the right size as libav's picture."""
    planes = np.frombuffer(i420, dtype=np.uint8).reshape(height * 3 // 2, width)
    found = VideoFrame.from_ndarray(planes, format="yuv420p")
    found.color_range = ColorRange.MPEG
    found.colorspace = Colorspace.ITU709
    return found
