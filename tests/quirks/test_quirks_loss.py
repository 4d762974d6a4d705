# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is missing, what comes twice, late or from somebody else: never in a picture, always told."""

import random
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from tests.camera_watch import ENDED, broken, causes, pictures, received, story, watch, whole
from tests.rtp_packets import SSRC, Rtp, framed, h264_pictures, h265_pictures, packets
from tests.scripted_camera import Conduct, Conversation, Item, QuirkyCamera

from custodes.domain.video import GapCause

PLAIN = h264_pictures()
LONG = h264_pictures(40)
FOREIGN = h264_pictures(60, seed=77)


def places(sent: Sequence[Rtp], picture: int) -> list[int]:
    """Where the packets of a picture stand."""
    stamps = list(dict.fromkeys(packet.timestamp for packet in sent))
    return [at for at, packet in enumerate(sent) if packet.timestamp == stamps[picture]]


def without(sent: Sequence[Rtp], *gone: int) -> list[Rtp]:
    return [packet for at, packet in enumerate(sent) if at not in gone]


HURT: dict[str, tuple[int, Callable[[list[int]], list[int]]]] = {
    "the first fragment of a picture": (7, lambda at: at[:1]),
    "the last fragment of a picture": (7, lambda at: at[-1:]),
    "the end of one and the beginning of the next but one": (8, lambda at: [at[-1], *range(at[-1] + 1, at[-1] + 2)]),
    "a fragment of a key picture": (5, lambda at: at[3:4]),
    "the parameter sets of a key picture": (10, lambda at: at[:2]),
    "a whole picture": (12, lambda at: at),
    "all but the last fragment of a key picture": (15, lambda at: at[:-1]),
    "several pictures and the beginning of one": (6, lambda at: list(range(at[0], at[0] + 7))),
}


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("what", HURT)
def test_lost_packets_cost_the_pictures_they_were_of_and_are_told_once(what: str, transport: str) -> None:
    hurt, choose = HURT[what]
    sent = packets(LONG)
    gone = choose(places(sent, hurt))
    with QuirkyCamera(Conduct(media=without(sent, *gone))) as camera:
        events = watch(camera, ENDED, transport=transport)
    count = len({sent[at].timestamp for at in gone})
    assert story(events) == [*broken(LONG, hurt, count), GapCause.ENDED]
    assert {packet.source.connection for packet in pictures(events)} == {1}


def test_after_a_lost_datagram_the_next_key_picture_does_not_wait_for_many_more() -> None:
    """A quiet camera sends few packets: whoever waits for a number of them waits for seconds."""
    sent = packets(PLAIN[:6])
    hurt = places(sent, 3)[0]
    with QuirkyCamera(Conduct(media=without(sent, hurt), then="hang")) as camera:
        events = watch(camera, received(4), transport="udp", silence_s=2.0)
    assert story(events) == broken(PLAIN[:6], 3)


@pytest.mark.parametrize("nap_s", [0.0, 0.04], ids=["at once", "napping"])
def test_loss_in_h265_is_told_in_the_same_way(nap_s: float) -> None:
    sent = h265_pictures(size=5_000)
    whole_stream = packets(sent, codec="H265")
    media = without(whole_stream, places(whole_stream, 7)[0])
    with QuirkyCamera(Conduct(media=media, codec="H265")) as camera:
        events = watch(camera, ENDED, nap_s=nap_s)
    assert story(events) == [*broken(sent, 7), GapCause.ENDED]


def test_loss_where_the_numbers_wrap_is_one_loss() -> None:
    sent = packets(PLAIN, sequence=0xFFFF_0000 - places(packets(PLAIN), 7)[0])
    hurt = places(sent, 7)[0]
    assert sent[hurt].sequence & 0xFFFF == 0
    with QuirkyCamera(Conduct(media=without(sent, hurt))) as camera:
        events = watch(camera, ENDED)
    assert story(events) == [*broken(PLAIN, 7), GapCause.ENDED]


def test_every_loss_is_told_and_no_damaged_picture_comes() -> None:
    """Every thirtieth packet is missing, by chance."""
    sent = h264_pictures(200, gop=10)
    dice, stream = random.Random(5), packets(sent)
    kept = [packet for packet in stream if dice.random() > 1 / 30]
    assert len(stream) - len(kept) > 10
    with QuirkyCamera(Conduct(media=kept)) as camera:
        events = watch(camera, ENDED)
    true = set(whole(sent))
    assert [each for each in whole(pictures(events)) if each not in true] == []
    assert causes(events).count(GapCause.LOST) > 5
    assert set(causes(events)) == {GapCause.LOST, GapCause.ENDED}


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_packets_that_come_twice_are_taken_once(transport: str) -> None:
    sent = [packet for packet in packets(PLAIN) for _ in range(2)]
    with QuirkyCamera(Conduct(media=sent)) as camera:
        events = watch(camera, ENDED, transport=transport)
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]


@pytest.mark.parametrize("distance", [1, 3, 8])
def test_datagrams_out_of_order_are_put_in_order(distance: int) -> None:
    sent = packets(PLAIN)
    for at in range(4, len(sent) - distance - 1, 2 * distance + 1):
        sent[at], sent[at + distance] = sent[at + distance], sent[at]
    with QuirkyCamera(Conduct(media=sent)) as camera:
        events = watch(camera, ENDED, transport="udp")
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]


def test_a_datagram_that_comes_much_too_late_is_lost_and_does_not_come_into_another_picture() -> None:
    sent = packets(LONG)
    late = places(sent, 7)[0]
    media = [*without(sent, late)[:-4], sent[late], *sent[-4:]]
    with QuirkyCamera(Conduct(media=media)) as camera:
        events = watch(camera, ENDED, transport="udp")
    assert story(events) == [*broken(LONG, 7), GapCause.ENDED]


def test_datagrams_from_another_port_or_address_are_nobodys() -> None:
    stranger, relative = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    stranger.bind(("127.0.0.1", 0))
    relative.bind(("127.0.0.2", 0))

    def intrude(conversation: Conversation) -> None:
        assert conversation.to is not None
        for packet in packets(FOREIGN[:2], sequence=1_010):
            for intruder in (stranger, relative):
                intruder.sendto(packet.pack(), conversation.to)

    media: list[Item] = [intrude, 0.05]
    for packet in packets(PLAIN):
        media += [packet, intrude] if packet.marker else [packet]
    with stranger, relative, QuirkyCamera(Conduct(media=media)) as camera:
        events = watch(camera, ENDED, transport="udp")
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]


def test_datagrams_that_are_no_rtp_are_passed_over() -> None:
    def junk(conversation: Conversation) -> None:
        assert conversation.to is not None
        for data in (b"", b"\x80", b"\x00" * 40, b"\xff" * 1_400, b"RTSP/1.0 200 OK\r\n\r\n", b"\x80\xe0" + bytes(9)):
            conversation.pair[0].sendto(data, conversation.to)
            conversation.pair[1].sendto(data, (conversation.to[0], conversation.to[1] + 1))

    media: list[Item] = [item for packet in packets(PLAIN) for item in ((junk, packet) if packet.marker else (packet,))]
    with QuirkyCamera(Conduct(media=media)) as camera:
        events = watch(camera, ENDED, transport="udp")
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]


def test_no_datagrams_at_all_are_silence() -> None:
    with QuirkyCamera(Conduct(media=[], then="hang")) as camera:
        events = watch(camera, lambda events: len(events) > 1, transport="udp", silence_s=0.5)
    assert causes(events) == [GapCause.SILENT]


def mixed(own: Sequence[Rtp], other: Sequence[Rtp]) -> list[Rtp]:
    """Two streams on one connection, packet by packet."""
    woven = [each for pair in zip(own, other, strict=False) for each in pair]
    return [*woven, *own[len(woven) // 2 :]]


STRAY = packets(FOREIGN, sequence=1_005, ssrc=0xBAD)


@pytest.mark.parametrize("nap_s", [0.0, 0.04], ids=["at once", "napping"])
@pytest.mark.parametrize(
    ("media", "conduct"),
    [
        (mixed(packets(PLAIN), STRAY), {}),
        ([*STRAY[:40], *packets(PLAIN)], {"transport_tail": f";ssrc={SSRC:08X}"}),
        (mixed(packets(PLAIN), STRAY), {"transport_tail": f";ssrc= {SSRC:x};mode=PLAY"}),
        (packets(PLAIN), {"before": b"".join(framed(packet.pack()) for packet in STRAY[:30])}),
    ],
    ids=[
        "reolink: another session's RTP between ours",
        "reolink: another session's RTP before ours, the source announced",
        "hikvision: the source announced behind a space",
        "reolink: another session's RTP before we have logged in",
    ],
)
def test_rtp_of_another_source_never_comes_into_the_picture(
    media: list[Item], conduct: dict[str, object], nap_s: float
) -> None:
    with QuirkyCamera(Conduct(media=media, **conduct)) as camera:
        events = watch(camera, ENDED, nap_s=nap_s)
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]


def test_datagrams_of_another_source_from_the_cameras_own_port_do_not_disturb_the_order() -> None:
    with QuirkyCamera(Conduct(media=mixed(packets(LONG), STRAY))) as camera:
        events = watch(camera, ENDED, transport="udp")
    assert story(events) == [*whole(LONG), GapCause.ENDED]


@pytest.mark.parametrize(
    "tail",
    [";ssrc=0", ";ssrc=DEADBEEF", ";ssrc=not hexadecimal", ";ssrc=123456789ABCDEF0"],
    ids=["h264dvr: ssrc=0", "unknown: another number", "unknown: no number", "unknown: too long"],
)
def test_an_announced_source_that_never_sends_does_not_keep_the_stream_out(tail: str) -> None:
    sent = h264_pictures(400)
    with QuirkyCamera(Conduct(sent, transport_tail=tail)) as camera:
        events = watch(camera, ENDED)
    came = whole(pictures(events))
    assert len(came) >= 100
    assert came == whole(sent)[-len(came) :]


def test_a_stale_session_that_speaks_first_is_left_for_our_own() -> None:
    """Old live555: packets of a session that was not torn down come on the new connection, before PLAY is answered."""
    ours = h264_pictures(400)

    def stale(conversation: Conversation) -> None:
        for packet in STRAY[:20] if conversation.number == 1 else ():
            conversation.send(packet)

    with QuirkyCamera(Conduct(ours, early=[stale], then="hang")) as camera:
        events = watch(camera, lambda events: whole(ours[-1:])[0] in whole(pictures(events)[-1:]))
    came = [each for each in whole(pictures(events)) if each in set(whole(ours))]
    assert came[-100:] == whole(ours[-100:])
    assert max(packet.source.connection for packet in pictures(events)) <= 2


def test_a_camera_that_begins_another_source_in_the_middle_is_recorded_again() -> None:
    """Restarted encoders take another SSRC, number and time, on the same connection."""
    renewed = h264_pictures(400, seed=9)
    media = [*packets(PLAIN), *packets(renewed, ssrc=0xF00D, sequence=7, timestamp=5)]

    def first(conversation: Conversation) -> list[Item]:
        return list(media) if conversation.number == 1 else list(packets(renewed, ssrc=0xF00D))

    with QuirkyCamera(Conduct(media=first, then="hang")) as camera:
        events = watch(camera, lambda events: whole(renewed[-1:])[0] in whole(pictures(events)[-1:]))
    assert story(events)[: len(PLAIN)] == whole(PLAIN)
    assert set(causes(events)) <= {GapCause.ENDED, GapCause.CAMERA_TIME, GapCause.LOST}
    assert causes(events) != []


def test_the_sources_own_packets_numbered_anew_go_on_with_the_next_key_picture() -> None:
    """The number leaps far away, as after a restart that keeps the source: one loss, then all goes on."""
    leap = [replace(packet, sequence=packet.sequence + 20_000) for packet in packets(PLAIN)]
    media = [*packets(PLAIN[:8]), *leap[places(leap, 8)[0] :]]
    with QuirkyCamera(Conduct(media=media)) as camera:
        events = watch(camera, ENDED)
    came = whole(pictures(events))
    assert came[:8] == whole(PLAIN[:8])
    assert came[-5:] == whole(PLAIN[-5:])
    assert set(came) <= set(whole(PLAIN))
    assert GapCause.LOST in causes(events)


def test_pictures_over_udp_come_with_their_marker_bit() -> None:
    with QuirkyCamera(Conduct(PLAIN[:3], then="hang")) as camera:
        events = watch(camera, received(3), transport="udp")
    assert story(events) == whole(PLAIN[:3])
