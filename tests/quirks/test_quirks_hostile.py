# SPDX-License-Identifier: AGPL-3.0-or-later
"""A camera that means harm: floods, lies about lengths, pictures without end. It costs itself, and no memory."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest
from tests.camera_watch import Event, Memory, causes, gap, pictures, story, watch, whole
from tests.rtp_packets import (
    Rtp,
    framed,
    h264_pictures,
    h264_sets,
    h264_sps,
    h264_together,
    h265_pictures,
    h265_sets,
    h265_sps,
    packets,
    sprop,
)
from tests.scripted_camera import Conduct, Conversation, Item, QuirkyCamera, Request

from custodes.domain.video import GapCause

PLAIN = h264_pictures()
FLOOD = 100 << 20
"""Bytes that a flood consists of, if nobody ends it before."""
ROOM = 64 << 20
"""Bytes that a hostile camera may cost at most."""
ENDS = (GapCause.DAMAGED, GapCause.ENDED, GapCause.UNREACHABLE, GapCause.REFUSED, GapCause.SILENT)
ONCE = (20.0, 20.0)


def flood(piece: bytes, begin: bytes = b"", total: int = FLOOD) -> Iterator[bytes]:
    yield begin
    chunk = piece * (65_536 // len(piece))
    for _ in range(total // len(chunk)):
        yield chunk


FLOODS: dict[str, tuple[bytes, bytes]] = {
    "a header of 100 MB": (b"X-Long: ", b"a"),
    "a million headers": (b"", b"X-Header: value\r\n"),
    "a status line of 100 MB": (b"RTSP/1.0 200 ", b"O"),
    "headers without an end, one number": (b"", b"CSeq: 1\r\n"),
    "line ends": (b"\r\n\r\n", b"\r\n"),
    "answers to questions that were not asked": (b"", b"RTSP/1.0 200 OK\r\nCSeq: 99999\r\n\r\n"),
    "questions": (b"", b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
    "interleaved packets before anything else": (b"", framed(bytes(1_000))),
    "interim answers": (b"", b"RTSP/1.0 100 Continue\r\nCSeq: 2\r\n\r\n"),
    "zeros": (b"", b"\0"),
}


@pytest.mark.parametrize("method", ["OPTIONS", "DESCRIBE", "PLAY"])
@pytest.mark.parametrize("what", FLOODS)
def test_a_flood_in_place_of_an_answer_ends_the_connection_and_takes_no_memory(what: str, method: str) -> None:
    begin, piece = FLOODS[what]
    if "header" in what:
        begin = b"RTSP/1.0 200 OK\r\n" + begin

    def pour(conversation: Conversation, request: Request) -> None:
        for chunk in flood(piece, begin):
            conversation.write(chunk)

    memory = Memory()
    with QuirkyCamera(Conduct(PLAIN, replies={method: pour})) as camera:
        events = watch(camera, gap(), silence_s=1.0, backoff=ONCE)
    assert causes(events)[0] in ENDS
    assert pictures(events) == []
    assert memory.grown < ROOM


@pytest.mark.parametrize("what", FLOODS)
def test_a_flood_in_place_of_pictures_ends_the_connection_or_is_silence(what: str) -> None:
    begin, piece = FLOODS[what]
    media: list[Item] = [*packets(PLAIN[:5]), lambda conversation: [conversation.write(x) for x in flood(piece, begin)]]
    memory = Memory()
    with QuirkyCamera(Conduct(media=media)) as camera:
        events = watch(camera, gap(), silence_s=1.0, backoff=ONCE)
    assert story(events)[:-1] == whole(PLAIN[:5])
    assert causes(events)[0] in ENDS
    assert memory.grown < ROOM


LENGTHS = [
    "-1",
    "+5",
    "4294967296",
    "18446744073709551617",
    "9" * 4_000,
    "0x10",
    "1e9",
    "",
    " ",
    "1 2",
    "\u0665",
    "NaN",
]


@pytest.mark.parametrize("length", LENGTHS, ids=lambda text: text[:24] or "nothing")
@pytest.mark.parametrize("method", ["OPTIONS", "DESCRIBE"])
def test_a_length_that_cannot_be_is_no_exception(method: str, length: str) -> None:
    def lie(conversation: Conversation, request: Request) -> bytes:
        line = f"RTSP/1.0 200 OK\r\nCSeq: {request.header('cseq')}\r\nContent-Length: {length}\r\n\r\n"
        return line.encode() + b"v=0\r\n"

    with QuirkyCamera(Conduct(PLAIN, replies={method: lie})) as camera:
        events = watch(camera, gap(), silence_s=0.5, backoff=ONCE)
    assert causes(events)[0] in ENDS
    assert all(cause is GapCause.ENDED for cause in causes(events)[1:])


@pytest.mark.parametrize(("more", "cause"), [(-60, None), (1, GapCause.UNREACHABLE), (10_000, GapCause.UNREACHABLE)])
def test_a_length_that_lies_about_the_description_is_waited_for_or_cut(more: int, cause: GapCause | None) -> None:
    def lie(conversation: Conversation, request: Request) -> bytes:
        answer = conversation.standard(request)
        length = int(answer.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
        return answer.replace(f"Content-Length: {length}".encode(), f"Content-Length: {length + more}".encode())

    with QuirkyCamera(Conduct(PLAIN, sets=h264_sets(), replies={"DESCRIBE": lie})) as camera:
        events = watch(camera, gap(), silence_s=0.5, backoff=ONCE)
    assert causes(events)[0] is (cause or GapCause.ENDED)
    assert cause is not None or whole(pictures(events)) == whole(PLAIN)


BODIES = {
    "10 MB of attributes": b"v=0\r\n" + b"a=x:y\r\n" * 1_500_000,
    "10 MB in one line": b"v=0\r\ns=" + b"s" * 10_000_000,
    "10 MB of video streams": b"m=video 0 RTP/AVP 96\r\n" * 450_000,
    "10 MB of zeros": bytes(10_000_000),
    "a hundred thousand payload types": b"m=video 0 RTP/AVP" + b" 96" * 80_000 + b"\r\na=rtpmap:96 X/90000\r\n",
    "two hundred thousand small attributes": b"m=video 0 RTP/AVP 96\r\n" + b"a=\r\n" * 60_000,
    "long numbers": b"m=video 0 RTP/AVP " + b"9" * 5_000 + b"\r\na=rtpmap:" + b"9" * 5_000 + b" H264/90000\r\n",
    "a list of empty parameter sets": b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
    b"a=fmtp:96 sprop-parameter-sets=" + b"," * 200_000,
    "zero bytes inside": b"v=0\r\n\0m=video\0 0 RTP/AVP 96\0\r\na=rtpmap:96\0H264/90000\r\n\0",
    "bytes that are no text": bytes(range(128, 256)) * 100,
}


@pytest.mark.parametrize("what", BODIES)
def test_a_hostile_description_is_damage_and_takes_no_memory(what: str) -> None:
    body = BODIES[what]

    def describe(conversation: Conversation, request: Request) -> None:
        conversation.write(conversation.answer(request, "200 OK", f"Content-Length: {len(body)}"))
        for at in range(0, len(body), 65_536):
            conversation.write(body[at : at + 65_536])

    memory = Memory()
    with QuirkyCamera(Conduct(PLAIN, replies={"DESCRIBE": describe})) as camera:
        events = watch(camera, gap(), silence_s=2.0, backoff=ONCE)
    assert causes(events) == [GapCause.DAMAGED]
    assert memory.grown < ROOM


def test_pictures_without_end_before_play_is_answered_are_damage_and_take_no_memory() -> None:
    pieces = b"".join(framed(packet.pack()) for packet in packets(h264_pictures(40)))

    def play(conversation: Conversation, _request: Request) -> None:
        for _ in range(2_000):
            conversation.write(pieces)

    memory = Memory()
    with QuirkyCamera(Conduct(PLAIN, replies={"PLAY": play})) as camera:
        events = watch(camera, gap(GapCause.DAMAGED, GapCause.UNREACHABLE), silence_s=5.0, backoff=ONCE)
    # The same numbers again and again look like losses.
    assert [cause for cause in causes(events) if cause is not GapCause.LOST] == [GapCause.DAMAGED]
    assert memory.grown < 2 * ROOM


HUGE = {
    "h264 in the stream": ("H264", h264_pictures(sets=(h264_sps(65_535, 65_535), h264_sets()[1])), ()),
    "h265 in the stream": ("H265", h265_pictures(sets=(h265_sets()[0], h265_sps(65_535, 65_535), h265_sets()[2])), ()),
    "h264 announced": ("H264", (), (h264_sps(65_535, 65_535), h264_sets()[1])),
    "h265 announced": ("H265", (), (h265_sets()[0], h265_sps(65_535, 65_535), h265_sets()[2])),
}


@pytest.mark.parametrize("where", HUGE)
def test_pictures_of_65535_by_65535_pixels_are_damage_and_take_no_memory(where: str) -> None:
    codec, sent, announced = HUGE[where]
    bare = tuple(picture.__class__(picture.ticks, picture.nals[-1:], picture.key) for picture in PLAIN)
    memory = Memory()
    with QuirkyCamera(Conduct(sent or bare, codec=codec, sets=announced)) as camera:
        events = watch(camera, gap(), backoff=ONCE)
    assert pictures(events) == []
    assert causes(events) == [GapCause.DAMAGED]
    assert memory.grown < ROOM


@pytest.mark.parametrize("cut", range(1, 8))
def test_parameter_sets_cut_anywhere_are_damage_and_no_exception(cut: int) -> None:
    sps, pps = h264_sets()
    with QuirkyCamera(Conduct(h264_pictures(sets=(sps[:cut], pps)))) as camera:
        events = watch(camera, gap(), backoff=ONCE)
    assert pictures(events) == []
    assert causes(events)[0] in (GapCause.DAMAGED, GapCause.ENDED)


FIRST = packets(PLAIN[:5])
LAST = FIRST[-1].timestamp + 18_000


def endless_unit(_: Conversation) -> Iterator[Item]:
    """One NAL unit in FU-A, as long as anybody listens."""
    yield from FIRST
    order = count(1_000 + len(FIRST))
    yield Rtp(b"\x7c\x85" + b"\x11" * 60_000, next(order), LAST)
    for _ in range(FLOOD // 60_000):
        yield Rtp(b"\x7c\x05" + b"\x11" * 60_000, next(order), LAST)


def tiny_units(_: Conversation) -> Iterator[Item]:
    """Millions of NAL units of one byte in one picture: 20,000 to a packet."""
    yield from FIRST
    order = count(1_000 + len(FIRST))
    payload = h264_together([b"\x41"] * 20_000)
    for _ in range(FLOOD // len(payload)):
        yield Rtp(payload, next(order), LAST)


def tiny_packets(_: Conversation) -> Iterator[Item]:
    """The same with a packet for each."""
    yield from FIRST
    order = count(1_000 + len(FIRST))
    for _ in range(3_000):
        yield b"".join(framed(Rtp(b"\x41\x42", next(order), LAST).pack()) for _ in range(500))


def separators(_: Conversation) -> Iterator[Item]:
    """A packet of nothing but start codes and units of one byte."""
    yield from FIRST
    order = count(1_000 + len(FIRST))
    payload = b"\x41" + b"\0\0\1\x41" * 15_000
    for _ in range(FLOOD // len(payload)):
        yield Rtp(payload, next(order), LAST)


def large_pictures(_: Conversation) -> Iterator[Item]:
    """Key pictures of six megabytes, ever the same time: no picture follows another."""
    yield from FIRST
    order = count(1_000 + len(FIRST))
    for _ in range(FLOOD // 60_000):
        yield Rtp(b"\x65\x42" + b"\x11" * 60_000, next(order), LAST)


@pytest.mark.parametrize("nap_s", [0.0, 0.04], ids=["at once", "napping"])
@pytest.mark.parametrize("media", [endless_unit, tiny_units, tiny_packets, separators, large_pictures])
def test_a_picture_without_end_is_damage_and_takes_no_memory(media: object, nap_s: float) -> None:
    memory = Memory()
    with QuirkyCamera(Conduct(media=media, then="hang")) as camera:  # type: ignore[arg-type]
        events = watch(camera, gap(), nap_s=nap_s, backoff=ONCE)
    assert story(events)[:4] == whole(PLAIN[:4])
    assert causes(events) == [GapCause.DAMAGED]
    assert memory.grown < ROOM


def test_more_pictures_than_anybody_takes_wait_with_the_camera_and_not_in_memory() -> None:
    """Whoever watches is slow: TCP holds the camera back."""
    (big,) = h264_pictures(1, size=1_000_000)
    resume = threading.Event()

    def media(_: Conversation) -> Iterator[Item]:
        sequence = 0
        for number in range(300):
            some = packets([replace(big, ticks=number * 900)], sequence=sequence, mtu=60_000)
            sequence += len(some)
            yield from some

    def slow(events: list[Event]) -> bool:
        if len(events) == 3:
            resume.wait(2.0)
        return len(events) > 32

    memory = Memory()
    with QuirkyCamera(Conduct(media=media, then="hang")) as camera:
        events = watch(camera, slow, silence_s=5.0)
    # That a picture came late is told as a pause; none is missing.
    assert [told for told in story(events) if told != GapCause.PAUSED][:30] == whole([big]) * 30
    assert memory.grown < 2 * ROOM


def test_the_parameter_sets_may_change_with_every_picture() -> None:
    sent = tuple(
        picture
        for number in range(60)
        for picture in h264_pictures(1, sets=h264_sets(160 + 16 * number, 160), first=number, seed=number)
    )
    with QuirkyCamera(
        Conduct(sent, sdp=f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 x={sprop([])}")
    ) as (camera):
        events = watch(camera, gap())
    assert story(events) == [*whole(sent), GapCause.ENDED]
    assert [packet.info.width for packet in pictures(events)] == [160 + 16 * number for number in range(60)]
