# SPDX-License-Identifier: AGPL-3.0-or-later
"""The session description of a stream (RFC 8866; H.264 parameters: RFC 6184, 8.1)."""

import base64
from collections.abc import Sequence

from custodes.demo.cameras.encoder import SPS, StreamForm, nal_type
from custodes.demo.cameras.rtp import PAYLOAD_TYPE
from custodes.demo.cameras.source import RATE
from custodes.domain.video import TICKS

CONTROL = "trackID=0"
"""The last part of the address of a stream's only track."""


def describe(form: StreamForm, name: str, parameter_sets: Sequence[bytes]) -> str:
    """Return the description; ``parameter_sets`` are the SPS and PPS without start codes."""
    profile = next(nal[1:4].hex().upper() for nal in parameter_sets if nal_type(nal) == SPS)
    sets = ",".join(base64.b64encode(nal).decode() for nal in parameter_sets)
    lines = [
        "v=0",
        "o=- 0 1 IN IP4 127.0.0.1",
        f"s={name} {form.role.value}",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"b=AS:{form.bit_rate * 9 // 8 // 1000}",
        f"a=rtpmap:{PAYLOAD_TYPE} H264/{TICKS}",
        f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={sets}",
        f"a=framerate:{RATE / form.every:g}",
        f"a=x-dimensions:{form.width},{form.height}",
        f"a=control:{CONTROL}",
    ]
    return "".join(f"{line}\r\n" for line in lines)
