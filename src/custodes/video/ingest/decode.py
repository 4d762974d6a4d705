# SPDX-License-Identifier: AGPL-3.0-or-later
"""Decoding the sub stream: packets to frames, one for one, for the masker alone."""

from collections import OrderedDict

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from custodes.clock import Instant
from custodes.domain.video import Codec, Frame, Packet, SourceTime
from custodes.errors import CustodesError, corrupt
from custodes.video import nal, units

MAX_WIDTH, MAX_HEIGHT = 1920, 1080
_REMEMBERED = 32
_LIBAV = {Codec.H264: "h264", Codec.H265: "hevc", Codec.AV1: "libdav1d", Codec.JPEG: "mjpeg"}


class SubDecoder:
    """Decodes on the calling thread; hostile input raises ``CustodesError`` (CORRUPT) and nothing else.

    It begins at a key picture. After damage it shows nothing until the next one: a picture patched up from what a lost
    one left behind could show a person where the masker does not look for one. That a picture is missing is told by
    H.264's ``frame_num``; libav withholds what refers to a missing picture of H.265; of AV1 only the losses on the way
    are known, after which whoever follows the stream makes another decoder. ``size`` (width, height in pixels, even)
    is what every frame is scaled to, whatever the camera sends; None: frames keep their size.
    """

    def __init__(self, size: tuple[int, int] | None = None) -> None:
        self._size = size
        self._begun: tuple[Codec, tuple[bytes, ...]] | None = None
        self._context: VideoCodecContext | None = None
        self._form: nal.PictureFormat | None = None
        self._number = 0
        self._count = 0
        self._origins: OrderedDict[int, tuple[SourceTime, Instant]] = OrderedDict()

    def decode(self, packet: Packet) -> list[Frame]:
        """Return the frames the packet completes: one, unless damaged or before the first key picture.

        A full-range picture is converted to limited range, other chroma formats to 4:2:0.
        """
        try:
            announced = (packet.info.codec, packet.info.parameter_sets)
            begins = packet.key and (self._context is None or announced != self._begun)
            if begins:
                self._begin(packet)
            if self._context is None:
                return []
            if packet.info.codec is Codec.H264:
                self._follow(packet, begins)
            return self._decode(self._context, packet)
        except (av.error.FFmpegError, ValueError, OSError):
            problem = corrupt("a picture of the sub stream cannot be decoded")
        except CustodesError as error:
            problem = error
        self._context = None
        raise problem

    def _begin(self, packet: Packet) -> None:
        width, height = packet.info.width, packet.info.height
        if width > MAX_WIDTH or height > MAX_HEIGHT:
            raise corrupt(f"the sub stream is {width}x{height}; at most {MAX_WIDTH}x{MAX_HEIGHT} is decoded")
        codec, sets = packet.info.codec, packet.info.parameter_sets
        context = av.CodecContext.create(_LIBAV[codec], "r")
        assert isinstance(context, VideoCodecContext)  # noqa: S101  (narrows the type; all of these are video)
        context.thread_count = 1
        context.flags |= Flags.low_delay
        context.options = {"max_pixels": str(MAX_WIDTH * (MAX_HEIGHT + 16))}
        self._context, self._begun = context, (codec, sets)
        if codec is Codec.H264:
            self._form = next((nal.read_sps(each) for each in sets if nal.kind(each) == nal.SPS), None)
        self._origins.clear()

    def _follow(self, packet: Packet, begins: bool) -> None:
        """Raise unless this picture follows the one before (``frame_num``, 7.4.3): libav would patch it up silently."""
        first = next((each for each in packet.nals if nal.is_slice(each)), None)
        if first is None or self._form is None:
            raise corrupt("the sub stream sends units without a picture")
        number = nal.frame_number(first, self._form)
        following = (self._number + 1) % (1 << self._form.frame_number_bits)
        if not (begins or nal.is_key(first) or self._form.gaps_allowed or number in (self._number, following)):
            raise corrupt("pictures of the sub stream were lost")
        if first[0] & 0x60:  # nal_ref_idc: only pictures that others refer to count
            self._number = number

    def _decode(self, context: VideoCodecContext, packet: Packet) -> list[Frame]:
        unit = av.Packet(_whole(packet))
        self._count += 1
        unit.pts = unit.dts = self._count
        self._origins[self._count] = (packet.source, packet.received)
        while len(self._origins) > _REMEMBERED:
            self._origins.popitem(last=False)
        return [self._frame(picture) for picture in context.decode(unit)]

    def _frame(self, picture: VideoFrame) -> Frame:
        origin = self._origins.pop(picture.pts or 0, None)
        if picture.is_corrupt or origin is None:
            raise corrupt("a picture of the sub stream is damaged")
        width, height = picture.width, picture.height
        if width > MAX_WIDTH or height > MAX_HEIGHT or width % 2 or height % 2:
            raise corrupt(f"the sub stream's pictures of {width}x{height} cannot be used")
        if self._size is not None and self._size != (width, height):
            width, height = self._size
            picture = picture.reformat(width=width, height=height)
        return Frame(width, height, i420(picture), origin[1], origin[0])


def _whole(packet: Packet) -> bytes:
    """The picture as libav wants it; a key picture that came without all of the announced parameter sets gets them."""
    info = packet.info
    wanted, there = ({units.kind(info.codec, each) for each in some} for some in (info.parameter_sets, packet.nals))
    whole = packet.nals if not packet.key or wanted <= there else (*info.parameter_sets, *packet.nals)
    return nal.join_annexb(whole) if info.codec in units.NAL_CODECS else b"".join(whole)


def i420(picture: VideoFrame) -> bytes:
    """Return the planes without padding, limited range."""
    full = picture.color_range == ColorRange.JPEG or picture.format.name.startswith("yuvj")
    if full or picture.format.name != "yuv420p":
        source = ColorRange.JPEG if full else ColorRange.MPEG
        picture = picture.reformat(format="yuv420p", src_color_range=source, dst_color_range=ColorRange.MPEG)
    rows: list[memoryview] = []
    for plane in picture.planes:
        data = memoryview(plane)
        if plane.line_size == plane.width:
            rows.append(data[: plane.width * plane.height])
        else:
            starts = range(0, plane.line_size * plane.height, plane.line_size)
            rows.extend(data[start : start + plane.width] for start in starts)
    return b"".join(rows)
