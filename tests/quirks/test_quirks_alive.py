# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sessions: signs of life before they expire, goodbye when we leave, and what is said when a camera falls silent.

Cameras of the field give 20 s (Flir) or 60 s; here they give two, and hold us to it.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from tests.camera_login import Login
from tests.camera_watch import (
    ENDED,
    PASSWORD,
    USER,
    Event,
    causes,
    gap,
    pictures,
    received,
    story,
    together,
    watch,
    whole,
)
from tests.ingest_streams import permit
from tests.rtp_packets import h264_pictures, packets
from tests.scripted_camera import Conduct, Conversation, Item, QuirkyCamera, Request

from custodes.clock import SystemClock
from custodes.domain.video import GapCause, StreamUrl
from custodes.video.ingest.session import CameraStream

PLAIN = h264_pictures()

UNKNOWN = ["501 Not Implemented", "405 Method Not Allowed", "551 Option not supported", None]


def slowly(number: int = 20, pause: float = 0.2) -> list[Item]:
    """Pictures at the pace of a camera."""
    items: list[Item] = []
    sequence = 0
    for picture in PLAIN[:number]:
        some = packets([picture], sequence=sequence)
        sequence += len(some)
        items += [*some, pause]
    return items


PUBLIC = {
    "flir: a short time-out": ("OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN", "OPTIONS"),
    "dahua: GET_PARAMETER on offer": ("OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN", "GET_PARAMETER"),
    "unknown: no list of methods": (None, "OPTIONS"),
}


@dataclass
class Kept:
    """How it went with a camera that expects signs of life, and what it heard after PLAY."""

    events: list[Event]
    camera: QuirkyCamera

    @property
    def signs(self) -> list[Request]:
        behind = self.camera.requests[self.camera.methods().index("PLAY") + 1 :]
        return [request for request in behind if request.method != "TEARDOWN"]


def keep(transport: str, **conduct: Any) -> Callable[[], Kept]:
    def job() -> Kept:
        with QuirkyCamera(Conduct(media=slowly(), session_tail=";timeout=2", **conduct)) as camera:
            return Kept(watch(camera, received(len(PLAIN)), transport=transport, silence_s=5.0), camera)

    return job


@pytest.fixture(scope="module")
def kept() -> dict[str, Kept]:
    """All cameras whose sessions expire, at the same time: each takes four seconds."""
    jobs = {
        f"{quirk}, {transport}": keep(transport, public=public, expires_s=2.0)
        for quirk, (public, _) in PUBLIC.items()
        for transport in ("tcp", "udp")
    }
    login = Login(USER, PASSWORD, ("MD5+auth",), stale_after=1)
    jobs["stale"] = keep("tcp", login=login, expires_s=3.0)
    public = PUBLIC["dahua: GET_PARAMETER on offer"][0]
    jobs |= {str(status): keep("tcp", public=public, replies={"GET_PARAMETER": status}) for status in UNKNOWN}
    return together(jobs)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("quirk", PUBLIC)
def test_a_session_is_kept_alive_before_it_expires(quirk: str, transport: str, kept: dict[str, Kept]) -> None:
    how = kept[f"{quirk}, {transport}"]
    assert story(how.events) == whole(PLAIN)
    assert how.camera.connections == 1
    assert {request.method for request in how.signs} == {PUBLIC[quirk][1]}
    assert {request.header("session") for request in how.signs} == {how.camera.conduct.session}


def test_signs_of_life_are_authorised_though_the_nonce_grows_old(kept: dict[str, Kept]) -> None:
    assert story(kept["stale"].events) == whole(PLAIN)
    assert kept["stale"].camera.connections == 1
    assert all(request.header("authorization") for request in kept["stale"].signs)


@pytest.mark.parametrize("status", UNKNOWN)
def test_a_sign_of_life_that_the_camera_does_not_understand_does_no_harm(
    status: str | None, kept: dict[str, Kept]
) -> None:
    how = kept[str(status)]
    assert "GET_PARAMETER" in how.camera.methods()
    assert story(how.events) == whole(PLAIN)
    assert how.camera.connections == 1


def test_a_camera_that_has_forgotten_the_session_is_connected_again() -> None:
    def forgotten(conversation: Conversation, request: Request) -> str:
        return "454 Session Not Found" if conversation.playing and conversation.number == 1 else "200 OK"

    def media(conversation: Conversation) -> list[Item]:
        return [*packets(PLAIN[:3]), 60.0] if conversation.number == 1 else list(packets(PLAIN))

    conduct = Conduct(media=media, session_tail=";timeout=2", replies={"OPTIONS": forgotten}, then="hang")
    with QuirkyCamera(conduct) as camera:
        events = watch(camera, received(3 + len(PLAIN)), silence_s=7.0)
    assert story(events) == [*whole(PLAIN[:3]), GapCause.ENDED, *whole(PLAIN)]


def test_who_stops_says_goodbye_in_its_session() -> None:
    for transport in ("tcp", "udp"):
        login = Login(USER, PASSWORD)
        with QuirkyCamera(Conduct(PLAIN, then="hang", session_tail=";timeout=60", login=login)) as camera:
            watch(camera, received(5), transport=transport)
            assert camera.heard("TEARDOWN")
        goodbye = camera.requests[-1]
        assert (goodbye.method, goodbye.header("session")) == ("TEARDOWN", camera.conduct.session)
        assert goodbye.header("authorization")


def test_a_camera_that_fell_silent_is_left_with_a_goodbye_before_it_is_called_again() -> None:
    """Live555 keeps the sessions of those who just go; some cameras have four in all."""
    with QuirkyCamera(Conduct(PLAIN[:5], then="hang")) as camera:
        events = watch(camera, received(10), silence_s=0.5)
        assert camera.methods(1)[-1] == "TEARDOWN"
    assert story(events) == [*whole(PLAIN[:5]), GapCause.SILENT, *whole(PLAIN[:5])]


def test_a_camera_that_is_full_of_stale_sessions_is_asked_until_they_expire() -> None:
    def full(conversation: Conversation, request: Request) -> str:
        return "453 Not Enough Bandwidth" if conversation.number < 4 else "200 OK"

    with QuirkyCamera(Conduct(PLAIN, replies={"SETUP": full})) as camera:
        events = watch(camera, received(len(PLAIN)))
    assert story(events) == [GapCause.REFUSED, *whole(PLAIN)]
    assert camera.connections == 4


SILENCES: dict[str, tuple[dict[str, Any], GapCause]] = {
    "hang: no answer to anything": ({"replies": {"OPTIONS": None}}, GapCause.UNREACHABLE),
    "hang: no answer to DESCRIBE": ({"replies": {"DESCRIBE": None}}, GapCause.UNREACHABLE),
    "hang: no answer to SETUP": ({"replies": {"SETUP": None}}, GapCause.UNREACHABLE),
    "hang: no answer to PLAY": ({"replies": {"PLAY": None}}, GapCause.UNREACHABLE),
    "hang: half an answer": (
        {"replies": {"DESCRIBE": b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-"}},
        GapCause.UNREACHABLE,
    ),
    "hang: nothing after PLAY": ({"media": []}, GapCause.SILENT),
    "hang: half a packet after PLAY": ({"media": [b"$\x00\x05\x00\x80\x60"]}, GapCause.SILENT),
    "hang: pictures, then nothing": ({}, GapCause.SILENT),
    "hang: only RTCP": ({"media": [b"$\x01\x00\x08\x80\xc8\x00\x01test", 0.1] * 40}, GapCause.SILENT),
    "hang: only channels that nobody asked for": ({"media": [b"$\x09\x00\x04test", 0.1] * 40}, GapCause.SILENT),
    "hang: only RTP of another payload type": (
        {"media": [item for p in packets(PLAIN, kind=107) for item in (p, 0.05)]},
        GapCause.SILENT,
    ),
}


@pytest.fixture(scope="module")
def silent() -> dict[str, list[Event]]:
    """All cameras that fall silent, at the same time."""

    def fall(quirk: str, nap_s: float) -> list[Event]:
        given, cause = SILENCES[quirk]
        with QuirkyCamera(Conduct(**{"pictures": PLAIN[:5], "then": "hang", **given})) as camera:
            return watch(camera, gap(cause), silence_s=1.0, nap_s=nap_s)

    jobs = {f"{quirk}, {nap_s}": partial(fall, quirk, nap_s) for quirk in SILENCES for nap_s in (0.0, 0.04)}
    return together(jobs)


@pytest.mark.parametrize("nap_s", [0.0, 0.04], ids=["at once", "napping"])
@pytest.mark.parametrize("quirk", SILENCES)
def test_a_camera_that_falls_silent_is_given_up(quirk: str, nap_s: float, silent: dict[str, list[Event]]) -> None:
    assert causes(silent[f"{quirk}, {nap_s}"]) == [SILENCES[quirk][1]]


def test_a_camera_that_does_not_read_does_not_hold_us() -> None:
    """Half-open: it keeps sending, but takes nothing in, not even signs of life; and then it is gone."""

    def deaf(conversation: Conversation) -> None:
        for packet in packets(PLAIN, sequence=500):
            conversation.send(packet)
            time.sleep(0.02)
        conversation.camera.over.wait(30)

    with QuirkyCamera(Conduct(media=[deaf], session_tail=";timeout=2")) as camera:
        events = watch(camera, gap(GapCause.SILENT), silence_s=2.5)
    assert story(events) == [*whole(PLAIN), GapCause.SILENT]


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("method", ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"])
def test_a_connection_that_breaks_while_it_is_set_up_is_unreachable(method: str, then: str) -> None:
    def gone(conversation: Conversation, request: Request) -> None:
        if then == "reset":
            conversation.client.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")
        raise ConnectionResetError

    with QuirkyCamera(Conduct(PLAIN, replies={method: gone})) as camera:
        events = watch(camera, gap())
    assert causes(events) == [GapCause.UNREACHABLE]


def test_a_connection_that_is_reset_is_an_end_and_the_pictures_before_it_are_kept() -> None:
    with QuirkyCamera(Conduct(media=[*packets(PLAIN), 0.3], then="reset")) as camera:
        events = watch(camera, ENDED)
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]


def test_a_camera_that_asks_something_and_is_gone_has_ended_the_stream() -> None:
    """The answers find nobody: that is no damage in what was sent."""
    questions = b"".join(b"GET_PARAMETER * RTSP/1.0\r\nCSeq: %d\r\n\r\n" % number for number in range(40))

    def gone(_: Conversation) -> None:
        raise ConnectionResetError

    with QuirkyCamera(Conduct(media=[*packets(PLAIN), 0.3, questions, gone])) as camera:
        events = watch(camera, gap())
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]


STOPPED: dict[str, dict[str, Any]] = {
    "no answer": {"replies": {"OPTIONS": None}},
    "no answer to PLAY": {"replies": {"PLAY": None}},
    "nothing": {"media": [], "then": "hang"},
    "pictures": {"pictures": PLAIN, "then": "hang"},
    "an error": {"replies": {"DESCRIBE": "503 Service Unavailable"}},
    "garbage": {"media": [b"\0" * 1_000, 0.01] * 3_000},
}


@pytest.fixture(scope="module")
def stopped() -> dict[str, list[Event] | None]:
    """Streams that were asked to stop, all at the same time; None for one that did not heed it."""

    def halt(quirk: str, nap_s: float) -> list[Event] | None:
        stop, events = threading.Event(), list[Event]()
        with QuirkyCamera(Conduct(**STOPPED[quirk])) as camera:
            stream = CameraStream(StreamUrl(camera.plain_url), permit(), SystemClock(), nap_s=nap_s, backoff=(30, 60))
            thread = threading.Thread(target=lambda: events.extend(stream.events(stop)))
            thread.start()
            while not camera.requests:
                time.sleep(0.01)
            time.sleep(0.1)
            stop.set()
            thread.join(4.0)
            heeded = not thread.is_alive()
        thread.join()
        return events if heeded else None

    return together({f"{quirk}, {nap_s}": partial(halt, quirk, nap_s) for quirk in STOPPED for nap_s in (0.0, 0.25)})


@pytest.mark.parametrize("nap_s", [0.0, 0.25], ids=["at once", "napping"])
@pytest.mark.parametrize("quirk", STOPPED)
def test_stopping_ends_it_whatever_the_camera_does(
    quirk: str, nap_s: float, stopped: dict[str, list[Event] | None]
) -> None:
    events = stopped[f"{quirk}, {nap_s}"]
    assert events is not None
    assert causes(events) in ([], [GapCause.REFUSED], [GapCause.DAMAGED])


def test_a_camera_that_ends_each_connection_after_one_picture_is_called_again_each_time() -> None:
    with QuirkyCamera(Conduct(PLAIN[:1])) as camera:
        events = watch(camera, received(4))
    assert story(events) == [*[whole(PLAIN[:1])[0], GapCause.ENDED] * 3, *whole(PLAIN[:1])]
    assert [packet.source.connection for packet in pictures(events)] == [1, 2, 3, 4]
