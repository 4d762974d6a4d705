# SPDX-License-Identifier: AGPL-3.0-or-later
"""How cameras wrap pictures: whatever the wrapping, each picture comes out once, whole and untouched."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

import pytest
from tests.camera_watch import ENDED, Event, causes, pictures, received, story, together, watch, whole
from tests.rtp_packets import (
    MTU,
    START,
    Picture,
    Rtp,
    h264_payloads,
    h264_pictures,
    h264_sets,
    h264_together,
    h265_payloads,
    h265_pictures,
    h265_sets,
    h265_together,
    marked,
    numbered,
    packets,
    renumbered,
)
from tests.scripted_camera import Conduct, QuirkyCamera

from custodes.domain.video import GapCause

SEI = b"\x06\x05\x08" + b"recorder" + b"\x80"
DELIMITER = b"\x09\xf0"
PLAIN = h264_pictures()
Wrap = Callable[[Sequence[Picture]], Iterable[Rtp]]


def each(wrapping: Callable[[Picture], Sequence[tuple[bytes, bool]]]) -> Wrap:
    """Every picture's payloads and marker bits by this function."""
    return lambda sent: numbered((picture.ticks, wrapping(picture)) for picture in sent)


def fragments(wrapping: Callable[[int, bytes], bytes | None]) -> Wrap:
    """Every FU-A payload changed, or left out where the function returns None; others stay."""

    def wrapped(picture: Picture) -> list[tuple[bytes, bool]]:
        payloads = []
        for nal in picture.nals:
            for at, payload in enumerate(parts := h264_payloads(nal)):
                changed = wrapping(at, payload) if len(parts) > 1 else payload
                payloads += [] if changed is None else [changed]
        return marked(payloads)

    return each(wrapped)


def stream_of_bytes(picture: Picture) -> bytes:
    """A whole access unit as Annex B has it, without the first start code."""
    return START.join(picture.nals)


def with_units(*before: bytes, behind: Sequence[bytes] = ()) -> tuple[Picture, ...]:
    return tuple(replace(picture, nals=(*before, *picture.nals, *behind)) for picture in PLAIN)


def among(extra: Callable[[Rtp], Rtp]) -> Wrap:
    """After each packet one more of the same picture, made from it; all numbered without a gap."""

    def wrapped(sent: Sequence[Picture]) -> list[Rtp]:
        found = []
        for packet in packets(sent):
            found += [extra(packet), packet] if packet.marker else [packet, extra(packet)]
        return renumbered(found)

    return wrapped


def altered(change: Callable[[Rtp], Rtp]) -> Wrap:
    return lambda sent: [change(packet) for packet in packets(sent)]


def sets_apart(sent: Sequence[Picture]) -> list[Rtp]:
    """Reolink RLC-822A: parameter sets have a time of their own, and the first of them a marker bit."""
    parts = []
    for picture in sent:
        *sets, slice_ = picture.nals
        if sets:
            parts.append((picture.ticks - 1, [(nal, at == 0) for at, nal in enumerate(sets)]))
        parts.append((picture.ticks, marked(h264_payloads(slice_))))
    return numbered(parts)


def beheaded(at: int, payload: bytes) -> bytes:
    """Types that change: all fragments but the first say that they belong to a slice of another kind."""
    return payload if at == 0 else payload[:1] + bytes((payload[1] & 0xE0 | (payload[1] & 31 ^ 4),)) + payload[2:]


def emptied(picture: Picture) -> list[tuple[bytes, bool]]:
    payloads = [part for nal in picture.nals for part in h264_payloads(nal)]
    woven = []
    for payload in payloads:
        woven.append(payload)
        if payload[0] & 31 == 28 and not payload[1] & 0x40:
            woven += [payload[:1] + bytes((payload[1] & 0x1F,)), payload[:1]]
    return marked([b"", *woven])


def lie(flags: int, payload: bytes) -> Callable[[Rtp], Rtp]:
    return lambda packet: replace(packet, payload=payload, flags=flags, marker=False)


EXTENSION = b"\xab\xac\x00\x03" + bytes(range(12))

H264: dict[str, tuple[Wrap, tuple[Picture, ...]]] = {
    "rfc 6184: single units and FU-A": (packets, PLAIN),
    "axis: parameter sets together in a STAP-A": (
        each(lambda p: marked([*([h264_together(p.nals[:-1])] if p.key else []), *h264_payloads(p.nals[-1])])),
        PLAIN,
    ),
    "mediamtx: whole pictures in a STAP-A": (
        each(lambda p: marked([h264_together(p.nals)])),
        h264_pictures(slices=4, size=900),
    ),
    "gstreamer: a STAP-A with a size that lies behind its last unit": (
        each(lambda p: marked([h264_together(p.nals) + b"\xff\xff\x41"])),
        PLAIN,
    ),
    "unknown: a STAP-A with nothing in it before the picture": (
        each(lambda p: marked([b"\x78", b"\x78\x00\x00", *[x for n in p.nals for x in h264_payloads(n)]])),
        PLAIN,
    ),
    "v380: a byte stream where one unit should be": (each(lambda p: marked([stream_of_bytes(p)])), PLAIN),
    "v380: a byte stream cut into FU-A": (each(lambda p: marked(h264_payloads(stream_of_bytes(p)))), PLAIN),
    "v380: a byte stream in fragments that cut its start codes": (
        each(lambda p: marked(h264_payloads(stream_of_bytes(p), 7))),
        h264_pictures(size=200),
    ),
    "gw security: a start code before each unit": (
        each(lambda p: marked([START + nal for nal in p.nals])),
        PLAIN,
    ),
    "gw security: a start code behind each parameter set": (
        each(lambda p: marked([*[nal + START for nal in p.nals[:-1]], *h264_payloads(p.nals[-1])])),
        PLAIN,
    ),
    "tiandy: fragments that change their type": (fragments(beheaded), PLAIN),
    "dahua: the reserved bit of fragments is set": (
        fragments(lambda _, payload: payload[:1] + bytes((payload[1] | 0x20,)) + payload[2:]),
        PLAIN,
    ),
    "hikvision: empty fragments and packets without a payload": (each(emptied), PLAIN),
    "unknown: fragments without an end bit": (
        fragments(lambda _, payload: payload[:1] + bytes((payload[1] & 0xBF,)) + payload[2:]),
        PLAIN,
    ),
    "ivel: the marker bit on SEI": (
        each(lambda p: [(SEI, True), *marked([x for n in p.nals[1:] for x in h264_payloads(n)])]),
        with_units(SEI),
    ),
    "reolink: parameter sets with a time and marker bit of their own": (sets_apart, PLAIN),
    "vivotek: access unit delimiters and SEI in front": (packets, with_units(DELIMITER, SEI)),
    "bosch: end of sequence and filler behind the slice": (packets, with_units(behind=(b"\x0c\xff\xff\x80", b"\x0a"))),
    "axis: four slices to a picture": (packets, h264_pictures(slices=4, size=2_000)),
    "unknown: hundreds of slices to a picture": (packets, h264_pictures(10, slices=300, size=90)),
    "4k: key pictures of 400 kilobytes": (packets, h264_pictures(10, size=400_000)),
    "jumbo: packets of 64 kilobytes": (lambda sent: packets(sent, mtu=65_000), h264_pictures(10, size=200_000)),
    "tiny: packets of 20 bytes": (lambda sent: packets(sent, mtu=20), h264_pictures(10, size=2_000)),
    "wowza: parameter sets before every picture": (
        packets,
        tuple(p if p.key else replace(p, nals=(*h264_sets(), *p.nals)) for p in PLAIN),
    ),
    "macrovideo: parameter sets of another reference class": (
        packets,
        h264_pictures(sets=[bytes((each[0] & 0x9F | 0x20,)) + each[1:] for each in h264_sets()]),
    ),
    "rfc 3550: true padding": (
        altered(lambda p: replace(p, flags=0x20, payload=p.payload + b"\x07\x07\x07\x04")),
        PLAIN,
    ),
    "rfc 3550: padding alone in a packet": (among(lie(0x20, b"\0\0\0\x04")), PLAIN),
    "rfc 3550: contributing sources": (altered(lambda p: replace(p, flags=3, extra=b"contributing")), PLAIN),
    "onvif: a header extension": (altered(lambda p: replace(p, flags=0x10, extra=EXTENSION)), PLAIN),
    "all three": (
        altered(lambda p: replace(p, flags=0x31, extra=b"some" + EXTENSION, payload=p.payload + b"\x01")),
        PLAIN,
    ),
    "lie: more padding than packet": (among(lie(0x20, b"\x41\x9a\x77\xff")), PLAIN),
    "lie: more sources than packet": (among(lie(15, b"\x41\x9a" * 20)), PLAIN),
    "lie: an extension longer than the packet": (among(lie(0x10, b"\xab\xac\xff\xff\x41\x9a")), PLAIN),
    "lie: an extension without its length": (among(lie(0x10, b"\xab")), PLAIN),
    "lie: every bit set and nothing behind it": (among(lie(0x3F, b"")), PLAIN),
    "unknown: units of types that RFC 6184 leaves undefined": (
        among(lambda p: replace(p, payload=b"\x7e" + b"nothing", marker=False)),
        PLAIN,
    ),
    "hikvision: metadata of another payload type in between": (
        lambda sent: [x for p in packets(sent) for x in (p, replace(p, kind=107, ssrc=7, payload=b"<xml/>"))],
        PLAIN,
    ),
    "wrap: packets numbered through 65535": (lambda sent: packets(sent, sequence=0xFFF8), PLAIN),
}  # fmt: skip


@pytest.mark.parametrize("quirk", H264)
def test_every_h264_picture_comes_whole_however_it_was_wrapped(quirk: str) -> None:
    wrap, sent = H264[quirk]
    with QuirkyCamera(Conduct(media=list(wrap(sent)))) as camera:
        events = watch(camera, ENDED)
    assert story(events) == [*whole(sent), GapCause.ENDED]
    assert [packet.key for packet in pictures(events)] == [picture.key for picture in sent]


@pytest.fixture(scope="module")
def napping() -> dict[str, list[Event]]:
    """All of them as they are recorded, by readers that nap, at the same time."""

    def record(quirk: str) -> list[Event]:
        wrap, sent = H264[quirk]
        with QuirkyCamera(Conduct(media=list(wrap(sent)))) as camera:
            return watch(camera, ENDED, nap_s=0.04)

    return together({quirk: partial(record, quirk) for quirk in H264})


@pytest.mark.parametrize("quirk", H264)
def test_a_reader_that_naps_misses_no_picture(quirk: str, napping: dict[str, list[Event]]) -> None:
    sent = H264[quirk][1]
    assert story(napping[quirk]) == [*whole(sent), GapCause.ENDED]
    assert [packet.key for packet in pictures(napping[quirk])] == [picture.key for picture in sent]


H265_PLAIN = h265_pictures()


def h265_changed(change: Callable[[int, bytes], bytes]) -> Wrap:
    def wrapped(picture: Picture) -> list[tuple[bytes, bool]]:
        parts = [list(enumerate(h265_payloads(nal))) for nal in picture.nals]
        return marked([change(at, payload) if len(some) > 1 else payload for some in parts for at, payload in some])

    return each(wrapped)


def of_kind(kind: int) -> tuple[Picture, ...]:
    """Pictures between the key pictures that are of another NAL unit type."""
    return tuple(
        p if p.key else replace(p, nals=tuple(bytes((kind << 1,)) + nal[1:] for nal in p.nals)) for p in H265_PLAIN
    )


H265: dict[str, tuple[Wrap, tuple[Picture, ...]]] = {
    "rfc 7798: single units and fragments": (lambda sent: packets(sent, codec="H265"), H265_PLAIN),
    "rfc 7798: parameter sets together": (
        each(lambda p: marked([*([h265_together(p.nals[:-1])] if p.key else []), *h265_payloads(p.nals[-1])])),
        H265_PLAIN,
    ),
    "dahua: four slices to a picture": (
        lambda sent: packets(sent, codec="H265"),
        h265_pictures(slices=4),
    ),
    "tiandy: fragments that change their type": (
        h265_changed(lambda at, x: x if at == 0 else x[:2] + bytes((x[2] & 0xC0,)) + x[3:]),
        H265_PLAIN,
    ),
    "unknown: fragments without an end bit": (
        h265_changed(lambda _, x: x[:2] + bytes((x[2] & 0xBF,)) + x[3:]),
        H265_PLAIN,
    ),
    "intel n100: pictures of type 0 (TRAIL_N)": (lambda sent: packets(sent, codec="H265"), of_kind(0)),
    "v380: a byte stream where one unit should be": (each(lambda p: marked([stream_of_bytes(p)])), H265_PLAIN),
    "tenda: SEI in front of each picture": (
        lambda sent: packets(sent, codec="H265"),
        tuple(replace(p, nals=(b"\x4e\x01\x05\x04info\x80", *p.nals)) for p in H265_PLAIN),
    ),
    "ivel: the marker bit on SEI": (
        each(lambda p: [(p.nals[0], True), *marked([x for n in p.nals[1:] for x in h265_payloads(n)])]),
        tuple(replace(p, nals=(b"\x4e\x01\x05\x04info\x80", *p.nals)) for p in H265_PLAIN),
    ),
    "rfc 7798: payload content information is passed over": (
        lambda sent: renumbered(
            [
                x
                for p in packets(sent, codec="H265")
                for x in (replace(p, payload=b"\x64\x01\x26\x20\x00", marker=False), p)
            ]
        ),
        H265_PLAIN,
    ),
}


@pytest.mark.parametrize("quirk", H265)
def test_every_h265_picture_comes_whole_however_it_was_wrapped(quirk: str) -> None:
    wrap, sent = H265[quirk]
    with QuirkyCamera(Conduct(media=list(wrap(sent)), codec="H265")) as camera:
        events = watch(camera, ENDED)
    assert story(events) == [*whole(sent), GapCause.ENDED]
    assert (pictures(events)[0].info.width, pictures(events)[0].info.height) == (320, 184)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_without_marker_bits_a_picture_ends_where_the_next_one_begins(transport: str) -> None:
    with QuirkyCamera(Conduct(media=[replace(packet, marker=False) for packet in packets(PLAIN)])) as camera:
        events = watch(camera, ENDED, transport=transport)
    assert story(events) == [*whole(PLAIN[:-1]), GapCause.ENDED]


def test_a_picture_comes_with_its_marker_bit_and_does_not_wait_for_the_next() -> None:
    with QuirkyCamera(Conduct(PLAIN[:1], then="hang")) as camera:
        events = watch(camera, received(1))
    assert story(events) == whole(PLAIN[:1])


@pytest.mark.parametrize("nap_s", [0.0, 0.04])
@pytest.mark.parametrize("then", ["close", "reset"])
def test_half_a_picture_at_the_end_of_a_connection_is_left_out(then: str, nap_s: float) -> None:
    sent = packets(PLAIN)
    assert sent[-1].marker
    assert len(PLAIN[-1].nals[-1]) > MTU
    with QuirkyCamera(Conduct(media=[*sent[:-1], 0.3], then=then)) as camera:
        events = watch(camera, ENDED, nap_s=nap_s)
    assert story(events) == [*whole(PLAIN[:-1]), GapCause.ENDED]


def test_a_fragment_without_its_beginning_never_becomes_a_unit() -> None:
    """The camera numbers its packets without a gap, but some slices never began."""
    headless = fragments(lambda at, payload: None if at == 0 else payload)
    sent = h264_pictures(10, gop=10) + h264_pictures(10, first=10, seed=4)
    broken_ones = [p for p in headless(sent[5:10]) if isinstance(p, Rtp)]
    media = renumbered([*packets(sent[:5]), *broken_ones, *packets(sent[10:])])
    with QuirkyCamera(Conduct(media=media)) as camera:
        events = watch(camera, ENDED)
    shown = whole(pictures(events))
    true = whole(sent)
    assert [nals for nals in shown if nals not in true] == []
    assert shown[:5] == true[:5]
    assert shown[-10:] == true[10:]


def test_a_new_size_in_the_middle_of_the_stream_is_followed_on_one_connection() -> None:
    later = tuple(replace(p, ticks=p.ticks + 20 * 18_000) for p in h264_pictures(sets=h264_sets(640, 360), seed=3))
    with QuirkyCamera(Conduct(PLAIN + later, sets=h264_sets())) as camera:
        events = watch(camera, ENDED)
    assert story(events) == [*whole(PLAIN + later), GapCause.ENDED]
    assert [packet.info.width for packet in pictures(events)] == [320] * 20 + [640] * 20
    assert {packet.info.parameter_sets for packet in pictures(events)} == {h264_sets(), h264_sets(640, 360)}


def test_a_new_size_in_h265_is_followed_too() -> None:
    later = tuple(replace(p, ticks=p.ticks + 20 * 18_000) for p in h265_pictures(sets=h265_sets(640, 360), seed=3))
    with QuirkyCamera(Conduct(H265_PLAIN + later, codec="H265", sets=h265_sets())) as camera:
        events = watch(camera, ENDED)
    assert story(events) == [*whole(H265_PLAIN + later), GapCause.ENDED]
    assert [packet.info.width for packet in pictures(events)] == [320] * 20 + [640] * 20


def test_pictures_before_the_first_parameter_sets_are_of_no_use_and_those_after_come() -> None:
    """No sprop-parameter-sets, and we came into the middle of a GOP."""
    bare = tuple(replace(p, nals=p.nals[-1:], key=False) for p in PLAIN[:5])
    with QuirkyCamera(Conduct(bare + PLAIN[5:])) as camera:
        events = watch(camera, ENDED)
    assert story(events) == [*whole(PLAIN[5:]), GapCause.ENDED]
    assert causes(events) == [GapCause.ENDED]
