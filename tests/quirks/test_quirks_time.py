# SPDX-License-Identifier: AGPL-3.0-or-later
"""RTP time as cameras count it: wrapped, jumping, standing still, out of order. No picture is lost or moved for it."""

from dataclasses import replace
from itertools import pairwise

import pytest
from tests.camera_watch import ENDED, Event, causes, pictures, received, story, watch, whole
from tests.rtp_packets import TICK, Picture, h264_pictures, packets
from tests.scripted_camera import Conduct, Conversation, Item, QuirkyCamera

from custodes.domain.video import Gap, GapCause

PLAIN = h264_pictures()
HOUR = 3600 * 90_000


def at(times: list[int]) -> tuple[Picture, ...]:
    """The pictures at these times."""
    return tuple(replace(picture, ticks=time) for picture, time in zip(PLAIN, times, strict=True))


def usual(base: int = 0) -> list[int]:
    return [base + number * TICK for number in range(len(PLAIN))]


def times(events: list[Event]) -> list[int]:
    return [packet.source.ticks for packet in pictures(events)]


@pytest.mark.parametrize("nap_s", [0.0, 0.04], ids=["at once", "napping"])
@pytest.mark.parametrize(
    "first",
    [0, 1, 0x7FFF_F000, 0xFFFF_F000, 0xFFFF_FFFF],
    ids=["zero", "one", "through the sign bit", "through 2^32", "the last before 2^32"],
)
def test_ticks_count_from_the_first_picture_wherever_the_camera_begins(first: int, nap_s: float) -> None:
    with QuirkyCamera(Conduct(media=packets(PLAIN, timestamp=first))) as camera:
        events = watch(camera, ENDED, nap_s=nap_s)
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]
    assert times(events) == usual()


def test_pictures_out_of_order_of_time_keep_the_order_they_came_in() -> None:
    """B-frames: coded after a picture that is shown later (MediaMTX #1317)."""
    order = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11, 15, 13, 14, 18, 16, 17, 19]
    sent = at([number * TICK for number in order])
    with QuirkyCamera(Conduct(media=packets(sent, timestamp=0xFFFF_E000))) as camera:
        events = watch(camera, ENDED)
    assert story(events) == [*whole(sent), GapCause.ENDED]
    assert times(events) == [number * TICK for number in order]


JUMPS = {
    "hours ahead": [*usual()[:10], *usual(5 * HOUR)[10:]],
    "hours back": [*usual(6 * HOUR)[:10], *usual()[10:]],
    "unset until the first sender report": [number if number < 3 else time for number, time in enumerate(usual(HOUR))],
}


@pytest.mark.parametrize("jump", JUMPS)
def test_a_jump_of_the_cameras_time_costs_no_picture_and_is_told_once(jump: str) -> None:
    sent = at(JUMPS[jump])
    with QuirkyCamera(Conduct(sent)) as camera:
        events = watch(camera, ENDED)
    assert whole(pictures(events)) == whole(sent)
    assert causes(events) == [GapCause.CAMERA_TIME, GapCause.ENDED]


def test_stray_pictures_that_are_hours_off_come_like_the_others_and_the_jumps_are_told() -> None:
    """MediaMTX PR #6255: single pictures with a time of their own; nothing says that the picture is wrong too."""
    sent = at([time + 7 * HOUR if number in (6, 13) else time for number, time in enumerate(usual())])
    with QuirkyCamera(Conduct(sent)) as camera:
        events = watch(camera, ENDED)
    assert whole(pictures(events)) == whole(sent)
    assert causes(events) == [GapCause.CAMERA_TIME] * 4 + [GapCause.ENDED]
    assert times(events)[-1] == usual()[-1]


def test_the_jump_of_half_the_range_is_not_lost_either() -> None:
    """2^31 ticks ahead and behind are the same number: whichever is taken, each picture comes."""
    sent = at([*usual()[:10], *usual(1 << 31)[10:]])
    with QuirkyCamera(Conduct(sent)) as camera:
        events = watch(camera, ENDED)
    assert whole(pictures(events)) == whole(sent)
    assert GapCause.CAMERA_TIME in causes(events)


def test_a_camera_whose_time_stands_still_is_told_apart_by_its_marker_bits() -> None:
    with QuirkyCamera(Conduct(at([0] * len(PLAIN)))) as camera:
        events = watch(camera, ENDED)
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]


def test_time_begins_anew_with_each_connection_and_pictures_do_not_mix() -> None:
    """go2rtc PR #1943: timestamps and packet numbers begin at 0 whenever somebody connects."""

    def media(conversation: Conversation) -> list[Item]:
        some = PLAIN[:10] if conversation.number == 1 else PLAIN
        return list(packets(some, timestamp=0, sequence=0, ssrc=conversation.number))

    with QuirkyCamera(Conduct(media=media)) as camera:
        events = watch(camera, received(30))
    assert story(events) == [*whole(PLAIN[:10]), GapCause.ENDED, *whole(PLAIN)]
    assert [packet.source.connection for packet in pictures(events)] == [1] * 10 + [2] * 20
    assert times(events) == usual()[:10] + usual()
    assert all(before.received <= after.received for before, after in pairwise(pictures(events)))


def test_no_picture_is_received_before_one_that_came_earlier() -> None:
    sent = packets(PLAIN)
    media: list[Item] = [item for number, packet in enumerate(sent) for item in ([packet, 0.02][: 1 + number % 2])]
    for nap_s in (0.0, 0.04):
        with QuirkyCamera(Conduct(media=media)) as camera:
            events = watch(camera, ENDED, nap_s=nap_s)
        stamps = [packet.received for packet in pictures(events)]
        assert len(stamps) == len(PLAIN)
        assert stamps == sorted(stamps)


def test_a_camera_that_pauses_and_goes_on_is_told_as_a_pause_on_the_same_connection() -> None:
    """Two seconds and a half without a picture; parameter sets, which are none, keep coming."""
    early, late = PLAIN[:10], tuple(replace(p, ticks=p.ticks + 3 * 90_000) for p in PLAIN[10:])
    media: list[Item] = []
    for number, picture in enumerate(early):
        media += [*packets([picture], sequence=100 * number), 0.05]
    media += [2.5, *packets(late, sequence=900)]
    media = _numbered(media)
    with QuirkyCamera(Conduct(media=media)) as camera:
        events = watch(camera, ENDED, silence_s=5.0)
    assert story(events) == [*whole(early), GapCause.PAUSED, *whole(late), GapCause.ENDED]
    pause = next(event for event in events if isinstance(event, Gap) and event.cause is GapCause.PAUSED)
    assert pause.began == pictures(events)[9].received


def _numbered(media: list[Item]) -> list[Item]:
    """RTP packets of a list numbered without a gap, pauses left as they are."""
    number, found = 0, list[Item]()
    for item in media:
        if isinstance(item, float):
            found.append(item)
            continue
        found.append(replace(item, sequence=number))  # type: ignore[type-var]
        number += 1
    return found
