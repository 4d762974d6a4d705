# SPDX-License-Identifier: AGPL-3.0-or-later
"""The one place where libav is asked to speak to a camera, and where its errors are turned into our words.

What libav says of a failure may hold the address with its password. Known failures are therefore told in words of our
own, and whatever is passed on goes through ``scrub``. PyAV's log is off by default and must stay so.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import quote, unquote, urlsplit

import av
from av.container import InputContainer

from custodes.domain.video import GapCause, StreamUrl
from custodes.errors import invalid
from custodes.video import nal

Transport: TypeAlias = Literal["tcp", "udp"]

_USERINFO = re.compile(r"(?<=//)[^\s'\"]*@")
_UDP_BUFFER = 2 << 20
"""Bytes asked of the kernel for a UDP socket; it grants at most ``net.core.rmem_max``. One key picture must fit."""


class ConnectionFailed(Exception):  # noqa: N818  (an outcome that is handled at once, not an error for callers)
    """A connection came to its end: the cause and a detail that is free of credentials."""

    def __init__(self, cause: GapCause, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause
        self.detail = detail


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """What libav took from the stream: a byte stream (Annex B), RTP time or None if libav knows none, and libav's
    opinion whether a decoder can begin here."""

    data: bytes
    ticks: int | None
    key: bool


def check_url(url: StreamUrl) -> None:
    """Raise ``CustodesError`` (INVALID) unless ``url`` is an RTSP address that libav and we read in the same way."""
    try:
        parts = urlsplit(url.value)
        usable = parts.scheme in ("rtsp", "rtsps") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or re.search(r"[\s\x00-\x1f]", url.value):
        raise invalid("not an RTSP address; special characters in a password must be percent-encoded")


def scrub(text: str, url: StreamUrl) -> str:
    """Return ``text`` without the address's user name, password and query, however they are written."""
    text = text.replace(url.value, str(url))
    rest = url.value.partition("://")[2]
    authority, _, path = rest.partition("/")
    userinfo = authority.rpartition("@")[0]
    user, _, password = userinfo.partition(":")
    query = path.partition("?")[2]
    pieces = [userinfo, password, query, *re.findall(r"=([^&]+)", query)]
    if password:
        pieces.append(f"{unquote(user)}:{unquote(password)}")
    forms = {form for piece in pieces for form in (piece, unquote(piece), quote(unquote(piece), safe="")) if form}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "***")
    return _USERINFO.sub("", text)


def connect(url: StreamUrl, transport: Transport, timeout_s: float) -> InputContainer:
    """Open the stream (OPTIONS to PLAY); raises ``ConnectionFailed``.

    Each step of opening and, later, each wait for a packet ends after ``timeout_s``. Hardly any probing: what libav
    would learn from it we read from the parameter sets ourselves, and the first packet comes 1.1 s earlier.
    """
    options = {
        "rtsp_transport": transport,
        # Audio never leaves the camera; and with one stream libav leaves RTP time as it is (with more it aligns them
        # by RTCP, which moves timestamps).
        "allowed_media_types": "video",
        "protocol_whitelist": "rtsp,rtsps,rtp,srtp,udp,tcp,tls",
        "probesize": "32",
        "fpsprobesize": "0",
        "analyzeduration": "1",
        "buffer_size": str(_UDP_BUFFER),
    }
    began = time.monotonic()
    try:
        return av.open(url.value, options=options, timeout=(timeout_s, timeout_s))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        # Where libav gives up waiting it reports whatever it was doing then; the time that passed says more.
        if isinstance(error, av.error.ExitError) or time.monotonic() - began >= timeout_s:
            raise ConnectionFailed(GapCause.UNREACHABLE, f"no answer within {timeout_s:g} s") from None
        raise _opening(error, url) from None


def _opening(error: Exception, url: StreamUrl) -> ConnectionFailed:
    """What went wrong while opening, in words without credentials."""
    known: tuple[tuple[type[Exception], GapCause, str], ...] = (
        (av.error.HTTPUnauthorizedError, GapCause.REFUSED, "user name or password is wrong (401)"),
        (av.error.HTTPForbiddenError, GapCause.REFUSED, "this user may not see the stream (403)"),
        (av.error.HTTPNotFoundError, GapCause.REFUSED, "there is no such stream (404)"),
        (av.error.HTTPClientError, GapCause.REFUSED, "the camera answered with an error"),
        (av.error.HTTPServerError, GapCause.REFUSED, "the camera answered with an error"),
        (ConnectionRefusedError, GapCause.UNREACHABLE, "nothing listens at this address"),
        (ConnectionError, GapCause.UNREACHABLE, "the connection broke while it was set up"),
        (av.error.InvalidDataError, GapCause.DAMAGED, "the camera's answer cannot be understood"),
    )
    for kind, cause, detail in known:
        if isinstance(error, kind):
            return ConnectionFailed(cause, detail)
    return ConnectionFailed(GapCause.UNREACHABLE, scrub(getattr(error, "strerror", None) or "unknown error", url))


def announced_sets(container: InputContainer) -> tuple[bytes, ...]:
    """Return the parameter sets that the session description announced, empty if none.

    Raises ``ConnectionFailed`` if the first video stream is not H.264, ``CustodesError`` (CORRUPT) if they are damaged.
    """
    if not container.streams.video:
        raise ConnectionFailed(GapCause.DAMAGED, "the stream has no video")
    context = container.streams.video[0].codec_context
    codec = "unknown" if context is None else context.name
    if codec != "h264":
        raise ConnectionFailed(GapCause.DAMAGED, f"codec {codec} is not supported; set the camera to H.264")
    return nal.from_extradata(context.extradata or b"")


def access_units(container: InputContainer, url: StreamUrl, silence_s: float) -> Iterator[AccessUnit]:
    """Yield what the camera sends, for ever; always ends by raising ``ConnectionFailed``.

    libav knows that a picture is complete when the next one begins, so each comes one picture late; when the
    connection ends, the last one comes as far as it was received.
    """
    silent = ConnectionFailed(GapCause.SILENT, f"waited {silence_s:g} s")
    asked = time.monotonic()
    try:
        for packet in container.demux(container.streams.video[0]):
            waited = time.monotonic() - asked
            if packet.size:
                yield AccessUnit(bytes(packet), packet.pts, packet.is_keyframe)
            if waited >= silence_s:
                # libav gave up, handed over what it had, and would begin to wait anew.
                raise silent
            asked = time.monotonic()
    except av.error.ExitError:
        raise silent from None
    except av.error.InvalidDataError:
        raise ConnectionFailed(GapCause.DAMAGED, "what the camera sends cannot be understood") from None
    except (av.error.FFmpegError, OSError) as error:
        detail = scrub(getattr(error, "strerror", None) or "unknown error", url)
        raise ConnectionFailed(GapCause.ENDED, f"the connection broke: {detail}") from None
    raise ConnectionFailed(GapCause.ENDED, "the camera closed the connection")
