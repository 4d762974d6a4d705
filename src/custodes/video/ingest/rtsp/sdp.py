# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a camera says of its streams: SDP (RFC 8866) as far as a recorder needs it."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from custodes.domain.video import Codec
from custodes.errors import corrupt

_CODECS = {"H264": Codec.H264, "H265": Codec.H265, "AV1": Codec.AV1, "JPEG": Codec.JPEG}
_STATIC = {26: ("JPEG", 90_000)}
"""Payload types that need no ``rtpmap`` (RFC 3551, 6)."""
_OTHERS = ("MP4V-ES", "MPV", "H261", "H263", "H263-1998", "VP8", "VP9", "H266", "SVAC", "SVAC2")
_SPROP = {Codec.H264: ("sprop-parameter-sets",), Codec.H265: ("sprop-vps", "sprop-sps", "sprop-pps")}
_SIZE = re.compile(r"(\d{1,5})[,-](\d{1,5})\s*$")
_RTPMAP = re.compile(r"(\d{1,3})\s+([A-Za-z0-9.-]+)/(\d+)")


@dataclass(slots=True)
class Media:
    """One video stream on offer.

    ``sets``: announced parameter sets; ``donl``: H.265 with decoding order numbers; ``size``: in pixels, where named.
    """

    payload: int
    codec: Codec
    control: str
    sets: tuple[bytes, ...] = ()
    donl: bool = False
    size: tuple[int, int] | None = None


@dataclass(slots=True)
class _Section:
    kind: str
    payloads: list[int]
    control: str = ""
    size: tuple[int, int] | None = None
    maps: dict[int, tuple[str, int]] = field(default_factory=dict)
    formats: dict[int, dict[str, str]] = field(default_factory=dict)


def choose_video(document: bytes) -> Media:
    """The first video stream that can be recorded; raises ``CustodesError`` (CORRUPT) with what was found instead."""
    sections = [section for section in _sections(document) if section.kind == "video"]
    if not sections:
        raise corrupt("the stream has no video")
    offered: list[Media] = []
    for section in sections:
        for payload in section.payloads:
            name, clock = section.maps.get(payload) or _STATIC.get(payload, ("", 0))
            codec = _CODECS.get(name.upper())
            if codec is None or clock != 90_000:
                continue
            given = section.formats.get(payload, {})
            sets = _announced(given, codec)
            donl = given.get("sprop-max-don-diff", "0") not in ("", "0")
            offered.append(Media(payload, codec, section.control, sets, donl, section.size))
    if offered:
        # A camera that offers JPEG beside another codec does so for old clients.
        return next((each for each in offered if each.codec is not Codec.JPEG), offered[0])
    named = {name.upper() for section in sections for name, _ in section.maps.values()}
    # Only names from our own list: what a camera says is not repeated.
    name = next((each for each in _OTHERS if each.upper() in named), "unknown")
    raise corrupt(f"codec {name} is not supported; set the camera to H.264, H.265, AV1 or MJPEG")


def _sections(document: bytes) -> list[_Section]:
    found: list[_Section] = []
    for line in document.replace(b"\r", b"\n").split(b"\n"):
        text = line.decode("latin-1").strip("\0 ")
        if text.startswith("m="):
            kind, _, rest = text[2:].partition(" ")
            numbers = [int(each) for each in rest.split()[2:] if each.isascii() and each.isdigit() and len(each) < 4]
            found.append(_Section(kind.lower(), numbers))
        elif not found or not text.startswith("a="):
            continue
        else:
            _attribute(found[-1], text[2:])
    return found


def _attribute(section: _Section, text: str) -> None:
    name, _, value = text.partition(":")
    if name == "control":
        section.control = value.strip()
    elif name == "rtpmap" and (match := _RTPMAP.match(value.strip())):
        section.maps[int(match[1])] = (match[2], int(match[3]))
    elif name in ("x-dimensions", "framesize", "cliprect") and (match := _SIZE.search(value)):
        section.size = (int(match[1]), int(match[2]))
    elif name == "fmtp":
        payload, _, rest = value.strip().partition(" ")
        if payload.isascii() and payload.isdigit():
            pairs = (each.partition("=") for each in rest.split(";"))
            section.formats[int(payload)] = {key.strip().lower(): given.strip() for key, _, given in pairs}


def _announced(given: dict[str, str], codec: Codec) -> tuple[bytes, ...]:
    """Parameter sets of the ``sprop`` parameters (RFC 6184, 8.1; RFC 7798, 7.1); what cannot be read is left out."""
    names = _SPROP.get(codec, ())
    sets = []
    for piece in ",".join(given.get(name, "") for name in names).split(","):
        try:
            data = base64.b64decode(piece + "=" * (-len(piece) % 4), validate=True)
        except (binascii.Error, ValueError):
            continue
        # Some cameras keep start codes, in front, behind or between, some pad.
        sets += [bare for each in data.split(b"\0\0\1") if (bare := each.rstrip(b"\0"))]
    return tuple(sets)


def control_url(base: str, control: str) -> str:
    """The address to set a stream up (RFC 2326, C.1.1): absolute, or appended to the base as cameras do it."""
    if not control or control == "*":
        return base
    if urlsplit(control).scheme in ("rtsp", "rtsps"):
        return control
    # By the letter a relative address replaces the base's last part; every camera appends it instead.
    return f"{base}{control}" if base.endswith("/") or control.startswith("/") else f"{base}/{control}"
