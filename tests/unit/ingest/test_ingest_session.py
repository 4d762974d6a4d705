# SPDX-License-Identifier: AGPL-3.0-or-later
"""A camera's stream over real RTSP from a scripted camera: what comes, what a hole is called, and that it ends."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from tests.ingest_streams import Script, ScriptedCamera, permit, stream

from custodes.clock import SECOND, SystemClock
from custodes.domain.register import RecordingPermit
from custodes.domain.video import Gap, GapCause, Packet, StreamUrl
from custodes.errors import CustodesError, Kind
from custodes.video import nal
from custodes.video.ingest.session import CameraStream

Event = Packet | Gap
CLOCK = SystemClock()


def watch(
    url: str,
    until: Callable[[list[Event]], bool],
    *,
    allowed: RecordingPermit | None = None,
    nap_s: float = 0.0,
    silence_s: float = 0.5,
    backoff: tuple[float, float] = (0.05, 0.2),
) -> list[Event]:
    """All events up to the end; stops when ``until`` says so."""
    stop, events = threading.Event(), []
    camera = CameraStream(StreamUrl(url), allowed or permit(), CLOCK, nap_s=nap_s, silence_s=silence_s, backoff=backoff)
    for event in camera.events(stop):
        events.append(event)
        if until(events):
            stop.set()
    return events


def gap(cause: GapCause) -> Callable[[list[Event]], bool]:
    return lambda events: isinstance(events[-1], Gap) and events[-1].cause is cause


def packets(events: list[Event]) -> list[Packet]:
    return [event for event in events if isinstance(event, Packet)]


def gaps(events: list[Event]) -> list[GapCause]:
    return [event.cause for event in events if isinstance(event, Gap)]


@pytest.fixture
def camera() -> Iterator[ScriptedCamera]:
    with ScriptedCamera(Script(stream(), then="close")) as scripted:
        yield scripted


@pytest.mark.parametrize("bframes", [0, 2])
@pytest.mark.parametrize("first_timestamp", [1, 0x7FFF_F000, 0xFFFF_F000])
def test_every_nal_unit_comes_untouched_with_the_rtp_time_it_had(first_timestamp: int, bframes: int) -> None:
    units = stream(50, bframes=bframes)
    with ScriptedCamera(Script(units, then="close", first_timestamp=first_timestamp)) as camera:
        events = watch(camera.url, gap(GapCause.ENDED))
    taken = packets(events)
    assert [packet.nals for packet in taken] == [unit.nals for unit in units]
    assert [packet.source.ticks for packet in taken] == [unit.ticks - units[0].ticks for unit in units]
    assert [packet.key for packet in taken] == [unit.key for unit in units]
    assert {packet.source.connection for packet in taken} == {1}
    assert gaps(events) == [GapCause.CONNECTING, GapCause.ENDED, GapCause.STOPPED]


def test_a_camera_that_begins_at_rtp_time_zero_keeps_its_intervals_from_the_second_picture_on() -> None:
    units = stream()
    with ScriptedCamera(Script(units, then="close", first_timestamp=0)) as camera:
        ticks = [packet.source.ticks for packet in packets(watch(camera.url, gap(GapCause.ENDED)))]
    assert [after - before for before, after in itertools.pairwise(ticks[1:])] == [3600] * 48
    assert ticks[0] == 0 < ticks[1]


def test_an_offset_in_the_answer_to_play_does_not_move_the_time() -> None:
    with ScriptedCamera(Script(stream(), then="close", range_line="npt=86400.0-")) as camera:
        ticks = [packet.source.ticks for packet in packets(watch(camera.url, gap(GapCause.ENDED)))]
    assert ticks[0] == 0
    assert 0 < ticks[1] < 90_000
    assert [after - before for before, after in itertools.pairwise(ticks[1:])] == [3600] * 48


@pytest.mark.parametrize("announce", [True, False])
def test_the_size_is_known_from_announcement_or_stream(announce: bool) -> None:
    with ScriptedCamera(Script(stream(), then="close", announce_sets=announce)) as camera:
        first = packets(watch(camera.url, gap(GapCause.ENDED)))[0]
    assert (first.info.width, first.info.height) == (320, 180)
    assert first.info.parameter_sets == nal.parameter_sets(stream()[0].nals)


def test_parameter_sets_that_change_in_the_stream_are_followed() -> None:
    later = tuple(replace(unit, ticks=unit.ticks + 50 * 3600) for unit in stream(50, 640, 360))
    with ScriptedCamera(Script(stream() + later, then="close")) as camera:
        taken = packets(watch(camera.url, gap(GapCause.ENDED)))
    assert [packet.info.width for packet in taken] == [320] * 50 + [640] * 50


@pytest.mark.parametrize("nap_s", [0.0, 0.05])
def test_a_picture_that_broke_off_with_the_connection_is_left_out(nap_s: float) -> None:
    with ScriptedCamera(Script(stream(), then="cut")) as camera:
        taken = packets(watch(camera.url, gap(GapCause.ENDED), nap_s=nap_s))
    assert [packet.nals for packet in taken] == [unit.nals for unit in stream()][:-1]


def test_it_connects_again_and_counts_connections(camera: ScriptedCamera) -> None:
    events = watch(camera.url, lambda events: len(packets(events)) >= 120)
    assert {packet.source.connection for packet in packets(events)} == {1, 2, 3}
    assert [packet.source.ticks for packet in packets(events)][50] == 0
    assert gaps(events)[:3] == [GapCause.CONNECTING, GapCause.ENDED, GapCause.ENDED]


def test_a_gap_begins_with_the_last_packet_before_it(camera: ScriptedCamera) -> None:
    events = watch(camera.url, gap(GapCause.ENDED))
    assert events[-2].began == events[-3].received
    assert events[-1].began == events[-3].received


def test_a_camera_that_hangs_is_called_silent_and_the_gap_begins_when_it_fell_silent() -> None:
    with ScriptedCamera(Script(stream())) as camera:
        before = CLOCK.now()
        events = watch(camera.url, gap(GapCause.SILENT))
    assert len(packets(events)) == 50
    silent = next(event for event in events if isinstance(event, Gap) and event.cause is GapCause.SILENT)
    assert silent.began == packets(events)[-1].received < CLOCK.now() - SECOND // 2
    assert silent.began > before


@pytest.mark.parametrize(
    ("script", "cause", "words"),
    [
        (Script(status="401 Unauthorized"), GapCause.REFUSED, "password is wrong (401)"),
        (Script(status="403 Forbidden"), GapCause.REFUSED, "(403)"),
        (Script(status="404 Not Found"), GapCause.REFUSED, "no such stream (404)"),
        (Script(status="453 Not Enough Bandwidth"), GapCause.REFUSED, "error"),
        (Script(status="503 Service Unavailable"), GapCause.REFUSED, "error"),
        (Script(stream(), codec="VP8", announce_sets=False), GapCause.DAMAGED, "codec VP8"),
        (Script(stream(), codec="MPV", announce_sets=False), GapCause.DAMAGED, "codec MPV"),
        (Script(silent_at="OPTIONS"), GapCause.UNREACHABLE, "no answer"),
        (Script(silent_at="DESCRIBE"), GapCause.UNREACHABLE, "no answer"),
        (Script(silent_at="PLAY"), GapCause.UNREACHABLE, "no answer"),
    ],
    ids=lambda value: value.status + value.codec + value.silent_at if isinstance(value, Script) else None,
)
def test_a_failure_is_told_in_plain_words_without_the_password(script: Script, cause: GapCause, words: str) -> None:
    with ScriptedCamera(script) as camera:
        events = watch(camera.url.replace("//", "//bob:hush%21@"), lambda events: len(events) == 2)
    assert packets(events) == []
    assert gaps(events)[:2] == [GapCause.CONNECTING, cause]
    assert words in events[1].detail
    assert not any(secret in repr(events) for secret in ("hush", "bob"))


def test_nothing_that_listens_is_unreachable() -> None:
    with ScriptedCamera(Script()) as gone:
        pass
    events = watch(gone.url, gap(GapCause.UNREACHABLE))
    assert gaps(events) == [GapCause.CONNECTING, GapCause.UNREACHABLE, GapCause.STOPPED]


def test_a_failure_that_stays_the_same_is_told_once() -> None:
    with ScriptedCamera(Script(status="404 Not Found")) as camera:
        stop = threading.Event()
        heard = []
        follow = CameraStream(StreamUrl(camera.url), permit(), CLOCK, backoff=(0.02, 0.02))
        thread = threading.Thread(target=lambda: heard.extend(follow.events(stop)))
        thread.start()
        while camera.attempts < 6:
            time.sleep(0.02)
        stop.set()
        thread.join()
    assert gaps(heard) == [GapCause.CONNECTING, GapCause.REFUSED, GapCause.STOPPED]
    assert len({event.began for event in heard}) == 1


def test_garbage_in_place_of_video_is_a_hole_and_not_an_exception() -> None:
    for garbage in (bytes(4000), b"$\x00\xff\xff" + b"\x80" * 70_000, b"\xff" * 3000, b"$\x00\x00\x00" * 500):
        with ScriptedCamera(Script(garbage=garbage, then="close")) as camera:
            events = watch(camera.url, lambda events: len(events) == 2)
        assert packets(events) == []
        assert gaps(events)[1] in (GapCause.ENDED, GapCause.DAMAGED, GapCause.SILENT, GapCause.UNREACHABLE)


def test_parameter_sets_that_cannot_be_read_are_damage() -> None:
    first = stream()[0]
    broken = (replace(first, nals=(first.nals[0][:6], *first.nals[1:])), *stream()[1:])
    with ScriptedCamera(Script(broken, then="hang", announce_sets=False)) as camera:
        events = watch(camera.url, lambda events: len(events) == 2)
    assert gaps(events)[1] is GapCause.DAMAGED


def test_stop_is_heeded_while_the_camera_hangs() -> None:
    with ScriptedCamera(Script(stream())) as camera:
        events = watch(camera.url, lambda events: len(packets(events)) == 49, silence_s=3600)
        assert gaps(events) == [GapCause.CONNECTING, GapCause.STOPPED]


def test_stop_is_heeded_while_the_camera_does_not_answer() -> None:
    with ScriptedCamera(Script(silent_at="OPTIONS")) as camera:
        events = watch(camera.url, gap(GapCause.CONNECTING), silence_s=3600)
        assert gaps(events) == [GapCause.CONNECTING, GapCause.STOPPED]


def test_leaving_the_loop_leaves_the_camera(camera: ScriptedCamera) -> None:
    for event in CameraStream(StreamUrl(camera.url), permit(), CLOCK).events(threading.Event()):
        if isinstance(event, Packet):
            break
    del event
    assert not [thread for thread in threading.enumerate() if camera.url in thread.name]


@pytest.mark.parametrize("allowed", [permit(expires=1), permit(not_before=2**61)], ids=["expired", "not yet valid"])
def test_without_a_valid_permit_the_camera_is_not_even_called(camera: ScriptedCamera, allowed: RecordingPermit) -> None:
    events = watch(camera.url, lambda _: False, allowed=allowed)
    assert gaps(events) == [GapCause.CLOCK_WRONG if allowed.not_before else GapCause.NOT_PERMITTED]
    assert camera.attempts == 0


def test_when_the_permit_expires_the_stream_goes_dark_and_nothing_follows() -> None:
    with ScriptedCamera(Script(stream())) as camera:
        allowed = permit(expires=CLOCK.now() + SECOND)
        events = watch(camera.url, lambda _: False, allowed=allowed, silence_s=3600)
    assert gaps(events) == [GapCause.CONNECTING, GapCause.NOT_PERMITTED]
    assert all(packet.received < allowed.expires for packet in packets(events))
    assert len(packets(events)) == 50


@pytest.mark.parametrize("url", ["http://x/y", "file:///etc/passwd", "rtsp:///x", "rtsp://u:a/b@h/x", "rtsp://h/ x"])
def test_an_address_that_is_not_rtsp_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(CustodesError) as refusal:
        CameraStream(StreamUrl(url), permit(), CLOCK)
    assert refusal.value.kind is Kind.INVALID
    assert url not in refusal.value.message
