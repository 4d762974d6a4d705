# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures to H.264, the way a camera's chip does it: no B-frames, one slice a picture, parameter sets in-band.

The splitting of the encoder's byte stream is the camera's own, not the recorder's (``custodes.video``): what was sent
and what was recorded must not go wrong in the same way.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from custodes.demo.cameras.source import HEIGHT, I420, RATE, SUB_EVERY, SUB_HEIGHT, SUB_WIDTH, WIDTH
from custodes.domain.video import StreamRole

SPS, PPS = 7, 8
_START = b"\x00\x00\x01"
_QUANTISER = "26"
"""What x264 writes into the picture parameter set where it works with a bit rate."""


@dataclass(frozen=True, slots=True)
class StreamForm:
    """What a stream is like: pixels, pictures, bits per second.

    ``every``: one picture for so many of the camera's 25 per second; ``key_every``: a key picture at the latest so many
    of the camera's pictures after the last one.
    """

    role: StreamRole
    width: int
    height: int
    every: int
    bit_rate: int
    key_every: int


MAIN = StreamForm(StreamRole.MAIN, WIDTH, HEIGHT, 1, 4_000_000, RATE)
SUB = StreamForm(StreamRole.SUB, SUB_WIDTH, SUB_HEIGHT, SUB_EVERY, 400_000, 2 * RATE)


class PictureEncoder:
    """One stream's encoder: x264, ultrafast (about 3 ms of one core for 1280x720), no look-ahead, one thread.

    ``constant``: with one quantiser instead of a bit rate, so that the same picture, coded as a key picture, is decoded
    to the same bytes each time; the parameter sets are the same as with a bit rate.
    """

    def __init__(self, form: StreamForm, *, constant: bool = False) -> None:
        codec = av.CodecContext.create("libx264", "w")
        if not isinstance(codec, VideoCodecContext):
            raise TypeError("libx264 is not a video codec here")
        codec.width, codec.height, codec.pix_fmt = form.width, form.height, "yuv420p"
        codec.time_base, codec.framerate = Fraction(1, RATE), Fraction(RATE, form.every)
        codec.color_range, codec.colorspace = ColorRange.MPEG, Colorspace.ITU709
        codec.color_primaries, codec.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        codec.thread_count, codec.max_b_frames = 1, 0
        # Key pictures come when they are asked for and never otherwise, so that their places are known.
        codec.gop_size = 1_000_000
        codec.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "forced-idr": "1",
            "sc_threshold": "0",
            "level": "3.1",
        }
        if constant:
            codec.options |= {"qp": _QUANTISER}
        else:
            codec.bit_rate = form.bit_rate
            codec.options |= {"maxrate": str(form.bit_rate * 9 // 8), "bufsize": str(form.bit_rate)}
        self._codec = codec

    def encode(self, picture: I420, index: int, *, key: bool) -> tuple[bytes, ...]:
        """Return the NAL units, without start codes, of the camera's picture ``index`` (increasing)."""
        frame = VideoFrame.from_numpy_buffer(picture, format="yuv420p")
        frame.pts = index
        frame.color_range, frame.colorspace = ColorRange.MPEG, Colorspace.ITU709
        if key:
            frame.pict_type = PictureType.I
        return tuple(nal for packet in self._codec.encode(frame) for nal in split(bytes(packet)))


def split(stream: bytes) -> Iterator[bytes]:
    """Yield the NAL units of an H.264 byte stream (ITU-T H.264, annex B), without start codes and padding zeros."""
    begin = stream.find(_START)
    while begin >= 0:
        end = stream.find(_START, begin + 3)
        nal = stream[begin + 3 : end if end >= 0 else len(stream)].rstrip(b"\x00")
        if nal:
            yield nal
        begin = end


def nal_type(nal: bytes) -> int:
    """Return ``nal_unit_type`` (ITU-T H.264, 7.3.1)."""
    return nal[0] & 0x1F
