# SPDX-License-Identifier: AGPL-3.0-or-later
"""Media profiles: reading them (ONVIF Media 1 and 2), and choosing what is recorded and what is masked."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from custodes.errors import corrupt, invalid
from custodes.video.ingest.decode import MAX_HEIGHT, MAX_WIDTH
from custodes.video.ingest.onvif import markup

MEDIA1 = "http://www.onvif.org/ver10/media/wsdl"
MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
SUB_PIXELS = 640 * 360
SUB_RATES = (5.0, 10.0)
_MAX_PROFILES = 256
_SUB_CODECS = ("H264", "H265", "JPEG")
_CODECS = {"H264": "H264", "H265": "H265", "HEVC": "H265", "AVC": "H264"}


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile with video. ``codec``: H264, H265 or what the device calls it; ``fps`` 0: it does not say.

    ``encoder`` is the device's own encoder configuration, to be sent back with another rate; ``service`` the namespace
    of the media service that told.
    """

    token: str
    source: str
    codec: str
    width: int
    height: int
    fps: float
    encoder_token: str
    encoder: Element
    service: str

    def __str__(self) -> str:
        rate = f", {self.fps:g} pictures a second" if self.fps else ""
        return f"{self.codec} {self.width}x{self.height}{rate}"


def read_profiles(answer: Element, service: str) -> list[Profile]:
    """Every profile with a video encoder in the answer to GetProfiles."""
    found = []
    for element in list(answer)[:_MAX_PROFILES]:
        if markup.local(element) != "Profiles":
            continue
        outer = markup.find(element, "Configurations") if service == MEDIA2 else element
        suffix = "" if service == MEDIA2 else "Configuration"
        encoder = markup.find(outer, f"VideoEncoder{suffix}")
        if encoder is None:
            continue
        token, encoder_token = element.get("token", ""), encoder.get("token", "")
        width, height = (int(markup.number(encoder, "Resolution", each)) for each in ("Width", "Height"))
        if not token or len(token) > 256 or len(encoder_token) > 256 or not (width and height):
            continue
        codec = markup.text(encoder, "Encoding")[:16].upper()
        found.append(
            Profile(
                token=token,
                source=markup.text(outer, f"VideoSource{suffix}", "SourceToken"),
                codec=_CODECS.get(codec, codec),
                width=width,
                height=height,
                fps=markup.number(encoder, "RateControl", "FrameRateLimit"),
                encoder_token=encoder_token,
                encoder=encoder,
                service=service,
            )
        )
    return found


def of_source(profiles: Sequence[Profile], source: str) -> list[Profile]:
    """The profiles of one lens; with several and none named raises ``CustodesError`` (INVALID) that lists them."""
    sources = sorted({profile.source for profile in profiles})
    if source and source not in sources:
        raise invalid(f"the device has no video source of that name; it has {', '.join(sources) or 'none'}")
    if not source and len(sources) > 1:
        raise invalid(f"the device has several video sources: name one with --source ({', '.join(sources)})")
    return [profile for profile in profiles if not source or profile.source == source]


def choose(profiles: Iterable[Profile]) -> tuple[Profile, Profile]:
    """Return main and sub: the largest in H.264 or H.265, and of the others the one nearest to 640x360.

    Sub is one in H.264 if there is one, else in H.265, else in JPEG, as decoding grows dearer or the network fuller.
    Between equals the faster one is main, and sub is the one nearest to 5 to 10 pictures a second. Raises
    ``CustodesError`` (CORRUPT) if there are not two.
    """
    known = list(profiles)
    usable = [profile for profile in known if profile.codec in ("H264", "H265")]
    if not usable:
        raise corrupt("the device offers no H.264 or H.265 stream: switch one on there")
    main = max(usable, key=lambda each: (each.width * each.height, each.fps))
    others = [profile for profile in known if profile.token != main.token and _can_be_masked(profile)]
    if not others:
        raise corrupt("the device offers no second stream to be masked: switch one on there, H.264 640x360 if it can")
    return main, min(others, key=lambda each: (_SUB_CODECS.index(each.codec), *_distance(each)))


def _can_be_masked(profile: Profile) -> bool:
    return profile.codec in _SUB_CODECS and profile.width <= MAX_WIDTH and profile.height <= MAX_HEIGHT


def _distance(profile: Profile) -> tuple[float, float]:
    low, high = SUB_RATES
    away = abs(math.log(profile.width * profile.height / SUB_PIXELS))
    return away, max(low - profile.fps, profile.fps - high, 0.0)
