# SPDX-License-Identifier: AGPL-3.0-or-later
"""Any mixture of what RFC 6184 and RFC 7798 allow, drawn by chance: what went in comes out."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.camera_watch import ENDED, pictures, story, watch, whole
from tests.rtp_packets import (
    Picture,
    Rtp,
    h264_payloads,
    h264_sets,
    h264_together,
    h265_payloads,
    h265_sets,
    h265_together,
    marked,
    numbered,
)
from tests.scripted_camera import Conduct, QuirkyCamera

from custodes.domain.video import GapCause


@dataclass(frozen=True)
class Mixture:
    """Pictures and one way to send them."""

    codec: str
    pictures: tuple[Picture, ...]
    sent: tuple[Rtp, ...]
    nap_s: float
    transport: str


BYTES = st.binary(min_size=1, max_size=400).map(lambda data: data.replace(b"\0", b"\1") * 9)


@st.composite
def units(draw: st.DrawFn, codec: str, key: bool) -> tuple[bytes, ...]:
    """The NAL units of one picture: parameter sets if it is a key picture, perhaps SEI, one to four slices."""
    h264 = codec == "H264"
    kinds = (b"\x65", b"\x41") if h264 else (b"\x26\x01", b"\x02\x01")
    slices = draw(st.lists(BYTES, min_size=1, max_size=4))
    first, other = (b"\x88", b"\x42") if h264 else (b"\xaf", b"\x2f")
    parts = [(kinds[0] if key else kinds[1]) + (other if at else first) + data for at, data in enumerate(slices)]
    message = [b"\x06\x05\x04info\x80" if h264 else b"\x4e\x01\x05\x04info\x80"] if draw(st.booleans()) else []
    return (*((h264_sets() if h264 else h265_sets()) if key else ()), *message, *parts)


@st.composite
def payloads(draw: st.DrawFn, codec: str, nals: Sequence[bytes]) -> list[bytes]:
    """The same units alone, together or in fragments, in order."""
    cut, join = (h264_payloads, h264_together) if codec == "H264" else (h265_payloads, h265_together)
    found: list[bytes] = []
    at = 0
    while at < len(nals):
        together = draw(st.integers(1, 3))
        some = nals[at : at + together]
        at += together
        if len(some) > 1:
            found.append(join(some))
        else:
            found += cut(some[0], draw(st.sampled_from((5, 100, 1_200, 60_000))))
    return found


@st.composite
def mixtures(draw: st.DrawFn) -> Mixture:
    codec = draw(st.sampled_from(("H264", "H265")))
    steps = draw(st.lists(st.integers(1, 20_000), min_size=1, max_size=8))
    made, parts, ticks = [], [], 0
    for number, step in enumerate(steps):
        nals = draw(units(codec, number == 0 or draw(st.booleans())))
        made.append(Picture(ticks, nals))
        parts.append((ticks, marked(draw(payloads(codec, nals)))))
        ticks += step
    sequence, timestamp = draw(st.integers(0, 0xFFFF)), draw(st.integers(0, 0xFFFF_FFFF))
    sent = numbered(parts, sequence=sequence, timestamp=timestamp)
    return Mixture(
        codec, tuple(made), tuple(sent), draw(st.sampled_from((0.0, 0.02))), draw(st.sampled_from(("tcp", "udp")))
    )


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(mixtures())
def test_whatever_way_pictures_are_sent_they_come_whole_and_in_their_time(mixture: Mixture) -> None:
    with QuirkyCamera(Conduct(media=mixture.sent, codec=mixture.codec)) as camera:
        events = watch(camera, ENDED, nap_s=mixture.nap_s, transport=mixture.transport)
    assert story(events) == [*whole(mixture.pictures), GapCause.ENDED]
    assert [packet.source.ticks for packet in pictures(events)] == [picture.ticks for picture in mixture.pictures]
