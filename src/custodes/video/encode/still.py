# SPDX-License-Identifier: AGPL-3.0-or-later
"""One picture as a JPEG."""

from fractions import Fraction

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from custodes.domain.video import MaskedFrame
from custodes.errors import CustodesError, Kind
from custodes.video.encode.pictures import picture_of


def still(frame: MaskedFrame) -> bytes:
    """Return a JPEG (JFIF: full range, BT.601) without any metadata."""
    return as_jpeg(picture_of(frame))


def as_jpeg(found: VideoFrame) -> bytes:
    """A picture (limited range, BT.709) as such a JPEG."""
    # JFIF knows one colour matrix only; the way to it leads over RGB.
    rgb = found.reformat(format="rgb24", src_colorspace=Colorspace.ITU709, src_color_range=ColorRange.MPEG)
    picture = rgb.reformat(format="yuvj420p", dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.JPEG)
    context = av.CodecContext.create("mjpeg", "w")
    assert isinstance(context, VideoCodecContext)  # noqa: S101  (narrows the type; mjpeg is video)
    context.width, context.height, context.pix_fmt = found.width, found.height, "yuvj420p"
    context.time_base = Fraction(1, 1)
    context.color_range = ColorRange.JPEG
    context.thread_count = 1
    context.flags |= Flags.qscale | Flags.bitexact
    context.global_quality = 3 * 118  # FF_QP2LAMBDA
    picture.pts = 0
    packets = [*context.encode(picture), *context.encode(None)]
    if len(packets) != 1:
        raise CustodesError(Kind.UNAVAILABLE, "the picture could not be compressed")
    return bytes(packets[0])
