# SPDX-License-Identifier: AGPL-3.0-or-later
"""RTSP and SDP as cameras speak them: addresses, sessions, channels, headers. Each of these streams is recorded."""

import base64
from collections.abc import Callable, Sequence

import pytest
from tests.camera_watch import ENDED, causes, gap, pictures, received, story, watch, whole
from tests.rtp_packets import START, framed, h264_pictures, h264_sets, h265_pictures, h265_sets, packets, sprop
from tests.scripted_camera import Conduct, Conversation, Item, QuirkyCamera, Reply, Request

from custodes.domain.video import GapCause

PLAIN = h264_pictures()
BARE = tuple(picture.__class__(picture.ticks, picture.nals[-1:], picture.key) for picture in PLAIN)
"""Without parameter sets: those of the SDP are all there are."""
SETS = h264_sets()
HEAD = ["v=0", "o=- 1109162014219182 1 IN IP4 0.0.0.0", "s=stream", "c=IN IP4 0.0.0.0", "t=0 0"]
VIDEO = ["m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000", "a=control:track1"]
AUDIO = ["m=audio 0 RTP/AVP 8", "a=rtpmap:8 PCMA/8000", "a=control:sound"]


def sdp(*lines: str, end: str = "\r\n") -> str:
    return "".join(line + end for line in lines)


def with_sprop(value: str) -> str:
    return sdp(*HEAD, *VIDEO, f"a=fmtp:96 packetization-mode=1;profile-level-id=420028;sprop-parameter-sets={value}")


DESCRIPTIONS: dict[str, str | bytes] = {
    "vstarcam: no origin for the session, a tab in a media line": sdp(
        "v=0", "m=audio 0 RTP/AVP 8\t ", "a=control:track0", *VIDEO, ""
    ),
    "wowza: audio first, with the payload type of the video": sdp(
        *HEAD, "m=audio 0 RTP/AVP 96", "a=rtpmap:96 mpeg4-generic/12000/2", "a=control:sound", *VIDEO
    ),
    "ubiquiti: a format line with nothing in it": sdp(*HEAD, *VIDEO, "a=fmtp:96"),
    "tp-link: a media line that cannot be read": sdp(
        *HEAD, *VIDEO, "m=application/TP-LINK 0 RTP/AVP smart/1/90000", "a=rtpmap:95 TP-LINK/90000", "a=control:track3"
    ),
    "ipcam: a space behind the codec": sdp(*HEAD, VIDEO[0], "a=rtpmap:96 H264/90000 ", VIDEO[2]),
    "luckfox: control before everything else": sdp(*HEAD, VIDEO[0], VIDEO[2], VIDEO[1]),
    "h3c: metadata as a second stream": sdp(
        *HEAD, *VIDEO, "m=application 0 RTP/AVP 107", "a=rtpmap:107 vnd.onvif.metadata/90000", "a=control:meta"
    ),
    "unknown: codec in small letters": sdp(*HEAD, VIDEO[0], "a=rtpmap:96 h264/90000", VIDEO[2]),
    "unknown: video of an unknown codec before ours": sdp(
        *HEAD, "m=video 0 RTP/AVP 26", "a=control:jpeg", "m=video 0 RTP/AVP 98", "a=rtpmap:98 SVAC/90000", *VIDEO
    ),
    "unknown: several payload types of which one is ours": sdp(
        *HEAD, "m=video 0 RTP/AVP 26 97 96", "a=rtpmap:97 MP4V-ES/90000", *VIDEO[1:]
    ),
    "unknown: the same attribute twice": sdp(*HEAD, *VIDEO, *VIDEO[1:]),
    "unknown: lines that end with a line feed": sdp(*HEAD, *VIDEO, end="\n"),
    "unknown: lines that end with a carriage return": sdp(*HEAD, *VIDEO, end="\r"),
    "unknown: zero bytes behind the end": sdp(*HEAD, *VIDEO).encode() + bytes(40),
    "hikvision: a name in another alphabet": "v=0\r\ns=摄像机\r\n".encode("gbk") + sdp(*VIDEO).encode(),
    "unknown: no session part at all": sdp(*VIDEO),
    "unknown: spaces around everything": sdp(*HEAD, "m=video  0  RTP/AVP  96 ", *VIDEO[1:]),
    "unknown: a port and a number of ports": sdp(*HEAD, "m=video 49170/2 RTP/AVP 96", *VIDEO[1:]),
    "anjvision: attributes that only they know": sdp(
        *HEAD, *VIDEO, "a=x-dimensions: 1280, 720", "a=Media_header:MEDIAINFO=494D4B48;", "a=appversion:1.0", "a="
    ),
    "gw security: parameter sets with a start code behind them": with_sprop(
        ",".join(base64.b64encode(each + START).decode() for each in SETS)
    ),
    "unknown: parameter sets with a start code in front": with_sprop(
        ",".join(base64.b64encode(START + each).decode() for each in SETS)
    ),
    "reolink: bytes behind the parameter sets": with_sprop(
        ",".join(base64.b64encode(each + b"\0\0\0").decode() for each in SETS)
    ),
    "unknown: both parameter sets in one piece": with_sprop(base64.b64encode(START.join(SETS)).decode()),
    "unknown: parameter sets that are no base64": with_sprop("Z2QAM6zoAo*WQ==,!!"),
    "gw security: parameter sets that are nonsense": with_sprop("Z0IA,aA=="),
    "unknown: parameter sets of nothing": with_sprop(","),
    "unknown: parameter sets without padding signs": with_sprop(sprop(SETS).replace("=", "")),
}


@pytest.mark.parametrize("quirk", DESCRIPTIONS)
def test_a_stream_is_found_in_whatever_the_camera_says_of_it(quirk: str) -> None:
    with QuirkyCamera(Conduct(PLAIN, sdp=DESCRIPTIONS[quirk], setup_at=None)) as camera:
        conduct = camera.conduct
        conduct.setup_at = f"{camera.plain_url}/track1"
        events = watch(camera, ENDED)
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]
    assert (pictures(events)[0].info.width, pictures(events)[0].info.height) == (320, 180)


@pytest.mark.parametrize(
    "quirk",
    [
        "gw security: parameter sets with a start code behind them",
        "unknown: parameter sets with a start code in front",
        "reolink: bytes behind the parameter sets",
        "unknown: both parameter sets in one piece",
        "unknown: parameter sets without padding signs",
    ],
)
def test_parameter_sets_that_only_the_description_has_are_understood(quirk: str) -> None:
    with QuirkyCamera(Conduct(BARE, sdp=DESCRIPTIONS[quirk])) as camera:
        events = watch(camera, ENDED)
    assert story(events) == [*whole(BARE), GapCause.ENDED]
    assert pictures(events)[0].info.parameter_sets == SETS


@pytest.mark.parametrize("announced", [(), h265_sets()], ids=["in the stream only", "announced"])
def test_h265_is_recorded_whether_its_parameter_sets_are_announced_or_not(announced: tuple[bytes, ...]) -> None:
    sent = h265_pictures()
    with QuirkyCamera(Conduct(sent, codec="H265", sets=announced)) as camera:
        events = watch(camera, ENDED)
    assert story(events) == [*whole(sent), GapCause.ENDED]
    assert pictures(events)[0].info.parameter_sets == h265_sets()


@pytest.mark.parametrize(
    ("description", "words"),
    [
        (sdp(*HEAD, "m=video 0 RTP/AVP 31", "a=control:track1"), "codec"),
        (sdp(*HEAD, VIDEO[0], "a=rtpmap:96 SVAC/90000"), "codec"),
        (sdp(*HEAD, *AUDIO), "video"),
        ("", "video"),
        ("<html>Not here</html>", "video"),
    ],
    ids=["h261", "svac", "audio only", "empty", "a web page"],
)
def test_a_stream_that_cannot_be_recorded_is_damage_and_the_words_say_why(description: str, words: str) -> None:
    with QuirkyCamera(Conduct(PLAIN, sdp=description)) as camera:
        events = watch(camera, gap())
    assert causes(events) == [GapCause.DAMAGED]
    assert words in events[1].detail  # type: ignore[union-attr]


ADDRESSES: dict[str, tuple[str, str | None, str, Sequence[str]]] = {
    "standard": ("/cam", "{cam}/", "track1", ["{cam}/track1"]),
    "no base": ("/cam", None, "track1", ["{cam}/track1"]),
    "h264dvr: a base without a slash": ("/cam", "{cam}", "trackID=3", ["{cam}/trackID=3"]),
    "geovision: an absolute address": ("/cam", None, "{cam}/media/video1/video", ["{cam}/media/video1/video"]),
    "unknown: an absolute address of another host": (
        "/cam",
        None,
        "rtsp://192.168.5.237/video",
        ["rtsp://192.168.5.237/video", "{cam}"],
    ),
    "dahua: a query in the address": (
        "/cam/realmonitor?channel=1&subtype=2",
        "{cam}/",
        "trackID=0",
        ["{cam}/trackID=0"],
    ),
    "dahua: a query in the address and no base": (
        "/cam/realmonitor?channel=1&subtype=2",
        None,
        "trackID=0",
        ["{cam}/trackID=0", "rtsp://{host}/cam/realmonitor/trackID=0?channel=1&subtype=2"],
    ),
    "gw security: a query in the base": (
        "/H264?channel=1",
        "{cam}&unicast=true",
        "video",
        ["{cam}&unicast=true/video", "{cam}/video"],
    ),
    "hikvision: a query in the control": ("/cam", "{cam}/", "trackID=1?a=1&b=2", ["{cam}/trackID=1?a=1&b=2"]),
    "anjvision: a base without scheme": ("/stream0", "{host}/stream0/", "trackID=1", ["{cam}/trackID=1"]),
    "unknown: a relative base": ("/stream0", "/stream0/", "trackID=1", ["{cam}/trackID=1"]),
    "foscam: a base of another port": (
        "/videoMain",
        "rtsp://{host}5/videoMain/",
        "track1",
        ["{cam}/track1", "rtsp://{host}5/videoMain/track1"],
    ),
    "unknown: a base that is nonsense": ("/cam", "rtsp://[::1/ x", "track1", ["{cam}/track1"]),
    "unknown: no control": ("/cam", "{cam}/", "", ["{cam}/", "{cam}"]),
    "rfc 2326: control is a star": ("/cam", "{cam}/", "*", ["{cam}/", "{cam}"]),
    "unknown: control begins with a slash": ("/cam", "{cam}/", "/track1", ["{cam}/track1", "{cam}//track1"]),
    "unknown: no path": ("", "{cam}/", "track1", ["{cam}/track1"]),
    "unknown: only a slash": ("/", "{cam}", "track1", ["{cam}track1"]),
}


@pytest.mark.parametrize("quirk", ADDRESSES)
def test_the_stream_is_set_up_where_the_camera_has_it(quirk: str) -> None:
    path, base, control, right = ADDRESSES[quirk]
    with QuirkyCamera(Conduct(PLAIN, path=path)) as camera:

        def filled(text: str) -> str:
            return text.format(cam=camera.plain_url, host=camera.authority)

        def only_right(conversation: Conversation, request: Request) -> str:
            return "200 OK" if request.url in [filled(each) for each in right] else "404 Not Found"

        camera.conduct.base = None if base is None else filled(base)
        camera.conduct.control = filled(control)
        camera.conduct.replies["SETUP"] = only_right
        events = watch(camera, gap(GapCause.ENDED, GapCause.REFUSED))
        tried = [request.url for request in camera.requests if request.method == "SETUP"]
    assert story(events) == [*whole(PLAIN), GapCause.ENDED], tried


def rewritten(old: str, new: str) -> Reply:
    """The ordinary answer with other words in it."""

    def reply(conversation: Conversation, request: Request) -> bytes:
        answer = conversation.standard(request)
        assert old.encode() in answer
        return answer.replace(old.encode(), new.encode())

    return reply


def headers(change: Callable[[bytes], bytes]) -> Reply:
    """The ordinary answer with its head changed."""

    def reply(conversation: Conversation, request: Request) -> bytes:
        head, end, body = conversation.standard(request).partition(b"\r\n\r\n")
        return change(head) + end + body

    return reply


def everywhere(reply: Reply) -> dict[str, Reply]:
    return dict.fromkeys(("OPTIONS", "DESCRIBE", "SETUP", "PLAY"), reply)


def numbered(head: bytes, change: Callable[[bytes], bytes]) -> bytes:
    return b"\r\n".join(change(line) if line.startswith(b"CSeq") else line for line in head.split(b"\r\n"))


TALK: dict[str, dict[str, object]] = {
    "dahua: no answer to OPTIONS but an error": {"replies": {"OPTIONS": "501 Not Implemented"}},
    "unknown: OPTIONS without a list": {"public": None},
    "vstarcam: header names in other letters": {
        "replies": everywhere(headers(lambda head: head.replace(b"CSeq", b"Cseq").replace(b"Content-L", b"content-l")))
    },
    "longse: a space behind the number": {"replies": everywhere(headers(lambda h: numbered(h, lambda x: x + b" ")))},
    "unknown: no space behind a colon": {"replies": everywhere(headers(lambda head: head.replace(b": ", b":")))},
    "unknown: answers without a number": {
        "replies": everywhere(headers(lambda head: head.replace(b"CSeq", b"X-Seq")))
    },
    "unknown: answers without a reason": {"replies": everywhere(headers(lambda head: head.replace(b" OK", b"")))},
    "unknown: RTSP/1.1": {"replies": everywhere(headers(lambda head: head.replace(b"RTSP/1.0", b"RTSP/1.1")))},
    "unknown: a hundred headers of no use": {
        "replies": everywhere(headers(lambda h: h + b"".join(b"\r\nX-Note-%d: nothing" % n for n in range(100))))
    },
    "unknown: a header without a colon, one without a name": {
        "replies": everywhere(headers(lambda h: h + b"\r\nnothing here\r\n: nameless\r\n\xff\xfe: \xff"))
    },
    "bunny: no type for the description": {
        "replies": {"DESCRIBE": headers(lambda h: h.replace(b"Content-Type: application/sdp\r\n", b""))}
    },
    "slow: answers byte by byte": {"drip": 3},
    "gw security: a time-out behind a space": {"session": "9a90de54", "session_tail": "; timeout=60"},
    "foscam: a session with signs": {"session": "a-b_c.d+e$1", "session_tail": ";timeout=60;x"},
    "unknown: a session of 300 signs": {"session": "5" * 300},
    "unknown: a time-out that is no number": {"session_tail": ";timeout=soon"},
    "unknown: a time-out below zero": {"session_tail": ";timeout=-5"},
    "unknown: a time-out of ages": {"session_tail": ";timeout=99999999999999999999"},
    "unknown: no time-out but a sign": {"session_tail": ";"},
    "h264dvr: another session in the answer to PLAY": {
        "replies": {"PLAY": rewritten("Session: 5C0FFEE5", "Session: 231980;timeout=60")}
    },
    "unknown: the session in small letters in the answer to PLAY": {
        "replies": {"PLAY": rewritten("Session: 5C0FFEE5", "Session: 5c0ffee5")}
    },
    "unknown: no session in the answer to PLAY": {"replies": {"PLAY": rewritten("Session: 5C0FFEE5\r\n", "")}},
    "wowza: a session before anything was set up": {
        "replies": {"DESCRIBE": headers(lambda head: head + b"\r\nSession: 1642021126;timeout=60")}
    },
    "go2rtc: other channels than asked for": {"channels": (2, 3)},
    "unknown: channels the other way round": {"channels": (1, 0)},
    "unknown: high channels": {"channels": (254, 255)},
    "unknown: one channel": {"replies": {"SETUP": rewritten("interleaved=0-1", "interleaved=0")}},
    "unknown: no channels": {"replies": {"SETUP": rewritten(";interleaved=0-1", "")}},
    "unknown: no transport": {
        "replies": {"SETUP": headers(lambda h: h[: h.index(b"\r\nTransport")] + b"\r\nSession: 1")}
    },
    "luckfox: the source before the channels": {
        "replies": {"SETUP": rewritten("unicast;interleaved", "ssrc=5EEDCAFE;interleaved")}
    },
    "reolink: addresses among the transport": {
        "replies": {"SETUP": rewritten("unicast;", "unicast;destination=192.168.1.210;source=192.168.5.206;")}
    },
    "hikvision: RTP-Info with numbers that are not true": {
        "replies": {"PLAY": headers(lambda h: h + b"\r\nRTP-Info: url=trackID=1;seq=1;rtptime=0,url=x;seq=0;rtptime=0")}
    },
    "laureii: RTP-Info that ends with a semicolon": {
        "replies": {"PLAY": headers(lambda h: h + b"\r\nRange: npt=0.000-\r\nRTP-Info: url=t;seq=0;rtptime=0;")}
    },
    "unknown: RTP-Info that is nonsense": {
        "replies": {"PLAY": headers(lambda h: h + b"\r\nRTP-Info: seq=;;,=,url=rtsp://[;seq=99999999999;rtptime=-1")}
    },
    "bosch: a range that begins a day on": {"replies": {"PLAY": headers(lambda h: h + b"\r\nRange: npt=86400.0-")}},
}  # fmt: skip


@pytest.mark.parametrize("quirk", TALK)
def test_a_camera_may_speak_like_this_and_is_recorded(quirk: str) -> None:
    with QuirkyCamera(Conduct(PLAIN, **TALK[quirk])) as camera:  # type: ignore[arg-type]
        events = watch(camera, gap(GapCause.ENDED, GapCause.REFUSED, GapCause.DAMAGED, GapCause.UNREACHABLE))
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]


def test_pictures_that_come_before_play_is_answered_are_pictures() -> None:
    early, late = packets(PLAIN[:10]), packets(PLAIN[10:], sequence=1_000 + len(packets(PLAIN[:10])))
    with QuirkyCamera(Conduct(media=late, early=early)) as camera:
        events = watch(camera, ENDED)
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]


def test_channels_that_nobody_asked_for_are_passed_over() -> None:
    noise = [framed(b"\x80\x60" + bytes(30), channel) for channel in (2, 3, 7, 200, 255)]
    noise += [framed(b"", 9), framed(bytes(65_535), 44), framed(b"", 0), framed(b"\x80", 0), framed(b"\xff" * 11, 1)]
    media: list[Item] = []
    for number, packet in enumerate(packets(PLAIN)):
        media += [packet, noise[number % len(noise)]]
    with QuirkyCamera(Conduct(media=media)) as camera:
        events = watch(camera, ENDED)
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]


GARBAGE = {
    "zeros": bytes(300),
    "text": b"<html>" * 40,
    "dollars": b"\0$\x09\x00$\x07$$\xff$" * 30,
    "half a packet": b"\xde\xad" + framed(packets(PLAIN)[1].pack())[700:],
    "line ends": b"\r\n\r\n\r\n",
    "the word RTSP": b"\0RTSP and not RTSP/",
}


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage_between_packets_is_skipped_and_the_next_packet_found(what: str) -> None:
    media: list[Item] = []
    for packet in packets(PLAIN):
        media += [GARBAGE[what], packet] if packet.marker else [packet]
    with QuirkyCamera(Conduct(media=media)) as camera:
        events = watch(camera, ENDED)
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]


def test_packets_that_arrive_in_crumbs_are_put_together() -> None:
    data = b"".join(framed(packet.pack()) for packet in packets(PLAIN[:6]))
    crumbs: list[Item] = []
    for at in range(0, len(data), 97):
        crumbs += [data[at : at + 97], 0.001]
    for nap_s in (0.0, 0.04):
        with QuirkyCamera(Conduct(media=crumbs)) as camera:
            events = watch(camera, ENDED, nap_s=nap_s)
        assert story(events) == [*whole(PLAIN[:6]), GapCause.ENDED]


def test_what_the_camera_asks_in_the_middle_of_the_stream_is_answered() -> None:
    asked = ["OPTIONS", "GET_PARAMETER", "SET_PARAMETER", "ANNOUNCE", "REDIRECT", "FOO_BAR"]

    def ask(method: str, number: int) -> bytes:
        body = "v=0\r\n" if method == "ANNOUNCE" else ""
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        return f"{method} rtsp://127.0.0.1/cam RTSP/1.0\r\nCSeq: {number}\r\n{length}\r\n{body}".encode()

    media: list[Item] = []
    for number, packet in enumerate(packets(PLAIN)):
        media += [ask(asked[number], 700 + number), packet] if number < len(asked) else [packet]
    with QuirkyCamera(Conduct(media=[*media, 0.3])) as camera:
        events = watch(camera, ENDED)
        answers = [(answer.header("cseq"), answer.method) for answer in camera.answers]
    assert story(events) == [*whole(PLAIN), GapCause.ENDED]
    assert [number for number, _ in answers] == [str(700 + at) for at in range(len(asked))]


def test_a_camera_that_sends_by_datagram_only_is_refused_over_tcp_and_the_words_say_so() -> None:
    with QuirkyCamera(Conduct(PLAIN, replies={"SETUP": "461 Unsupported Transport"})) as camera:
        events = watch(camera, gap(GapCause.REFUSED))
    assert causes(events) == [GapCause.REFUSED]
    assert "transport" in events[1].detail  # type: ignore[union-attr]


def test_a_camera_that_is_busy_is_asked_again() -> None:
    def first_busy(conversation: Conversation, request: Request) -> str:
        return "503 Service Unavailable" if conversation.number == 1 else "200 OK"

    with QuirkyCamera(Conduct(PLAIN, replies={"DESCRIBE": first_busy})) as camera:
        events = watch(camera, received(len(PLAIN)))
    assert story(events) == [GapCause.REFUSED, *whole(PLAIN)]
