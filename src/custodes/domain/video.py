# SPDX-License-Identifier: Apache-2.0
"""What flows through the video wing. Pictures are planar YUV 4:2:0, 8 bit, limited range (BT.709), rows not padded."""

import re
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Literal, TypeAlias

from custodes.clock import Instant
from custodes.domain.ids import CameraId

TICKS = 90_000
"""Ticks per second of the RTP clock for video (RFC 3551, 5)."""


Transport: TypeAlias = Literal["tcp", "udp"]
"""How RTP comes: between the messages of the RTSP connection, or as datagrams."""


_PASSWORD = re.compile(r"(?:pass(?:word|wd)?|pwd)[=:]", re.IGNORECASE)


class StreamRole(Enum):
    """Which of a camera's streams."""

    MAIN = "main"
    SUB = "sub"


@dataclass(frozen=True, slots=True)
class StreamUrl:
    """An RTSP address that may hold a password; its text form never shows it."""

    value: str

    def __repr__(self) -> str:
        return f"StreamUrl({self})"

    def __str__(self) -> str:
        # An unescaped slash or question mark in a password is common: everything before the last @ is hidden. Some
        # cameras want the password in the path; what follows the word is hidden too.
        scheme, separator, rest = self.value.partition("://")
        shown = rest.rpartition("@")[2].partition("?")[0]
        named = _PASSWORD.search(shown)
        return f"{scheme}{separator}{shown[: named.end()] + '***' if named else shown}"


@dataclass(frozen=True, slots=True)
class SourceTime:
    """Where a picture comes from: the ordinal of the connection (from 1) and its RTP time on that connection.

    Of a picture in a recorded file: 0, and its time there, in the file's own time base.
    """

    connection: int
    ticks: int


class Codec(Enum):
    """How pictures are coded; the values stand in manifests."""

    H264 = "h264"
    H265 = "h265"
    AV1 = "av1"
    JPEG = "jpeg"


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a stream announced: size in pixels, its parameter sets, its codec.

    Parameter sets are NAL units without start code, or AV1's sequence header; JPEG has none.
    """

    width: int
    height: int
    parameter_sets: tuple[bytes, ...]
    codec: Codec = Codec.H264


@dataclass(frozen=True, slots=True)
class Packet:
    """One access unit as it came: NAL units, in order, bytes untouched, without start codes.

    Of AV1 a temporal unit and of JPEG a picture is one unit.

    ``ticks`` is RTP time since the connection's first packet (presentation time), ``received`` the receiver's UTC.
    """

    nals: tuple[bytes, ...]
    key: bool
    source: SourceTime
    received: Instant
    info: StreamInfo


class GapCause(Enum):
    """Why there is a hole in what a camera sent."""

    CONNECTING = "connecting"
    UNREACHABLE = "the camera cannot be reached"
    REFUSED = "the camera refused the connection"
    SILENT = "no packets for five seconds"
    ENDED = "the camera ended the stream"
    DAMAGED = "the stream could not be read"
    STOPPED = "recording was stopped"
    NOT_PERMITTED = "the register entry has expired"
    OUTSIDE_HOURS = "outside the declared hours"
    LOST = "packets were lost on the way"
    PAUSED = "the camera sent no pictures"
    CAMERA_TIME = "the camera's own time jumped"
    DISK_FULL = "the disk is full"
    DISK_FAILED = "the disk does not take the recording"
    CLOCK_SET = "the recorder's clock was set"
    CLOCK_WRONG = "the recorder's clock is behind what witnesses have signed"
    RESTARTED = "the recorder was interrupted"


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing was received from ``began`` until the next packet."""

    began: Instant
    cause: GapCause
    detail: str


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded picture. Never stored, never shown: only ``video.mask`` reads it, and ``video.redact`` what was opened.

    ``i420``: height*width bytes of Y, then two planes of (height/2)*(width/2) bytes, U and V.
    """

    width: int
    height: int
    i420: bytes
    received: Instant
    source: SourceTime

    def __repr__(self) -> str:
        return f"Frame({self.width}x{self.height})"


@dataclass(frozen=True, slots=True)
class Footage:
    """What a recorded file says of its pictures, as far as the masked copy keeps it.

    ``time_base``: seconds per tick of the pictures' times; ``matrix``: the nine numbers that turn the picture for
    display (ISO/IEC 14496-12, 8.3.2; 16.16 and 2.30 fixed point), None if it is not turned, and ``turns``: how many
    quarter turns against the clock that is; ``aspect``: width to height of a pixel; ``colours``: matrix coefficients,
    primaries and transfer characteristics (ITU-T H.273).
    """

    width: int
    height: int
    time_base: Fraction
    matrix: tuple[int, ...] | None
    turns: int
    aspect: Fraction
    colours: tuple[int, int, int]


class Cover(Enum):
    """Why a whole picture is covered."""

    STARTING = "starting: no picture has been checked yet"
    NOT_CERTIFIED = "the steward has not certified the reference picture yet"
    NO_SIGNAL = "no picture from the camera"
    FROZEN = "the camera sends the same picture over and over"
    LATE = "the camera's pictures arrive too late"
    SWITCHED = "the camera has switched between colour and night pictures, which are not certified or checked yet"
    CAMERA_MOVED = "the camera was moved or the whole scene has changed"
    DETECTOR_FAILED = "the person detector does not work"
    MASKER_FAILED = "the masker failed on a picture"
    MASKER_DOWN = "the masker is not running"
    NOT_REGISTERED = "the camera has no valid register entry"
    HIDDEN = "somebody was visible: hidden until the steward has looked"
    RECALLED = "what this version of the masker made was recalled"
    UNCHECKED = "it cannot be checked whether this picture is to be hidden"


class Tamper(Enum):
    """What is wrong with a camera's view. Judged of the picture as a whole, never of anybody in it."""

    COVERED = "something covers the lens"
    TURNED = "the camera looks elsewhere than before"
    DEFOCUSED = "the picture is out of focus"
    FROZEN = "nothing in the picture has changed for minutes, not even its noise"
    DARK = "the picture is black"
    REPORTED = "the camera itself says that somebody tampers with it"


@dataclass(frozen=True, slots=True)
class MaskedFrame:
    """A picture in which nobody is shown. Made by ``video.mask`` and nowhere else (a test walks the syntax trees).

    ``slot`` is the picture's place on the fixed time grid; ``source`` names the camera's picture it was made of, None
    where there was none. ``cover`` is None where background is shown: certified, or, if not ``confirmed``, as it has
    looked for long while the steward has not looked yet. ``masked_share`` is the share of the picture's area under the
    mask, in thousandths (1000 when covered).
    """

    width: int
    height: int
    i420: bytes
    slot: Instant
    source: SourceTime | None
    cover: Cover | None
    masked_share: int
    masker: str
    confirmed: bool = True


@dataclass(frozen=True, slots=True)
class InitSegment:
    """What a player needs before the first fragment (ISO/IEC 14496-12 ``ftyp`` and ``moov``) and its RFC 6381 codec."""

    codec: str
    width: int
    height: int
    data: bytes


@dataclass(frozen=True, slots=True)
class FrameNote:
    """What is known of one picture in a fragment, beside the picture."""

    source: SourceTime | None
    cover: Cover | None
    masked_share: int
    confirmed: bool = True


@dataclass(frozen=True, slots=True)
class Fragment:
    """A playable piece of masked video: one ``moof`` and ``mdat`` (CMAF chunk, ISO/IEC 23000-19).

    ``start`` is the first picture's slot; ``key``: begins with a picture that needs no other.
    """

    camera: CameraId
    start: Instant
    duration_ms: int
    key: bool
    data: bytes
    frames: tuple[FrameNote, ...]
    masker: str
